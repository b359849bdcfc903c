#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153 # variables of bats and helpers, scripts for inner shells
# rung kill: signals by name and number, and in each state.

load helpers
load commands

# A process that tells which signal it got, and ends with it.
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

# runc#4047: what is left of a container whose init has ended, without a PID namespace of its own.
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
	run -1 rung kill "$ID" -9
	run -1 rung kill "$ID" 1234
	[ "$(status_of)" = running ]
}

@test "kill: a container that does not exist" {
	run -1 rung kill "$ID"
	mentions 'container does not exist'
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
