#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# SCMP_ACT_NOTIFY: the agent of linux.seccomp.listenerPath gets the filter's listener and the container process state before the
# process makes a system call that the filter asks about.
#
# The agent `seccompagent` of tests/cmd makes chmod fail with ENOMEDIUM, and mkdir succeed without making anything.

load helpers

setup() {
	setup_bundle
	command -v "$RUNG_TEST_COMMANDS/seccompagent" >/dev/null || skip "needs the programs of tests/cmd: make test-commands"
	[ "$(uname -m)" = x86_64 ] || skip "needs an x86-64 machine: the numbers of system calls are its own"
	AGENT=$BATS_TEST_TMPDIR/agent.sock
	STATES=$BATS_TEST_TMPDIR/states
	start_agent
}

teardown() {
	stop_agent
	teardown_containers
}

start_agent() {
	"$RUNG_TEST_COMMANDS/seccompagent" "$AGENT" >"$STATES" 3>&- &
	AGENT_PID=$!
	wait_until 5 test -S "$AGENT"
}

stop_agent() {
	[ -n "${AGENT_PID:-}" ] || return 0
	kill "$AGENT_PID"
	wait "$AGENT_PID" || true
	AGENT_PID=
}

# asks [SYSTEM CALL...]: sets a profile that asks the agent about these
asks() {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $agent, listenerMetadata: "of the test",
		syscalls: [{names: $ARGS.positional, action: "SCMP_ACT_NOTIFY"}]}' --arg agent "$AGENT" --args -- "$@"
}

no_new_privs() { # true|false
	config '.process.noNewPrivileges = $on' --argjson on "$1"
}

# Prints the states that the agent has received through a jq filter, one a line.
states() { # FILTER
	jq -c "$1" "$STATES"
}

# bats test_tags=user
@test "the agent answers, with and without no_new_privs" {
	local on
	for on in true false; do
		asks mkdir mkdirat chmod fchmod fchmodat fchmodat2
		no_new_privs $on
		process sh -c 'mkdir /dev/shm/dir && ls /dev/shm; chmod 700 /dev/shm'
		run_container
		[ "$status" -ne 0 ]
		says 'chmod: /dev/shm: No medium found'
	done
	[ "$(states .metadata | sort -u)" = '"of the test"' ]
}

# bats test_tags=user
@test "the state that the agent gets is the specification's" {
	asks mkdir mkdirat
	config '.annotations = {"a.b": "c"}'
	inside 'mkdir /dev/shm/dir'
	[ "$(states '[.ociVersion, .fds, .metadata]')" = "$(jq -c '[.ociVersion, ["seccompFd"], "of the test"]' <("$RUNG" features | jq '{ociVersion: .ociVersionMax}'))" ]
	[ "$(states '[.state.id, .state.status, .state.bundle, .state.annotations["a.b"], .pid == .state.pid]')" = \
		"[\"$ID\",\"creating\",\"$BUNDLE\",\"c\",true]" ]
	[ "$(states '.pid > 1')" = true ]
}

# Between loading the filter and execve, the start must not wait for an agent that has no listener yet (runc#4328).
# bats test_tags=user
@test "system calls of the start itself may be asked about" {
	local on
	for on in true false; do
		asks execve openat open read close fcntl capset prctl recvmsg sendmsg ioctl exit_group
		no_new_privs $on
		inside 'echo runs'
		says runs
	done
}

# runs_when_started: starts the container, whose program makes a directory with the agent's help
runs_when_started() {
	rung start "$ID"
	# shellcheck disable=SC2153 # create_container sets it
	wait_until 5 grep -q made "$OUTPUT"
	[ "$(status_of)" = running ]
}

# As with runc: an agent may wait for the listener before it starts the container (contest of youki, seccomp_notify).
# bats test_tags=user
@test "create: the agent gets the listener before start" {
	local on
	for on in true false; do
		asks mkdir mkdirat
		no_new_privs $on
		process sh -c 'mkdir /dev/shm/dir && ls /dev/shm && echo made && sleep 1000'
		create_container
		[ "$(states '[.state.status, .pid == .state.pid]' | tail -1)" = '["creating",true]' ]
		[ "$(status_of)" = created ]
		runs_when_started
		rung delete --force "$ID"
	done
	[ "$(states .pid | wc -l)" -eq 2 ]
}

@test "create: a process that waits for start under its filter ends at SIGTERM" {
	asks mkdir
	create_container
	rung kill "$ID" TERM
	wait_until 5 stopped
}

