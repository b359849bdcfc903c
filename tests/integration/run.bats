#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # variables of bats and helpers, scripts for inner shells
# rung run: its flags, its exit status, and the handling of a process in the foreground.

load helpers

# bats test_tags=user
@test "run: the exit status is that of the process" {
	process sh -c 'exit 42'
	run_container
	[ "$status" -eq 42 ]
	says ''
}

@test "run: a signal makes the exit status 128 and the signal" {
	needs_root
	config '.linux.namespaces |= map(select(.type != "pid"))'
	process sh -c 'kill -KILL $$'
	run_container
	[ "$status" -eq 137 ]
}

# bats test_tags=user
@test "run: nothing is left when the process has ended" {
	process echo hello
	run_container
	says hello
	[ ! -e "$STATE/$ID" ]
	run -1 rung state "$ID"
	mentions 'container does not exist'
}

# bats test_tags=user
@test "run: the bundle is the current directory, or that of --bundle" {
	process echo hello
	run -0 rung run "$ID"
	says hello
	cd /
	run -0 rung run --bundle "$BUNDLE" "$ID"
	says hello
	run -0 rung run "$ID" --bundle="$BUNDLE"
	says hello
	run -1 rung run "$ID"
	mentions 'JSON specification file config.json not found'
}

# bats test_tags=user
@test "run, create: --config names another file of the bundle, or one elsewhere" {
	process echo other
	mv "$BUNDLE/config.json" "$BUNDLE/other.json"
	cd /
	run -0 rung run -b "$BUNDLE" --config other.json "$ID"
	says other
	run -0 rung explain -b "$BUNDLE" --config other.json
	rung create -b "$BUNDLE" -f "$BUNDLE/other.json" "$ID" >/dev/null
	run -0 rung delete -f "$ID"
	echo '{"ociVersion": 1}' >"$BUNDLE/bad.json"
	run -1 rung create -b "$BUNDLE" --config bad.json "$ID"
	mentions 'bad.json: ociVersion: '
	run -1 rung run -b "$BUNDLE" --config none.json "$ID"
	mentions 'JSON specification file none.json not found'
}

# bats test_tags=user
@test "run: stdin, stdout and stderr are the caller's" {
	process sh -c 'cat; echo to stderr >&2'
	run --separate-stderr rung run -b "$BUNDLE" "$ID" <<<'from stdin'
	says 'from stdin'
	[ "$stderr" = 'to stderr' ]
}

# bats test_tags=user
@test "run --detach: returns when the process runs" {
	process sleep 1000
	rung run -b "$BUNDLE" --detach --pid-file pid "$ID" </dev/null &>output
	[ "$(status_of)" = running ]
	[ "$(cat pid)" = "$(init_pid)" ]
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
}

# bats test_tags=user
@test "run -d: an error of the process's start is reported" {
	process /no/such/program
	run -1 rung run -b "$BUNDLE" -d "$ID"
	mentions 'no such file or directory'
	[ ! -e "$STATE/$ID" ]
}

@test "run --detach: a detached process outlives rung, and its exit is seen" {
	process sh -c 'read -r line </dev/zero & sleep 0.1; exit 3'
	rung run -b "$BUNDLE" -d "$ID" </dev/null &>output
	wait_until 5 stopped
	[ "$(init_pid)" = 0 ]
}

