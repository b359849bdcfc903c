#!/usr/bin/env bash
# Unpacks Debian's static libseccomp and musl with their headers for another architecture, and prints the directory.
#
#   cross-libraries.sh ARCH        prints build/cross/ARCH/libraries
#
# The packages are of the machine's own release of Debian. Debian 12 was not released for riscv64: there the script takes the
# packages of Debian 13. rung is linked with this musl, and not with the C library of Debian's cross compiler: that one gets no
# security updates, and Debian's archive does not always keep its sources.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"

arch=${1:-}
describe_arch "$arch"
dir=$repo/build/cross/$arch/libraries

own_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && echo "${VERSION_CODENAME:-}")
}

unpack() { # DIR
	local suite status tried=()
	for suite in "$(own_suite)" trixie; do
		[ -n "$suite" ] || continue
		status=0
		"$repo/scripts/packages.sh" "$suite" "$debian" "$1" libseccomp-dev musl-dev || status=$?
		case $status in
		0) return 0 ;;
		2) tried+=("$suite") ;;
		*) exit "$status" ;;
		esac
	done
	die "Debian's mirror has not both of libseccomp-dev and musl-dev for $debian in ${tried[*]}"
}

if [ ! -d "$dir" ]; then
	mkdir -p "${dir%/*}"
	new=$(mktemp -d "$dir.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	unpack "$new" >&2
	chmod 0755 "$new"
	mv "$new" "$dir"
fi
printf '%s\n' "$dir"