# A filter must not disturb the wait for start.
@test "a filter that asks about what the wait for start takes, or denies it, is loaded at start" {
	local calls
	for calls in read ppoll accept4; do
		asks mkdir mkdirat $calls
		process sh -c 'mkdir /dev/shm/dir && ls /dev/shm && echo made && sleep 1000'
		create_container
		runs_when_started
		[ "$(states .state.status | tail -1)" = '"created"' ]
		rung delete --force "$ID"
	done
	asks mkdir mkdirat
	config '.linux.seccomp.syscalls += [{names: ["accept4", "signalfd4"], action: "SCMP_ACT_ERRNO"}]'
	create_container
	runs_when_started
	[ "$(states .state.status | tail -1)" = '"created"' ]
}

@test "exec: a process of its own, a listener of its own" {
	asks mkdir mkdirat
	start_sleeper
	exec_in sh -c 'mkdir /dev/shm/dir && ls /dev/shm && echo made'
	[ "$status" -eq 0 ]
	says made
	[ "$(states '[.state.status, .pid == .state.pid]' | tail -1)" = '["running",false]' ]
	[ "$(states .state.pid | tail -1)" = "$(init_pid)" ]
}

@test "a startContainer hook is asked about too, and has no more descriptors" {
	asks mkdir mkdirat
	process true
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c",
		"mkdir /tmp/dir && [ ! -e /tmp/dir ] && [ \"$(ls /proc/self/fd | wc -l)\" -eq 4 ]"]}]'
	run_container
	says ''
	[ "$status" -eq 0 ]
	[ "$(states .state.status)" = $'"creating"\n"created"' ]
}

# bats test_tags=user
@test "without an agent nothing starts, and the error says why" {
	asks mkdir
	stop_agent
	process echo runs
	refused 'linux.seccomp.listenerPath: failed to connect with seccomp agent' 'connection refused'
	config '.linux.seccomp.listenerPath = "@rung-no-such-agent"'
	refused 'linux.seccomp.listenerPath: failed to connect with seccomp agent' 'connection refused'
	rm "$AGENT"
	asks mkdir
	refused 'failed to connect with seccomp agent' 'no such file or directory'
}

# bats test_tags=user
@test "create without an agent fails, and leaves nothing behind" {
	asks mkdir
	stop_agent
	run rung create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'linux.seccomp.listenerPath: failed to connect with seccomp agent'
	run rung state "$ID"
	[ "$status" -eq 1 ]
}

@test "start without an agent fails, and the container is stopped" {
	asks mkdir accept4
	process sleep 1000
	create_container
	stop_agent
	run rung start "$ID"
	[ "$status" -eq 1 ]
	mentions 'failed to connect with seccomp agent'
	wait_until 5 stopped
}

# bats test_tags=user
@test "an agent that ends lets the calls fail with ENOSYS" {
	asks mkdir mkdirat
	process sh -c 'touch /dev/shm/up; while [ -e /dev/shm/up ]; do mkdir /dev/shm/dir || exit 3; sleep 0.1; done'
	(wait_until 10 test -s "$STATES" && kill "$AGENT_PID") 3>&- &
	run_container
	[ "$status" -eq 3 ]
	mentions 'Function not implemented'
	AGENT_PID=
}

# bats test_tags=user
@test "hooks of startContainer run in a container with a listener" {
	asks mkdir mkdirat
	config '.hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo ran >/dev/shm/hook"]}]}'
	inside 'cat /dev/shm/hook'
	says ran
}

# bats test_tags=user
@test "listenerPath without a rule that asks is ignored" {
	asks
	config '.linux.seccomp.syscalls = []'
	stop_agent
	inside 'mkdir /dev/shm/dir && echo made'
	says made
}

# bats test_tags=user
@test "WAIT_KILLABLE_RECV" {
	asks mkdir mkdirat
	config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
	inside 'mkdir /dev/shm/dir && echo made'
	says made
}

# bats test_tags=user
@test "profiles that could never work are refused" {
	asks write
	refused 'linux.seccomp.syscalls[0].names[0]' 'SCMP_ACT_NOTIFY cannot be used for the write syscall'
	asks mkdir
	config '.linux.seccomp.defaultAction = "SCMP_ACT_NOTIFY"'
	refused 'linux.seccomp.defaultAction' 'SCMP_ACT_NOTIFY cannot be used as default action'
	asks mkdir
	config 'del(.linux.seccomp.listenerPath)'
	refused 'linux.seccomp.listenerPath'
}
