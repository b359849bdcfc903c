#!/usr/bin/env bats
# shellcheck disable=SC2153 # variables of bats and helpers, scripts for inner shells
# rung delete, in each state of a container, and after accidents. The teardown fails too if anything is left behind.

load helpers
load commands

gone() {
	[ ! -e "$STATE/$ID" ]
	no_leftovers
}

# bats test_tags=user
@test "delete: a stopped container" {
	process true
	start_container
	wait_until 5 stopped
	run -0 rung delete "$ID"
	says ''
	gone
	run -1 rung state "$ID"
	mentions 'container does not exist'
}

# bats test_tags=user
@test "delete: a created container" {
	create_container
	local pid
	pid=$(init_pid)
	rung delete "$ID"
	dead "$pid"
	gone
}

# bats test_tags=user
@test "delete: not a running container" {
	start_sleeper
	run -1 rung delete "$ID"
	mentions "cannot delete container $ID that is not stopped: running"
	[ "$(status_of)" = running ]
}

# The kernel takes a moment to end a process, and a script that kills and deletes cannot wait for that.
# bats test_tags=user
@test "delete: a container that has just been killed" {
	local n
	for n in {1..10}; do
		start_sleeper
		rung kill "$ID" KILL
		rung delete "$ID"
		gone
	done
}

# bats test_tags=user
@test "delete -f, --force: a running container" {
	start_sleeper
	local pid
	pid=$(init_pid)
	rung delete --force "$ID"
	dead "$pid"
	gone
	start_sleeper
	rung delete -f "$ID"
	gone
}

# bats test_tags=user
@test "delete --force: the other states" {
	create_container
	rung delete --force "$ID"
	gone
	process true
	start_container
	wait_until 5 stopped
	rung delete --force "$ID"
	gone
}

@test "delete --force: a paused container" {
	needs_root
	needs_controller freezer
	start_sleeper
	freeze_cgroup
	run -1 rung delete "$ID"
	mentions 'not stopped: paused'
	rung delete --force "$ID"
	gone
}

@test "delete: processes that outlived init in the host's PID namespace" {
	needs_root
	config '.linux.namespaces |= map(select(.type != "pid"))'
	process sh -c 'sleep 1000 & echo $!; exit 0'
	start_container
	wait_until 5 stopped
	rung delete "$ID"
	wait_until 5 dead "$(cat "$OUTPUT")"
	gone
}

@test "delete: with processes of exec in sub-cgroups that they made" {
	needs_root
	needs_controller pids
	start_sleeper
	local sub
	sub=$(cgroup_path pids)/sub
	mkdir -p "$sub/deeper"
	rung exec -d "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	rung exec "$ID" true
	rung delete --force "$ID"
	[ ! -e "$sub" ]
	gone
}

@test "delete: a container that does not exist" {
	mkdir "$STATE"
	run -1 rung delete "$ID"
	mentions 'container does not exist'
	run -0 rung delete --force "$ID"
	says ''
	rmdir "$STATE"
}

@test "delete: never anything outside of the state directory" {
	mkdir -p "$STATE" "$BATS_TEST_TMPDIR/precious"
	run -1 rung delete --force ../precious
	mentions 'invalid container ID format'
	run -1 rung delete --force ..
	[ -d "$BATS_TEST_TMPDIR/precious" ]
	rmdir "$STATE"
}

@test "delete: what a create that was killed early has left" {
	mkdir -p "$STATE/$ID"
	run -1 rung delete "$ID"
	mentions 'container does not exist'
	[ ! -e "$STATE/$ID" ]
	mkdir -p "$STATE/$ID"
	run -0 rung delete --force "$ID"
	gone
}

@test "delete: a link in the state directory is no container, and what it leads to stays" {
	create_container
	mkdir "$STATE/other"
	mv "$STATE/$ID" "$STATE/other/"
	ln -s "other/$ID" "$STATE/$ID"
	run -1 rung delete --force "$ID"
	mentions 'not a directory'
	[ -s "$STATE/other/$ID/state.json" ]
	rm "$STATE/$ID"
	mv "$STATE/other/$ID" "$STATE/"
	rmdir "$STATE/other"
	rung delete --force "$ID"
	gone
}

# bats test_tags=user
@test "a damaged config.json or resources.json is named, and delete --force only warns of it" {
	start_sleeper
	printf junk >"$STATE/$ID/resources.json"
	run -1 rung update --pids-limit 20 "$ID"
	mentions "$STATE/$ID/resources.json: damaged: "
	: >"$STATE/$ID/config.json"
	run -255 rung exec "$ID" true
	mentions "$STATE/$ID/config.json: damaged: "
	run -0 rung delete --force "$ID"
	mentions 'hooks of poststop are not run' "$STATE/$ID/config.json: damaged: "
	gone
}

@test "delete: a process that somebody has moved into the container's cgroup is named, and killed by force" {
	needs_root
	start_sleeper
	local cgroup pid
	cgroup=$(cgroup_path pids)
	sleep 1000 3>&- &
	pid=$!
	echo "$pid" >"$cgroup/cgroup.procs"
	rung kill "$ID" KILL
	wait_until 5 eval '[ "$(status_of)" = stopped ]'
	run -1 rung delete "$ID"
	mentions 'device or resource busy: process '"$pid"' (sleep 1000) is in it'
	run -0 rung delete --force "$ID"
	run ! wait "$pid"
	gone
	start_sleeper # the same where nothing is known but the cgroup
	sleep 1000 3>&- &
	pid=$!
	echo "$pid" >"$(cgroup_path pids)/cgroup.procs"
	echo junk >"$STATE/$ID/state.json"
	rung delete --force "$ID"
	run ! wait "$pid"
	gone
}

