# shellcheck shell=bash
# Variables and functions that the scripts share.

# shellcheck disable=SC2034 # used by the scripts that source this
repo=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

# Scripts and tests parse messages of programs, which must not be translated.
export LC_ALL=C.UTF-8

warn() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	warn "$@"
	exit 1
}

# Prints the path of a busybox that runs in an empty root file system. Alpine's static one is busybox.static; its busybox is
# dynamic.
static_busybox() {
	local name path
	for name in busybox busybox.static; do
		path=$(command -v "$name") || continue
		ldd "$path" >/dev/null 2>&1 || {
			printf '%s\n' "$path"
			return
		}
	done
	return 1
}

# Prints the mirror of the machine's own apt sources.
debian_mirror() {
	local uri
	# shellcheck disable=SC2016 # expanded by apt
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
	[ -n "$uri" ] || die "apt knows no source of Debian's packages"
	printf '%s\n' "$uri"
}

# Prints the line of sources.list for a suite of Debian on that mirror.
suite_source() { # SUITE
	local mirror
	mirror=$(debian_mirror) || return
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$1"
}

# Makes a configuration of apt with lists and archives of its own: DIR/apt.conf. The caller writes DIR/sources.list.
configure_apt() { # DIR ARCH
	mkdir -p "$1"/{parts,lists/partial,archives/partial}
	: >"$1/status"
	cat >"$1/apt.conf" <<-END
		APT::Architecture "$2";
		APT::Architectures { "$2"; };
		Dir::Etc::sourcelist "$1/sources.list";
		Dir::Etc::sourceparts "$1/parts";
		Dir::Etc::preferencesparts "$1/parts";
		Dir::State "$1";
		Dir::State::status "$1/status";
		Dir::State::lists "$1/lists";
		Dir::Cache "$1";
		Dir::Cache::archives "$1/archives";
		APT::Sandbox::User "$(id -un)";
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Debug::NoLocking "true";
	END
}

# Mounts a /dev of its own, so that a broken rung cannot replace or chown a device of the machine, and so that nobody else's
# trial changes ours. Needs a private mount namespace.
own_dev() { # DIR
	local dev=$1 below
	mkdir -p "$dev"
	mount -t tmpfs -o mode=755 none "$dev"
	cp -a --one-file-system /dev/. "$dev/"
	for below in pts shm mqueue; do
		mountpoint -q "/dev/$below" || continue
		mkdir -p "$dev/$below"
		mount --bind "/dev/$below" "$dev/$below"
	done
	mount --rbind "$dev" /dev
	umount -l "$dev"
}

# Leaves only the v1 hierarchies below /sys/fs/cgroup, on a machine that has a unified one beside them: crun refuses that layout,
# and takes an empty directory "unified" for a hierarchy. Needs a private mount namespace.
pure_v1() {
	local view hierarchy
	mountpoint -q /sys/fs/cgroup/unified || return 0
	view=$(mktemp -d)
	mount -t tmpfs -o mode=755 none "$view"
	for hierarchy in /sys/fs/cgroup/*; do
		[ "$(stat -f -c %T "$hierarchy")" = cgroupfs ] || continue
		mkdir "$view/${hierarchy##*/}"
		mount --bind "$hierarchy" "$view/${hierarchy##*/}"
	done
	mount -o remount,ro "$view"
	mount --move "$view" /sys/fs/cgroup
	rmdir "$view"
}

# The uid of the plain user in the tests and in the engines' rootless bundles. It is the same in both, because umoci writes
# it into the id mappings of the configuration.
# shellcheck disable=SC2034
plain_uid=4242

# Prints the parent cgroups of engines' containers that do not exist yet, one a line, children first. The engines leave them
# behind.
absent_cgroups() {
	local hierarchy group
	for hierarchy in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ -e "$hierarchy/cgroup.procs" ] || continue
		for group in docker default libpod_parent/conmon libpod_parent; do
			[ -d "$hierarchy/$group" ] || echo "$hierarchy/$group"
		done
	done
}

remove_cgroups() { # PATH...
	local group
	for group; do
		[ ! -d "$group" ] || rmdir "$group" || warn "left behind: $group"
	done
}
