#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153 # variables of bats and helpers, scripts for inner shells
# rung create: a container that waits, and each of its flags.

load helpers

# bats test_tags=user
@test "create: the process waits for start" {
	own_rootfs
	process touch /started
	create_container
	[ "$(status_of)" = created ]
	[ "$(init_pid)" -gt 1 ]
	[ ! -e rootfs/started ]
	rung start "$ID"
	wait_until 5 stopped
	[ -e rootfs/started ]
}

# bats test_tags=user
@test "create: a later edit of config.json changes nothing" {
	process echo before
	create_container
	process echo after
	rung start "$ID"
	wait_until 5 stopped
	[ "$(cat "$OUTPUT")" = before ]
}

# bats test_tags=user
@test "create: the bundle may be gone once the container runs" {
	start_sleeper
	cd /
	mv "$BUNDLE" "$BUNDLE.gone"
	[ "$(status_of)" = running ]
	exec_in echo still
	says still
	rung delete --force "$ID"
	mv "$BUNDLE.gone" "$BUNDLE"
}

# bats test_tags=user
@test "create: says nothing" {
	create_container
	[ ! -s "$OUTPUT" ]
}

# bats test_tags=user
@test "create: the bundle is the current directory, or that of --bundle" {
	rung create "$ID" </dev/null >output 2>&1
	rung delete "$ID"
	cd /
	rung create --bundle "$BUNDLE" "$ID" </dev/null >"$BUNDLE/output" 2>&1
	[ "$(rung state "$ID" | jq -r .bundle)" = "$BUNDLE" ]
}

# bats test_tags=user
@test "create --pid-file" {
	create_container --pid-file "$BUNDLE/pid"
	[ "$(cat pid)" = "$(init_pid)" ]
}

@test "create --pid-file: a file that a killed rung has left does not matter" {
	echo 1 >.pid
	create_container --pid-file pid
	[ "$(cat pid)" = "$(init_pid)" ]
	[ ! -e .pid ]
}

@test "create --pid-file: a relative one is below the caller's directory" {
	cd "$BATS_TEST_TMPDIR"
	create_container --pid-file here
	[ "$(cat "$BATS_TEST_TMPDIR/here")" = "$(init_pid)" ]
}

# bats test_tags=user
@test "create --preserve-fds" {
	process sh -c 'cat <&3'
	echo three >three
	"$RUNG" --root "$STATE" create --preserve-fds 1 "$ID" 3<three </dev/null >output 2>&1
	rung start "$ID"
	wait_until 5 stopped
	[ "$(cat output)" = three ]
}

# bats test_tags=user
@test "create --preserve-fds and LISTEN_FDS: closed descriptors stay closed, and the others keep their numbers" {
	process sh -c 'echo $LISTEN_FDS; cat <&9; ls /proc/self/fd | tr "\n" " "'
	echo nine >nine
	# the shell becomes rung, which has its PID
	(LISTEN_FDS=2 only_with 9 sh -c 'export LISTEN_FDS LISTEN_PID=$$; exec "$@"' _ \
		"$RUNG" --root "$STATE" create --preserve-fds 8 "$ID" 9<nine </dev/null >output 2>&1)
	rung start "$ID"
	wait_until 5 stopped
	[ "$(cat output)" = $'2\nnine\n0 1 2 3 9 ' ]
}

# config.md, "Process": required when start is called.
# bats test_tags=user
@test "create without a process: it is created, start says what is missing, and delete removes it" {
	config 'del(.process)'
	create_container
	[ "$(status_of)" = created ]
	run -1 rung start "$ID"
	[ "${#lines[@]}" -eq 1 ] || fail "$output"
	mentions 'process: process property must not be empty'
	[ "$(status_of)" = created ]
	run -0 rung exec "$ID" /bin/sh -c 'echo in; /bin/grep CapEff /proc/self/status' # no PATH either
	[[ $output == in$'\n'*0000000000000000 ]] || fail "$output"
	rung delete --force "$ID"
	[ ! -e "$STATE/$ID" ]
	run -1 rung run -b "$BUNDLE" "$ID"
	mentions 'process: process property must not be empty'
	[ -z "$(rung list -q)" ]
	run -0 rung explain -b "$BUNDLE"
}

@test "create --no-pivot" {
	process echo finished
	start_container --no-pivot
	wait_until 5 stopped
	[ "$(cat "$OUTPUT")" = finished ]
}

@test "create --no-new-keyring" {
	needs_root
	[ -e /proc/keys ] || skip "needs CONFIG_KEYS"
	config '.linux.maskedPaths = []'
	process cat /proc/keys
	start_container --no-new-keyring
	wait_until 5 stopped
	run -1 grep "_ses.$ID" "$OUTPUT"
}

