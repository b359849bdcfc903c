#!/usr/bin/env bats
# rung ps: the container's processes, as the host's ps shows them.

load helpers

setup() {
	needs_root
	needs_command ps
	setup_bundle
}

@test "ps: a table of the container's processes and of no others" {
	process sh -c 'sleep 1001 & exec sleep 1002'
	start_container
	wait_until 5 eval 'rung ps "$ID" | grep -q "sleep 1001" && rung ps "$ID" | grep -q "sleep 1002"'
	run rung ps "$ID"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
	[ "${#lines[@]}" -eq 3 ]
	mentions 'sleep 1001' 'sleep 1002'
}

@test "ps: what follows the id is for ps" {
	start_sleeper
	run rung ps "$ID" -o pid,comm -e
	[ "$status" -eq 0 ]
	[ "$(awk '{ print $1, $2 }' <<<"$output")" = "PID COMMAND"$'\n'"$(init_pid) sleep" ]
	run rung ps "$ID" -e -x
	[[ ${lines[0]} =~ PID\ +TTY\ +STAT\ +TIME\ +COMMAND ]]
}

@test "ps -f, --format json: their numbers" {
	local pid
	start_sleeper
	pid=$(init_pid)
	for option in '-f json' --format=json; do
		# shellcheck disable=SC2086 # two words
		run rung ps $option "$ID"
		says "[$pid]"
	done
}

@test "ps: processes in sub-cgroups" {
	needs_controller pids
	start_sleeper
	mkdir "$(cgroup_path devices)/sub"
	init_pid >"$(cgroup_path devices)/sub/cgroup.procs"
	run rung ps -f json "$ID"
	says "[$(init_pid)]"
}

@test "ps: a paused container, and one that has stopped" {
	start_sleeper
	rung pause "$ID"
	[ "$(rung ps -f json "$ID")" = "[$(init_pid)]" ]
	rung resume "$ID"
	rung kill "$ID" KILL
	wait_until 5 stopped
	run rung ps "$ID"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
}

@test "ps: what is wrong is said" {
	start_sleeper
	run -1 rung ps
	mentions 'requires a minimum of 1 argument'
	run -1 rung ps no-such-container
	mentions 'container does not exist'
	run -1 rung ps -f xml "$ID"
	mentions 'invalid format option'
	run -1 rung ps "$ID" -o comm
	mentions "couldn't find PID field in ps output"
	run -1 rung ps "$ID" --no-such-option
	mentions 'ps --no-such-option: exit status 1'
}

@test "ps: a container that runs, and whose cgroup is gone" {
	needs_root
	start_sleeper
	local pid directory
	pid=$(init_pid)
	for directory in $(cgroups_at "*/$ID"); do
		echo "$pid" >"$(dirname "$directory")/cgroup.procs" || true
		rmdir "$directory"
	done
	run -1 rung ps "$ID"
	mentions "container's cgroup does not exist"
	run -1 rung ps --format json "$ID"
	rung delete --force "$ID"
}

@test "the monitor of rung's Go runtime is there while ps runs" {
	start_container
	printf '#!/bin/sh\nsleep 0.1\nexec /bin/ps "$@"\n' >"$BATS_TEST_TMPDIR/ps"
	chmod +x "$BATS_TEST_TMPDIR/ps"
	PATH=$BATS_TEST_TMPDIR:$PATH with_monitor "$RUNG" --root "$STATE" ps "$ID"
}
