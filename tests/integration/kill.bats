#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153 # variables of bats and helpers, scripts for inner shells
# rung kill: signals by name and number, and in each state.

load helpers
load commands

# Starts a process that prints the signal that it gets, and ends.
start_listener() {
	process sh -c 'for s in TERM HUP USR1 USR2 INT; do trap "echo $s; exit 3" $s; done
		echo ready; while :; do sleep 0.02; done'
	start_container
	wait_until 5 grep -q ready "$OUTPUT"
}

got() { # SIGNAL
	wait_until 5 stopped
	[ "$(tail -n 1 "$OUTPUT")" = "$1" ]
}

# bats test_tags=user
@test "kill: SIGTERM unless told otherwise" {
	start_listener
	run -0 rung kill "$ID"
	says ''
	got TERM
}

# bats test_tags=user
@test "kill: by name" {
	start_listener
	rung kill "$ID" HUP
	got HUP
}

@test "kill: by name with SIG, in any case" {
	start_listener
	rung kill "$ID" sigUsr1
	got USR1
}

@test "kill: by name in lower case" {
	start_listener
	rung kill "$ID" int
	got INT
}

# bats test_tags=user
@test "kill: by number" {
	start_listener
	rung kill "$ID" 12
	got USR2
}

# bats test_tags=user
@test "kill: signal 0 only asks" {
	start_sleeper
	run -0 rung kill "$ID" 0
	[ "$(status_of)" = running ]
}

# bats test_tags=user
@test "kill: KILL ends all of the container" {
	process sh -c 'sleep 1000 & sleep 1000'
	start_container
	local pids
	wait_until 5 eval '[ "$(rung exec $ID sh -c "ls -d /proc/[0-9]*" | wc -l)" -ge 3 ]'
	pids=$(pgrep -P "$(init_pid)")
	rung kill "$ID" KILL
	wait_until 5 stopped
	for pid in $pids; do
		wait_until 5 dead "$pid"
	done
}

@test "kill: KILL ends all, also where the PID namespace is the host's" {
	needs_root
	config '.linux.namespaces |= map(select(.type != "pid"))'
	process sh -c 'sleep 1000 & echo $! ; sleep 1000'
	start_container
	wait_until 5 test -s "$OUTPUT"
	rung kill "$ID" KILL
	wait_until 5 stopped
	wait_until 5 dead "$(cat "$OUTPUT")"
}

# runc#4047: processes of a container without a PID namespace may outlive its init.
@test "kill: KILL ends what outlived init where the PID namespace is the host's" {
	needs_root
	config '.linux.namespaces |= map(select(.type != "pid"))'
	start_sleeper
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	kill -9 "$(init_pid)"
	wait_until 5 stopped
	run -1 rung kill "$ID" TERM
	mentions 'container not running'
	run -0 rung kill "$ID" KILL
	wait_until 5 dead "$(cat "$BATS_TEST_TMPDIR/pid")"
	wait_until 5 eval '[ -z "$(cgroup_value pids cgroup.procs)" ]'
	run -1 rung kill "$ID" KILL
	mentions 'container not running'
}

# bats test_tags=user
@test "kill: a container that was not started" {
	create_container
	rung kill "$ID" KILL
	wait_until 5 stopped
}

# bats test_tags=user
@test "kill: a stopped container" {
	process true
	start_container
	wait_until 5 stopped
	run -1 rung kill "$ID"
	mentions 'container not running'
	run -1 rung kill "$ID" KILL
	mentions 'container not running'
}

# bats test_tags=user
@test "kill -a, --all: accepted, and then a stopped container is no error" {
	start_listener
	rung kill --all "$ID" TERM
	got TERM
	run -0 rung kill -a "$ID"
}

# bats test_tags=user
@test "kill --all: a container that is being created is an error" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo >$1; while [ -e $1 ]; do sleep 0.05; done", "sh", $at]}]' \
		--arg at "$BATS_TEST_TMPDIR/hook"
	rung create -b "$BUNDLE" "$ID" <&- >/dev/null 2>&1 3>&- &
	wait_until 10 test -e "$BATS_TEST_TMPDIR/hook"
	run -1 rung kill --all "$ID" KILL
	mentions 'container not running' 'hooks.createRuntime[0]'
	rm "$BATS_TEST_TMPDIR/hook"
	wait $!
	[ "$(status_of)" = created ]
}

