#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by jq, or by the shell in the container; `run` sets status and output
# process.terminal: in the foreground, and with --console-socket.
#
# The program `console` of tests/cmd plays the user: it makes a terminal or receives one from a socket, types, resizes, and waits
# for output.

load helpers

setup() {
	setup_bundle
	CONSOLE=$RUNG_TEST_COMMANDS/console
	[ -x "$CONSOLE" ] || skip "needs the programs of tests/cmd: make test-commands"
	config '.process.terminal = true'
}

# foreground STEP...: runs rung run on a terminal of its own
foreground() {
	run "$CONSOLE" "$@" -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}

# bats test_tags=user
@test "the foreground: the terminal is raw while the container runs, and as before after it" {
	process sh
	foreground 'expect=# ' raw 'send=tty; exit 9\n' 'expect=/dev/pts/0'
	[ "$status" -eq 9 ]
}

# job SCRIPT: runs rung run in the background of a shell with job control, waits until it has stopped, and goes on with SCRIPT.
job() {
	needs_command script
	SHELL=/bin/bash run script -qec "bash -c 'set -m; \"$RUNG\" --root \"$STATE\" run -b \"$BUNDLE\" \"$ID\" &
		for i in {1..100}; do case \$(ps -o stat= -p \$!) in T*) break ;; esac; sleep 0.1; done
		echo state: \$(ps -o stat= -p \$!) made: \$(ls \"$STATE\" 2>/dev/null); $1'" /dev/null </dev/null
}

# A stopped rung that held the container's lock would hold up delete.
# bats test_tags=user
@test "the background: a job of a shell stops before it makes anything, and goes on in the foreground" {
	process sh -c 'echo in-the-foreground; exit 6'
	job 'fg; echo rc: $?'
	[[ $output == *'state: T'*'made:'*in-the-foreground*'rc: 6'* && $output != *"made: $ID"* && $output != *in-the-foreground*'state: T'* ]] ||
		fail "$output"
}

