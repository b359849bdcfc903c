#!/usr/bin/env bats
# sd_notify(3): through rung a container tells the service manager that it is ready.

load helpers
load commands

setup() {
	setup_bundle
	MANAGER=$BATS_TEST_TMPDIR/manager.sock
	SAID=$BATS_TEST_TMPDIR/said
	"$RUNG_TEST_COMMANDS/notify" manager "$MANAGER" >"$SAID" 3>&- &
	MANAGER_PID=$!
	wait_until 5 test -S "$MANAGER"
	export NOTIFY_SOCKET=$MANAGER
	cp "$RUNG_TEST_COMMANDS/notify" "$BATS_TEST_TMPDIR/notify"
	add_mount "{\"destination\": \"/tmp/notify\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/notify\", \"options\": [\"bind\"]}"
	own_rootfs
	touch "$ROOTFS/tmp/notify"
}

teardown() {
	kill "$MANAGER_PID"
	unset NOTIFY_SOCKET
	teardown_containers
}

said() { # LINE
	grep -qxF "$1" "$SAID"
}

# bats test_tags=user
@test "notify: run hands on READY=1, and the manager is to follow rung" {
	process sh -c 'echo "$NOTIFY_SOCKET"; /tmp/notify send READY=1; exec sleep 1000'
	rung run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 3>&- &
	local pid=$!
	wait_until 5 said READY=1
	wait_until 5 said BARRIER=1
	[ "$(grep -c '' "$SAID")" = 3 ]
	# The shell of the background job may execute rung as its child or in its own process.
	local main
	main=$(sed -n 's/^MAINPID=//p' "$SAID")
	[ "$main" = "$pid" ] || [ "$(awk '{ print $4 }' "/proc/$main/stat")" = "$pid" ]
	rung kill "$ID" KILL
	wait "$pid" || [ $? = 137 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = /run/notify/notify.sock ]
}

# bats test_tags=user
@test "notify: run --detach returns when the container is ready, and the manager is to follow its process" {
	process sh -c 'sleep 0.5; /tmp/notify send "STATUS=almost\nREADY=1"; exec sleep 1000'
	rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	said READY=1
	said "MAINPID=$(init_pid)"
	run ! said STATUS=almost
}

# bats test_tags=user
@test "notify: start waits for a container that was created with the socket" {
	process sh -c 'sleep 0.3; /tmp/notify send READY=1; exec sleep 1000'
	create_container
	[ ! -s "$SAID" ]
	run rung start "$ID"
	says ''
	[ "$status" -eq 0 ]
	said READY=1
	said "MAINPID=$(init_pid)"
}

# bats test_tags=user
@test "notify: a container that ends without being ready keeps nobody waiting" {
	process sh -c 'exit 3'
	run_container
	[ "$status" -eq 3 ]
	create_container
	run timeout 10 "$RUNG" --root "$STATE" start "$ID"
	[ "$status" -eq 0 ]
	[ ! -s "$SAID" ]
}

# bats test_tags=user
@test "notify: a message that is sent just before the end of the process is handed on" {
	process /tmp/notify send READY=1
	run_container
	[ "$status" -eq 0 ]
	wait_until 5 said READY=1 # rung does not wait for the manager once the container has ended
}

# bats test_tags=user
@test "notify: exec gets no socket, and one for a container without it is an error" {
	start_sleeper_unnotified
	exec_in sh -c 'echo "[$NOTIFY_SOCKET]"'
	says '[]'
	rung delete -f "$ID"
	(unset NOTIFY_SOCKET && create_container)
	run rung start "$ID"
	[ "$status" -eq 1 ]
	mentions NOTIFY_SOCKET 'no such file or directory'
	[ "$(status_of)" = created ]
}

start_sleeper_unnotified() {
	process sleep 1000
	create_container
	(unset NOTIFY_SOCKET && rung start "$ID")
}

# bats test_tags=user
@test "notify: the container can not write to the directory" {
	process sh -c 'touch /run/notify/x'
	run_container
	[ "$status" -ne 0 ]
	mentions 'Read-only file system'
}

# As with runc. Only the status of start shows that the manager got no message.
# bats test_tags=user
@test "notify: run --detach of a manager that is not there is a warning" {
	process sleep 1000
	NOTIFY_SOCKET=$BATS_TEST_TMPDIR/nobody
	rung run -d -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
	grep "level=warning.*NOTIFY_SOCKET.*no such file or directory" "$BATS_TEST_TMPDIR/out"
	[ "$(status_of)" = running ]
}

@test "the monitor of rung's Go runtime is there while it waits for READY=1" {
	process sh -c 'sleep 0.1; /tmp/notify send READY=1'
	with_monitor "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}
