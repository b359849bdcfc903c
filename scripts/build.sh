#!/usr/bin/env bash
# Builds rung as one static binary: scripts/build.sh [OUTPUT [PACKAGE]]. PACKAGE is another program that uses the library.
# scripts/build.sh --tests DIR PACKAGE... builds the tests of packages instead, each as a binary in DIR.
# With the same compilers the same commit gives the same bytes, on any machine, at any time, for any user.
#
#   ARCH           amd64, arm64, riscv64, ppc64le, s390x, armhf or i386 (default: the machine's)
#   CC             compiler for all C (default: for the machine's own architecture musl-gcc if it is installed, else gcc; for
#                  another one the cross compiler with Debian's name)
#   RUNG_LIBC      musl (the default with musl-gcc, and for another architecture, with Debian's musl-dev), glibc (the static C
#                  library of CC: the default otherwise), or shared (the shared C library of CC)
#   VERSION        (default: the file VERSION)       COMMIT        (default: that of a source tarball, or git's)
#   RUNG_WERROR=1  makes warnings errors: for CI     RUNG_LDFLAGS  more flags for Go's linker
#   RUNG_KEEP_IDENTITY=1  keeps the hash of the stage's sources: for changes that are built and reverted at once
#
# A binary with musl starts 0.6 ms sooner in a virtual machine, where each CPUID instruction of glibc's start-up is a trap.
# Both use the distribution's static libseccomp: it needs little of a C library, and libcontainer/seccomp/musl.go has the one
# function of glibc that musl lacks.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/arch.sh
. "$repo/scripts/arch.sh"
cd "$repo"

stage=nsenter/image/stage
kept=nsenter/image/.stage.own # go:embed skips names that begin with a dot

choose_compiler() {
	if [ -n "${CC:-}" ]; then
		libc=${RUNG_LIBC:-glibc}
	elif [ -z "$foreign" ]; then
		libc=${RUNG_LIBC:-$(command -v musl-gcc >/dev/null && echo musl || echo glibc)}
		CC=gcc
	else
		libc=${RUNG_LIBC:-musl}
		CC=$triplet-gcc
	fi
	case $libc in
	musl | glibc | shared) ;;
	*) die "RUNG_LIBC=$libc: not musl, glibc or shared" ;;
	esac
	command -v "${CC%% *}" >/dev/null ||
		die "the compiler ${CC%% *} is missing: scripts/install-deps.sh${foreign:+ cross-$arch} build"
}

