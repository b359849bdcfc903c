#!/usr/bin/env bash
# Gets a program of Debian's unstable suite for which the machine's own Debian is too old, and prints its path. The script
# unpacks it with its libraries into a directory of its own (scripts/packages.sh).
#
#   unstable.sh NAME [DIR]        prints DIR/bin/PROGRAM (DIR: build/tools/NAME)
#
# NAME is criu, docker-compose, jq, qemu, or qemu-ARCH for QEMU's emulator of another architecture.
#
# criu 3.17 of Debian 12 does not work on new kernels. qemu 7.2 emulates a fork three times slower than 11, and jq 1.6
# takes eight times longer to start than 1.8: with the new ones a test in the machine of tests/vm takes 2 s, not 3. Debian 12 has
# only the first docker-compose, which is no command of docker.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

name=${1:-}
arguments=
case $name in
criu) package=criu program=usr/sbin/criu ;;
docker-compose) package=docker-compose program=usr/libexec/docker/cli-plugins/docker-compose ;;
jq) package=jq program=usr/bin/jq ;;
qemu | qemu-x86_64) package=qemu-system-x86 program=usr/bin/qemu-system-x86_64 ;;
qemu-aarch64) package=qemu-system-arm program=usr/bin/qemu-system-aarch64 ;;
qemu-riscv64) package=qemu-system-riscv program=usr/bin/qemu-system-riscv64 ;;
qemu-ppc64) package=qemu-system-ppc program=usr/bin/qemu-system-ppc64 ;;
qemu-s390x) package=qemu-system-s390x program=usr/bin/qemu-system-s390x ;;
*) die 'which program? criu, docker-compose, jq, qemu, qemu-x86_64, qemu-aarch64, qemu-riscv64, qemu-ppc64, qemu-s390x' ;;
esac
dir=$(realpath -m "${2:-$repo/build/tools/$name}")
started=$dir/bin/${program##*/}
case $name in qemu*) arguments="-L '$dir/root/usr/share/qemu' -L '$dir/root/usr/share/seabios'" ;; esac

# Starts the program with its own loader, because its C library is newer than the machine's. The script does not set
# LD_LIBRARY_PATH: programs that this one runs (CRIU runs tar, ip and iptables-restore) are the machine's.
write_starter() { # DIR
	local loader
	loader=$(cd "$1/root" && find usr -name 'ld-linux-*.so.*' -o -name 'ld64.so.*' | head -n 1)
	[ -n "$loader" ] || die "no loader among the libraries of $name"
	mkdir -p "$1/bin"
	cat >"$1/bin/${started##*/}" <<-END
		#!/bin/sh
		exec '$dir/root/$loader' --library-path '$dir/root/${loader%/*}' --argv0 '${started##*/}' '$dir/root/$program' $arguments "\$@"
	END
	chmod 0755 "$1/bin/${started##*/}"
}

unpack() {
	local new
	new=$(mktemp -d "$(dirname "$dir")/$name.XXXXXX")
	# shellcheck disable=SC2064 # the name is known now
	trap "rm -rf '$new'" EXIT
	"$repo/scripts/packages.sh" --needs unstable "$(dpkg --print-architecture)" "$new/root" "$package"
	write_starter "$new"
	chmod 0755 "$new"
	rm -rf "$dir"
	mv "$new" "$dir"
}

if [ ! -x "$started" ]; then
	command -v dpkg-deb >/dev/null || die "this is not Debian: put a $name of your own into PATH"
	mkdir -p "$(dirname "$dir")"
	unpack >&2
fi
"$started" --version >/dev/null || die "$started does not run"
printf '%s\n' "$started"
