# shellcheck shell=bash
# What the scripts share: where the tree is, and how to speak.

# shellcheck disable=SC2034 # used by the scripts that source this
repo=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

# Scripts and tests read what programs say.
export LC_ALL=C.UTF-8

warn() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	warn "$@"
	exit 1
}

# A busybox that runs in an empty root file system. Alpine's is called busybox.static, beside one that is not.
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

# The mirror of the machine's own apt sources.
debian_mirror() {
	local uri
	# shellcheck disable=SC2016 # expanded by apt
	uri=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
	[ -n "$uri" ] || die "apt knows no source of Debian's packages"
	printf '%s\n' "$uri"
}

# The line of sources.list for a suite of Debian, on that mirror.
suite_source() { # SUITE
	local mirror
	mirror=$(debian_mirror) || return
	printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$mirror" "$1"
}

# The plain user of the tests and of the engines' rootless bundles: umoci writes the user's id into the mappings of
# the configuration, so that whoever runs it must have the same.
# shellcheck disable=SC2034
plain_uid=4242

# The cgroups that engines put their containers' below, and that stay when these are gone: those not there yet, one a
# line, the inner before the outer.
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
