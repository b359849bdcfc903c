#!/usr/bin/env bash
# Fetches source packages of Debian, each in a directory DIR/NAME_VERSION. Those that are there are not fetched again. It does
# not change the system.
#
#   source-packages.sh DIR NAME=VERSION...
#
# The versions are looked for in all sources of Debian's that the machine's apt has, and in Debian 13. Debian keeps also
# the older sources that its cross compilers' libraries were built of.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

[ $# -ge 2 ] || die 'usage: source-packages.sh DIR NAME=VERSION...'
dir=$1
shift

# Prints the lines of sources.list for the sources of the packages that the machine uses. Only Debian 13 has what its libraries for
# riscv64 are built of.
source_lines() {
	local key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	# shellcheck disable=SC2016 # expanded by apt
	apt-get indextargets --format "deb-src $key "'$(REPO_URI) $(RELEASE) main' 'Origin: Debian' 'Created-By: Packages' | sort -u
	echo "deb-src $key $(debian_mirror) trixie main"
}

fetch() { # NAME=VERSION
	local package=${1/=/_} new
	[ ! -d "$dir/$package" ] || return 0
	new=$dir/.new
	rm -rf "$new"
	mkdir -p "$new"
	(cd "$new" && apt-get -qq source --download-only --only-source "$1") >&2 || die "no Debian source for $1"
	chmod 0755 "$new"
	mv "$new" "$dir/$package"
}

missing=()
for package; do
	[ -d "$dir/${package/=/_}" ] || missing+=("$package")
done
[ ${#missing[@]} != 0 ] || exit 0
command -v apt-get >/dev/null || die "this is not Debian: it needs apt to fetch sources"
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
source_lines >"$apt/sources.list"
configure_apt "$apt" "$(dpkg --print-architecture)"
export APT_CONFIG=$apt/apt.conf
apt-get -qq update
for package in "${missing[@]}"; do
	fetch "$package"
done
