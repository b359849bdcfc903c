#!/usr/bin/env bats
# Hosts with failures: rung never takes an error for an answer, and changes nothing that is not its own.

load helpers
load commands

# privately SCRIPT [ARGUMENT...]: runs a script in a mount namespace of its own, whose mounts nobody else sees.
privately() {
	export BATS_TEST_TMPDIR
	unshare --mount --propagation private bash -ec "$@"
}

@test "a process that cannot be looked at has not ended: delete without force leaves it" {
	needs_root
	start_sleeper
	local pid
	pid=$(init_pid)
	mkdir "$BATS_TEST_TMPDIR/empty"
	run privately 'mount --bind "$1" "/proc/$2"; exec "$3" --root "$4" delete "$5"' - "$BATS_TEST_TMPDIR/empty" "$pid" "$RUNG" "$STATE" "$ID"
	[ "$status" -eq 1 ]
	mentions "is process $pid of container $ID alive"
	[ "$(status_of)" = running ]
	for verb in state 'kill' pause start; do
		run privately 'mount --bind "$1" "/proc/$2"; exec "$3" --root "$4" '$verb' "$5"' - "$BATS_TEST_TMPDIR/empty" "$pid" "$RUNG" "$STATE" "$ID"
		[ "$status" -eq 1 ]
		mentions "is process $pid of container $ID alive"
	done
	[ "$(status_of)" = running ]
	run privately 'mount --bind "$1" "/proc/$2"; exec "$3" --root "$4" delete --force "$5"' - "$BATS_TEST_TMPDIR/empty" "$pid" "$RUNG" "$STATE" "$ID"
	[ "$status" -eq 1 ]
	kill -0 "$pid"
}

@test "start: a process that is killed before its program was executed is an error" {
	process sleep 1000
	create_container
	local pid starter
	pid=$(init_pid)
	kill -STOP "$pid"
	rung start "$ID" >"$BATS_TEST_TMPDIR/start" 2>&1 &
	starter=$!
	wait_until 5 connected
	kill -KILL "$pid"
	status=0
	wait "$starter" || status=$?
	[ "$status" -eq 1 ]
	grep -q 'the container process was killed before it could execute the program' "$BATS_TEST_TMPDIR/start"
}

# The start has reached the socket: it holds its lock.
connected() {
	! flock --nonblock "$STATE/$ID" true
}

# bats test_tags=user
@test "a fatal signal that is sent to a foreground run is the container's" {
	local signal
	for signal in TRAP SEGV BUS FPE ILL; do
		process sh -c 'trap "echo got $0; exit 7" "$0"; echo ready; while :; do sleep 0.05; done' "$signal"
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/$signal" 2>&1 3>&- &
		local runner=$!
		wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/$signal"
		kill -"$signal" "$runner"
		status=0
		wait "$runner" || status=$?
		[ "$status" -eq 7 ] || fail "$signal: status $status: $(cat "$BATS_TEST_TMPDIR/$signal")"
		grep -q "got $signal" "$BATS_TEST_TMPDIR/$signal"
		[ -z "$(rung list -q)" ]
	done
}

# failing CALLS ERROR PATH COMMAND OF RUNG...: runs rung, and makes these system calls fail if they name the path.
failing() {
	needs_command strace
	run strace -f -q -o /dev/null -P "$3" -e trace="$1" -e inject="$1:error=$2" "$RUNG" --root "$STATE" "${@:4}"
}

@test "an error is not taken for a missing file: user namespace, cgroups, SELinux, covered directories" {
	needs_root
	local path
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}'
	for path in /proc/self/ns/user /sys/fs/cgroup /sys/fs/selinux /proc/kcore; do
		failing %file EIO "$path" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 1 ] || fail "$path: status $status: $output"
		mentions "$path: input/output error"
		[ "${#lines[@]}" -eq 1 ] || fail "$output"
		no_leftovers
	done
	failing %file EIO /proc/sys/kernel/cap_last_cap run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions '/proc/sys/kernel/cap_last_cap: input/output error'
	start_sleeper
	failing newfstatat EIO "$STATE/$ID" list
	mentions "status for $ID: stat $STATE/$ID: input/output error"
	failing %file EIO "$STATE/$ID/start.sock" exec "$ID" true
	[ "$status" -ne 0 ]
	mentions "start.sock: input/output error"
}

