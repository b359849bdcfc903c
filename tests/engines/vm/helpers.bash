# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # read by the other helpers; bats sets its variables
# Functions for the engines in the machine of tests/vm, where systemd manages cgroups. There are no worlds, because systemd does
# not know the processes of another PID namespace. One engine has both runtimes, and a case runs with one after the other; $RUNTIME
# is the name or path of the current one. The check for leftovers looks at the whole machine, which is discarded at the end.

. "$RUNG_SOURCE/tests/engines/helpers.bash"

IN_TURN=yes

setup_file() {
	start_machine
}

teardown_file() {
	stop_machine
}

teardown() {
	nothing_left
}

start_machine() {
	[ -f /usr/local/lib/vm/wants.tar ] || die 'needs the machine of tests/vm'
	WORLDS=$(mktemp -d /var/tmp/rung-engines.XXXXXX)
	SHARED=$(shared_directory)
	export WORLDS SHARED
	[ "$EUID" != 0 ] || install -m 0755 "$RUNG" /usr/local/bin/rung
	in_world rung bash -c "$prelude"$'\n'"$(declare -f start_engine); start_engine" >"$WORLDS/start" 2>&1 </dev/null 3>&- ||
		fail "$(cat "$WORLDS/start")"
	snapshot >"$WORLDS/before" 2>&1
}

stop_machine() {
	in_world rung bash -c "$prelude"$'\n'"$(declare -f stop_engine); stop_engine" </dev/null 3>&-
}

in_world() { # RUNTIME COMMAND...
	env RUNTIME="$1" SHARED="$SHARED" SOURCE="$RUNG_SOURCE" COMMANDS="$RUNG_TEST_COMMANDS" "${@:2}"
}

snapshot() {
	in_world rung bash -c "$prelude $(declare -f engine_state)"'
		cut -d" " -f5 /proc/self/mountinfo | grep -vE "^/(proc|sys|run/user)" | sort | sed "s/^/mount /"
		find /sys/fs/cgroup -type d -regextype egrep -regex ".*[0-9a-f]{64}.*" -printf "cgroup %p\n" | sort
		systemctl ${USER_MANAGER:-} list-units --plain --no-legend --all --type scope,service,timer "*[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*" | cut -d" " -f1 | sed "s/^/unit /"
		engine_state
		rmdir "$PWD"' </dev/null 3>&-
}

nothing_left() {
	local tries
	for ((tries = 0; tries < 10; tries++)); do
		snapshot >"$WORLDS/after" 2>&1
		! cmp -s "$WORLDS/before" "$WORLDS/after" || return 0
		sleep 1
	done
	diff "$WORLDS/before" "$WORLDS/after" | sed -n "s/^>/left:/p; s/^</gone:/p" >&2
	in_world rung bash -c "$prelude"$'\n'"$(declare -f clean_engine); clean_engine" </dev/null 3>&- >&2 || true
	return 1
}
