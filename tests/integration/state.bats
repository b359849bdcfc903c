#!/usr/bin/env bats
# rung state: the document of the runtime specification, in every state.

load helpers

# bats test_tags=user
@test "state: the members of the specification, and runc's" {
	config '.annotations = {"org.example.key": "value", "other": "2"}'
	create_container
	run -0 rung state "$ID"
	[ "$(jq -r 'keys_unsorted | join(" ")' <<<"$output")" = \
		'ociVersion id pid status bundle rootfs created annotations owner' ]
	jq -e --arg id "$ID" --arg bundle "$BUNDLE" --arg rootfs "$(shared_rootfs)" --slurpfile config config.json '
		.id == $id and .bundle == $bundle and .rootfs == $rootfs and .status == "created"
		and .ociVersion == $config[0].ociVersion and .annotations == $config[0].annotations
		and (.pid | type) == "number" and .pid > 1' <<<"$output"
}

@test "state: created is a time of now, in UTC" {
	create_container
	local created
	created=$(rung state "$ID" | jq -r .created)
	[[ $created =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$ ]]
	local age=$(($(date +%s) - $(date -d "$created" +%s)))
	((age >= 0 && age < 60))
}

# bats test_tags=user
@test "state: no annotations, no member" {
	create_container
	[ "$(rung state "$ID" | jq 'has("annotations")')" = false ]
}

# bats test_tags=user
@test "state: created, running, stopped" {
	process sleep 1000
	create_container
	[ "$(status_of)" = created ]
	local pid
	pid=$(init_pid)
	[ -d "/proc/$pid" ]
	rung start "$ID"
	[ "$(status_of)" = running ]
	[ "$(init_pid)" = "$pid" ]
	rung kill "$ID" KILL
	wait_until 5 stopped
	[ "$(init_pid)" = 0 ]
}

@test "state: paused" {
	needs_root
	needs_controller freezer
	start_sleeper
	freeze_cgroup
	[ "$(status_of)" = paused ]
	thaw_cgroup
	[ "$(status_of)" = running ]
}

@test "state: the pid of a process that took the number of a dead one is not believed" {
	start_sleeper
	rung kill "$ID" KILL
	wait_until 5 stopped
	sleep 100 3>&- &
	local other=$!
	jq --argjson pid "$other" '.pid = $pid' "$STATE/$ID/state.json" >state.new
	mv state.new "$STATE/$ID/state.json"
	[ "$(status_of)" = stopped ]
	rung delete --force "$ID"
	kill -0 "$other"
	kill "$other"
}

# A command that used this state would act on the other container.
@test "state: a state file of another container is damaged" {
	start_sleeper
	local other=$ID-other pid
	rung create -b "$BUNDLE" "$other" </dev/null >/dev/null 2>&1
	pid=$(init_pid)
	rm -f "$STATE/$other/creating.json"
	cp "$STATE/$ID/state.json" "$STATE/$other/state.json"
	run -1 rung state "$other"
	mentions damaged 'is not that of its directory'
	run -1 rung kill "$other" KILL
	mentions damaged
	rung delete --force "$other"
	[ "$(status_of)" = running ]
	kill -0 "$pid"
}

@test "state: needs no root directory of state that can be written" {
	run -1 rung --root /no/such/dir state "$ID"
	mentions 'container does not exist'
	[ ! -e /no/such/dir ]
}

@test "state: a container that does not exist" {
	run -1 rung state "$ID"
	mentions 'container does not exist'
	run -1 rung state ../../etc
	mentions 'invalid container ID format'
}

@test "state: wrong number of arguments" {
	run -1 rung state
	mentions 'requires exactly 1 argument(s)'
	run -1 rung state a b
	mentions 'requires exactly 1 argument(s)'
}