# bats test_tags=user
@test "run --keep: the container stays, stopped" {
	process sh -c 'exit 5'
	run_container --keep
	[ "$status" -eq 5 ]
	[ "$(status_of)" = stopped ]
	rung delete "$ID"
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "run --pid-file: holds the host's pid while the process runs" {
	process sh -c 'read -r line'
	mkfifo stdin
	rung run -b "$BUNDLE" --pid-file "$BUNDLE/pid" "$ID" <stdin &
	local job=$!
	exec 4>stdin
	wait_until 5 test -s pid
	[ "$(cat pid)" = "$(init_pid)" ]
	[ "$(wc -l <pid)" = 0 ]
	echo >&4
	exec 4>&-
	wait "$job"
}

@test "run --pid-file: an unwritable one is an error, and nothing is left" {
	run_container --pid-file /no/such/dir/pid
	[ "$status" -eq 1 ]
	mentions /no/such/dir
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "run --pid-file: one that is a directory is an error, and nothing is left beside it" {
	mkdir "$BUNDLE/pid"
	run_container --pid-file "$BUNDLE/pid"
	[ "$status" -eq 1 ]
	mentions --pid-file
	[ ! -e "$BUNDLE/.pid" ]
}

# bats test_tags=user
@test "run: signals are forwarded to the process" {
	process sh -c 'trap "echo got it; exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	rung run -b "$BUNDLE" "$ID" </dev/null >output &
	local job=$! code=0
	wait_until 5 grep -q ready output
	kill -TERM "$(pgrep -P "$job" -x rung || echo "$job")"
	wait "$job" || code=$?
	[ "$code" = 7 ]
	grep -q 'got it' output
}

# bats test_tags=user
@test "run --preserve-fds: passes descriptors from 3 on" {
	process sh -c 'cat <&3; cat <&4; ls /proc/self/fd | wc -l'
	echo three >three
	echo four >four
	output=$("$RUNG" --root "$STATE" run -b "$BUNDLE" --preserve-fds 2 "$ID" 3<three 4<four)
	# 0, 1, 2, 3, 4, and the directory that ls reads
	says three$'\n'four$'\n'6
}

# podman run --preserve-fd=9,40. With a closed standard stream rung spawns its stage late, when it has descriptors of its own open.
# bats test_tags=user
@test "run --preserve-fds: closed descriptors stay closed, and the others keep their numbers" {
	process sh -c 'cat <&9; cat <&40; ls /proc/self/fd | tr "\n" " "'
	echo nine >nine
	echo forty >forty
	local n
	for n in 38 1000 2000000000; do
		run only_with '9 40' "$RUNG" --root "$STATE" run -b "$BUNDLE" --preserve-fds $n "$ID" 9<nine 40<forty
		says $'nine\nforty\n0 1 2 3 40 9 ' # ls reads the directory by 3
		run only_with '9 40' "$RUNG" --root "$STATE" run -b "$BUNDLE" --preserve-fds $n "$ID" 9<nine 40<forty <&-
		says $'nine\nforty\n0 1 2 3 40 9 '
	done
	process true
	run -0 rung run -b "$BUNDLE" --preserve-fds 5 "$ID"
}

@test "run --preserve-fds: a negative number is an error" {
	run rung run -b "$BUNDLE" --preserve-fds -1 "$ID"
	[ "$status" -eq 1 ]
	mentions '--preserve-fds: -1 is no number of descriptors'
}

# bats test_tags=user
@test "run: no other descriptor reaches the process" {
	process sh -c 'ls /proc/self/fd | wc -l'
	echo secret >secret
	output=$("$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 3<secret 7<secret)
	says 4
}

# bats test_tags=user
@test "run: sockets of a service manager are passed on" {
	process sh -c 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3'
	echo socket >socket
	# shellcheck disable=SC2016 # expanded by the inner shell, whose pid rung takes over
	output=$(RUNG=$RUNG STATE=$STATE bash -c \
		'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$RUNG" --root "$STATE" run "$1" 3<socket' _ "$ID")
	says '1 1'$'\n'socket
}

@test "run: sockets that were passed to another process are not" {
	process sh -c 'echo "[$LISTEN_FDS]"'
	LISTEN_FDS=1 LISTEN_PID=1 run -0 rung run "$ID"
	says '[]'
}

# bats test_tags=user
@test "run --no-pivot: the root is changed without pivot_root" {
	process ls /
	run -0 rung run --no-pivot -b "$BUNDLE" "$ID"
	mentions proc
	# shellcheck disable=SC2154 # set by run
	[[ $output != *boot* ]]
	run -0 rung explain --no-pivot
	[[ $output != *PIVOT_ROOT* ]]
	run -0 rung explain
	mentions PIVOT_ROOT
}

# The manager's sockets are for the container's first process.
@test "exec: sockets of a service manager are not passed on, as with runc" {
	process sleep 1000
	rung run -d "$ID" </dev/null >/dev/null 2>&1
	echo socket >socket
	# shellcheck disable=SC2016 # expanded by the inner shell, whose pid rung takes over
	output=$(RUNG=$RUNG STATE=$STATE bash -c 'export LISTEN_FDS=1 LISTEN_PID=$$
		exec "$RUNG" --root "$STATE" exec "$1" sh -c "echo \"[\$LISTEN_FDS]\"; ls /proc/self/fd | wc -l" 3<socket' _ "$ID")
	says '[]'$'\n'4
	# shellcheck disable=SC2016 # as above
	output=$(RUNG=$RUNG STATE=$STATE bash -c 'export LISTEN_FDS=1 LISTEN_PID=$$
		exec "$RUNG" --root "$STATE" exec --preserve-fds 1 "$1" cat /proc/self/fd/3 3<socket' _ "$ID")
	says socket
}

keyring_of_run() { # [FLAG]
	config '.linux.maskedPaths = []'
	process cat /proc/keys
	run_container "$@"
	[ "$status" -eq 0 ]
}

@test "run: a session keyring of its own, named after the container" {
	needs_root
	[ -e /proc/keys ] || skip "needs CONFIG_KEYS"
	keyring_of_run
	mentions "_ses.$ID"
}

@test "run --no-new-keyring: keeps the caller's session keyring" {
	needs_root
	[ -e /proc/keys ] || skip "needs CONFIG_KEYS"
	keyring_of_run --no-new-keyring
	[[ $output != *"_ses.$ID"* ]]
}

# The extra process is not the container's, and not in its PID namespace. rung does not end it.
@test "run: the status of the process, though the cgroup can not be removed" {
	needs_root
	process sh -c 'while [ ! -e /stop ]; do sleep 0.05; done; exit 42'
	own_rootfs
	sleep 1000 3>&- &
	local guest=$!
	rung run "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 &
	local pid=$! code=0
	wait_until 5 in_cgroup_of_container "$guest"
	touch "$ROOTFS/stop"
	wait "$pid" || code=$?
	kill "$guest"
	[ "$code" -eq 42 ] || fail "status $code: $(cat "$BATS_TEST_TMPDIR/out")"
	grep 'level=warning.*remove cgroup.*busy' "$BATS_TEST_TMPDIR/out"
	rung delete -f "$ID"
}

in_cgroup_of_container() { # PID
	[ -s "$STATE/$ID/state.json" ] && echo "$1" 2>/dev/null >"$(cgroup_path pids)/cgroup.procs"
}

@test "exec: keeps the caller's session keyring in a container of --no-new-keyring" {
	needs_root
	[ -e /proc/keys ] || skip "needs CONFIG_KEYS"
	config '.linux.maskedPaths = []'
	process sleep 1000
	own_rootfs
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat /proc/keys >/hook"]}]'
	rung run -d --no-new-keyring "$ID" </dev/null >/dev/null 2>&1
	run -0 rung exec "$ID" cat /proc/keys
	[[ $output != *"_ses.$ID"* ]] || fail "$output"
	[ -s "$ROOTFS/hook" ]
	run -1 grep "_ses.$ID" "$ROOTFS/hook"
	rung delete -f "$ID"
	rung run -d "$ID" </dev/null >/dev/null 2>&1
	run -0 rung exec "$ID" cat /proc/keys
	mentions "_ses.$ID"
	grep "_ses.$ID" "$ROOTFS/hook"
}

# Prints the parent of an orphan and of the container's process: the nearest subreaper.
orphan_and_init() { # [FLAG]
	config '.linux.namespaces |= map(select(.type != "pid"))'
	process sh -c 'orphan=$(sh -c "sleep 20 >/dev/null 2>&1 & echo \$!")
		awk "/^PPid/ { print \$2 }" /proc/$orphan/status /proc/$$/status
		kill -KILL $orphan'
	run_container "$@"
	[ "$status" -eq 0 ] || fail "$output"
}

@test "run: rung takes in the orphans of a container" {
	needs_root
	orphan_and_init
	[ "${lines[0]}" = "${lines[1]}" ]
}

@test "run --no-subreaper: rung does not take in the orphans of a container" {
	needs_root
	orphan_and_init --no-subreaper
	[ "${lines[0]}" != "${lines[1]}" ]
}

# bats test_tags=user
@test "run --console-socket --detach: the socket gets the terminal" {
	config '.process.terminal = true'
	process sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/console" >shown 3>&- &
	local job=$!
	wait_until 5 test -S console
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/console" "$ID" </dev/null &>output
	wait "$job"
	grep -q /dev/ shown
	grep -q all shown
}

# bats test_tags=user
@test "run: a terminal in the foreground" {
	config '.process.terminal = true'
	process sh -c 'test -t 1 && stty size; exit 9'
	run "$RUNG_TEST_COMMANDS/console" size=33x77 -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 9 ]
	mentions '33 77'
}

@test "run: a terminal that nobody would use is refused" {
	config '.process.terminal = true'
	run_container --detach
	[ "$status" -eq 1 ]
	mentions 'without setting console socket'
	config '.process.terminal = false'
	run_container --detach --console-socket /none
	[ "$status" -eq 1 ]
	mentions 'cannot use console socket'
	config '.process.terminal = true'
	run_container --console-socket /none
	[ "$status" -eq 1 ]
	mentions 'cannot use console socket'
}

@test "run --console-socket: nobody listens" {
	config '.process.terminal = true'
	run_container -d --console-socket "$BUNDLE/none"
	[ "$status" -eq 1 ]
	mentions "$BUNDLE/none"
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "run --pidfd-socket: the socket gets a pidfd of the process" {
	process sh -c 'echo running; sleep 1000'
	mkfifo go
	"$RUNG_TEST_COMMANDS/pidfdkill" 9 "$BUNDLE/pidfd" <go 3>&- &
	exec 4>go
	wait_until 5 test -S pidfd
	rung run -b "$BUNDLE" --pidfd-socket "$BUNDLE/pidfd" "$ID" </dev/null >output 4>&- &
	local job=$! code=0
	wait_until 5 grep -q running output
	exec 4>&-
	wait "$job" || code=$?
	[ "$code" = 137 ]
}

# bats test_tags=user
@test "run: a container id that is taken" {
	start_sleeper
	run_container
	[ "$status" -eq 1 ]
	mentions 'container with given ID already exists'
	[ "$(status_of)" = running ]
}

@test "run: what is no container id" {
	local id
	for id in . .. a/b 'a b' 'ä' '../../etc' $'a\nb' 'a:b'; do
		run -1 rung run -b "$BUNDLE" -- "$id"
		mentions 'invalid container ID format'
	done
	run -1 rung run -b "$BUNDLE" ''
	mentions 'container id cannot be empty'
	[ ! -e "$STATE" ] || rmdir "$STATE"
}

@test "run: characters that an id may have" {
	run -0 rung run -b "$BUNDLE" "A.b_c-9+$ID"
}

# bats test_tags=user
@test "run: a program that does not exist" {
	process no-such-program
	refused 'run failed: unable to start container process: error during container init: exec: ' no-such-program 'executable file not found in $PATH'
	process /no/such/program
	refused 'exec: ' /no/such/program 'no such file or directory'
	process /etc/passwd
	refused 'exec: ' /etc/passwd 'permission denied'
	process /etc
	refused 'exec: ' /etc
	[ ! -e "$STATE/$ID" ]
}

@test "run: wrong number of arguments" {
	run -1 rung run
	mentions 'requires exactly 1 argument(s)'
	run -1 rung run a b
	mentions 'requires exactly 1 argument(s)'
}

@test "run: several at a time" {
	local n code jobs=()
	process sh -c 'exit 4'
	for n in 1 2 3 4 5 6 7 8; do
		rung run -b "$BUNDLE" "$ID.$n" </dev/null &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do
		code=0
		wait "$n" || code=$?
		[ "$code" = 4 ]
	done
}

# As runc: one bare line on stderr and status 255. A log file has the line too.
# bats test_tags=user
@test "run: a program that the kernel does not execute, in the foreground" {
	own_rootfs
	printf '#!/no/such/shell\n' >"$ROOTFS/bin/script"
	chmod +x "$ROOTFS/bin/script"
	process /bin/script
	run_container
	[ "$status" -eq 255 ]
	says 'exec /bin/script: no such file or directory'
	run -255 rung --log "$BATS_TEST_TMPDIR/log" --log-format json run "$ID"
	says 'exec /bin/script: no such file or directory'
	[ "$(jq -r .msg "$BATS_TEST_TMPDIR/log")" = "$output (/bin/script is there, but its interpreter /no/such/shell is not)" ]
	# with a poststart hook rung takes another code path
	config '.hooks.poststart = [{path: "/bin/true"}]'
	run_container
	[ "$status" -eq 255 ]
	says 'exec /bin/script: no such file or directory'
	run -1 rung run -d "$ID"
	mentions 'exec /bin/script: no such file or directory'
}
