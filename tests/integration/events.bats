#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# rung events: statistics and out-of-memory events, as one JSON object a line.

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

# Follows the events, and waits for the first statistics: by then rung watches for out-of-memory events.
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

# Compares two times, because under emulation the start itself may take much time.
idle() {
	local before
	before=$(cpu_time)
	sleep 0.3
	[ "$(cpu_time)" = "$before" ]
}

cpu_time() {
	cut -d' ' -f14,15 "/proc/$(pgrep -P "$FOLLOWER" rung || echo "$FOLLOWER")/stat"
}

# A program that writes to its memory itself. dd of busybox 1.37 does not: it gets EFAULT from read(2) where the OOM killer is off.
fill='exec awk "BEGIN { s = \"0123456789abcdef\"; while (length(s) < 100000000) s = s s }"'

@test "events: a container that runs out of memory" {
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; head -c 100000000 /dev/zero | tail'
	start_container
	watch_events
	rung exec "$ID" touch /dev/shm/go
	wait_until 30 told oom
	wait_until 10 stopped
	wait "$FOLLOWER"
	[ "$(jq -c 'select(.type == "oom")' "$EVENTS" | head -1)" = "{\"type\":\"oom\",\"id\":\"$ID\"}" ]
}

# On v1 the kernel signals before it kills: a signal and its kill are one event.
@test "events: one event for each kill" {
	local kills
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520}'
	config '.process.env += ["fill=" + $fill]' --arg fill "$fill"
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done
		for i in 1 2 3 4 5 6; do
			sh -c "echo 1000 >/proc/self/oom_score_adj; eval \"\$fill\"" # never the shell
		done; touch /dev/shm/done; exec sleep 1000'
	start_container
	watch_events
	rung exec "$ID" touch /dev/shm/go
	wait_until 200 rung exec "$ID" test -e /dev/shm/done 2>/dev/null
	sleep 0.3 # for an event too many
	kills=$(cgroup_value memory "$(is_v2 && echo memory.events || echo memory.oom_control)" | sed -n 's/^oom_kill //p')
	[ "$kills" -ge 6 ]
	rung kill "$ID" KILL
	wait "$FOLLOWER"
	[ "$(grep -c '"type":"oom"' "$EVENTS")" = "$kills" ]
}

@test "events: one event where processes wait, because the OOM killer is off" {
	needs_v1_controller memory
	config '.linux.resources.memory = {limit: 20971520, swap: 20971520, disableOOMKiller: true}'
	config '.process.env += ["fill=" + $fill]' --arg fill "$fill"
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; eval "$fill"'
	start_container
	watch_events
	rung exec "$ID" touch /dev/shm/go
	wait_until 30 told oom
	rung kill "$ID" KILL
	wait "$FOLLOWER"
}

@test "events: an out-of-memory kill of init is reported before the end" {
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