@test "kill: a frozen container dies of KILL" {
	needs_root
	needs_controller freezer
	start_sleeper
	freeze_cgroup
	rung kill "$ID" KILL
	wait_until 5 stopped
}

# systemd as the first process of a container stops on SIGRTMIN+3.
# bats test_tags=user
@test "kill: real-time signals by name" {
	local name
	for name in SIGRTMIN+3 rtmin+3 RTMAX-27 37; do
		process sh -c 'trap "echo got 37; exit" 37; echo ready; while :; do sleep 0.05; done'
		start_container
		wait_until 5 grep -q ready "$OUTPUT"
		rung kill "$ID" "$name"
		wait_until 5 grep -q 'got 37' "$OUTPUT"
		wait_until 5 stopped
		rung delete "$ID"
	done
	start_sleeper
	for name in SIGRTMIN+31 SIGRTMIN-1 SIGRTMAX+1 SIGRTMIN+x SIGRT; do
		run -1 rung kill "$ID" "$name"
		mentions 'unknown signal'
	done
}

# bats test_tags=user
@test "kill: an unknown signal" {
	start_sleeper
	run -1 rung kill "$ID" NOPE
	mentions 'unknown signal' NOPE
	run -1 rung kill "$ID" 1234
	mentions 'invalid argument'
	[ "$(status_of)" = running ]
}

# As with runc: what is behind the id is no option. A number may have a sign, and there is no signal -9.
# bats test_tags=user
@test "kill: signals that begin with a dash, in front of the id and behind it" {
	local sig
	start_sleeper
	run -0 rung kill "$ID" -0
	[ -z "$output" ]
	for sig in -9 -15 -1 65 1234; do
		run -1 rung kill "$ID" "$sig"
		mentions "signal $sig " 'invalid argument'
	done
	run -1 rung kill "$ID" -- -9
	mentions 'signal -9 ' 'invalid argument'
	for sig in -KILL -SIGKILL -kill -k -s9 --KILL --all -a; do
		run -1 rung kill "$ID" "$sig"
		[[ $output == *'unknown signal'*"$sig"* && $output != *Usage* ]] || fail "$sig: $output"
	done
	run -1 rung kill "$ID" -s KILL
	mentions 'requires a maximum of 2 argument(s)'
	for sig in -KILL -s; do
		run -1 rung kill "$sig" "$ID"
		mentions "flag provided but not defined: $sig"
	done
	run -1 rung kill -9 "$ID"
	[ "$(status_of)" = running ]
	run -0 rung kill "$ID" +9
	wait_until 5 stopped
}

@test "kill: a container that does not exist" {
	run -1 rung kill "$ID"
	mentions 'container does not exist'
}

# The state has the start time of the process that rung made. Another process with the same pid has another start time.
@test "kill: the process that took the number of a dead one gets no signal" {
	start_sleeper
	rung kill "$ID" KILL
	wait_until 5 stopped
	sleep 100 3>&- &
	local other=$! signal
	jq --argjson pid "$other" '.pid = $pid' "$STATE/$ID/state.json" >state.new
	mv state.new "$STATE/$ID/state.json"
	for signal in TERM KILL; do
		run rung kill "$ID" "$signal"
		[ "$status" -eq 1 ] || fail "$signal: status $status: $output"
		mentions 'container not running'
		kill -0 "$other"
	done
	kill "$other"
}

@test "kill: wrong number of arguments" {
	run -1 rung kill
	mentions 'requires a minimum of 1 argument(s)'
	run -1 rung kill a KILL c
	mentions 'requires a maximum of 2 argument(s)'
}

# bats test_tags=user
@test "kill: SIGTERM ends a container that was created and not started" {
	process sleep 100
	rung create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	run -0 rung kill "$ID" TERM
	wait_until 5 stopped
}

@test "kill: a container that was created ignores SIGUSR1 and still starts" {
	process echo started
	rung create -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
	rung kill "$ID" USR1
	rung start "$ID"
	wait_until 5 stopped
	grep -q started "$BATS_TEST_TMPDIR/out"
}