# bats test_tags=user
@test "create --console-socket: the terminal is sent at create" {
	config '.process.terminal = true | .process.consoleSize = {width: 91, height: 37}'
	process stty size
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/console" >shown 3>&- &
	local job=$!
	wait_until 5 test -S console
	create_container --console-socket "$BUNDLE/console"
	rung start "$ID"
	wait "$job"
	grep -q '37 91' shown
}

@test "create: a terminal needs --console-socket" {
	config '.process.terminal = true'
	run -1 rung create "$ID"
	mentions 'cannot allocate tty if' 'without setting console socket'
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "create --pidfd-socket: the pidfd kills a process that was not started" {
	"$RUNG_TEST_COMMANDS/pidfdkill" 9 "$BUNDLE/pidfd" </dev/null 3>&- &
	wait_until 5 test -S pidfd
	create_container --pidfd-socket "$BUNDLE/pidfd"
	wait_until 5 stopped
}

@test "create --pidfd-socket: the receiver may kill the process before create ends" {
	needs_command strace
	"$RUNG_TEST_COMMANDS/pidfdkill" 9 "$BUNDLE/pidfd" </dev/null 3>&- &
	wait_until 5 test -S pidfd
	run -0 strace -f -qq -o /dev/null -e trace=sendmsg -e inject=sendmsg:delay_exit=200000 \
		"$RUNG" --root "$STATE" create -b "$BUNDLE" --pidfd-socket "$BUNDLE/pidfd" "$ID" </dev/null 3>&-
	wait_until 5 stopped
}

# bats test_tags=user
@test "create: a container id that is taken" {
	create_container
	local pid
	pid=$(init_pid)
	run -1 rung create "$ID"
	mentions 'container with given ID already exists'
	[ "$(status_of)" = created ]
	[ "$(init_pid)" = "$pid" ]
}

# bats test_tags=user
@test "create: a program that does not exist is an error already here" {
	process /no/such/program
	run -1 rung create "$ID"
	mentions '/no/such/program' 'no such file or directory'
	[ ! -e "$STATE/$ID" ]
}

@test "create: one of two at the same time gets the id" {
	local first=0 second=0
	rung create "$ID" </dev/null >one 2>&1 &
	local one=$!
	rung create "$ID" </dev/null >two 2>&1 || second=$?
	wait "$one" || first=$?
	[ $((first + second)) -eq 1 ]
	cat one two | grep -q 'container with given ID already exists'
	[ "$(status_of)" = created ]
}

@test "create: a cgroup that somebody lives in is not shared" {
	needs_root
	local path=/$ID
	config '.linux.cgroupsPath = $path' --arg path "$path"
	start_sleeper
	# The output goes to a file: a container would keep a pipe open, and the test would wait.
	run -1 bash -c '"$0" --root "$1" create "$2" </dev/null >said 2>&1' "$RUNG" "$STATE" "$ID.second"
	grep "cgroup is not empty" said
	[ "$(status_of)" = running ]
}

# With this umask a plain user cannot enter the directories that rung makes.
# bats test_tags=user
@test "create: a umask of the caller's that leaves nobody any rights" {
	# shellcheck disable=SC2016
	masked() { bash -c 'umask 0777; exec "$@"' sh "$RUNG" --root "$STATE" "$@"; }
	masked create -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1
	run -0 masked start "$ID"
	run -0 masked delete --force "$ID"
}

@test "create: wrong number of arguments" {
	run -1 rung create
	mentions 'requires exactly 1 argument(s)'
	run -1 rung create a b
	mentions 'requires exactly 1 argument(s)'
}

@test "create: an unknown flag" {
	run -1 rung create --no-such-flag "$ID"
	mentions 'flag provided but not defined: -no-such-flag'
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "--pid-file, relative, in a working directory that was deleted: an error, and nothing is made" {
	local gone=$BATS_TEST_TMPDIR/gone
	mkdir "$gone"
	# a container that is made all the same must not hold a pipe of bats
	run -1 bash -c 'cd "$1" && rmdir "$1" && exec "$2" --root "$3" create --pid-file pid -b "$4" "$5" </dev/null >"$6" 2>&1 3>&-' - \
		"$gone" "$RUNG" "$STATE" "$BUNDLE" "$ID" "$BATS_TEST_TMPDIR/said"
	output=$(<"$BATS_TEST_TMPDIR/said")
	mentions '--pid-file pid: the working directory has no path: getwd: no such file or directory'
	[ ! -e "$BUNDLE/pid" ]
	[ ! -e "$STATE/$ID" ]
}
