#!/usr/bin/env bash
# Gets the newest runc or crun that the registries of this machine have, and prints its path. Debian's own are years old.
#
#   peers.sh runc|crun [DIR]        (DIR: build/tools/NAME)
#
# The script builds runc from its Go module (RUNC_VERSION, default v1.6.0-rc.1), and unpacks crun of Debian's unstable. patchelf
# sets the loader and the libraries that come with crun. A script that starts crun would not do, because crun executes itself
# again.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"

name=${1:-}
dir=$(realpath -m "${2:-$repo/build/tools/$name}")

# The newest runc may want a newer Go than rung does.
build_runc() {
	GOTOOLCHAIN=${GOTOOLCHAIN:-auto} GOBIN=$dir/bin "$repo/scripts/go" install -tags seccomp "github.com/opencontainers/runc@${RUNC_VERSION:-v1.6.0-rc.1}"
}

unpack_crun() {
	local loader libraries
	"$repo/scripts/packages.sh" --needs unstable "$(dpkg --print-architecture)" "$dir/root" crun patchelf
	loader=$(find "$dir/root/usr" -name 'ld-linux-*.so.*' -o -name 'ld64.so.*' | head -n 1)
	libraries=${loader%/*}
	mkdir -p "$dir/bin"
	"$loader" --library-path "$libraries" "$dir/root/usr/bin/patchelf" --set-interpreter "$loader" --set-rpath "$libraries" \
		--output "$dir/bin/crun" "$dir/root/usr/bin/crun"
}

case $name in
runc) get=build_runc ;;
crun) get=unpack_crun ;;
*) die 'which peer? runc, crun' ;;
esac
if [ ! -x "$dir/bin/$name" ]; then
	mkdir -p "$dir"
	$get >&2
fi
"$dir/bin/$name" --version >/dev/null || die "$dir/bin/$name does not run"
printf '%s\n' "$dir/bin/$name"
