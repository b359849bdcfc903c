#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq, or by the shell in the container
# The stage: what happens in the container before its program, its costs, and what is left if rung dies.

load helpers

setup() {
	setup_bundle
	COMPARE=$RUNG_TEST_COMMANDS/comparetrace
	TRACE=$BATS_TEST_TMPDIR/trace
}

needs_tracing() {
	needs_root
	needs_command strace
	[ -x "$COMPARE" ] || skip "needs the programs of tests/cmd: make test-commands"
}

# trace COMMAND OF RUNG...: traces rung, with one file for each task.
trace() {
	mkdir "$TRACE"
	strace -ff -q -o "$TRACE/task" "$RUNG" --root "$STATE" "$@" </dev/null >"$BATS_TEST_TMPDIR/traced" 2>&1 3>&- ||
		fail "$(cat "$BATS_TEST_TMPDIR/traced")"
}

# Prints the tasks of $TRACE that executed a plan, and the tasks that they made.
stage_tasks() {
	grep -l 'prctl(PR_SET_NAME, "rung:init"' "$TRACE"/task.*
}

no_line() { # REGEX TEXT
	[ -n "$2" ] || fail "an empty trace"
	! grep -E "$1" <<<"$2" || fail "these calls are not to be made"
}

same_as_explained() { # FLAG OF EXPLAIN...
	rung explain --format json -b "$BUNDLE" "$@" "$ID" </dev/null >"$BATS_TEST_TMPDIR/explained"
	run "$COMPARE" "$BATS_TEST_TMPDIR/explained" "$TRACE/task"
	[ "$status" -eq 0 ] || fail "$output"
}

@test "run makes just the system calls that explain lists, in their order" {
	needs_tracing
	trace run -b "$BUNDLE" "$ID"
	same_as_explained --run
}

@test "the calls of a container with every field of a configuration are those that explain lists" {
	needs_tracing
	own_rootfs
	mkdir "$BUNDLE/data"
	add_namespace cgroup
	config '.mounts += [{destination: "/tmp", type: "bind", source: "data", options: ["rbind", "ro", "noexec", "rslave"]},
			{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["ro", "size=1m"]}]
		| .linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 5}}
		| .linux.devices = [{path: "/dev/extra", type: "c", major: 1, minor: 3, uid: 5, gid: 6}]
		| .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.rootfsPropagation = "rshared"
		| .linux.resources = {pids: {limit: 20}, memory: {limit: 67108864}}
		| .process.user = {uid: 1000, gid: 1000, additionalGids: [7], umask: 23} | .process.oomScoreAdj = 10
		| .process.capabilities.ambient = ["CAP_KILL"] | .process.capabilities.inheritable = ["CAP_KILL"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["personality"], action: "SCMP_ACT_ERRNO"}]}
		| .process.noNewPrivileges = false | .domainname = "example.net" | .process.cwd = "/home/user"'
	trace run -b "$BUNDLE" "$ID"
	same_as_explained --run
}

@test "the calls of a container in a user namespace are those that explain lists" {
	needs_tracing
	map_ids
	trace run -b "$BUNDLE" "$ID"
	same_as_explained --run
}

@test "no thread and no Go runtime before the program: two tasks, each with one clone3 at most" {
	needs_tracing
	process /bin/true
	trace run -b "$BUNDLE" "$ID"
	[ "$(stage_tasks | wc -l)" -eq 1 ]
	local stage child
	stage=$(stage_tasks)
	[ "$(grep -cE '^(clone|clone3|fork|vfork)\(' <(sed '1,/rung:init/d' "$stage"))" -eq 1 ]
	no_line CLONE_THREAD "$(sed '1,/rung:init/d' "$stage")"
	child=$TRACE/task.$(sed -n 's/^clone3(.*= \([0-9]*\)$/\1/p' <(sed '1,/rung:init/d' "$stage"))
	no_line '^(clone|clone3|fork|vfork)\(' "$(sed '/^execve(/,$d' "$child")"
	# every start of the Go runtime makes these calls
	no_line '^(rt_sigaction|epoll_create1|sigaltstack|futex|madvise|sched_getaffinity)\(' "$(sed '/^execve(/,$d' "$child")"
}

