#!/usr/bin/env bash
# Runs a command as Podman runs its runtime for a plain user: as root of a user namespace that holds the user's own id
# and all of the subordinate ones, in a mount namespace of its own.
#
#   in-userns.sh COMMAND [ARGUMENT...]
#
# unshare --map-auto would map one id fewer than Podman does.
set -euo pipefail

[ $# -gt 0 ] || {
	echo "usage: ${0##*/} COMMAND [ARGUMENT...]" >&2
	exit 2
}

range() { # FILE: the start and the count of the user's first range
	awk -F : -v name="$(id -un)" -v uid="$(id -u)" '$1 == name || $1 == uid { print $2, $3; exit }' "$1"
}

read -r first_uid uids < <(range /etc/subuid) || true
read -r first_gid gids < <(range /etc/subgid) || true
if [ -z "${uids:-}" ] || [ -z "${gids:-}" ]; then
	echo "${0##*/}: $(id -un) has no subordinate ids in /etc/subuid and /etc/subgid" >&2
	exit 1
fi

# A helper outside maps the ids of this very process, which then becomes the command: signals and the exit status
# need no handing on.
fifo=$(mktemp -u "${XDG_RUNTIME_DIR:-/tmp}/in-userns.XXXXXX")
mkfifo -m 0600 "$fifo"
(
	read -r _ <"$fifo" # the namespace is there
	rm "$fifo"
	newuidmap $$ 0 "$(id -u)" 1 1 "$first_uid" "$uids"
	newgidmap $$ 0 "$(id -g)" 1 1 "$first_gid" "$gids"
) &
# shellcheck disable=SC2016 # expanded inside
exec unshare --user --mount -- bash -c '
	echo ready >"$1" && wait_for=$2 && shift 2
	mapped() { [ "$(awk "END { print NR }" /proc/self/gid_map)" = 2 ]; }
	until mapped; do # the helper may do it, and end, between two looks
		kill -0 "$wait_for" 2>/dev/null || mapped || exit 1
		sleep 0.01
	done
	exec setpriv --reuid 0 --regid 0 --clear-groups "$@"' in-userns "$fifo" $! "$@"
