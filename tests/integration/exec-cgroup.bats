#!/usr/bin/env bats
# exec --cgroup: the process of exec enters a sub-cgroup of the container's cgroup, and never another cgroup.

load helpers
load commands

setup() {
	setup_bundle
	needs_root
	process sh -c 'sleep 1000'
	start_container
}

# Prints the path of a controller in /proc/self/cgroup of a process of exec. "" means the unified hierarchy.
place_of() { # CONTROLLER [FLAG OF EXEC...]
	local controller=$1
	shift
	rung exec "$@" "$ID" cat /proc/self/cgroup | awk -F: -v name="$controller" \
		'{ n = split($2, names, ","); if ($2 == "" && name == "") print $3; for (i = 1; i <= n; i++) if (names[i] == name) print $3 }'
}

# Prints the path that /proc/self/cgroup must show for a sub-cgroup.
below() { # CONTROLLER NAME
	printf '%s/%s\n' "$(place_of "$1")" "$2" | sed 's#^//#/#'
}

make_sub() { # CONTROLLER NAME
	mkdir "$(cgroup_path "$1")/$2"
}

@test "exec --cgroup: a controller's sub-cgroup, the others stay" {
	needs_v1_controller memory
	needs_v1_controller pids
	make_sub memory sub
	[ "$(place_of memory --cgroup memory:sub)" = "$(below memory sub)" ]
	[ "$(place_of memory --cgroup memory:/sub/)" = "$(below memory sub)" ]
	[ "$(place_of pids --cgroup memory:sub)" = "$(place_of pids)" ]
}

@test "exec --cgroup: several controllers, by commas and by repetition" {
	needs_v1_controller memory
	needs_v1_controller pids
	needs_v1_controller cpu
	make_sub memory one
	make_sub cpu two
	[ -d "$(cgroup_path pids)/one" ] || make_sub pids one
	[ "$(place_of memory --cgroup memory,pids:one --cgroup cpu:two)" = "$(below memory one)" ]
	[ "$(place_of pids --cgroup memory,pids:one --cgroup cpu:two)" = "$(below pids one)" ]
	[ "$(place_of cpu --cgroup memory,pids:one --cgroup cpu:two)" = "$(below cpu two)" ]
}

@test "exec --cgroup: two controllers of one hierarchy take one sub-cgroup" {
	[ -n "$(v1_mount cpu)" ] && [ "$(v1_mount cpu)" = "$(v1_mount cpuacct)" ] || skip "needs cpu and cpuacct in one hierarchy"
	make_sub cpu one
	make_sub cpu two
	[ "$(place_of cpuacct --cgroup cpu,cpuacct:one)" = "$(below cpuacct one)" ]
	run rung exec --cgroup cpu:one --cgroup cpuacct:two "$ID" true
	[ "$status" -eq 255 ]
	mentions 'in one hierarchy'
}

@test "exec --cgroup: one path for all hierarchies" {
	local path key
	for path in $(jq -r '.cgroupPaths | map(.) | unique[]' "$STATE/$ID/state.json"); do
		mkdir "$path/all"
		[ ! -e "$path/cpuset.cpus" ] || { cat "$path/cpuset.cpus" >"$path/all/cpuset.cpus" && cat "$path/cpuset.mems" >"$path/all/cpuset.mems"; }
	done
	rung exec --cgroup all "$ID" cat /proc/self/cgroup >places
	[ "$(grep -cE ':/(.*/)?all$' places)" -ge "$(jq '.cgroupPaths | map(.) | unique | length' "$STATE/$ID/state.json")" ]
	key=$(jq -r '.cgroupPaths | keys[-1]' "$STATE/$ID/state.json")
	[ "$(place_of "$key" --cgroup /)" = "$(place_of "$key")" ]
}

@test "exec: enters the unified cgroup of init if the container's own is gone" {
	[ -n "$(cgroup_path '')" ] || skip "needs a unified hierarchy"
	local own other
	own=$(cgroup_path '')
	other=$own-moved
	mkdir "$other"
	init_pid >"$other/cgroup.procs"
	rmdir "$own"
	run rung exec "$ID" true
	[ "$status" -eq 0 ] || fail "$output"
	rung exec "$ID" sleep 1000 &
	wait_until 5 two_in "$other"
	rung delete --force "$ID"
	wait
	rmdir "$other"
}

two_in() { # CGROUP
	[ "$(wc -l <"$1/cgroup.procs")" = 2 ]
}

# https://github.com/opencontainers/runc/pull/5457
@test "exec --cgroup: not outside of the container's, and not in a sibling whose name begins like its own" {
	local key sibling
	key=$(jq -r '.cgroupPaths | keys[-1]' "$STATE/$ID/state.json")
	sibling=$(cgroup_path "$key")-sibling
	mkdir "$sibling"
	local path
	for path in .. ../.. ../other "../$ID-sibling" "sub/../../$ID-sibling"; do
		run rung exec --cgroup "$path" "$ID" true
		[ "$status" -eq 255 ] || { rmdir "$sibling"; fail "$path: $status $output"; }
		[[ $output == *"bad sub cgroup path: $path"* ]] || { rmdir "$sibling"; fail "$path: $output"; }
	done
	if [ -n "$key" ]; then
		run rung exec --cgroup "$key:../$ID-sibling" "$ID" true
		[ "$status" -eq 255 ] || { rmdir "$sibling"; fail "$output"; }
	fi
	rmdir "$sibling"
	mentions 'bad sub cgroup path'
}

@test "exec --cgroup: what is wrong is said" {
	run rung exec --cgroup nonexistent "$ID" true
	[ "$status" -eq 255 ]
	mentions ' adding pid ' 'no such file or directory'
	run rung exec --cgroup nosuch:/ "$ID" true
	[ "$status" -eq 255 ]
	mentions 'unknown controller nosuch'
	run rung exec --cgroup :/ "$ID" true
	[ "$status" -eq 255 ]
	mentions 'invalid --cgroup argument: :/ (empty <controller> prefix)'
	run rung exec --cgroup memory:/ --cgroup / "$ID" true
	[ "$status" -eq 255 ]
	mentions 'invalid --cgroup argument: / (missing <controller>: prefix)'
	run rung exec --cgroup memory:/ --cgroup cpu,memory:/ "$ID" true
	[ "$status" -eq 255 ]
	mentions 'controller memory specified multiple times'
}
