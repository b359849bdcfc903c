#!/usr/bin/env bash
# Builds tests/faults and runs it: every system call of rung and of its stage fails once, and once the process is killed there.
#
#   faults.sh all      all injections; writes docs/faults.md. An interrupted run goes on where it was, if rung is the same
#   faults.sh sample   a fixed choice of them, within two minutes; prints TAP
#
# RUNG is the binary (default: the tree's). FAULTS has more options for the driver, such as FAULTS='-verbs ^exec'.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
cd "$repo"

built=build/tests/faults

case $(uname -m) in
x86_64 | aarch64) ;;
*) # inject.c knows the registers of these two only
	echo 'ok 1 faults # skip needs x86-64 or arm64'
	exit
	;;
esac

# Writes the names and numbers of this architecture's system calls.
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

# Prints the directory of a CRIU that works on this kernel. Prints nothing if there is none.
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
if [ -z "${RUNG_FAULTS_INSIDE:-}" ]; then
	exec env RUNG_FAULTS_INSIDE=1 unshare --mount --propagation private "$0" "$@"
fi
own_dev "$built/dev"
case $1 in
all)
	build >&2
	run -done build/faults-results -resume -report docs/faults.md
	;;
sample)
	build >&2
	run -every 149 -tap
	;;
*) die 'usage: faults.sh all|sample' ;;
esac
