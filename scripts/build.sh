#!/usr/bin/env bash
# Builds rung as one static binary: scripts/build.sh [OUTPUT [PACKAGE]]. PACKAGE is another program with the library.
# scripts/build.sh --tests DIR PACKAGE... builds the tests of packages in place of it, each a binary in DIR.
# The same commit gives the same bytes, whoever builds it, when and where, with the same compilers.
#
#   ARCH           amd64, arm64, riscv64, ppc64le, s390x, armhf or i386 (default: the machine's)
#   CC             compiler of all C (default: musl-gcc for the machine's own architecture where it is there, else gcc, or
#                  the cross compiler by Debian's name)
#   RUNG_LIBC      musl (by musl-gcc), glibc (whatever C library CC has), or shared: no static binary, CC's shared library
#   VERSION        (default: the file VERSION)       COMMIT        (default: that of a source tarball, or git's)
#   RUNG_WERROR=1  makes warnings errors: for CI     RUNG_LDFLAGS  more for Go's linker
#
# musl starts 0.6 ms sooner in a virtual machine, where each CPUID instruction of glibc's start-up is a trap. libseccomp is
# the distribution's static one in both cases: it needs little of a C library, and libcontainer/seccomp/musl.go has the one
# function of glibc's that musl lacks.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
cd "$repo"

stage=nsenter/image/hands
kept=nsenter/image/.hands.own # go:embed leaves out what begins with a dot

choose_compiler() {
	if [ -n "${CC:-}" ]; then
		libc=${RUNG_LIBC:-glibc}
	elif [ -z "$foreign" ]; then
		libc=${RUNG_LIBC:-$(command -v musl-gcc >/dev/null && echo musl || echo glibc)}
		CC=gcc
	else
		libc=${RUNG_LIBC:-glibc}
		CC=$triplet-gcc
	fi
	case $libc in
	musl | glibc | shared) ;;
	*) die "RUNG_LIBC=$libc: not musl, glibc or shared" ;;
	esac
	command -v "${CC%% *}" >/dev/null ||
		die "the compiler ${CC%% *} is missing: scripts/install-deps.sh${foreign:+ cross-$arch} build"
}

# Both sides carry a hash of the stage's sources, by which one that was left by another build is noticed.
refresh_identity() {
	local sources identity
	sources=(nsenter/*.[ch])
	identity=$(cat "${sources[@]/nsenter\/identity.h/\/dev\/null}" | sha256sum | cut -c1-8)
	grep -qs "RUNG_STAGE_IDENTITY 0x$identity\$" nsenter/identity.h && return
	warn 'the C sources have changed: go generate ./libcontainer/plan'
	env -u GOARCH -u GOARM scripts/go generate ./libcontainer/plan
}

# The stage as a program of its own, which rung embeds: executed in place of all of rung. Position-independent code would
# have to be relocated before it runs, which nobody does there.
build_stage() {
	local new=nsenter/image/.hands.new # with a dot: not embedded, where a build ends here
	$CC -std=gnu11 -Os -DRUNG_IMAGE -static -nostdlib -no-pie -fno-pie -fno-stack-protector -fno-builtin \
		-fno-asynchronous-unwind-tables -Wall -Wextra "${warnings[@]}" \
		-Wl,-e,rungstart -Wl,--build-id=none -Wl,-z,noseparate-code -s -o "$new" nsenter/*.c -lgcc
	check_machine "$new"
	[ -z "$foreign" ] || keep_own_stage
	mv "$new" "$stage"
}

# A go build that follows embeds what is in the tree: after a build for another architecture that is the machine's own again.
keep_own_stage() {
	mkdir -p "build/cross/$arch"
	rm -f $kept
	[ ! -e $stage ] || mv $stage $kept
	trap 'mv $stage "build/cross/$arch/hands"; [ ! -e $kept ] || mv $kept $stage' EXIT
}

check_machine() { # FILE
	local found high low
	found=$(od -An -t u1 -j 4 -N 1 "$1")
	read -r high low <<<"$(od -An -t u1 -j 18 -N 2 "$1")" # in the file's own order; one of them is 0
	if [ $((found)) != "$class" ] || [ $((high + low)) != "$machine" ]; then
		rm -f "$1"
		die "$CC makes programs for another machine than $arch (ELF class $((found)), machine $((high + low)))"
	fi
}

# libseccomp of another architecture: what the compiler finds by itself, else Debian's.
use_foreign_libseccomp() {
	local root
	case $($CC -print-file-name=libseccomp.a) in /*) return ;; esac
	root=$(scripts/libseccomp.sh "$arch")
	PKG_CONFIG_LIBDIR=$(echo "$root"/usr/lib/*/pkgconfig)
	export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR
}

# The kernel's headers, and libseccomp's, behind those of musl.
use_musl() {
	local multiarch
	multiarch=$($CC -print-multiarch)
	mkdir -p build/musl
	ln -sfn "$($CC -print-file-name=libseccomp.a)" build/musl/libseccomp.a
	CC=musl-gcc
	CGO_CFLAGS+=" -idirafter /usr/include -idirafter /usr/include/$multiarch"
	export CGO_LDFLAGS="'-L$repo/build/musl'" # a path may have spaces
}

# A source tarball has it in a file, where git archive has put it in the place of a format (.gitattributes).
commit_of_tree() {
	local archived
	archived=$(<COMMIT)
	case $archived in
	'$'*) git rev-parse --short=12 HEAD 2>/dev/null || echo unknown ;;
	*) echo "${archived:0:12}" ;;
	esac
}

build=(build)
if [ "${1:-}" = --tests ]; then
	build=(test -c)
	shift
fi
arch=${ARCH:-$(arch_of_machine)}
output=${1:-rung}
[ $# -gt 1 ] || set -- "$output" .
commit=${COMMIT:-$(commit_of_tree)}
warnings=()
[ -z "${RUNG_WERROR:-}" ] || warnings=(-Werror)
exec 9<nsenter/image
flock 9 # the stage is in the tree until Go has embedded it
describe_arch "$arch"
foreign=
[ "$arch" = "$(arch_of_machine)" ] || foreign=yes
choose_compiler
refresh_identity
build_stage

CGO_CFLAGS="-O2 ${warnings[*]}"
link='-static -Wl,--build-id=none'
[ -z "$foreign" ] || use_foreign_libseccomp
case $libc in
musl) use_musl ;;
shared) link=${link#-static } ;;
esac
export CC CGO_CFLAGS CGO_ENABLED=1 GOARCH=$goarch
[ "$goarch" != arm ] || export GOARM=7

# No build ids: they are hashes of paths too.
scripts/go "${build[@]}" -trimpath -buildvcs=false -tags netgo,osusergo \
	-ldflags "-s -w -buildid= -X main.linkedVersion=${VERSION:-} -X main.linkedCommit=$commit -linkmode external -extldflags '$link' ${RUNG_LDFLAGS:-}" \
	-o "$output" "${@:2}"
