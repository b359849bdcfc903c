#!/usr/bin/env bash
# Runs a command as root: as it is for root, through sudo for everybody else.
set -euo pipefail

[ $# -gt 0 ] || {
	echo "usage: ${0##*/} COMMAND [ARGUMENT...]" >&2
	exit 2
}
if [ "$(id -u)" = 0 ]; then
	exec "$@"
elif command -v sudo >/dev/null; then
	exec sudo --preserve-env=RUNG,RUNG_TEST_COMMANDS,RUNG_SOURCE,RUNG_ENGINES_RESULTS,RUNC,VM_CACHE,RUNS,ROUNDS,WARMUP,OUT "$@"
fi
echo "${0##*/}: needs root (or sudo): $*" >&2
exit 1
