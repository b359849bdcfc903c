#!/usr/bin/env bats
# Hosts that deny system calls or lack something (tests/hosts/matrix.sh): rung either makes a whole container, or prints one line
# that says what is wrong, after a probe, and leaves nothing behind.

load helpers
load commands

# matrix REGEX: runs rung on these hosts, and prints lines "CASE: VERDICT".
matrix() {
	needs_root
	needs_command gcc
	run "$RUNG_SOURCE/tests/hosts/matrix.sh" --only "$1" "rung=$RUNG"
	[ "$status" -eq 0 ] || fail "$output"
	output=${output//$'\trung\t'/: }
	readarray -t lines <<<"$output"
}

# There must be COUNT trials, and the verdict of each must contain every TEXT.
all_say() { # COUNT TEXT...
	local line text
	[ "${#lines[@]}" -eq "$1" ] || fail "not $1 trials: $output"
	for line in "${lines[@]}"; do
		for text in "${@:2}"; do
			[[ $line == *"$text"* ]] || fail "no '$text' in: $line"
		done
		[[ $line != *'left behind'* && $line != *' lines) '* ]] || fail "$line"
	done
}

@test "denied calls that rung can do without: memfd_create, clone3, close_range, statx, seccomp, and pidfd_getfd without a listener" {
	matrix '^(memfd_create|clone3|close_range|statx|seccomp|pidfd_getfd) '
	all_say 12 ': works'
}

@test "denied calls that rung cannot do without: the line names the call, what rung needs it for, and the filter" {
	matrix '^(openat2|mount_setattr|fsopen|fsconfig|fsmount|move_mount|open_tree) '
	all_say 14 ': run: rung run failed: ' '(rung needs ' '(2) to ' ', and a seccomp filter that rung itself runs under denies it)'
	local line call
	for line in "${lines[@]}"; do
		call=${line%% *}
		[[ $line == *"(rung needs $call(2) to "* ]] || fail "the call is not named: $line"
	done
}

@test "keyctl denied by EPERM or ENOSYS: the caller's keys stay outside, or the line says how to do without" {
	matrix '^keyctl '
	all_say 2 'rung run failed: own session keyring, so that the caller'"'"'s keys stay outside: keyctl: ' \
		'(rung needs keyctl(2) to keep the caller'"'"'s keys out of the container (--no-new-keyring does without), and a seccomp filter'
}

@test "pidfds denied: exec and kill say so, and touch no process" {
	matrix '^pidfd_(open|send_signal) '
	all_say 4 '(rung needs pidfd_' '(2) to be sure which process it means, and a seccomp filter that rung itself runs under denies it)'
	[[ ${lines[0]} == *': exec: exec failed: pidfd_open: '* && ${lines[2]} == *': kill: send signal 9 to the container'"'"'s init: pidfd_send_signal: '* ]]
}

@test "a root file system mounted noexec is named, by run and by create" {
	matrix '^root noexec'
	all_say 1 ': run: rung run failed: unable to start container process: error during container init: exec: ' \
		': permission denied (root.path: ' '/rootfs is mounted noexec on the host)'
	own_rootfs
	mount --bind "$ROOTFS" "$ROOTFS"
	mount -o remount,bind,noexec "$ROOTFS"
	process /bin/true
	run rung create -b "$BUNDLE" "$ID"
	local first=$status said=$output
	process true
	run rung create -b "$BUNDLE" "$ID"
	umount "$ROOTFS"
	[ "$first" -eq 1 ] && [ "$status" -eq 1 ]
	mentions 'executable file not found in $PATH (no right to execute ' '/true) (root.path: ' 'is mounted noexec on the host)'
	output=$said
	mentions /bin/true ': permission denied (root.path: ' 'is mounted noexec on the host)'
}

@test "a host without /dev/null or with a plain file there, a /proc that is read-only or hides processes, and few processes" {
	matrix '^(null |proc (read-only|hidepid)|nproc )'
	all_say 5 ': works'
}

@test "a host without a proc file system, or whose cgroups are read-only or not there" {
	matrix '^(proc empty|cgroup (read-only|empty))'
	all_say 3 ': run: rung run failed: '
	[[ $output == *'proc empty: '*'none is mounted at /proc)'* ]]
	[[ $output == *'cgroup read-only: '*'unable to apply cgroup configuration: mkdir '*': read-only file system'* ]]
	[[ $output == *'cgroup empty: '*'no cgroup hierarchy is mounted'* ]]
}

@test "memory too small for rung itself leaves nothing behind" {
	needs_controller memory
	matrix '^memory '
	all_say 3 ': '
	[[ ${lines[2]} == *': works' ]] # 4 MiB
}

# in_small_group MOST COMMAND...: runs a command in a cgroup that has at most so many processes and threads, below one without a limit.
in_small_group() {
	local group
	group=$(hierarchy_of pids)/$ID-small
	mkdir "$group" "$group/inner" 2>/dev/null || true
	! is_v2 || echo +pids >"$group/cgroup.subtree_control"
	echo "$1" >"$group/pids.max"
	# shellcheck disable=SC2016 # expanded by the inner shell
	bash -c 'echo $$ >"$0/inner/cgroup.procs" && exec "$@"' "$group" "${@:2}"
}

@test "too few processes for the threads of rung: one line, also in the log, names the cgroup, its limit and the cure" {
	needs_controller pids
	matrix '^pids '
	all_say 1 ': run: rung: no thread can be made: pids.max of /sys/fs/cgroup/' ' is 3 (do: raise it, by TasksMax= of the unit or --pids-limit of the engine)'
	local most wanted=
	for most in 1 2 3; do
		run in_small_group $most "$RUNG" --root "$STATE" --log "$BATS_TEST_TMPDIR/log" --log-format json run -b "$BUNDLE" "$ID"
		[ "$status" -eq 1 ] || fail "$output"
		# The limit is the one of the cgroup above rung's own.
		says "rung: no thread can be made: pids.max of $(hierarchy_of pids)/$ID-small is $most (do: raise it, by TasksMax= of the unit or --pids-limit of the engine)"
		wanted+="${lines[0]#rung: }"$'\n'
	done
	[ "$(jq -r 'select(.level == "error") | .msg' "$BATS_TEST_TMPDIR/log")"$'\n' = "$wanted" ]
	run -0 in_small_group max "$RUNG" --version
	wait_until 5 rmdir "$(hierarchy_of pids)/$ID-small/inner" # the stage ends without its rung
	rmdir "$(hierarchy_of pids)/$ID-small"
	[ ! -e "$STATE/$ID" ]
}

@test "a user who has as many processes as RLIMIT_NPROC allows: one line names the limit" {
	needs_root
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$dir"
	install -m 0755 "$RUNG" "$dir/rung"
	# shellcheck disable=SC2016 # expanded by the inner shell
	run -1 setpriv --reuid 4344 --regid 4344 --clear-groups --bounding-set -all --inh-caps -all bash -c '
		for i in {1..15}; do sleep 2 & done >/dev/null 2>&1
		ulimit -u 16
		exec "$1" --version' - "$dir/rung" 3>&-
	says 'rung: no thread can be made: pids.max of the cgroup or RLIMIT_NPROC, which is 16, is reached (do: raise TasksMax= of the unit, --pids-limit of the engine, or ulimit -u)'
}

@test "clone3 denied on a unified hierarchy: the process is born in its cgroup all the same" {
	needs_root
	[ -d /sys/fs/cgroup/unified ] || is_v2 || skip "needs a cgroup v2 hierarchy"
	process sh -c 'grep ^0:: /proc/self/cgroup'
	config '.linux.cgroupsPath = "/" + $id' --arg id "$ID"
	local errno
	for errno in EPERM ENOSYS; do
		run unshare --mount --propagation private bash -c '
			! mountpoint -q /sys/fs/cgroup/unified || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
			exec "$@"' - "$RUNG_TEST_COMMANDS/blocked" clone3 "$errno" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 0 ] || fail "$output"
		[[ $output == *"$ID" || $output == 0::/ ]] || fail "$output" # with a cgroup namespace it is the root
	done
}

# bats test_tags=user
@test "denied calls that rung can do without: in a plain user's container too" {
	process echo 'it runs'
	local call errno
	for call in memfd_create clone3 close_range statx seccomp; do
		for errno in EPERM ENOSYS; do
			run "$RUNG_TEST_COMMANDS/blocked" "$call" "$errno" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
			[ "$status" -eq 0 ] || fail "$call $errno: $output"
			says 'it runs'
		done
	done
	run "$RUNG_TEST_COMMANDS/blocked" move_mount ENOSYS "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'move_mount: function not implemented (rung needs move_mount(2) to make mounts by descriptor, and a seccomp filter that rung itself runs under denies it)'
}

@test "delete --force where pidfds are denied: an error, and the container is as it was" {
	needs_root
	start_sleeper
	run "$RUNG_TEST_COMMANDS/blocked" pidfd_open EPERM "$RUNG" --root "$STATE" delete --force "$ID"
	[ "$status" -eq 1 ]
	mentions 'pidfd_open: operation not permitted (rung needs pidfd_open(2) to be sure which process it means'
	[ "$(status_of)" = running ]
}

# bats test_tags=user
@test "denied calls that every kernel has: the line names the call, what rung needs it for, and the filter" {
	local call errno calls='chdir flock mkdirat openat pipe2 prlimit64 recvfrom recvmsg sendmsg socketpair umount2'
	process sh -c 'exit 0'
	# a plain user may be refused the others by the kernel too, or does without
	! is_root || calls+=' capset fchdir ioctl prctl sethostname setgroups setresgid setresuid socket symlinkat'
	for call in $calls; do
		for errno in EPERM ENOSYS; do
			run "$RUNG_TEST_COMMANDS/blocked" "$call" "$errno" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
			[ "$status" -eq 1 ] || fail "$call $errno: $status $output"
			mentions "(rung needs $call(2) " ', and a seccomp filter that rung itself runs under denies it)' "add $call to its seccomp profile"
			[ ! -e "$STATE/$ID" ] || fail "$call $errno left the container"
		done
	done
	! grep -q ld-linux "$RUNG" || return 0 # glibc makes threads by clone3
	for errno in EPERM ENOSYS; do
		run -1 "$RUNG_TEST_COMMANDS/blocked" clone "$errno" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		says "rung: no thread can be made: a seccomp filter that rung itself runs under denies clone(2) (do: add clone to its profile: docker run --security-opt seccomp=PROFILE, or SystemCallFilter=clone in the unit)"
	done
}

# bats test_tags=user
@test "kill denied: a run in the foreground still deletes its container" {
	local errno
	process sh -c 'exit 4'
	for errno in EPERM ENOSYS; do
		run -4 "$RUNG_TEST_COMMANDS/blocked" kill "$errno" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		says ''
		[ ! -e "$STATE/$ID" ]
	done
}

@test "a user namespace denied by a filter: the line says so, and nobody is told to list one" {
	needs_root
	map_ids
	own_rootfs
	run -1 "$RUNG_TEST_COMMANDS/blocked" unshare EPERM "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	mentions 'unshare: operation not permitted (rung needs unshare(2) to make processes and namespaces, and a seccomp filter'
	[[ $output != *'list it in linux.namespaces'* ]]
	run -1 "$RUNG_TEST_COMMANDS/blocked" unshare EPERM "$RUNG" --root "$STATE" check -b "$BUNDLE"
	mentions 'trial: ' 'a seccomp filter that rung itself runs under denies it' 'add unshare to its seccomp profile'
}

@test "a missing CAP_NET_ADMIN is named" {
	needs_root
	run -1 setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	mentions 'bring up the loopback device: ioctl: operation not permitted (a new network namespace needs CAP_NET_ADMIN, which rung was started without)' \
		'do: start rung with that capability'
}
