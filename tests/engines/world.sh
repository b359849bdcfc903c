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

# Where rung is, and the engines of Debian's packages: /usr/local/bin has nothing else there.
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# ---- cgroups: a child of our own cgroup in each hierarchy -----------------------------------------------------------

# One line a hierarchy: its mount, and our cgroup in it.
hierarchies() {
	local controllers group mount
	while IFS=: read -r _ controllers group; do
		mount=$(hierarchy_mount "$controllers")
		[ -z "$mount" ] || printf '%s %s\n' "$mount" "${group%/}"
	done </proc/self/cgroup
}

hierarchy_mount() { # CONTROLLERS: as in /proc/self/cgroup, nothing for the unified hierarchy
	awk -v want="$1" '{
		for (i = 7; $i != "-"; i++);
		options = "," $(i + 3) ","
		if (want == "" ? $(i + 1) == "cgroup2" : $(i + 1) == "cgroup" && index(options, "," want ",")) { print $5; exit }
	}' /proc/self/mountinfo
}

# Root of the world's cgroups, and the cgroup in it for processes. On pure v2 only a leaf may have some.
make_cgroups() { # NAME
	local mount group
	while read -r mount group; do
		if [ "$mount" = /sys/fs/cgroup ]; then
			mkdir "$mount/$1" "$mount/$1/init"
			echo "$mount/$1" "$mount/$1/init"
			continue
		fi
		mkdir "$mount$group/$1"
		if [ -e "$mount$group/$1/cpuset.cpus" ]; then
			cat "$mount$group/cpuset.cpus" >"$mount$group/$1/cpuset.cpus"
			cat "$mount$group/cpuset.mems" >"$mount$group/$1/cpuset.mems"
		fi
		echo "$mount$group/$1" "$mount$group/$1"
	done < <(hierarchies)
}

enter_cgroups() { # DIR FIELD
	local group
	while read -r group; do
		echo $BASHPID >"$group/cgroup.procs"
	done < <(cut -d' ' -f"$2" "$1/cgroups")
}

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

# What was killed may take a moment to be gone.
rmdir_soon() { # CGROUP
	local tries
	for ((tries = 0; tries < 40; tries++)); do
		rmdir "$1" 2>/dev/null && return
		sleep 0.05
	done
	rmdir "$1"
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
		enter_cgroups "$dir" 1
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
	[ ! -d /sys/fs/cgroup/init ] || enter_cgroups "$dir" 2
	mount_system "$dir"
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
mount_system() { # DIR
	local mount groups=()
	mapfile -t groups < <(mounted_hierarchies)
	# The mounts that came along show these hierarchies from above our cgroup namespace, which engines can not use. The
	# host's are others: nothing propagates from here.
	! findmnt -n -o PROPAGATION /sys | grep -qv private || die '/sys is not private'
	umount --recursive /sys
	mount -t sysfs sysfs /sys
	if [ "${groups[*]}" = 'cgroup2 rw /sys/fs/cgroup' ]; then
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
	else
		mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
		for mount in "${groups[@]}"; do
			read -r type options path <<<"$mount"
			mkdir -p "$path"
			mount -t "$type" -o "$options" "$type" "$path"
		done
	fi
}

mounted_hierarchies() { # TYPE OPTIONS PATH
	awk '{
		for (i = 7; $i != "-"; i++);
		if ($(i + 1) == "cgroup2" && ENVIRON["WORLD_CGROUP"] != "v1") print "cgroup2 rw", $5
		if ($(i + 1) == "cgroup") { sub(/^rw,/, "", $(i + 3)); print "cgroup", $(i + 3), $5 }
	}' /proc/self/mountinfo | sort -u
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
	enter_cgroups "$dir" 2
	exec nsenter --target "$(cat "$dir/pid")" --mount --pid --net --ipc --uts --cgroup --wd=/ \
		env -i PATH=$path HOME=/root LANG=C.UTF-8 TERM=dumb "$@"
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
