# shellcheck shell=bash
# Makes a subtree of cgroups for processes in a cgroup namespace of their own, on every cgroup layout. To these processes the
# subtree looks like all the machine's cgroups, and they cannot reach others. Scripts source this file after scripts/lib.sh.
# It needs root.

# Prints a line for each hierarchy: its mount, and our cgroup in it.
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

# Makes a child of our own cgroup in each hierarchy. Prints a line for each: the root of the subtree, and the cgroup in it for
# processes. They differ on pure v2, where only a leaf may have processes.
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

# Moves this shell into the cgroups that make_cgroups printed: the roots (FIELD 1) or the cgroups for processes (FIELD 2).
enter_cgroups() { # FILE FIELD
	local group
	while read -r group; do
		echo $BASHPID >"$group/cgroup.procs"
	done < <(cut -d' ' -f"$2" "$1")
}

# Prints a line for each hierarchy: type, options and path of its mount. WORLD_CGROUP=v1 leaves out the unified hierarchy.
mounted_hierarchies() {
	awk '{
		for (i = 7; $i != "-"; i++);
		if ($(i + 1) == "cgroup2" && ENVIRON["WORLD_CGROUP"] != "v1") print "cgroup2 rw", $5
		if ($(i + 1) == "cgroup") { sub(/^rw,/, "", $(i + 3)); print "cgroup", $(i + 3), $5 }
	}' /proc/self/mountinfo | sort -u
}

# Mounts the hierarchies that mounted_hierarchies printed below ROOT. The new mounts show only the cgroup namespace.
mount_cgroups() { # ROOT LINE...
	local root=$1 type options path
	shift
	if [ "$*" = 'cgroup2 rw /sys/fs/cgroup' ]; then
		mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
		return
	fi
	mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
	while read -r type options path; do
		mkdir -p "$root$path"
		mount -t "$type" -o "$options" "$type" "$root$path"
	done < <(printf '%s\n' "$@")
}

# Retries, because a killed process leaves its cgroup a moment after the kill.
rmdir_soon() { # CGROUP
	local tries
	for ((tries = 0; tries < 40; tries++)); do
		rmdir "$1" 2>/dev/null && return
		sleep 0.05
	done
	rmdir "$1"
}