# blocked CALL ERRNO COMMAND...: runs a command under a filter that makes the call fail.
blocked() {
	run "$RUNG_TEST_COMMANDS/blocked" "$@"
}

@test "a stage that cannot close the caller's descriptors ends with an error" {
	needs_root
	needs_command strace
	process ls /proc/self/fd
	blocked close_range EPERM "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 9</etc/hostname
	[ "$status" -eq 0 ] || fail "status $status: $output"
	says $'0\n1\n2\n3' # ls has the directory open
	blocked close_range EPERM strace -f --quiet=all -o /dev/null -P /proc/self/fd -e trace=openat -e inject=openat:error=EIO "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 9</etc/hostname
	[ "$status" -eq 1 ] || fail "status $status: $output"
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	mentions 'prepare the container process (its signals and descriptors): input/output error'
	no_leftovers
}

# bats test_tags=user
@test "list, ps and state fail where their output cannot be written" {
	start_sleeper
	local command
	for command in "list" "list -q" "list -f json" "ps $ID" "ps -f json $ID" "state $ID"; do
		is_root || [[ $command != ps* ]] || continue # a rootless container may have no cgroup, which ps needs
		# shellcheck disable=SC2086 # words
		if rung $command >/dev/full 2>"$BATS_TEST_TMPDIR/said"; then fail "$command: success"; fi
		grep -q 'no space left on device' "$BATS_TEST_TMPDIR/said" || fail "$command: $(cat "$BATS_TEST_TMPDIR/said")"
	done
}

# bats test_tags=user
@test "list reports a damaged state, and delete --force finds what is left by the cgroup" {
	local text pid
	for text in '{}' null '{"id":"other"}' '' '[]' '{"format":1,"id":"'"$ID"'","pid":0,"startTime":5}' '{"format":1,"id":"'"$ID"'","pid":5}'; do
		start_sleeper
		pid=$(init_pid)
		printf '%s' "$text" >"$STATE/$ID/state.json"
		run rung list
		[ "$status" -eq 0 ]
		mentions "load container $ID: $STATE/$ID/state.json: damaged: "
		run rung list -q
		[[ $output != *$'\n\n'* ]]
		run rung delete "$ID"
		[ "$status" -eq 1 ]
		mentions damaged
		kill -0 "$pid"
		run rung delete --force "$ID"
		[ "$status" -eq 0 ] || fail "'$text': $output"
		if is_root; then
			wait_until 5 dead "$pid"
		else
			kill -KILL "$pid" || true # without a cgroup of its own rung cannot find it
		fi
		[ ! -e "$STATE/$ID" ]
	done
}

# The default cgroup of the id may be that of a container in another state directory.
@test "delete --force of a container whose state and config.json are damaged: no process of another container is ended" {
	needs_root
	local other=$BATS_TEST_TMPDIR/other victim pid
	process sleep 1000
	"$RUNG" --root "$other" run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	victim=$("$RUNG" --root "$other" state "$ID" | jq .pid)
	config '.linux.cgroupsPath = "/" + $id + "-elsewhere"' --arg id "$ID"
	start_sleeper
	pid=$(init_pid)
	: >"$STATE/$ID/state.json"
	: >"$STATE/$ID/config.json"
	cp "$STATE/$ID/creating.json" "$BATS_TEST_TMPDIR"
	rm "$STATE/$ID/creating.json"
	run rung delete --force "$ID"
	[ "$status" -eq 1 ]
	mentions 'are both damaged' "process $victim"
	kill -0 "$pid"
	# what create announced tells where the container's own processes are
	cp "$BATS_TEST_TMPDIR/creating.json" "$STATE/$ID"
	rung delete --force "$ID"
	wait_until 5 dead "$pid"
	[ ! -e "$STATE/$ID" ]
	kill -0 "$victim"
	"$RUNG" --root "$other" delete --force "$ID"
}

