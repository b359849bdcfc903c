#!/usr/bin/env bats
# Frozen cgroups above a container's own, and below it: what would stand still is refused, by the name of the cgroup. pause.bats has
# the container's own; waits.bats cgroups that are frozen later.

load helpers

setup() {
	needs_root
	setup_bundle
	TOP=$ID-top
	config '.linux.cgroupsPath = $path' --arg path "/$TOP/$ID"
}

teardown() {
	local mount
	for mount in $(freezers); do
		[ ! -e "$mount/$TOP" ] || thaw "$mount/$TOP"
	done
	[ ! -e "$STATE/$ID" ] || rung delete --force "$ID"
	find /sys/fs/cgroup -depth -type d -path "*/$TOP*" -exec rmdir {} \; 2>/dev/null || true
	teardown_containers
}

# Prints the mountpoints of the hierarchies that freeze: v1's, and the unified one, also beside v1.
freezers() {
	v1_mount freezer
	awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo
}

freeze() { # DIRECTORY
	if [ -e "$1/freezer.state" ]; then
		echo FROZEN >"$1/freezer.state"
	else
		echo 1 >"$1/cgroup.freeze"
	fi
}

thaw() { # DIRECTORY
	if [ -e "$1/freezer.state" ]; then
		echo THAWED >"$1/freezer.state"
	elif [ -e "$1/cgroup.freeze" ]; then
		echo 0 >"$1/cgroup.freeze"
	fi
}

# Prints the directories of the container's cgroup.
own_cgroups() {
	jq -r '.cgroupPaths[]' "$STATE/$ID/state.json" | sort -u
}

# Runs rung, which must fail with that status and one line that has each TEXT. It must not take long.
refuses() { # STATUS "COMMAND..." TEXT...
	local want=$1 command=$2 text
	shift 2
	# shellcheck disable=SC2086 # the words of the command
	run timeout 20 "$RUNG" --root "$STATE" $command
	[ "$status" -eq "$want" ] || fail "$command: status $status: $output"
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	for text; do
		[[ $output == *"$text"* ]] || fail "no '$text' in: $output"
	done
}

@test "exec, start and checkpoint below a frozen cgroup" {
	local mount
	for mount in $(freezers); do
		start_sleeper
		freeze "$mount/$TOP"
		refuses 255 "exec $ID true" 'cannot exec in a paused container' "the cgroup $mount/$TOP is frozen"
		refuses 1 "checkpoint --image-path $BATS_TEST_TMPDIR/images $ID" "the frozen cgroup $mount/$TOP"
		thaw "$mount/$TOP"
		rung exec "$ID" true
		rung delete --force "$ID"
		create_container
		freeze "$mount/$TOP"
		refuses 1 "start $ID" "cannot start a container in the frozen cgroup $mount/$TOP"
		[ "$(status_of)" = created ]
		thaw "$mount/$TOP"
		rung start "$ID"
		rung delete --force "$ID"
	done
}

@test "exec --ignore-paused below a frozen cgroup waits until it is thawed" {
	local mount
	for mount in $(freezers); do
		start_sleeper
		freeze "$mount/$TOP"
		rung exec --ignore-paused "$ID" touch /dev/shm/done &
		sleep 0.5
		kill -0 $!
		thaw "$mount/$TOP"
		wait $!
		rung delete --force "$ID"
	done
}

@test "exec into a frozen sub-cgroup" {
	local mount dir file
	for mount in $(freezers); do
		start_sleeper
		for dir in $(own_cgroups); do
			mkdir "$dir/sub"
			for file in cpuset.cpus cpuset.mems; do # a v1 cpuset without takes no process
				is_v2 || [ ! -e "$dir/$file" ] || cat "$dir/$file" >"$dir/sub/$file"
			done
		done
		rung exec --cgroup sub "$ID" true
		freeze "$mount/$TOP/$ID/sub"
		refuses 255 "exec --cgroup sub $ID true" 'cannot exec in a paused container' "the cgroup $mount/$TOP/$ID/sub is frozen"
		rung exec "$ID" true # its own is not
		thaw "$mount/$TOP/$ID/sub"
		rung delete --force "$ID"
	done
}

@test "create and run below a frozen cgroup" {
	local mount verb
	start_sleeper # makes the cgroups above
	rung delete --force "$ID"
	for mount in $(freezers); do
		mkdir -p "$mount/$TOP"
		freeze "$mount/$TOP"
		for verb in create run; do
			refuses 1 "$verb -b $BUNDLE $ID" 'linux.cgroupsPath' "the cgroup $mount/$TOP is frozen"
			[ ! -e "$STATE/$ID" ]
			[ -z "$(find /sys/fs/cgroup -type d -name "$ID" 2>/dev/null)" ]
		done
		thaw "$mount/$TOP"
	done
}

@test "the other commands on a container below a frozen cgroup" {
	local mount
	for mount in $(freezers); do
		start_sleeper
		freeze "$mount/$TOP"
		timeout 20 "$RUNG" --root "$STATE" state "$ID" | jq -e '.status == "running"'
		timeout 20 "$RUNG" --root "$STATE" ps "$ID"
		timeout 20 "$RUNG" --root "$STATE" events --stats "$ID"
		timeout 20 "$RUNG" --root "$STATE" update --pids-limit 50 "$ID"
		timeout 20 "$RUNG" --root "$STATE" pause "$ID"
		run timeout 20 "$RUNG" --root "$STATE" resume "$ID"
		[ "$status" -eq 0 ]
		mentions "the cgroup $mount/$TOP above it is frozen"
		timeout 20 "$RUNG" --root "$STATE" kill "$ID" TERM
		thaw "$mount/$TOP"
		rung delete --force "$ID"
	done
}
