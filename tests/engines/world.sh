#!/usr/bin/env bash
# A world is where an engine runs in these tests: mount, pid, network, IPC, UTS and cgroup namespaces with an /etc, /run,
# /var/lib and cgroups of its own. An engine in it uses its default paths and can not meet another. When its first
# process ends, all of it is gone but the directory and the cgroups, which `stop` removes.
#
#   world.sh start DIR RUNTIME     makes a world in the new directory DIR, with RUNTIME as /usr/local/bin/rung; with
#                                  WORLD_CGROUP=v1 a hybrid machine shows pure cgroup v1 there
#   world.sh in DIR COMMAND...     runs a command there
#   world.sh stop DIR              ends it; fails where cgroups of containers are left
#
# RUNTIME is put under the name rung so that one configuration serves both runtimes of a comparison. BuildKit inside
# of dockerd takes no configuration but looks for runc in PATH: there is the same program under that name too. CRIU is
# that of scripts/unstable.sh.
# Needs root.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/../../scripts/lib.sh"
# shellcheck source=scripts/cgroups.sh
. "$here/../../scripts/cgroups.sh"

# Where rung is, and the engines of Debian's packages: /usr/local/bin has nothing else there.
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Engines keep a parent for all their containers, such as /docker; what is below it was a container's. A pod's cgroup
# was made by the runtime, and Podman removes it only from the hierarchies that it knows.
remove_world_cgroups() { # DIR
	local root group left=0
	while read -r root _; do
		while read -r group; do
			case ${group#"$root"} in
			'' | /init | /docker | /docker/buildkit | /default | /libpod_parent | /libpod_parent/conmon | /k8s.io | /kubepods* | /user.slice*) ;;
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

# inside is pid 1: it waits for orphans and for its end.
inside() { # DIR
	local dir=$1
	[ ! -d /sys/fs/cgroup/init ] || enter_cgroups "$dir/cgroups" 2
	mount_system
	mount_files "$dir"
	mount --make-rshared / # as systemd makes it, and engines like it
	hostname world
	ip link set lo up
	touch "$dir/ready"
	trap 'exit 0' TERM
	while :; do
		sleep infinity &
		wait $! || true
	done
}

# /sys shows the devices of the network namespace of whoever mounts it.
mount_system() {
	local groups=()
	mapfile -t groups < <(mounted_hierarchies)
	# The mounts that came along show these hierarchies from above our cgroup namespace, which engines can not use. The
	# host's are others: nothing propagates from here.
	! findmnt -n -o PROPAGATION /sys | grep -qv private || die '/sys is not private'
	umount --recursive /sys
	mount -t sysfs sysfs /sys
	mount_cgroups '' "${groups[@]}"
}

mount_files() { # DIR
	local dir=$1 name
	mount -t tmpfs -o mode=755 tmpfs /run
	cut -d' ' -f5 /proc/self/mountinfo >/run/mounts-of-host # some go when the host's go
	mkdir -p /run/lock /run/user
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
	# Anybody's on other machines, by a rule of udev.
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