@test "a state that is no regular file counts as damaged, and rung does not wait for it" {
	local kind pid
	needs_root
	for kind in 'mkfifo "$1"' 'ln -s /dev/zero "$1"' 'mkdir "$1"' 'truncate -s 1G "$1"'; do
		start_sleeper
		pid=$(init_pid)
		rm "$STATE/$ID/state.json"
		bash -c "$kind" - "$STATE/$ID/state.json" || true
		run timeout 10 "$RUNG" --root "$STATE" delete "$ID"
		[ "$status" -eq 1 ] || fail "$kind: status $status: $output"
		kill -0 "$pid"
		run timeout 10 "$RUNG" --root "$STATE" delete --force "$ID"
		[ "$status" -eq 0 ] || fail "$kind: $output"
		wait_until 5 dead "$pid"
		[ ! -e "$STATE/$ID" ]
	done
}

@test "--pid-file writes to a device and through a link, and replaces neither" {
	needs_root
	process sleep 1000
	run privately '
		mkdir "$1/dev"; mount -t tmpfs none "$1/dev"; mknod -m 666 "$1/dev/null" c 1 3
		"$2" --root "$3" run -d --pid-file "$1/dev/null" -b "$4" "$5" >/dev/null 2>&1
		stat -c %F "$1/dev/null"; ls -A "$1/dev"' - "$BATS_TEST_TMPDIR" "$RUNG" "$STATE" "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	says $'character special file\nnull'
	rung delete --force "$ID"

	ln -s target "$BATS_TEST_TMPDIR/link"
	echo old >"$BATS_TEST_TMPDIR/target"
	rung run -d --pid-file "$BATS_TEST_TMPDIR/link" -b "$BUNDLE" "$ID" >/dev/null 2>&1
	[ "$(readlink "$BATS_TEST_TMPDIR/link")" = target ]
	[ "$(cat "$BATS_TEST_TMPDIR/target")" = "$(init_pid)" ]
	rung delete --force "$ID"

	ln -s made "$BATS_TEST_TMPDIR/dangling"
	rung run -d --pid-file "$BATS_TEST_TMPDIR/dangling" -b "$BUNDLE" "$ID" >/dev/null 2>&1
	[ "$(readlink "$BATS_TEST_TMPDIR/dangling")" = made ]
	[ "$(cat "$BATS_TEST_TMPDIR/made")" = "$(init_pid)" ]
	rung delete --force "$ID"

	mkfifo "$BATS_TEST_TMPDIR/fifo"
	run rung run -d --pid-file "$BATS_TEST_TMPDIR/fifo" -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions '--pid-file' 'no such device or address'
	run rung run -d --pid-file "$BATS_TEST_TMPDIR" -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions '--pid-file' 'is a directory'
}

# bats test_tags=user
@test "nothing in the state directory is for others, whatever the umask is" {
	process sleep 1000
	umask 0
	create_container
	local found
	found=$(find "$STATE" -mindepth 1 \( -perm /066 \) ! -type l -printf '%y %m %P\n')
	[ -z "$found" ] || fail "open to others: $found"
	[ "$(stat -c %a "$STATE/$ID/start.sock")" = 600 ]
	[ "$(stat -c %a "$STATE/$ID/config.json")" = 600 ]
}

@test "a user namespace that maps all ids to themselves is not taken for the initial one (runc#5396)" {
	needs_root
	process sh -c 'cat /proc/self/uid_map; echo x >/dev/null; ls /dev'
	run in_full_userns "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "$output"
	mentions '4294967295' null
}

