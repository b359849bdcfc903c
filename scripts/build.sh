#!/usr/bin/env bash
# Builds rung as one static binary: scripts/build.sh [OUTPUT [PACKAGE]]. PACKAGE is another program with the library.
#
# With musl where musl-gcc is there, else with glibc (RUNG_LIBC=musl|glibc decides). musl starts 0.6 ms sooner in
# a virtual machine, where each CPUID instruction of glibc's start-up is a trap. libseccomp is the distribution's
# static one in both cases: it needs little of a C library, and libcontainer/seccomp/musl.go has the one function
# of glibc's that musl lacks.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

output=${1:-rung}
version=${VERSION:-0.1.0-dev}
commit=${COMMIT:-$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)}
libc=${RUNG_LIBC:-$(command -v musl-gcc >/dev/null && echo musl || echo glibc)}

# The hands as a program of their own, which rung embeds: executed in place of all of rung. For the architectures
# whose entry point nsenter/constructor.c has.
image=nsenter/image/hands
rm -f $image
case $(uname -m) in
x86_64 | aarch64)
	gcc -std=gnu11 -Os -DRUNG_IMAGE -static -nostdlib -fno-stack-protector -fno-builtin -fno-asynchronous-unwind-tables \
		-Wall -Wextra -Werror -Wl,-e,rungstart -Wl,--build-id=none -Wl,-z,noseparate-code -s -o $image nsenter/*.c
	;;
esac

export CGO_ENABLED=1
case $libc in
musl)
	multiarch=$(gcc -print-multiarch)
	mkdir -p build/musl
	ln -sfn "$(gcc -print-file-name=libseccomp.a)" build/musl/libseccomp.a
	export CC=musl-gcc
	# The kernel's headers, and libseccomp's, after those of musl.
	export CGO_CFLAGS="-O2 -idirafter /usr/include -idirafter /usr/include/$multiarch"
	export CGO_LDFLAGS="'-L$repo/build/musl'" # a path may have spaces
	;;
glibc) ;;
*) die "RUNG_LIBC=$libc: not musl or glibc" ;;
esac

scripts/go build -trimpath -buildvcs=false -tags netgo,osusergo \
	-ldflags "-s -w -X main.version=$version -X main.commit=$commit -linkmode external -extldflags -static ${RUNG_LDFLAGS:-}" \
	-o "$output" "${2:-.}"