@test "exec: no thread in the container either" {
	needs_tracing
	start_sleeper
	trace exec "$ID" /bin/true
	local stage child
	stage=$(stage_tasks)
	child=$TRACE/task.$(sed -n 's/^clone3(.*= \([0-9]*\)$/\1/p' <(sed '1,/rung:init/d' "$stage"))
	[ -s "$child" ]
	no_line '^(clone|clone3|fork|vfork|rt_sigaction|futex|epoll_create1)\(' "$(sed '/^execve(/,$d' "$child")"
}

# bats test_tags=user
@test "explain changes nothing and needs no root" {
	find "$BATS_TEST_TMPDIR" -printf '%p %T@ %s\n' | grep -v "$STATE" | sort >"$BATS_RUN_TMPDIR/before"
	run rung explain -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	mentions 'segment 0' EXEC process.args
	find "$BATS_TEST_TMPDIR" -printf '%p %T@ %s\n' | grep -v "$STATE" | sort | diff "$BATS_RUN_TMPDIR/before" -
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "explain names the field of each op that has one" {
	run rung explain --format json -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	run jq -r '[.segments[][] | select(.field) | .field] | unique | join(" ")' <<<"$output"
	mentions 'mounts[0]' linux.maskedPaths 'linux.readonlyPaths[0]' process.args process.cwd root.path hostname
}

# ---- small limits ---------------------------------------------------------------------------------------------------

@test "a container with pids.limit 1 runs, and can be exec'd into" {
	needs_controller pids
	needs_root
	config '.linux.resources.pids.limit = 1'
	process sh -c 'echo runs; exec sleep 1000'
	start_container
	wait_until 5 grep -q runs "$OUTPUT"
	[ "$(cgroup_value pids pids.max)" = 1 ]
	exec_in echo works
	says works
	# the limit applies to processes of the container itself
	exec_in sh -c 'true & wait'
	[ "$status" -ne 0 ]
}

# moby#41168, runc#1980: the start must not need more memory than the program.
@test "a container with a memory limit of 512 KiB runs /bin/true" {
	needs_controller memory
	needs_root
	config '.linux.resources.memory = {limit: 524288}'
	process /bin/true
	local i
	for i in 1 2 3 4 5; do
		run_container
		[ "$status" -eq 0 ] || fail "$output"
	done
}

# runc#2812, moby#41167: the error says what ended the start.
@test "a memory limit that is too small for the start is named" {
	needs_controller memory
	needs_root
	config '.linux.resources.memory = {limit: 4096}'
	refused linux.resources.memory
}

# ---- death ----------------------------------------------------------------------------------------------------------

# Kills rung or the stage with SIGKILL at the NUMBERth call of a kind in one of its threads.
kill_at() { # SYSTEM CALL NUMBER
	strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" \
		"$RUNG" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- &
	local pid=$!
	# strace runs for as long as the container exists
	wait_until 10 ended_or_created $pid
	rung delete --force "$ID" 2>/dev/null || true
	if wait $pid; then survived+=" $1:$2"; fi
}

ended_or_created() { # PID
	! kill -0 "$1" 2>/dev/null || [ "$(status_of 2>/dev/null)" = created ]
}

nothing_left() {
	[ -z "$(leftovers)" ]
}

@test "kill -9 of rung while it creates leaves what delete --force removes" {
	needs_tracing
	process sleep 1000
	local case survived=
	for case in mkdirat:1 mkdirat:3 mkdirat:6 flock:1 renameat:1 renameat:2 clone3:1 sendmsg:1 sendmsg:2 recvmsg:1 recvmsg:2 recvmsg:3 fsmount:2 memfd_create:2 prlimit64:2; do
		kill_at "${case%:*}" "${case#*:}"
		nothing_left || fail "after $case: $(leftovers)"
	done
	echo "not reached:$survived"
	[ "$(wc -w <<<"$survived")" -le 5 ]
	# the id can be used again
	inside 'echo again'
	says again
}

@test "kill -9 at random moments" {
	needs_root
	process sleep 1000
	local i moment
	for i in {1..15}; do
		"$RUNG" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- &
		local pid=$!
		printf -v moment '0.%03d' "$i"
		sleep "$moment"
		kill -KILL $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		rung delete --force "$ID" 2>/dev/null || true
		wait_until 3 nothing_left
	done
}

# bats test_tags=user
@test "a caller that goes away does not end a detached container" {
	start_sleeper
	[ "$(status_of)" = running ]
	rung kill "$ID" KILL
	wait_until 5 stopped
}

# bats test_tags=user
@test "the stage does nothing without a plan" {
	run "$RUNG" init 3
	[ "$status" -eq 1 ]
	run "$RUNG" init 3 3</dev/null 4</dev/null 5</dev/null
	[ "$status" -eq 1 ]
	run "$RUNG" init nonsense
	[ "$status" -eq 1 ]
}

@test "stage: a mount that hides the first of two programs" {
	own_rootfs
	mkdir "$ROOTFS/first" "$ROOTFS/second"
	printf '#!/bin/sh\necho first\n' >"$ROOTFS/first/probe"
	printf '#!/bin/sh\necho second "$HOME"\n' >"$ROOTFS/second/probe"
	chmod 0755 "$ROOTFS"/*/probe
	process probe
	config '.process.env = ["PATH=/first:/second"]'
	run_container
	says first
	add_mount '{"destination": "/first", "type": "tmpfs", "source": "tmpfs"}'
	run_container
	[[ $output == second\ * ]]
	create_container
	rung start "$ID"
	wait_until 5 grep -q second "$OUTPUT"
}

@test "stage: a mount that hides the only program" {
	own_rootfs
	mkdir "$ROOTFS/first"
	cp "$ROOTFS/bin/busybox" "$ROOTFS/first/probe"
	process probe
	config '.process.env = ["PATH=/first"]'
	add_mount '{"destination": "/first", "type": "tmpfs", "source": "tmpfs"}'
	refused 'executable file not found in $PATH'
}

@test "stage: a mount that brings the user's home directory" {
	printf 'root:x:0:0::/elsewhere:/bin/sh\n' >"$BATS_TEST_TMPDIR/passwd"
	add_mount "{\"destination\": \"/etc/passwd\", \"type\": \"bind\", \"source\": \"$BATS_TEST_TMPDIR/passwd\", \"options\": [\"bind\"]}"
	own_rootfs
	inside 'echo $HOME'
	says /elsewhere
}

@test "stage: more mounts than a message has room for descriptors" {
	own_rootfs
	config '.mounts += [range(300) | {destination: "/many/\(.)", type: "bind", source: $source, options: ["bind", "ro"]}]' \
		--arg source "$BUNDLE/config.json"
	inside 'ls /many | wc -l; head -c 1 /many/0 /many/299 | grep -c "{"'
	says $'300\n2'
}

@test "stage: standard streams that the caller has closed" {
	process sh -c 'echo to nobody; ls /proc/self/fd >/seen'
	own_rootfs
	"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" <&- >&- 2>&- 3>&-
	[ -s "$ROOTFS/seen" ]
}

# With a closed standard stream the stage is spawned late, by other code.
@test "stage: no descriptor reaches the program where a standard stream is closed" {
	needs_root
	own_rootfs
	mkdir "$BATS_TEST_TMPDIR/outside"
	exec 77<"$BATS_TEST_TMPDIR/outside" # above all descriptors that the stage gets
	process sh -c 'ls /proc/self/fd >/seen'
	"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" <&- 3>&-
	process sleep 1000
	"$RUNG" --root "$STATE" create -b "$BUNDLE" "$ID" <&- >/dev/null 3>&-
	local fd
	for fd in "/proc/$(init_pid)/fd/"*; do
		[ "${fd##*/}" -le 2 ] || [ ! -d "$fd/" ] || fail "descriptor ${fd##*/}: $(readlink "$fd")"
	done
	rung start "$ID"
	"$RUNG" --root "$STATE" exec "$ID" sh -c 'ls /proc/self/fd >>/seen' <&- 3>&-
	exec 77<&-
	# descriptor 3 is the directory that ls reads
	[ "$(cat "$ROOTFS/seen")" = $'0\n1\n2\n3\n0\n1\n2\n3' ] || fail "$(cat "$ROOTFS/seen")"
}

# failing CALL ERROR COMMAND OF RUNG...: runs rung, and makes the call fail in rung and in the stage.
failing() {
	run strace -f -qq -o /dev/null -e trace="$1" -e inject="$1:error=$2" "$RUNG" --root "$STATE" "${@:3}"
}

fails_with() { # TEXT...
	[ "$status" -ne 0 ] || fail "success: $output"
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	mentions "$@"
}

# Makes the first call of each kind fail that the stage makes and rung does not.
@test "stage: an error of any system call of the stage ends it" {
	needs_tracing
	local call field
	own_rootfs
	config '.process.user = {uid: 1000, gid: 1000}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["personality"], action: "SCMP_ACT_ERRNO"}]}'
	while read -r call field; do
		failing "$call" EIO run --no-subreaper -b "$BUNDLE" "$ID"
		fails_with "$field" 'input/output error'
	done <<-END
		setsid new session
		fstatfs mounts[
		move_mount root.path: attach
		mount_setattr linux.rootfsPropagation
		mknodat default device
		symlinkat default links
		pivot_root root.path: enter
		umount2 root.path: detach
		fchdir root.path: enter
		sethostname hostname
		prctl process.capabilities.bounding
		prlimit64 process.rlimits[0]
		setgroups process.user.additionalGids
		setresgid process.user.gid
		setresuid process.user.uid
		getcwd process.cwd
		capset process.capabilities
		seccomp linux.seccomp
	END
	[ -z "$(leftovers)" ]
}

@test "stage: a cgroup that cannot be entered ends it" {
	needs_tracing
	needs_v1_controller memory
	config '.linux.cgroupsPath = "/" + $id' --arg id "$ID"
	run strace -f -qq -o /dev/null -P "$(v1_mount memory)/$ID/tasks" -e trace=write -e inject=write:error=EIO \
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	fails_with linux.cgroupsPath 'enter the cgroup' 'input/output error'
}

@test "stage: an error of any system call of exec's stage ends it" {
	needs_tracing
	local call field
	start_sleeper
	while read -r call field; do
		failing "$call" EIO exec --user 1000:1000 "$ID" true
		fails_with "$field" 'input/output error'
	done <<-END
		setns linux.namespaces
		chroot root.path
		chdir root.path
		setgroups process.user.additionalGids
		setresgid process.user.gid
		setresuid process.user.uid
		capset process.capabilities
	END
}

# A reader of rung's output waits until every process has closed it.
@test "stage: no process of it is left after an error in the options" {
	local arguments
	for arguments in "run --no-such-flag $ID" "run -b /nonexistent $ID" "exec nobody true" "run --help" "create"; do
		# shellcheck disable=SC2086 # several words
		timeout 10 sh -c '"$@" 2>&1 | cat >/dev/null' sh "$RUNG" --root "$STATE" $arguments 3>&-
	done
}

# The sysctl vm.memfd_noexec (Linux 6.3) belongs to a PID namespace.
@test "where nobody may execute a memfd" {
	needs_root
	[ -e /proc/sys/vm/memfd_noexec ] || skip "needs the sysctl vm.memfd_noexec"
	process echo hello
	run unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec && exec "$0" "$@"' \
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "$output"
	says hello
}
