# shellcheck shell=bash
# A subtree of cgroups for processes in a cgroup namespace of their own, whatever layout the machine has: what runs in it
# takes the subtree for the machine's cgroups and cannot reach any others. Sourced; needs root, and scripts/lib.sh.

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

# Makes a child of our own cgroup in each hierarchy. One line each: the root of the subtree, and the cgroup in it for
# processes. On pure v2 only a leaf may have some.
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

# Moves this shell into the cgroups that make_cgroups printed: their roots (field 1) or those for processes (2).
enter_cgroups() { # FILE FIELD
	local group
	while read -r group; do
		echo $BASHPID >"$group/cgroup.procs"
	done < <(cut -d' ' -f"$2" "$1")
}

# One line a hierarchy: type, options and place of its mount. WORLD_CGROUP=v1 leaves out the unified one.
mounted_hierarchies() {
	awk '{
		for (i = 7; $i != "-"; i++);
		if ($(i + 1) == "cgroup2" && ENVIRON["WORLD_CGROUP"] != "v1") print "cgroup2 rw", $5
		if ($(i + 1) == "cgroup") { sub(/^rw,/, "", $(i + 3)); print "cgroup", $(i + 3), $5 }
	}' /proc/self/mountinfo | sort -u
}

# Mounts what mounted_hierarchies printed, below ROOT, where no cgroups are mounted. It shows the cgroup namespace.
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

# What was killed may take a moment to be gone.
rmdir_soon() { # CGROUP
	local tries
	for ((tries = 0; tries < 40; tries++)); do
		rmdir "$1" 2>/dev/null && return
		sleep 0.05
	done
	rmdir "$1"
}
