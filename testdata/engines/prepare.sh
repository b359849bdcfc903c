#!/usr/bin/env bash
# Lays out a runnable bundle from a configuration that an engine wrote: the root filesystem (busybox, with
# /hello) and the files that the configuration names.
#
#   prepare.sh NAME DIR       makes DIR with config.json in it; prints the root filesystem's path
#   prepare.sh --clean        removes what any NAME put under /tmp/rung-engines, and the engines' parent cgroups (/docker,
#                             /default, /libpod_parent) if they came into being since
#
# config.json is copied unchanged. Absolute paths in it begin with /tmp/rung-engines, where they are made. The
# exceptions are docker-default and docker26-default: their hook names the Docker daemon by process id (/proc/N/exe), and the
# path becomes DIR/hook, a script that keeps what it is given in DIR/hook.args and DIR/hook.state.
# Run it as the user who will run the bundle. Two runs of one bundle at a time share its root filesystem.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
scripts=$here/../../scripts
# shellcheck source=scripts/lib.sh
. "$scripts/lib.sh"
work=/tmp/rung-engines

main() {
	if [ $# != 2 ] || [ ! -f "$here/$1/config.json" ]; then
		echo "usage: ${0##*/} NAME DIR | --clean; names: $(cd "$here" && echo */ | tr -d /)" >&2
		exit 2
	fi
	config=$here/$1/config.json
	[ -d $work ] || mkdir -m 1777 $work
	[ -e $work/absent-cgroups ] || absent_cgroups >$work/absent-cgroups
	mkdir -p "$2"
	dir=$(readlink -f "$2")
	install -m 0644 "$config" "$dir/config.json"
	! grep -qE '"/proc/[0-9]+/exe"' "$config" || make_hook
	make_rootfs
	make_sources
	make_namespaces
	echo "$rootfs"
}

make_hook() {
	sed -i -E "s#\"/proc/[0-9]+/exe\"#\"$dir/hook\"#" "$dir/config.json"
	cat >"$dir/hook" <<-HOOK
		#!/bin/sh
		echo "\$@" >$dir/hook.args
		cat >$dir/hook.state
	HOOK
	chmod 0755 "$dir/hook"
}

# The root belongs to whoever is root in the container's user namespace, as the engine would have it.
make_rootfs() {
	local owner
	rootfs=$(jq -r .root.path "$config")
	case $rootfs in
	/*) ;;
	*) rootfs=$dir/$rootfs ;;
	esac
	"$scripts/busybox-rootfs.sh" "$rootfs"
	install -m 0755 "$scripts/hello.sh" "$rootfs/hello"
	owner=$(jq -r '[.linux | (.uidMappings, .gidMappings)[]? | select(.containerID == 0) | .hostID] | join(":")' "$config")
	[ -z "$owner" ] || [ "$(id -u)" != 0 ] || chown -R "$owner" "$rootfs"
}

# The sources of bind mounts that the engine had made: a directory for /dev/shm and volumes, a file otherwise.
make_sources() {
	local source target
	jq -r '.mounts[] | select((.source // "") | startswith("/tmp/rung-engines/")) | "\(.source) \(.destination)"' \
		"$config" | while read -r source target; do
		mkdir -p "$(dirname "$source")"
		case $target in
		/dev/shm | /run/secrets | /var/*) mkdir -p "$source" ;;
		/etc/hostname) echo web >"$source" ;;
		/etc/hosts) printf '127.0.0.1 localhost\n' >"$source" ;;
		*) touch "$source" ;;
		esac
	done
}

# Namespaces to join by path: the network is this process's own, as an engine's host network is.
make_namespaces() {
	local path type
	jq -r '.linux.namespaces[] | select((.path // "") | startswith("/tmp/rung-engines/")) | "\(.path) \(.type)"' \
		"$config" | while read -r path type; do
		mkdir -p "$(dirname "$path")"
		mountpoint -q "$path" && continue
		touch "$path"
		mount --bind "/proc/self/ns/${type/network/net}" "$path"
	done
}

clean() {
	local groups=()
	[ ! -r $work/absent-cgroups ] || mapfile -t groups <$work/absent-cgroups
	[ "$(id -u)" != 0 ] || remove_cgroups "${groups[@]}"
	awk -v work=$work/ 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo | while read -r target; do
		umount "$target"
	done
	rm -rf --one-file-system $work
}

if [ "${1:-}" = --clean ]; then
	clean
else
	main "$@"
fi
