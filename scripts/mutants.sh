#!/usr/bin/env bash
# Makes small changes in a copy of the tree, one at a time, each of which makes rung unsafe, and runs the tests that must
# notice it (tests/mutants). Needs root. All changes together take an hour.
#
#   mutants.sh              all changes; writes docs/mutants.md
#   mutants.sh --resume     continues an interrupted run: an earlier result counts if neither change nor test has changed
#   mutants.sh ID...        only these changes; --verbose shows the output of the tests
#
# A changed rung may damage the host, so the script uses a mount namespace of its own with its own /dev.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

work=$repo/build/mutants
copy=$work/tree # kept for the next run, with its build results

# Copies the files of the checkout, also new ones. It keeps their times, so that make builds only what has changed.
copy_tree() {
	local wanted=$work/wanted
	mkdir -p "$copy"
	git -c safe.directory="$repo" ls-files --cached --others --exclude-standard | while read -r file; do
		[ ! -f "$file" ] && [ ! -L "$file" ] || printf '%s\n' "$file"
	done | sort >"$wanted"
	(cd "$copy" && find . \( -path ./build -o -path ./.git \) -prune -o \( -type f -o -type l \) -printf '%P\n') | sort | comm -13 "$wanted" - |
		while read -r file; do
			case $file in rung | nsenter/image/*) ;; *) rm "$copy/$file" ;; esac
		done
	tar -c -T "$wanted" | tar -x -C "$copy"
	[ -e "$copy/.git" ] || git init -q "$copy" # tests that build copies ask git for the files
	rm -rf "$copy/build/nsenter-test" # a killed run may have left objects that are newer than the restored sources
}

[ "$(id -u)" = 0 ] || die 'needs root'
if [ -z "${RUNG_MUTANTS_INSIDE:-}" ]; then
	scripts/install-deps.sh test >&2
	exec env RUNG_MUTANTS_INSIDE=1 unshare --mount --propagation private "$0" "$@"
fi
own_dev "$work/dev"
copy_tree
make --no-print-directory -C "$copy" static test-commands >&2
CGO_ENABLED=0 scripts/go build -trimpath -buildvcs=false -o "$work/mutants" ./tests/mutants
exec "$work/mutants" -tree "$copy" -list tests/mutants -results "$work/results" -report docs/mutants.md "$@"
