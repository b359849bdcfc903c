#!/usr/bin/env bash
# Prints the libraries in C that scripts/build.sh links into rung, with the default compilers of Debian. A line for each has
# these fields, with tabs between them: architecture, source package, its version, SPDX licence expression, and the file with
# copyright and licence.
#
#   linked-libraries.sh ARCH
#
# Another architecture's libraries must have been unpacked before (scripts/cross-libraries.sh).
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
# shellcheck source=scripts/needs.sh
. "$repo/scripts/needs.sh"

arch=${1:-}
describe_arch "$arch"
if [ "$arch" = "$(arch_of_machine)" ]; then
	own_compiler=$(compiler)
else
	own_compiler=$triplet-gcc
fi

# Prints the package of an installed file.
owner() { # FILE
	dpkg-query -S "$(realpath -e "$1")" | sed -n '1s/: .*//p'
}

# Prints the version of the source package that an installed package was built of. A cross library is built of the sources that
# Built-Using names.
source_version() { # PACKAGE SOURCE
	local built_using
	built_using=$(dpkg-query -W -f '${Built-Using}' "$1")
	if [[ ", $built_using" == *", $2 (= "* ]]; then
		built_using=${built_using#*"$2 (= "}
		echo "${built_using%%)*}"
	else
		dpkg-query -W -f '${source:Version}\n' "$1"
	fi
}

source_name() { # PACKAGE
	dpkg-query -W -f '${source:Package}\n' "$1"
}

# Prints the line for a library of an installed package.
installed() { # PACKAGE SOURCE LICENCE
	printf '%s\t%s\t%s\t%s\t%s\n' "$arch" "$2" "$(source_version "$1" "$2")" "$3" "$(realpath -e "/usr/share/doc/${1%:*}/copyright")"
}

# Prints the path of the C library. It asks the linker, because musl-gcc -print-file-name names the other C library.
libc_archive() {
	echo 'int main(void) { return 0; }' | $own_compiler -static -Wl,--trace -x c - -o /dev/null | grep -m 1 '/libc\.a$'
}

libc() {
	local package
	package=$(owner "$(libc_archive)")
	case $(source_name "$package") in
	musl) installed "$package" musl MIT ;;
	glibc | cross-toolchain-base*) installed "$package" glibc LGPL-2.1-or-later ;;
	*) die "libc.a is of the package $package, whose licence is not known here" ;;
	esac
}

# The name of gcc's source package has the version, as in gcc-12.
libgcc() {
	local package version
	package=$(owner "$($own_compiler -print-libgcc-file-name)")
	version=${package#libgcc-}
	installed "$package" "gcc-${version%%-*}" 'GPL-3.0-or-later WITH GCC-exception-3.1'
}

# Prints the line for a library of a package that scripts/cross-libraries.sh unpacked. A binary package that was built again for one
# architecture has +bN behind the version of its source.
unpacked() { # PACKAGE SOURCE LICENCE
	local doc=$repo/build/cross/$arch/libraries/usr/share/doc/$1 version
	[ -d "$doc" ] || die "$1 for $arch has not been unpacked: scripts/cross-libraries.sh $arch"
	version=$(gzip -dc "$doc/changelog.Debian.gz" | sed -n '1s/.*(\(.*\)).*/\1/p')
	printf '%s\t%s\t%s\t%s\t%s\n' "$arch" "$2" "${version%+b[0-9]*}" "$3" "$doc/copyright"
}

if [ "$arch" = "$(arch_of_machine)" ]; then
	installed "$(owner "$(seccomp_archive)")" libseccomp LGPL-2.1-only
	libc
else
	unpacked libseccomp-dev libseccomp LGPL-2.1-only
	unpacked musl-dev musl MIT
fi
libgcc
