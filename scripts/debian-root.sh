#!/usr/bin/env bash
# Runs a command in a new Debian system with a copy of this tree. The system has only make, git, sudo (for a user) and
# certificates installed. It is a directory with its own mount, pid, IPC, UTS and cgroup namespaces, and containers can run
# in it. It uses the machine's network and devices. At the end the script removes all of it.
#
#   debian-root.sh [OPTION]... SUITE COMMAND [ARGUMENT]...       SUITE: bookworm, trixie
#
#     --user         run as the user tester, who has logged in and may use sudo; default: root
#     --with PARTS   install what scripts/install-deps.sh installs for these parts before ("unit lint")
#     --share DIR    show a directory of the machine at /share
#     --keep-go      keep Go's module and build caches for the next run
#
# mmdebstrap makes the system once. The script keeps it as an archive and unpacks it for every run. Needs root (or sudo).
# Status: that of the command; 77: this machine lacks what the last line names; 125: this script failed.
# Environment: DEBIAN_ROOT_CACHE is the directory of archives and running systems (~/.cache/rung-debian, 0.3 to 2 GiB). The
# system gets proxies, Go's settings, RUNG_WERROR and CI.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
# shellcheck source=scripts/cgroups.sh
. "$here/cgroups.sh"

cache=${DEBIAN_ROOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rung-debian}
handed_on=(http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY GOPROXY GOSUMDB GONOSUMDB GOPRIVATE CI RUNG_WERROR)
user=root home=/root with='' share='' keep_go='' suite='' namespaces=''

die() {
	warn "$@"
	exit 125
}
# lacks is for failures that are the machine's and not this script's.
lacks() {
	warn "needs $*"
	exit 77
}

parse_options() {
	while [ $# -gt 0 ]; do
		case $1 in
		--user) user=tester home=/home/tester ;;
		--with) with=${2?--with needs parts} && shift ;;
		--share) share=$(readlink -e "${2?--share needs a directory}") || die "no directory $2" && shift ;;
		--keep-go) keep_go=yes ;;
		-*) die "unknown option $1" ;;
		*) break ;;
		esac
		shift
	done
	[ $# -ge 2 ] || die "usage: ${0##*/} [--user] [--with PARTS] [--share DIR] [--keep-go] SUITE COMMAND [ARGUMENT]..."
	suite=$1
	command=("${@:2}")
}

# ---- the archive ----------------------------------------------------------------------------------------------------

