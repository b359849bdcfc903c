#!/usr/bin/env bats
# Tests of the check at the end of every test: it finds leftovers of containers and removes them.

load helpers

# finds TEXT...: the check must print every TEXT, and nothing the second time
finds() {
	run no_leftovers
	[ "$status" -ne 0 ]
	mentions "$@"
	wait_until 5 nothing
}

nothing() {
	[ -z "$(leftovers)" ]
}

# bats test_tags=user
@test "leftovers: nothing is left of a container" {
	start_sleeper
	rung delete --force "$ID"
	no_leftovers
}

# bats test_tags=user
@test "leftovers: a container, its state" {
	start_sleeper
	local pid
	pid=$(init_pid)
	run leftovers
	mentions "process	$pid	sleep 1000" "state	$STATE/$ID"
}

# bats test_tags=user
@test "leftovers: a process that names the directory of the test" {
	(exec -a "sleep of $BATS_TEST_TMPDIR" sleep 1000) >/dev/null 2>&1 3>&- &
	wait_until 5 eval '[ -n "$(leftovers)" ]'
	finds "left behind: process $!	sleep of $BATS_TEST_TMPDIR"
	run ! kill -0 $!
}

@test "leftovers: cgroups, with what is in them" {
	needs_root
	start_sleeper
	local path
	path=$(cgroup_path pids)
	mkdir "$path/$ID"
	rm -r "${STATE:?}/$ID"
	finds "cgroup $path/$ID" "cgroup $path" "process "
	[ ! -e "$path" ]
}

@test "leftovers: mounts, and devices in the shared root file system" {
	needs_root
	mkdir "$BATS_TEST_TMPDIR/mounted here"
	mount -t tmpfs leftover "$BATS_TEST_TMPDIR/mounted here"
	mknod "$(shared_rootfs)/dev/nothing" c 1 3
	finds 'left behind: mount' "$BATS_TEST_TMPDIR/mounted\040here" "left behind: rootfs $(shared_rootfs)/dev/nothing"
}