# in_full_userns COMMAND...: runs a command in a user and a mount namespace that maps every id to itself.
in_full_userns() {
	local child status=0
	mkfifo "$BATS_TEST_TMPDIR/go"
	unshare --user --mount --propagation private bash -c 'read -r <"$0"; exec "$@"' "$BATS_TEST_TMPDIR/go" "$@" 3>&- &
	child=$!
	wait_until 5 in_other_namespace user "$child"
	echo '0 0 4294967295' >"/proc/$child/uid_map"
	echo '0 0 4294967295' >"/proc/$child/gid_map"
	echo >"$BATS_TEST_TMPDIR/go"
	wait "$child" || status=$?
	return $status
}

# bats test_tags=user
@test "limits of the caller that are too small for rung are named in one line, and nothing is left" {
	local limit number name
	config 'del(.process.rlimits)'
	process echo 'it runs'
	while read -r limit number name; do
		run bash -c 'ulimit "$1" "$2" || exit 99; exec "$3" --root "$4" run -b "$5" "$6"' - "$limit" "$number" "$RUNG" "$STATE" "$BUNDLE" "$ID"
		[ "$status" -eq 1 ] || fail "$name: status $status: $output"
		[ "${#lines[@]}" -eq 1 ] || fail "$name: $output"
		mentions "$name"
		[ -z "$(rung list -q)" ]
	done <<-END
		-n 7 the caller's RLIMIT_NOFILE of 7 is too small
		-n 8 the caller's RLIMIT_NOFILE of 8 is too small
		-n 63 the caller's RLIMIT_NOFILE of 63 is too small
		-v 200000 the caller's RLIMIT_AS of 204800000 is too small
		-v 700000 the caller's RLIMIT_AS of 716800000 is too small
		-d 1000 the caller's RLIMIT_DATA of 1024000 is too small
		-d 60000 the caller's RLIMIT_DATA of 61440000 is too small
		-s 16 the caller's RLIMIT_STACK of 16384 is too small
		-f 0 the caller's RLIMIT_FSIZE is 0 bytes
		-f 4 the caller's RLIMIT_FSIZE is 4096 bytes
	END
	while read -r limit number; do
		run bash -c 'ulimit "$1" "$2" || exit 99; exec "$3" --root "$4" run -b "$5" "$6"' - "$limit" "$number" "$RUNG" "$STATE" "$BUNDLE" "$ID"
		says 'it runs'
	done <<-END
		-n 100
		-v 800000
		-d 66000
		-s 64
		-f 1024
	END
}

# bats test_tags=user-only
@test "a number of processes that is too small for the threads of Go is named in one line" {
	run bash -c 'ulimit -u 5 && exec "$@"' - "$RUNG" --root "$STATE" list
	[ "$status" -eq 1 ]
	says "rung: the caller's RLIMIT_NPROC of 5 is too small: rung needs 16 (ulimit -u)"
}

# bats test_tags=user
@test "a limit of the caller that is too small is named in the file of --log too" {
	local log=$BATS_TEST_TMPDIR/log
	run bash -c 'ulimit -n 20 && exec "$@"' - "$RUNG" --log "$log" --root "$STATE" list
	[ "$status" -eq 1 ]
	says "rung: the caller's RLIMIT_NOFILE of 20 is too small: rung needs 64 (ulimit -n)"
	grep -qxF 'level=error msg="the caller'"'"'s RLIMIT_NOFILE of 20 is too small: rung needs 64 (ulimit -n)"' "$log"
	run bash -c 'ulimit -n 20 && exec "$@"' - "$RUNG" --root "$STATE" -log-format json --log="$log.json" list
	[ "$status" -eq 1 ]
	[ "$(jq -r '.level + " " + .msg' "$log.json")" = "error the caller's RLIMIT_NOFILE of 20 is too small: rung needs 64 (ulimit -n)" ]
}

# with_null SCRIPT COMMAND...: runs a command on a host whose /dev is a tmpfs, after the script has made something at /dev/null.
with_null() {
	privately '
		mkdir -p "$BATS_TEST_TMPDIR/dev"
		mount -t tmpfs none "$BATS_TEST_TMPDIR/dev"
		while read -r name minor; do mknod -m 666 "$BATS_TEST_TMPDIR/dev/$name" c $minor; done <<-END
			full 1 7
			random 1 8
			urandom 1 9
			zero 1 5
			tty 5 0
		END
		ln -s /proc/self/fd "$BATS_TEST_TMPDIR/dev/fd"
		(cd "$BATS_TEST_TMPDIR/dev" && eval "$1")
		mount --move "$BATS_TEST_TMPDIR/dev" /dev
		exec "${@:2}"' - "$@"
}