# Sets $archive, and makes the archive if the cache does not have it. Its name contains a hash of everything it is made from.
find_archive() {
	local recipe=("$suite" "$user" "$with" "$(declare -f find_archive bootstrap trust_certificates add_user install_parts)"
		"$(cat /usr/local/share/ca-certificates/*.crt 2>/dev/null)")
	[ -z "$with" ] || recipe+=("$(cat "$here/install-deps.sh")")
	local kind=$cache/$suite-$user${with:+-${with// /+}}
	archive=$kind-$(printf '%s\n' "${recipe[@]}" | sha256sum | cut -c1-12).tar
	[ ! -f "$archive" ] || return 0
	warn "making ${archive##*/}"
	command -v mmdebstrap >/dev/null || lacks 'mmdebstrap: scripts/install-deps.sh debian'
	mkdir "$run/new"
	bootstrap "$run/new"
	[ -z "$with" ] || install_parts "$run/new"
	# Keep apt's lists: scripts/unstable.sh reads the mirror from them.
	tar -C "$run/new" --one-file-system --exclude='./var/cache/apt/archives/*.deb' --xattrs -cf "$run/new.tar" .
	rm -rf --one-file-system "$run/new"
	rm -f "$kind"-????????????.tar # archives of older recipes
	mv "$run/new.tar" "$archive"
}

bootstrap() { # DIR
	local mirror packages=make,git,ca-certificates sources=() settings=()
	[ "$user" = root ] || packages+=,sudo
	mirror=$(debian_mirror 2>/dev/null) || lacks "an apt source of Debian's packages"
	for name in "$suite" "$suite-updates"; do
		sources+=("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $name main")
	done
	# The settings with which this machine reaches its mirror.
	mapfile -t settings < <(apt-config dump | grep -E '^Acquire::(https?::|Check-)' | sed 's/^/--aptopt=/')
	mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" "${settings[@]}" "$suite" "$1" "${sources[@]}" >&2 ||
		explain_bootstrap "$mirror"
	trust_certificates "$1"
	[ "$user" = root ] || add_user "$1"
}

# Finds out why mmdebstrap failed: the mirror cannot be reached, or another reason.
explain_bootstrap() { # MIRROR
	/usr/lib/apt/apt-helper download-file "${1%/}/dists/$suite/InRelease" "$run/InRelease" >&2 ||
		lacks "a mirror with Debian's $suite that can be reached"
	die 'mmdebstrap failed'
}

# Copies the certificates that the administrator of this machine added: proxies and mirrors may need them.
trust_certificates() { # DIR
	local own=(/usr/local/share/ca-certificates/*.crt)
	[ -e "${own[0]}" ] || return 0
	cp "${own[@]}" "$1/usr/local/share/ca-certificates/"
	chroot "$1" update-ca-certificates >/dev/null
}

add_user() { # DIR
	chroot "$1" useradd --create-home --shell /bin/bash "$user"
	printf '%s ALL=(ALL:ALL) NOPASSWD: ALL\n' "$user" >"$1/etc/sudoers.d/$user"
}

install_parts() { # DIR
	local status=0
	mkdir -p "$1$home/parts"
	cp -a "$here" "$repo/go.mod" "$1$home/parts"
	# shellcheck disable=SC2086 # words
	in_root "$1" root /root "$home/parts/scripts/install-deps.sh" $with >&2 || status=$?
	[ $status = 0 ] || lacks "the packages of $with in $suite"
	rm -r "$1$home/parts"
}

# ---- the system -----------------------------------------------------------------------------------------------------

unpack() { # DIR
	mkdir "$1"
	tar -C "$1" --xattrs --xattrs-include='*' -xpf "$archive"
	copy_tree "$1$home/rung"
	[ "$user" = root ] || chroot "$1" chown -R "$user:" "$home"
}

# Clones the tree, and copies uncommitted changes too.
copy_tree() { # DIR
	export GIT_OPTIONAL_LOCKS=0 GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' # the tree may belong to another user
	git clone -q --no-hardlinks "$repo" "$1" || die "cannot clone $repo"
	git -C "$repo" ls-files -z --deleted | (cd "$1" && xargs -0 -r rm -f)
	(cd "$repo" && { git ls-files -z --modified --others --exclude-standard && git diff -z --name-only --cached; } |
		tar --null --verbatim-files-from --ignore-failed-read -cf - -T - 2>/dev/null) | tar -C "$1" -xf -
}

# Runs a command as USER in the system in DIR.
in_root() { # DIR USER WORKDIR COMMAND...
	local status=0
	make_cgroups "rung-root-$$-${1##*/}" >"$run/cgroups"
	(
		enter_cgroups "$run/cgroups" 1
		exec setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --cgroup --fork --kill-child --propagation private \
			bash "$here/debian-root.sh" inside "$run/cgroups" "$share" "${keep_go:+$cache/go/$suite}" "$@"
	) <&0 & # in the background: a shell does not handle signals while it waits for a foreground command
	namespaces=$!
	wait $namespaces || status=$?
	namespaces=
	remove_cgroups_below || die 'cgroups are left behind'
	return $status
}

remove_cgroups_below() {
	local root group left=0
	[ -e "$run/cgroups" ] || return 0
	while read -r root _; do
		[ -d "$root" ] || continue
		while read -r group; do
			rmdir_soon "$group" || left=1
		done < <(find "$root" -depth -type d)
	done <"$run/cgroups"
	[ $left = 1 ] || rm "$run/cgroups"
	return $left
}

# inside is pid 1 of the system. It also reaps orphans while the command runs.
inside() { # CGROUPS SHARE KEEP_GO DIR USER WORKDIR COMMAND...
	local cgroups=$1 share=$2 keep_go=$3 root=$4 user=$5 workdir=$6 name names='' status=0
	shift 6
	[ ! -d /sys/fs/cgroup/init ] || enter_cgroups "$cgroups" 2
	mount_system "$root"
	hostname "${root##*/}"
	cd "$root"
	pivot_root . .
	umount -l .
	cd /
	for name in "${handed_on[@]}"; do
		[ -z "${!name:-}" ] || names=${names:+$names,}$name
	done
	runuser -l ${names:+-w "$names"} "$user" -c "cd $workdir && exec $(printf '%q ' "$@")" || status=$?
	exit $status
}

mount_system() { # DIR
	local root=$1 groups=()
	mapfile -t groups < <(mounted_hierarchies)
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	umount --recursive "$root/sys/fs/cgroup" # the machine's mounts show more than our cgroup namespace
	mount_cgroups "$root" "${groups[@]}"
	mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
	mkdir -m 1777 "$root/run/lock"
	# Since Debian 13 systemd mounts a tmpfs at /tmp.
	grep -q '^VERSION_ID="12"' "$root/etc/os-release" ||
		mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
	if [ -n "$share" ]; then
		mkdir -p "$root/share"
		mount --bind "$share" "$root/share"
	fi
	if [ -n "$keep_go" ]; then
		mkdir -p "$keep_go"/{go,.cache} "$root/root"/{go,.cache}
		mount --bind "$keep_go/go" "$root/root/go"
		mount --bind "$keep_go/.cache" "$root/root/.cache"
	fi
	cp --remove-destination "$(readlink -f /etc/resolv.conf)" "$root/etc/resolv.conf"
	{ cat /etc/hosts && printf '127.0.0.1 localhost %s\n' "${root##*/}"; } >"$root/etc/hosts"
}

# ---- the end --------------------------------------------------------------------------------------------------------

# Removes what killed runs left behind. A run that still goes on holds its lock.
remove_stale() {
	local dir
	for dir in "$cache"/run.*; do
		[ -e "$dir/lock" ] || continue
		(flock -n 9 && run=$dir remove_cgroups_below && rm -rf --one-file-system "$dir") 9<"$dir/lock" || true
	done
}

clean() {
	if [ -n "$namespaces" ]; then
		kill -KILL "$namespaces"
		wait "$namespaces" 2>/dev/null || true
	fi
	remove_cgroups_below || true
	rm -rf --one-file-system "$run"
}

if [ "${1:-}" = inside ]; then
	inside "${@:2}"
fi
parse_options "$@"
[ "$(id -u)" = 0 ] || exec "$here/as-root.sh" "$0" "$@"
umask 022
mkdir -p "$cache"
remove_stale
run=$(mktemp -d "$cache/run.XXXXXX")
trap clean EXIT
trap 'exit 143' TERM INT HUP
chmod 0755 "$run"
exec 9>"$run/lock"
flock 9
find_archive
unpack "$run/$suite"
in_root "$run/$suite" "$user" "$home/rung" "${command[@]}"
