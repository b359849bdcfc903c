#!/usr/bin/env bash
# Makes a world: the namespaces (mount, pid, network, IPC, UTS, cgroup) that an engine runs in, with an /etc, /run, /var/lib and
# cgroups of their own. An engine in a world uses its default paths and does not see another engine. When the first process of a
# world ends, everything is gone except the directory and the cgroups, which `stop` removes.
#
#   world.sh start DIR RUNTIME     makes a world in the new directory DIR, with RUNTIME as /usr/local/bin/rung; with
#                                  WORLD_CGROUP=v1 a hybrid machine shows pure cgroup v1 there
#   world.sh in DIR COMMAND...     runs a command there
#   world.sh stop DIR              ends the world; fails if cgroups of containers are left
#
# RUNTIME has the name rung in each world, so that both runtimes of a comparison use the same configuration. BuildKit inside
# dockerd has no configuration and looks for runc in PATH, so RUNTIME has that name too. CRIU is from scripts/unstable.sh.
# Needs root.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=scripts/cgroups.sh
. "$here/../../scripts/cgroups.sh"

# The directories of rung and of the engines from Debian's packages. /usr/local/bin has no other program in a world.
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Removes the cgroups of a world. An engine keeps a parent for all its containers, such as /docker; a cgroup below it is a leftover
# of a container. The runtime makes the cgroup of a pod, and Podman removes it only from the hierarchies that Podman knows.
remove_world_cgroups() { # DIR
	local root group left=0
	while read -r root _; do
		while read -r group; do
			case ${group#"$root"} in
			'' | /init | /docker | /docker/buildkit | /buildkit | /default | /libpod_parent | /libpod_parent/conmon | /k8s.io | /kubepods* | /user.slice*) ;;
			*)
				[[ ! $group =~ /(systemd|unified)/.*/libpod_parent/[0-9a-f]{64}$ ]] || { rmdir "$group" && continue; }
				warn "left behind: cgroup $group"
				left=1
				;;
			esac
			rmdir_soon "$group" || left=1
		done < <(find "$root" -depth -type d)
	done <"$1/cgroups"
	return $left
}

# ---- namespaces -----------------------------------------------------------------------------------------------------

start() { # DIR RUNTIME
	local dir=$1 tries
	mkdir "$dir"
	chmod 0755 "$dir"
	install -D -m 0755 "$(readlink -f "$2")" "$dir/bin/rung"
	mkdir "$dir/sbin"
	ln -s /usr/local/bin/rung "$dir/sbin/runc"
	cp "$("$here/../../scripts/unstable.sh" criu)" "$dir/sbin/criu"
	make_cgroups "rung-$(basename "$(dirname "$dir")")-$(basename "$dir")" >"$dir/cgroups"
	(
		enter_cgroups "$dir/cgroups" 1
		exec unshare --mount --pid --net --ipc --uts --cgroup --fork --mount-proc --kill-child --propagation private \
			bash "$0" inside "$dir"
	) >"$dir/log" 2>&1 </dev/null 3>&- &
	echo $! >"$dir/outer"
	for ((tries = 0; tries < 100; tries++)); do
		[ ! -e "$dir/ready" ] || break
		sleep 0.05
	done
	[ -e "$dir/ready" ] || {
		cat "$dir/log" >&2
		die "no world in $dir"
	}
	pgrep --newest --parent "$(cat "$dir/outer")" >"$dir/pid"
}

# inside is pid 1 of the world: it reaps orphans until it is killed.
inside() { # DIR
	local dir=$1
	[ ! -d /sys/fs/cgroup/init ] || enter_cgroups "$dir/cgroups" 2
	mount_system
	mount_files "$dir"
	mount --make-rshared / # as systemd does, and as engines expect
	hostname world
	ip link set lo up
	touch "$dir/ready"
	trap 'exit 0' TERM
	while :; do
		sleep infinity &
		wait $! || true
	done
}

# Mounts a new /sys, which shows the devices of the new network namespace.
mount_system() {
	local groups=()
	mapfile -t groups < <(mounted_hierarchies)
	# The inherited cgroup mounts show more than our cgroup namespace, and engines cannot use them. Unmounting them here does not
	# change the host's, because nothing propagates from here.
	! findmnt -n -o PROPAGATION /sys | grep -qv private || die '/sys is not private'
	umount --recursive /sys
	mount -t sysfs sysfs /sys
	mount_cgroups '' "${groups[@]}"
}

mount_files() { # DIR
	local dir=$1 name
	mount -t tmpfs -o mode=755 tmpfs /run
	cut -d' ' -f5 /proc/self/mountinfo >/run/mounts-of-host # some of these may vanish with those of the host
	mkdir -p /run/lock /run/user /run/source
	mount --bind "$repo" /run/source # the tree may be in a home that only its owner may enter
	for name in etc sbin; do
		mkdir -p "$dir/$name" "$dir/$name.work"
	done
	mount -t overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etc.work" overlay /etc
	mount -t overlay -o "lowerdir=/usr/local/sbin,upperdir=$dir/sbin,workdir=$dir/sbin.work" overlay /usr/local/sbin
	mount --bind "$dir/bin" /usr/local/bin
	for name in docker containerd containers cni; do
		mkdir -p "$dir/lib/$name" "/var/lib/$name"
		mount --bind "$dir/lib/$name" "/var/lib/$name"
	done
	# On other machines a rule of udev lets everybody use these devices.
	for name in net/tun fuse; do
		[ -c "/dev/$name" ] || continue
		mkdir -p "$dir/dev/net"
		mknod -m 0666 "$dir/dev/$name" c "0x$(stat -c %t "/dev/$name")" "0x$(stat -c %T "/dev/$name")"
		mount --bind "$dir/dev/$name" "/dev/$name"
	done
	rm -rf /etc/docker /etc/containerd /etc/containers/containers.conf /etc/cni/net.d
}

run_in() { # DIR COMMAND...
	local dir=$1
	shift
	enter_cgroups "$dir/cgroups" 2
	exec nsenter --target "$(cat "$dir/pid")" --mount --pid --net --ipc --uts --cgroup --wd=/ \
		env -i PATH=$path HOME=/root LANG=C.UTF-8 TERM=dumb PODMAN_IGNORE_CGROUPSV1_WARNING=1 "$@"
}

stop() { # DIR
	local dir=$1 tries
	kill -KILL "$(cat "$dir/pid")" 2>/dev/null || true
	for ((tries = 0; tries < 100; tries++)); do
		[ -d "/proc/$(cat "$dir/outer")" ] || break
		sleep 0.05
	done
	remove_world_cgroups "$dir"
}

command=$1
shift
case $command in
start | inside | stop) "$command" "$@" ;;
in) run_in "$@" ;;
*) die "usage: ${0##*/} start|in|stop DIR ..." ;;
esac