@test "a host whose /dev/null is broken: masks hide by a null device that rung makes, and the host's /dev is not touched" {
	needs_root
	needs_capability CAP_MKNOD
	local broken
	config '.linux.maskedPaths = ["/etc/passwd", "/bin/busybox.none", "/sys/firmware"]'
	process sh -c 'wc -c </etc/passwd; stat -c "%F %t:%T" /etc/passwd /dev/null; echo x >/dev/null'
	for broken in 'echo plain >null' 'mkdir null' true 'mknod null c 1 5' 'ln -s full null'; do
		run with_null "$broken" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 0 ] || fail "$broken: $output"
		says $'0\ncharacter special file 1:3\ncharacter special file 1:3'
	done
	map_ids
	run with_null 'echo plain >null' "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "$output"
	says $'0\ncharacter special file 1:3\ncharacter special file 1:3'
}

@test "a host whose /dev/null is broken, where rung may make no device: the error says what to mend" {
	needs_root
	config '.linux.maskedPaths = ["/etc/passwd"]'
	run with_null 'echo plain >null' setpriv --bounding-set -mknod --inh-caps -mknod "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'linux.maskedPaths' "the host's /dev/null is a regular file" 'mknod -m 666 /dev/null c 1 3'
}

@test "delete --force of a damaged state whose config.json cannot be read: an error, and nothing is ended or removed" {
	needs_root
	config '.linux.cgroupsPath = "/" + $id + "-elsewhere"' --arg id "$ID"
	start_sleeper
	local pid
	pid=$(init_pid)
	rm -f "$STATE/$ID/creating.json"
	cp "$STATE/$ID/state.json" "$STATE/$ID/config.json" "$BATS_TEST_TMPDIR"
	echo '{}' >"$STATE/$ID/state.json"
	rm "$STATE/$ID/config.json"
	mkdir "$STATE/$ID/config.json" # EISDIR
	run rung delete --force "$ID"
	[ "$status" -eq 1 ]
	mentions 'config.json: not a regular file'
	kill -0 "$pid"
	rmdir "$STATE/$ID/config.json"
	cp "$BATS_TEST_TMPDIR/config.json" "$STATE/$ID/config.json"
	rung delete --force "$ID"
	wait_until 5 dead "$pid"
}

# As errors=remount-ro does.
@test "a state directory that has become read-only: pause, resume and delete --force do what they can" {
	needs_root
	local script=$BATS_TEST_TMPDIR/script
	process sleep 1000
	cat >"$script" <<-'END'
		mkdir "$1/ro"
		mount -t tmpfs none "$1/ro"
		at=$1/ro/state
		"$RUNG" --root "$at" run -d -b "$2" "$3" </dev/null >/dev/null 2>&1 3>&-
		mount -o remount,ro "$1/ro"
		"$RUNG" --root "$at" pause "$3"
		"$RUNG" --root "$at" state "$3" | jq -r .status
		"$RUNG" --root "$at" resume "$3"
		"$RUNG" --root "$at" delete --force "$3" && echo success
		"$RUNG" --root "$at" state "$3" | jq -r .status
		mount -o remount,rw "$1/ro"
		"$RUNG" --root "$at" delete --force "$3"
		ls "$at"
	END
	RUNG=$RUNG run -0 unshare -m --propagation private bash "$script" "$BATS_TEST_TMPDIR" "$BUNDLE" "$ID"
	[ "${lines[0]}" = paused ]
	[[ ${lines[1]} == *'read-only file system'* ]]
	[ "${lines[2]}" = stopped ]
	[ ${#lines[@]} -eq 3 ]
}
