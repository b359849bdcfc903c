#!/usr/bin/env bash
# Makes the small bundle that `make run` runs: a busybox root filesystem, and rung's default configuration with a program
# that prints what the container isolates, a memory limit and a pids limit.
#
#   RUNG=./rung default-bundle.sh DIR
set -euo pipefail

[ $# -eq 1 ] || {
	echo "usage: RUNG=./rung ${0##*/} DIR" >&2
	exit 2
}
bundle=$1
here=$(dirname "$(readlink -f "$0")")
rung=$(readlink -f "${RUNG:-$here/../rung}")

mkdir -p "$bundle"
"$here/busybox-rootfs.sh" "$bundle/rootfs"
install -m 0755 "$here/hello.sh" "$bundle/rootfs/hello"

rm -f "$bundle/config.json"
(cd "$bundle" && "$rung" spec)
jq '.process.terminal = false
	| .process.args = ["/hello"]
	| .hostname = "hello"
	| .linux.resources.memory.limit = 67108864
	| .linux.resources.pids.limit = 32' "$bundle/config.json" >"$bundle/config.json.new"
mv "$bundle/config.json.new" "$bundle/config.json"
