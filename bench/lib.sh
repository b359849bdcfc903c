# shellcheck shell=bash
# What the measuring scripts share. They source this file after scripts/lib.sh.

# The runtimes. crun and runc are the newest that can be had.
# shellcheck disable=SC2034 # used by the scripts that source this
names=(rung crun runc crun-debian runc-debian)

# Makes /sys/fs/cgroup pure v1 or pure v2: Debian's crun does not recognise a hybrid machine. Needs a private mount namespace. A new
# mount of cgroup2 would set its options for the whole machine.
enter_view() { # v1|v2
	case $1,$(stat -fc %T /sys/fs/cgroup) in
	v1,cgroup2fs) die 'needs cgroup v1: this machine has v2 only' ;;
	v1,*) [ ! -d /sys/fs/cgroup/unified ] || mount -t tmpfs none /sys/fs/cgroup/unified ;;
	v2,cgroup2fs) ;;
	v2,*) mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup || die 'needs a cgroup v2 hierarchy' ;;
	esac
}

# Mounts a tmpfs for the roots of the runtimes. Needs a private mount namespace.
make_state() { # WORK
	local name
	mkdir -p "$1/state"
	mount -t tmpfs none "$1/state"
	for name in floor empty "${names[@]}"; do
		mkdir "$1/state/$name"
	done
}

# Makes a bundle of the one in WORK/bundle, with the same root filesystem.
derive() { # WORK NAME FILTER
	mkdir -p "$1/$2"
	jq --arg root "$1/bundle/rootfs" ".root.path = \$root | $3" "$1/bundle/config.json" >"$1/$2/config.json"
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}
