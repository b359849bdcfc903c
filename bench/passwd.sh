#!/usr/bin/env bash
# Measures what a long /etc/passwd or /etc/group in an image costs (CVE-2026-135844): the user and system time of `rung run`
# and `rung exec` with all their children. Needs root.
#
#   passwd.sh [ROUNDS]      ROUNDS of each command (default 20); prints a table in milliseconds for one command
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(dirname "$(readlink -f "$0")")")/scripts/lib.sh"

rounds=${1:-20}
rung=${RUNG:-$repo/rung}
size=100000000
work=$(mktemp -d /var/tmp/rung-passwd.XXXXXX)
state=$work/state
clean() {
	"$rung" --root "$state" delete --force passwd || true
	rm -rf --one-file-system "$work"
}
trap clean EXIT

make_bundle() {
	"$repo/scripts/busybox-rootfs.sh" "$work/rootfs"
	(cd "$work" && "$rung" spec)
	jq '.process.terminal = false | .process.args = ["/bin/true"] | .process.env = ["PATH=/bin"]' "$work/config.json" >"$work/run.json"
	mv "$work/rootfs/etc" "$work/etc"
}

# Restores the image's /etc and makes a file of that kind there.
make_file() { # passwd|group KIND
	rm -rf "$work/rootfs/etc"
	cp -a "$work/etc" "$work/rootfs/etc"
	case $2 in
	as-it-is) ;;
	newlines) head -c $size /dev/zero | tr '\0' '\n' >"$work/rootfs/etc/$1" ;;
	one-line) head -c $size /dev/zero | tr '\0' x >"$work/rootfs/etc/$1" ;;
	sparse) rm "$work/rootfs/etc/$1" && truncate -s $size "$work/rootfs/etc/$1" ;;
	half-users) head -c $size < <(yes '::0') >"$work/rootfs/etc/$1" ;;
	random) head -c $size /dev/urandom >"$work/rootfs/etc/$1" ;;
	esac
}

# Prints the processor time of one round in milliseconds.
time_of() { # COMMAND...
	local i spent
	TIMEFORMAT='%U %S'
	spent=$({ time for ((i = 0; i < rounds; i++)); do "$@" >/dev/null 2>&1 </dev/null; done; } 2>&1)
	awk -v rounds="$rounds" '{ printf "%.1f", ($1 + $2) * 1000 / rounds }' <<<"$spent"
}

run_once() {
	"$rung" --root "$state" run -b "$work" measured
}

exec_once() {
	"$rung" --root "$state" exec passwd /bin/true
}

measure() { # passwd|group KIND
	local run
	make_file "$1" "$2"
	cp "$work/run.json" "$work/config.json"
	run_once && run=$(time_of run_once)
	jq '.process.args = ["/bin/sleep", "1000"]' "$work/run.json" >"$work/config.json"
	"$rung" --root "$state" run -d -b "$work" passwd >/dev/null 2>&1 </dev/null
	exec_once
	printf '| /etc/%s | %s | %s | %s |\n' "$1" "$2" "$run" "$(time_of exec_once)"
	"$rung" --root "$state" delete --force passwd
}

make_bundle
echo '| file | content, of 100 MB | run, ms | exec, ms |'
echo '|---|---|---|---|'
for file in passwd group; do
	for kind in as-it-is newlines one-line sparse half-users random; do
		measure "$file" "$kind"
	done
done
