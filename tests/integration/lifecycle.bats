#!/usr/bin/env bats
# runtime.md, "Operations": the result of each operation in each state of a container, and the state after it.

load helpers

# Brings the container to a state: created, running, paused or stopped.
bring_to() { # STATE
	ID=bats-$$-$BATS_SUITE_TEST_NUMBER-$1-$((++COUNT))
	process sleep 1000
	case $1 in
	created) create_container ;;
	running) start_container ;;
	paused)
		needs_root
		start_container
		rung pause "$ID"
		;;
	stopped)
		process true
		start_container
		wait_until 5 stopped
		;;
	esac
	[ "$(status_of)" = "$1" ] || fail "not $1 but $(status_of)"
}

setup() {
	setup_bundle
	COUNT=0
}

# These tests use several ids, and the helpers look only for $ID.
teardown() {
	ID=bats-$$-$BATS_SUITE_TEST_NUMBER
	teardown_containers
}

# answers STATE STATUS TEXT AFTER OPERATION [ARGUMENT...]: runs the operation with the id of a container in STATE
answers() {
	local state=$1 code=$2 text=$3 after=$4
	shift 4
	bring_to "$state"
	run rung "${@//ID/$ID}"
	[ "$status" -eq "$code" ] || fail "$* of a $state container: status $status instead of $code: $output"
	if [ -n "$text" ]; then
		mentions "$text"
	fi
	# shellcheck disable=SC2153 # set by setup_bundle
	if [ "$after" = gone ]; then
		[ ! -e "$STATE/$ID" ] || fail "$*: $ID is still there"
	else
		wait_until 5 in_state "$after"
	fi
}

in_state() {
	[ "$(status_of)" = "$1" ]
}

@test "create: in every state of a container of that id" {
	answers created 1 'container with given ID already exists' created create -b "$BUNDLE" ID
	answers running 1 'container with given ID already exists' running create -b "$BUNDLE" ID
	answers stopped 1 'container with given ID already exists' stopped create -b "$BUNDLE" ID
	answers paused 1 'container with given ID already exists' paused create -b "$BUNDLE" ID
}

@test "start: in every state" {
	answers created 0 '' running start ID
	answers running 1 'cannot start an already running container' running start ID
	answers stopped 1 'cannot start a container that has stopped' stopped start ID
	answers paused 1 'cannot start a container in the paused state' paused start ID
}

@test "kill: in every state" {
	answers created 0 '' stopped kill ID KILL
	answers running 0 '' stopped kill ID KILL
	answers stopped 1 'container not running' stopped kill ID KILL
	answers stopped 0 '' stopped kill --all ID KILL
	answers paused 0 '' stopped kill ID KILL
}

@test "delete: in every state" {
	answers created 0 '' gone delete ID
	answers running 1 'that is not stopped: running' running delete ID
	answers stopped 0 '' gone delete ID
	answers paused 1 'that is not stopped: paused' paused delete ID
	answers running 0 '' gone delete --force ID
	answers created 0 '' gone delete --force ID
	answers stopped 0 '' gone delete --force ID
	answers paused 0 '' gone delete --force ID
}

@test "exec: in every state" {
	answers created 0 '' created exec ID true
	answers running 0 '' running exec ID true
	answers stopped 255 'cannot exec in a stopped container' stopped exec ID true
	answers paused 255 'cannot exec in a paused container' paused exec ID true
}

@test "pause and resume: in every state" {
	answers created 0 '' paused pause ID
	rung resume "$ID"
	in_state created
	answers running 0 '' paused pause ID
	answers stopped 1 'container not running' stopped pause ID
	answers paused 1 'container not running' paused pause ID
	answers paused 0 '' running resume ID
	answers running 1 'container not paused' running resume ID
	answers stopped 1 'container not paused' stopped resume ID
}

@test "state: in every state, and of a container that is none" {
	local state
	for state in created running stopped paused; do
		answers $state 0 "\"status\": \"$state\"" $state state ID
	done
	run rung state no-such-container
	[ "$status" -eq 1 ]
	mentions 'container does not exist'
}

@test "operations on a container that is none" {
	local operation
	for operation in start kill delete pause resume; do
		run rung $operation no-such-container
		[ "$status" -eq 1 ] || fail "$operation: status $status"
		mentions 'container does not exist'
	done
	run rung exec no-such-container true
	[ "$status" -eq 255 ]
	mentions 'container does not exist'
	rung delete --force no-such-container
}

# What a verb meets then is any error: no /proc/PID/root, no process to enter, a stage that the kernel kills with the container.
# bats test_tags=user
@test "verbs while the container ends: done, or it is not running" {
	local round verb said=$BATS_TEST_TMPDIR/said
	local allowed='cannot exec in a stopped container|container not running|container with id .* is not running'
	for ((round = 0; round < 30; round++)); do
		start_sleeper
		(
			sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
			rung kill "$ID" KILL
		) &
		for verb in exec exec exec exec exec "update --pids-limit 50" kill "events --stats" ps; do
			(
				case $verb in
				exec) rung exec "$ID" true ;;
				kill) rung kill "$ID" 0 ;;
				*) eval "rung $verb \$ID" ;;
				esac >"$said.out" 2>>"$said" </dev/null || true
			) &
		done
		wait
		rung delete -f "$ID"
	done
	is_root || allowed+='|pids|cgroup' # a plain user may have no cgroup to limit
	grep -vE "$allowed" "$said" >"$said.other" || true # a process that runs when the container ends says nothing
	[ ! -s "$said.other" ] || fail "$(sort "$said.other" | uniq -c)"
}