@test "delete: a container whose state has gone, and whose process has not" {
	needs_root
	process sleep 1000
	create_container
	rung start "$ID"
	jq '.pid = 0 | .startTime = 0' "$STATE/$ID/state.json" >"$STATE/$ID/creating.json"
	mv "$STATE/$ID/state.json" "$BATS_TEST_TMPDIR/"
	run -1 rung delete "$ID"
	mentions "cannot delete container $ID that is not stopped: process "
	mv "$BATS_TEST_TMPDIR/state.json" "$STATE/$ID/"
	[ "$(status_of)" = running ]
	rm "$STATE/$ID/state.json"
	run -0 rung delete --force "$ID"
	gone
}

@test "delete --force: what a create has left that was killed while it kept its configuration" {
	process sleep 1000
	create_container
	jq '.pid = 0 | .startTime = 0' "$STATE/$ID/state.json" >"$STATE/$ID/creating.json"
	kill -KILL "$(init_pid)"
	rm "$STATE/$ID/state.json"
	: >"$STATE/$ID/config.json"
	run -0 rung delete --force "$ID"
	says ''
	gone
}

@test "delete: cgroup already gone" {
	needs_root
	process true
	start_container
	wait_until 5 stopped
	local path
	while read -r path; do
		rmdir "$path"
	done < <(jq -r '[.cgroupPaths[]] | unique[]' "$STATE/$ID/state.json") # controllers may share a hierarchy
	rung delete "$ID"
	gone
}

@test "delete: several containers at the same time" {
	local n
	process sleep 1000
	for n in 1 2 3 4; do
		rung create "$ID.$n" </dev/null >/dev/null 2>&1
		rung start "$ID.$n"
	done
	local jobs=()
	for n in 1 2 3 4; do
		rung delete --force "$ID.$n" &
		jobs+=($!)
	done
	for n in "${jobs[@]}"; do
		wait "$n"
	done
	gone
}

@test "delete: of a container that is being created: waits, and then goes by its state" {
	process sleep 1000
	mkfifo go
	config '.hooks.createRuntime = [{path: "/bin/sh", timeout: 20, args: ["sh", "-c", "read -r _ <" + $fifo]}]' --arg fifo "$PWD/go"
	rung run -d "$ID" </dev/null >/dev/null 2>&1 &
	wait_until 5 creating
	"$RUNG" --root "$STATE" delete "$ID" >deleted 2>&1 3>&- &
	local deleter=$! code=0
	wait_until 5 waits_for_lock "$deleter" || code=1
	echo >go
	[ "$code" -eq 0 ]
	wait "$deleter" || code=$?
	[ "$code" -eq 1 ]
	grep -q "cannot delete container $ID that is not stopped: running" deleted
	[ "$(status_of)" = running ]
}

creating() {
	[ "$(status_of 2>/dev/null)" = creating ]
}

waits_for_lock() { # PID
	grep -q -- "-> FLOCK .* $1 " /proc/locks
}

@test "delete: wrong number of arguments" {
	run -1 rung delete
	mentions 'requires exactly 1 argument(s)'
	run -1 rung delete a b
	mentions 'requires exactly 1 argument(s)'
}

@test "delete: of a container whose rung still runs in the foreground" {
	process sleep 100
	rung run -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &
	local foreground=$!
	wait_until 5 running
	run -0 timeout -k 1 10 "$RUNG" --root "$STATE" delete --force "$ID"
	wait_until 5 dead "$foreground"
	[ ! -e "$BATS_TEST_TMPDIR/state/$ID" ]
}

running() {
	[ "$(status_of 2>/dev/null)" = running ]
}

# bats test_tags=user
@test "kill and delete --regex: each container whose id matches" {
	local n
	process sleep 1000
	for n in 1 2 other; do rung run -d -b "$BUNDLE" "$ID-$n" >/dev/null; done
	run -1 rung delete --regex "^$ID-[12]\$" # all run
	[ "${#lines[@]}" -eq 2 ]
	for n in 1 2; do mentions "$ID-$n: cannot delete container $ID-$n that is not stopped: running"; done
	run -0 rung kill --regex "^$ID-[12]\$" KILL
	for n in 1 2; do wait_until 10 has_status "$ID-$n" stopped; done
	has_status "$ID-other" running
	run -0 rung delete -r "^$ID-[12]\$"
	run -0 rung delete --regex --force "^$ID-[12]\$" # there are none
	[ "$(rung list -q)" = "$ID-other" ]
	run -1 rung delete --regex "$ID-["
	mentions '--regex: '
	run -1 rung delete "^$ID-o"
	mentions 'invalid container ID format'
	rung delete --force --regex other
	[ -z "$(rung list -q)" ]
}

has_status() { # ID STATUS
	[ "$(rung state "$1" | jq -r .status)" = "$2" ]
}
