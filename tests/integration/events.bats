#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# rung events: statistics and out-of-memory events, a JSON object a line.

load helpers

setup() {
	needs_root
	setup_bundle
	EVENTS=$BATS_TEST_TMPDIR/events
}

follow_events() { # [FLAG...]
	rung events "$@" "$ID" >"$EVENTS" 2>"$EVENTS.err" &
	FOLLOWER=$!
}

# Follows them, and waits until the kernel has been asked for them: which is before the first statistics.
watch_events() {
	follow_events --interval 100ms
	wait_until 5 told stats
}

told() { # TYPE
	grep -q "\"type\":\"$1\"" "$EVENTS"
}

told_times() { # NUMBER TYPE
	[ "$(grep -c "\"type\":\"$2\"" "$EVENTS")" -ge "$1" ]
}

@test "events --stats: one object, in runc's form" {
	config '.linux.resources.pids.limit = 77'
	start_sleeper
	run rung events --stats "$ID"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	jq -e --arg id "$ID" '.type == "stats" and .id == $id' <<<"$output"
	jq -e '.data | .pids.current == 1 and .pids.limit == 77 and .memory.usage.usage > 0 and .cpu.usage.total > 0' <<<"$output"
	jq -e '.data | has("cpuset") and has("blkio") and has("hugetlb") and has("intel_rdt") and has("network_interfaces")' <<<"$output"
	jq -e '.data.memory.raw | length > 5' <<<"$output"
}

@test "events --interval: statistics until the container stops" {
	start_sleeper
	follow_events --interval 50ms
	wait_until 5 told_times 3 stats
	rung kill "$ID" KILL
	wait "$FOLLOWER"
	[ ! -s "$EVENTS.err" ]
}

@test "events: nothing before the first interval, and no busy loop" {
	start_sleeper
	follow_events --interval 1h
	sleep 0.5
	wait_until 10 idle
	[ ! -s "$EVENTS" ]
	rung kill "$ID" KILL
	wait "$FOLLOWER"
}

# Not how much time its start took: under emulation that may be a lot.
idle() {
	local before
	before=$(cpu_time)
	sleep 0.3
	[ "$(cpu_time)" = "$before" ]
}

cpu_time() {
	cut -d' ' -f14,15 "/proc/$(pgrep -P "$FOLLOWER" rung || echo "$FOLLOWER")/stat"
}

@test "events: a container that runs out of memory" {
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; head -c 100000000 /dev/zero | tail'
	start_container
	watch_events
	rung exec "$ID" touch /dev/shm/go
	wait_until 10 told oom
	wait_until 10 stopped
	wait "$FOLLOWER"
	[ "$(jq -c 'select(.type == "oom")' "$EVENTS" | head -1)" = "{\"type\":\"oom\",\"id\":\"$ID\"}" ]
}

@test "events: init that is killed for want of memory is told before the end" {
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; exec tail /dev/zero'
	start_container
	watch_events
	rung exec "$ID" touch /dev/shm/go
	wait "$FOLLOWER"
	told oom
}

@test "events: what is wrong is said" {
	process true
	start_container
	wait_until 5 stopped
	run -1 rung events "$ID"
	mentions "container with id $ID is not running"
	run -1 rung events --stats "$ID"
	mentions "container with id $ID is not running"
	run -1 rung events --interval 0 "$ID"
	mentions 'duration interval must be greater than 0'
	run -1 rung events
	mentions 'requires exactly 1 argument'
	run -1 rung events no-such-container
	mentions 'container does not exist'
}