# bats test_tags=user
@test "the background: a stopped job is ended by SIGTERM" {
	process sh -c 'echo in-the-foreground'
	job 'kill %1; for i in {1..50}; do kill -0 $! 2>/dev/null || break; sleep 0.1; done; kill -0 $! 2>/dev/null || echo it has ended'
	[[ $output == *'state: T'*'it has ended'* && $output == *'waiting for the foreground of the terminal'*'ended by SIGTERM'* &&
		$output != *in-the-foreground* ]] || fail "$output"
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "the background: with SIGTTOU ignored it runs there" {
	needs_command script
	process sh -c 'echo in-the-background; exit 6'
	SHELL=/bin/bash run timeout 30 script -qec "bash -c 'trap \"\" TTOU; set -m; \"$RUNG\" --root \"$STATE\" run -b \"$BUNDLE\" \"$ID\" </dev/null & wait \$!; echo rc: \$?'" /dev/null </dev/null
	[[ $output == *in-the-background*'rc: 6'* ]] || fail "$output"
}

# restores STATUS [FLAG OF RUN...]: runs rung run on a terminal, which must have the same settings afterwards.
restores() {
	local expected=$1
	shift
	run "$CONSOLE" expect=settings: -- sh -c 'before=$(stty -g)
		"$@"
		code=$?
		[ "$(stty -g)" = "$before" ] && echo settings: the same || echo settings: changed
		exit $code' _ "$RUNG" --root "$STATE" run -b "$BUNDLE" "$@" "$ID"
	[ "$status" -eq "$expected" ] || fail "status $status: $output"
	mentions 'settings: the same'
}

# bats test_tags=user
@test "the foreground: the terminal is as before after every way out" {
	process sh -c 'exit 3'
	restores 3
	process sh -c 'kill -SEGV $$; exec sh -c "kill -TERM 1; exit 4"'
	restores 4
	process sh -c 'exit 3'
	restores 1 --pid-file /no/such/directory/pid
	restores 1 --pidfd-socket /no/such/socket
	process /etc/passwd
	restores 1
	own_rootfs
	echo 'no program' >"$ROOTFS/bin/broken"
	chmod +x "$ROOTFS/bin/broken"
	process broken
	restores 255
	config '.process.args = ["true"] | .hooks.startContainer = [{path: "/bin/false"}]'
	restores 1
}

# bats test_tags=user
@test "the foreground: the terminal is as before when rung is ended by a signal that ends the container" {
	process sh -c 'trap "exit 6" TERM; while :; do sleep 0.05; done'
	terminate 3>&- &
	restores 6
}

# The first signals may come before the trap is set.
terminate() {
	local pid
	wait_until 10 running
	while pid=$(pgrep -f "^$RUNG --root $STATE run"); do
		kill -TERM "$pid"
		sleep 0.2
	done
}

running() {
	[ "$(status_of 2>/dev/null)" = running ]
}

# shows_one COMMAND...: runs a command on a terminal, except for standard output, whose reader goes away after a line.
shows_one() {
	run "$CONSOLE" expect=settings: -- sh -c 'before=$(stty -g)
		{ "$@" || echo "status $?" >&2; } | head -n 1
		[ "$(stty -g)" = "$before" ] && echo settings: the same || echo settings: changed' _ "$@"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	mentions 'status 7' 'settings: the same'
}

# As with runc, SIGPIPE does not end rung. rung forwards it, and hangs the container's terminal up.
# bats test_tags=user
@test "the foreground: a reader of standard output that goes away: the terminal is as before, the status is passed on" {
	process sh -c 'trap "" HUP PIPE; while echo shown; do sleep 0.05; done; exit 7'
	shows_one "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ ! -e "$STATE/$ID" ] || fail 'the container is there still'
	config '.process.terminal = false'
	start_sleeper
	shows_one "$RUNG" --root "$STATE" exec -t "$ID" sh -c 'trap "" HUP PIPE; while echo shown; do sleep 0.05; done; exit 7'
}

# bats test_tags=user
@test "the foreground: a SIGPIPE that rung is sent is the container's" {
	process sh -c 'trap "exit 6" PIPE; while :; do sleep 0.05; done'
	send_pipe 3>&- &
	restores 6
}

# The first signals may come before the trap is set, and init ignores them then.
send_pipe() {
	local pid
	wait_until 10 running
	while pid=$(pgrep -f "^$RUNG --root $STATE run"); do
		kill -PIPE "$pid"
		sleep 0.2
	done
}

# bats test_tags=user
@test "the terminal has the caller's size and follows it" {
	process sh
	foreground size=33x77 'expect=# ' 'send=stty size\n' 'expect=33 77' size=44x111 'send=stty size\n' 'expect=44 111' 'send=exit\n'
	[ "$status" -eq 0 ]
}

# bats test_tags=user
@test "process.consoleSize" {
	config '.process.consoleSize = {height: 21, width: 55}'
	process stty size
	"$CONSOLE" -socket "$BUNDLE/sock" 'expect=21 55' >"$BUNDLE/shown" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/sock"
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/sock" "$ID"
	wait "$user"
}

# bats test_tags=user
@test "control-C is the container's, not rung's" {
	process sh -c 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.05; done'
	foreground 'expect=ready' 'send=\x03' 'expect=caught'
	[ "$status" -eq 5 ]
}

# bats test_tags=user
@test "the terminal is the controlling one, and all three standard streams" {
	process sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all; cat /proc/self/stat | cut -d" " -f6,7; echo x >/dev/tty && echo tty'
	foreground expect=all expect=tty
	[ "$status" -eq 0 ]
	# session 1, terminal 136:0
	mentions '1 34816'
}

# As in runc, a terminal that rung serves itself does not turn "\n" into "\r\n" (ONLCR), because the caller's terminal does. A
# terminal of a console socket has the kernel's modes, because clients of engines set their own terminal to a mode without ONLCR.
# bats test_tags=user
@test "line feeds: ONLCR is cleared in the foreground" {
	process sh -c 'stty -a | grep -qw -e -onlcr && echo cleared'
	foreground expect=cleared
	[ "$status" -eq 0 ]
}

# bats test_tags=user
@test "line feeds: ONLCR is set behind a console socket" {
	process printf 'one\ntwo\n'
	"$CONSOLE" -socket "$BUNDLE/sock" expect=two >"$BUNDLE/shown" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/sock"
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/sock" "$ID"
	wait "$user"
	[ "$(od -An -c "$BUNDLE/shown" | tr -d ' \n')" = 'one\r\ntwo\r\n' ]
}

# bats test_tags=user
@test "line feeds of exec --tty: in the foreground, and behind a console socket" {
	config '.process.terminal = false'
	start_sleeper
	run "$CONSOLE" expect=cleared -- "$RUNG" --root "$STATE" exec -t "$ID" sh -c 'stty -a | grep -qw -e -onlcr && echo cleared'
	[ "$status" -eq 0 ]
	"$CONSOLE" -socket "$BUNDLE/sock" expect=two >"$BUNDLE/shown" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/sock"
	rung exec -t -d --console-socket "$BUNDLE/sock" "$ID" printf 'one\ntwo\n'
	wait "$user"
	[ "$(od -An -c "$BUNDLE/shown" | tr -d ' \n')" = 'one\r\ntwo\r\n' ]
}

# bats test_tags=user
@test "/dev/console is the terminal" {
	process sh -c 'echo through >/dev/console; stat -c %t /dev/console; grep -c " /dev/console .*devpts" /proc/self/mountinfo'
	foreground expect=through expect=88 expect=1
	[ "$status" -eq 0 ]
}

@test "the terminal belongs to the user of the process" {
	needs_root
	config '.process.user = {uid: 1000, gid: 1000}'
	process sh -c 'stat -c %u /dev/pts/0 /dev/console; echo x >/dev/tty && echo wrote; echo y >/dev/stdout && echo too'
	foreground expect=1000 expect=1000 expect=wrote expect=too
	[ "$status" -eq 0 ]
}

@test "a terminal in a user namespace" {
	needs_root
	map_ids
	process sh -c 'tty; stat -c %u /dev/pts/0'
	foreground expect=/dev/pts/0 expect=0
	[ "$status" -eq 0 ]
}

# bats test_tags=user
@test "create with --console-socket, then start" {
	process sh
	"$CONSOLE" -socket "$BUNDLE/sock" 'expect=# ' 'send=echo $((6*7)); exit\n' expect=42 >"$BUNDLE/shown" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/sock"
	rung create -b "$BUNDLE" --console-socket "$BUNDLE/sock" "$ID"
	[ "$(status_of)" = created ]
	rung start "$ID"
	wait "$user" || fail "$(cat "$BUNDLE/shown")"
	wait_until 5 stopped
}

# bats test_tags=user
@test "exec --tty" {
	config '.process.terminal = false'
	start_sleeper
	run "$CONSOLE" size=12x34 'expect=# ' raw 'send=stty size\n' 'expect=12 34' 'send=exit 3\n' -- \
		"$RUNG" --root "$STATE" exec -t "$ID" sh
	[ "$status" -eq 3 ]
}

# bats test_tags=user
@test "exec --tty --detach with --console-socket" {
	config '.process.terminal = false'
	start_sleeper
	"$CONSOLE" -socket "$BUNDLE/sock" 'expect=# ' 'send=tty; exit\n' expect=/dev/pts/0 >"$BUNDLE/shown" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/sock"
	rung exec -t -d --console-socket "$BUNDLE/sock" "$ID" sh
	wait "$user" || fail "$(cat "$BUNDLE/shown")"
}

# bats test_tags=user
@test "a terminal that nobody would use, and a console socket without a terminal, are refused" {
	run rung run -d -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'cannot allocate tty'
	run rung create -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'cannot allocate tty'
	config '.process.terminal = false'
	run rung create -b "$BUNDLE" --console-socket "$BUNDLE/sock" "$ID"
	[ "$status" -eq 1 ]
	mentions 'cannot use console socket'
	config '.process.terminal = true'
	run rung create -b "$BUNDLE" --console-socket "$BUNDLE/none" "$ID"
	[ "$status" -eq 1 ]
	mentions 'no such file or directory'
}

# bats test_tags=user
@test "without a terminal the streams are the caller's" {
	config '.process.terminal = false'
	process sh -c 'cat; echo error >&2'
	run --separate-stderr bash -c 'echo input | "$@"' sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$output" = input ]
	# shellcheck disable=SC2154
	[ "$stderr" = error ]
}

@test "the monitor of rung's Go runtime is there while it copies to a terminal" {
	process sleep 0.1
	# Not in the program console: that has a runtime of Go of its own.
	SHELL=/bin/sh with_monitor script -qec "'$RUNG' --root '$STATE' run -b '$BUNDLE' '$ID'" /dev/null
}