# rung and the stage both contain a hash of the stage's sources. A rung that embeds the stage of another build notices it.
refresh_identity() {
	local sources identity
	[ -z "${RUNG_KEEP_IDENTITY:-}" ] || return 0
	sources=(nsenter/*.[ch])
	identity=$(cat "${sources[@]/nsenter\/identity.h/\/dev\/null}" | sha256sum | cut -c1-8)
	grep -qs "RUNG_STAGE_IDENTITY 0x$identity\$" nsenter/identity.h && return
	warn 'the C sources have changed: go generate ./libcontainer/plan'
	env -u GOARCH -u GOARM scripts/go generate ./libcontainer/plan
}

# Builds the stage as a program of its own, which rung embeds. It is not position-independent: there is no loader that would
# relocate it.
build_stage() {
	local new=nsenter/image/.stage.new # the dot keeps go:embed away from it if the build fails here
	$CC -std=gnu11 -Os -DRUNG_IMAGE -static -nostdlib -no-pie -fno-pie -fno-stack-protector -fno-builtin \
		-fno-asynchronous-unwind-tables -Wall -Wextra "${warnings[@]}" \
		-Wl,-e,rungstart -Wl,--build-id=none -Wl,-z,noseparate-code -s -o "$new" nsenter/*.c -lgcc
	check_machine "$new"
	[ -z "$foreign" ] || keep_own_stage
	mv "$new" "$stage"
}

# Puts the machine's own stage back after a build for another architecture: a later go build embeds the one in the tree.
keep_own_stage() {
	mkdir -p "build/cross/$arch"
	rm -f $kept
	[ ! -e $stage ] || mv $stage $kept
	trap leave EXIT
}

root= # the libraries of another architecture
link= # a directory with a link to them
leave() {
	mv $stage "build/cross/$arch/stage"
	[ ! -e $kept ] || mv $kept $stage
	[ -z "$link" ] || rm -r "$link"
}

check_machine() { # FILE
	local found high low
	found=$(od -An -t u1 -j 4 -N 1 "$1")
	read -r high low <<<"$(od -An -t u1 -j 18 -N 2 "$1")" # the order depends on the file; one of the two is 0
	if [ $((found)) != "$class" ] || [ $((high + low)) != "$machine" ]; then
		rm -f "$1"
		die "$CC makes programs for another machine than $arch (ELF class $((found)), machine $((high + low)))"
	fi
}

# Sets $root to the directory of Debian's libraries for that architecture. Neither pkg-config nor the compiler's specs know paths
# with spaces, so a link stands for such a directory.
find_foreign_libraries() {
	root=$(scripts/cross-libraries.sh "$arch")
	case $root in *[[:space:]]*) ;; *) return ;; esac
	link=$(mktemp -d /tmp/rung-libraries.XXXXXX)
	ln -s "$root" "$link/$arch"
	root=$link/$arch
}

# Uses the libseccomp that the cross compiler finds, or else Debian's for that architecture.
use_foreign_libseccomp() {
	case $($CC -print-file-name=libseccomp.a) in /*) return ;; esac
	find_foreign_libraries
	PKG_CONFIG_LIBDIR=$(echo "$root"/usr/lib/*/pkgconfig)
	export PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR
	# Go's cache ignores a change of pkg-config's output and would use objects that were built for another tree, with that
	# tree's paths. A change of the flags prevents it.
	CGO_CFLAGS+=" '-I$root/usr/include'"
}

# Makes the cross compiler use musl: by the file of specs in Debian's musl-dev, with the paths of the directory where that is
# unpacked. The headers of the kernel are those of the cross compiler.
use_foreign_musl() {
	[ -n "$root" ] || find_foreign_libraries
	sed "s,/usr/\(include\|lib\)/,$root&,g" "$root"/usr/lib/*-linux-musl*/musl-gcc.specs >"${root%/*}/musl-gcc.specs"
	CC+=" -specs=${root%/*}/musl-gcc.specs"
	CGO_CFLAGS+=" -idirafter /usr/$triplet/include"
}

# Adds the headers of the kernel and of libseccomp after those of musl.
use_musl() {
	local multiarch
	multiarch=$($CC -print-multiarch)
	mkdir -p build/musl
	ln -sfn "$($CC -print-file-name=libseccomp.a)" build/musl/libseccomp.a
	CC=musl-gcc
	CGO_CFLAGS+=" -idirafter /usr/include -idirafter /usr/include/$multiarch"
	export CGO_LDFLAGS="'-L$repo/build/musl'" # a path may have spaces
}

# Prints the commit. In a source tarball it is in the file COMMIT: git archive replaced a placeholder there (.gitattributes).
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
flock 9 # another build must not replace the stage before Go has embedded it
describe_arch "$arch"
foreign=
[ "$arch" = "$(arch_of_machine)" ] || foreign=yes
choose_compiler
refresh_identity
build_stage

CGO_CFLAGS="-O2 ${warnings[*]}"
linker_flags='-static -Wl,--build-id=none'
[ -z "$foreign" ] || use_foreign_libseccomp
case $libc in
musl) "use${foreign:+_foreign}_musl" ;;
shared) linker_flags=${linker_flags#-static } ;;
esac
export CC CGO_CFLAGS CGO_ENABLED=1 GOARCH=$goarch
[ "$goarch" != arm ] || export GOARM=7

# No build ids: they depend on paths.
scripts/go "${build[@]}" -trimpath -buildvcs=false -tags netgo,osusergo \
	-ldflags "-s -w -buildid= -X main.linkedVersion=${VERSION:-} -X main.linkedCommit=$commit -linkmode external -extldflags '$linker_flags' ${RUNG_LDFLAGS:-}" \
	-o "$output" "${@:2}"
