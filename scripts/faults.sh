#!/usr/bin/env bash
# Builds tests/faults and runs it: every system call of rung, and of its stage, fails once, or is where the process dies.
#
#   faults.sh all      all injections; writes docs/faults.md
#   faults.sh sample   a choice that is always the same, within two minutes; prints TAP
#
# RUNG is the binary (default: that of the tree), FAULTS more options for the driver, such as FAULTS='-verbs ^exec'.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

built=build/tests/faults

case $(uname -m) in
x86_64 | aarch64) ;;
*) # inject.c knows the registers of these
	echo 'ok 1 faults # skip needs x86-64 or arm64'
	exit
	;;
esac

# The numbers of this architecture's system calls, by name.
write_names() {
	gcc -E -dM -include sys/syscall.h - </dev/null |
		sed -n 's/^#define __NR_\([a-z0-9_]*\) [0-9(].*/[__NR_\1] = "\1",/p' | sort >"$built/names.h"
	grep -q '"openat"' "$built/names.h" || die 'no system calls in sys/syscall.h'
}

build() {
	local program
	mkdir -p "$built"
	write_names
	for program in inject snapshot; do
		gcc -std=gnu11 -O2 -static -Wall -Wextra ${RUNG_WERROR:+-Werror} -I "$built" -o "$built/$program" "tests/faults/$program.c"
	done
	CGO_ENABLED=0 scripts/go build -trimpath -buildvcs=false -o "$built/faults" ./tests/faults/driver
}

# The directory of a CRIU that works on this kernel, or nothing.
criu_directory() {
	local criu
	criu=$(scripts/unstable.sh criu 2>/dev/null) && "$criu" check >/dev/null 2>&1 && dirname "$criu"
}

run() {
	local more=()
	read -ra more <<<"${FAULTS:-}"
	"$built/faults" -rung "${RUNG:-$repo/rung}" -tools "$built" -source "$repo" -criu "$(criu_directory)" "$@" "${more[@]}"
}

[ $# -eq 1 ] || die 'usage: faults.sh all|sample'
case $1 in
all)
	build >&2
	run -report docs/faults.md
	;;
sample)
	build >&2
	run -every 149 -tap
	;;
*) die 'usage: faults.sh all|sample' ;;
esac
