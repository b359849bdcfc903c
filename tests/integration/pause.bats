#!/usr/bin/env bats
# rung pause and resume. lifecycle.bats has their results in each state.

load helpers

setup() {
	needs_root
	setup_bundle
}

# Starts a container that counts in a file.
start_counter() {
	mkdir "$BUNDLE/data"
	config '.mounts += [{destination: "/tmp", type: "bind", source: "data", options: ["bind"]}]'
	process sh -c 'while :; do echo x >>/tmp/count; sleep 0.01; done'
	start_container
	wait_until 5 test -s "$BUNDLE/data/count"
}

count() {
	wc -l <"$BUNDLE/data/count"
}

moved_on() { # COUNT
	[ "$(count)" -gt "$1" ]
}

@test "pause: every process stands still, until resume" {
	local before
	start_counter
	run rung pause "$ID"
	[ "$status" -eq 0 ]
	says ''
	[ "$(status_of)" = paused ]
	before=$(count)
	sleep 0.2
	[ "$(count)" = "$before" ]
	run rung resume "$ID"
	[ "$status" -eq 0 ]
	says ''
	[ "$(status_of)" = running ]
	wait_until 5 moved_on "$before"
}

@test "pause: list shows it, exec is refused, exec --ignore-paused waits for resume" {
	start_sleeper
	rung pause "$ID"
	[ "$(rung list -f json | jq -r '.[].status')" = paused ]
	run -255 rung exec "$ID" true
	mentions 'cannot exec in a paused container (use --ignore-paused to override)'
	rung exec --ignore-paused "$ID" touch /dev/shm/done &
	sleep 0.3
	kill -0 $!
	rung resume "$ID"
	wait $!
}

@test "pause: KILL and delete --force end a paused container" {
	start_sleeper
	rung pause "$ID"
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
	start_sleeper
	rung pause "$ID"
	rung delete --force "$ID"
}

@test "pause: a container that was not started, and starts after resume" {
	process sleep 1000
	create_container
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	rung resume "$ID"
	[ "$(status_of)" = created ]
	rung start "$ID"
	[ "$(status_of)" = running ]
}

@test "pause: a container that is paused already" {
	start_sleeper
	rung pause "$ID"
	run -1 rung pause "$ID"
	mentions 'container not running (do: it is paused already: rung resume lets it run on)'
	rung resume "$ID"
}

@test "pause and resume: wrong number of arguments" {
	local command
	for command in pause resume; do
		run -1 rung $command
		mentions 'requires exactly 1 argument'
		run -1 rung $command a b
		mentions 'requires exactly 1 argument'
	done
}
