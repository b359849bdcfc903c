#!/usr/bin/env bash
# Unpacks packages of Debian's archive, for any suite and architecture, into a directory. It does not change the system: apt
# works in a directory of its own, with the mirror that the machine uses.
#
#   packages.sh [--needs] SUITE ARCH DIR PACKAGE...        ARCH is Debian's name; --needs adds the dependencies
#
# linux-image-NAME means the kernel package that it depends on. The status is 2 if the suite has no such package for the
# architecture.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

needs=
if [ "${1:-}" = --needs ]; then
	needs=yes
	shift
fi
[ $# -ge 4 ] || die 'usage: packages.sh [--needs] SUITE ARCH DIR PACKAGE...'
suite=$1 arch=$2 dir=$3
shift 3
command -v dpkg-deb >/dev/null || die "this is not Debian: it needs dpkg and apt to unpack $* for $arch"

# find_packages sets $packages.
find_packages() { # PACKAGE...
	local package
	for package; do
		apt-cache show "$package" >/dev/null 2>&1 || {
			warn "Debian's $suite has no package $package for $arch"
			exit 2
		}
		case $package in
		linux-image-*) package=$(apt-cache depends "$package" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1) ;;
		esac
		packages+=("$package")
	done
}

download() { # PACKAGE...
	if [ -n "$needs" ]; then
		apt-get -qq install --yes --download-only "$@"
	else
		(cd "$apt/archives" && apt-get -qq download "$@")
	fi
}

apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
configure_apt "$apt" "$arch"
suite_source "$suite" >"$apt/sources.list"
export APT_CONFIG=$apt/apt.conf
apt-get -qq update
packages=()
find_packages "$@"
download "${packages[@]}"
mkdir -p "$dir"
for file in "$apt"/archives/*.deb; do
	dpkg-deb -x "$file" "$dir"
done
