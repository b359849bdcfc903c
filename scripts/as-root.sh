#!/usr/bin/env bash
# Runs a command as root. A plain user runs it through sudo.
set -euo pipefail

[ $# -gt 0 ] || {
	echo "usage: ${0##*/} COMMAND [ARGUMENT...]" >&2
	exit 2
}
if [ "$(id -u)" = 0 ]; then
	exec "$@"
elif command -v sudo >/dev/null; then
	kept=RUNG,RUNG_TEST_COMMANDS,RUNG_SOURCE,RUNG_ENGINES_RESULTS,RUNC,VM_CACHE,RUNS,ROUNDS,WARMUP,OUT,SAMPLES,VIEWS,CROWDS,MOUNTS
	kept+=,DEBIAN_ROOT_CACHE,RUNG_WERROR,CI,GOPROXY,GOSUMDB,GONOSUMDB,GOPRIVATE # for scripts/debian-root.sh
	exec sudo --preserve-env="$kept,http_proxy,https_proxy,no_proxy,HTTP_PROXY,HTTPS_PROXY,NO_PROXY" "$@"
fi
echo "${0##*/}: needs root (or sudo): $*" >&2
exit 1
