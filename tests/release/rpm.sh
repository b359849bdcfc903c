#!/usr/bin/env bash
# Checks an .rpm with rpm's own tools: what it says of itself, and an installation into a root of its own with a busybox, an
# upgrade and a removal. Needs root. Prints TAP.
#
#   rpm.sh PREVIOUS.rpm NEW.rpm
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../../scripts/lib.sh"

previous=$1 new=$2
work=$(mktemp -d)
root=$work/root
trap 'rm -rf "$work"' EXIT
number=0

passed() {
	number=$((number + 1))
	printf 'ok %d %s\n' $number "$*"
}

failed() {
	printf 'not ok %d %s\n' $((number + 1)) "$1"
	printf '%s\n' "${@:2}" | sed 's/^/# /'
	exit 1
}

in_root() {
	rpm --root "$root" "$@"
}

# Prints everything in the root but rpm's database.
files() {
	(cd "$root" && find . -path ./var/lib/rpm -prune -o -path ./usr/lib/sysimage -prune -o -printf '%p %y %m\n' | sort)
}

"$repo/scripts/busybox-rootfs.sh" "$root"
# The directories of Fedora's package filesystem.
mkdir -p "$root"/usr/share/{man/man8,doc,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d} "$root"/var/lib/rpm
: >"$root/dev/null" # the scripts of the package write to it
in_root --initdb
files >"$work/before"

rpm -qpl "$new" >"$work/list" 2>"$work/errors"
for file in /usr/bin/rung /usr/share/man/man8/rung.8.gz /usr/share/bash-completion/completions/rung /usr/share/rung/apparmor.d/rung \
	/usr/share/doc/rung/{copyright,THIRD-PARTY-NOTICES.txt,rung.spdx.json}; do
	grep -qx "$file" "$work/list" || failed 'rpm -qpl lists the files' "no $file in:" "$(<"$work/list")"
done
passed 'rpm -qpl lists the files'

rpm -K --nosignature "$new" >"$work/out" 2>&1 || failed 'the digests are right' "$(<"$work/out")"
! rpm -qp --requires "$new" 2>/dev/null | grep -qvE '^(rpmlib\(|/bin/sh$)' || failed 'it requires nothing but a shell' "$(rpm -qp --requires "$new")"
passed 'the digests are right, and it requires nothing but a shell'

in_root --force-debian --nodeps --nosignature -i "$previous" >"$work/out" 2>&1 || failed 'it is installed' "$(<"$work/out")"
in_root --force-debian --nodeps --nosignature -U "$new" >>"$work/out" 2>&1 || failed 'it is upgraded' "$(<"$work/out")"
[ ! -s "$work/out" ] || failed 'it is upgraded' "$(<"$work/out")"
[ "$(in_root -q --qf '%{VERSION}-%{RELEASE}' rung)" = "$(rpm -qp --qf '%{VERSION}-%{RELEASE}' "$new" 2>/dev/null)" ] || failed 'it is upgraded' "$(in_root -q rung)"
in_root -V --nodeps rung >"$work/out" 2>&1 || failed 'rpm -V finds what it has' "$(<"$work/out")"
passed 'it is installed, upgraded, and verified'

version=$(rpm -qp --qf '%{VERSION}' "$new" 2>/dev/null)
[ "$(chroot "$root" /usr/bin/rung --version | sed -n 1p)" = "rung version ${version//\~/-}" ] || failed 'rung runs'
passed 'rung runs'

in_root --force-debian --nodeps -e rung >"$work/out" 2>&1 || failed 'it is removed' "$(<"$work/out")"
files >"$work/after"
diff "$work/before" "$work/after" >"$work/diff" || failed 'removal leaves nothing' "$(<"$work/diff")"
passed 'removal leaves nothing'

printf '1..%d\n' $number
