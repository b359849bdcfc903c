#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by jq, or by the shell in the container; variables of bats
# --cgroup-manager: crun's option, which Podman passes for --cgroups=disabled (podman-run(1)), whatever the runtime is called.

load helpers

without() {
	rung --cgroup-manager disabled "$@"
}

# Starts a container without a cgroup. exec_in and the like need no option after that.
start_without() {
	process sh -c "${1:-sleep 1000}"
	without create -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1
	rung start "$ID"
}

# No cgroup of any hierarchy has the container's name.
no_cgroup_named() { # NAME
	[ -z "$(find /sys/fs/cgroup -type d -name "*$1*" 2>/dev/null)" ]
}

# bats test_tags=user
@test "no cgroup: the processes of run, create and exec stay in the caller's" {
	process cat /proc/self/cgroup
	no_namespace cgroup
	config '.linux.cgroupsPath = "/" + $id' --arg id "$ID"
	run without run -b "$BUNDLE" "$ID"
	says "$(cat /proc/self/cgroup)"
	start_without
	no_cgroup_named "$ID"
	diff /proc/self/cgroup "/proc/$(init_pid)/cgroup"
	exec_in cat /proc/self/cgroup
	says "$(cat /proc/self/cgroup)"
	[ "$(jq -c .cgroupPaths "$STATE/$ID/state.json")" = '{}' ]
}

# bats test_tags=user
@test "no cgroup: state, list, kill --all and delete, which leaves nothing behind" {
	start_without
	[ "$(status_of)" = running ]
	[ "$(rung list -q)" = "$ID" ]
	rung kill --all "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
	[ -z "$(rung list -q)" ]
	[ ! -e "$STATE/$ID" ]
	start_without
	rung delete --force "$ID"
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "no cgroup: delete of a container without a PID namespace" {
	no_namespace pid
	is_root || config '(.mounts[] | select(.type == "proc")) |= {destination: "/proc", type: "none", source: "/proc", options: ["rbind", "nosuid", "nodev", "noexec"]}'
	start_without
	grep -q 'Such configuration is strongly discouraged' "$BATS_TEST_TMPDIR/output"
	local pid
	pid=$(init_pid)
	rung delete --force "$ID"
	[ ! -e "/proc/$pid/exe" ] # a zombie has none
}

# bats test_tags=user
@test "no cgroup: ps shows what is in the PID namespace and below it, and exec'd processes" {
	needs_command ps
	start_without 'sleep 1001 & exec sleep 1002'
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/exec" "$ID" sleep 1003
	wait_until 5 eval '[ "$(rung ps "$ID" -eo pid,args | grep -c "sleep 100[123]")" = 3 ]'
	[ "$(rung ps -f json "$ID" | jq -c '[length, index($init) != null, index($exec) != null]' \
		--argjson init "$(init_pid)" --argjson exec "$(cat "$BATS_TEST_TMPDIR/exec")")" = '[3,true,true]' ]
}

# bats test_tags=user
@test "no cgroup: what needs one says so in one line" {
	start_without
	run -1 rung pause "$ID"
	says_line 'the container has no freezer cgroup'
	run -1 rung resume "$ID"
	says_line 'container not paused'
	run -1 rung update --memory 100000000 "$ID"
	says_line "linux.resources.memory: cannot be set: container's cgroup does not exist"
	[[ $output != *'old limits'* ]]
	run -0 rung events --stats "$ID"
	[ "$(status_of)" = running ]
}

says_line() { # TEXT
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	mentions "$1"
}

# bats test_tags=user
@test "no cgroup: a limit that the configuration asks for is refused, and nothing is left" {
	process true
	for limit in 'memory = {limit: 100000000}' 'pids = {limit: 100}' 'unified = {"memory.high": "100000000"}'; do
		config ".linux.resources = {} | .linux.resources.$limit"
		run -1 without run -b "$BUNDLE" "$ID"
		says_line "linux.resources.${limit%% *}"
		mentions '--cgroup-manager disabled'
		[ -z "$(rung list -q)" ]
	done
	config '.linux.resources = {devices: [{allow: false, access: "rwm"}]}' # every engine has it: nobody could enforce it
	run -0 without run -b "$BUNDLE" "$ID"
}

@test "--cgroup-manager: cgroupfs and systemd, which count before --systemd-cgroup" {
	[ ! -d /run/systemd/system ] || skip "needs a machine without systemd"
	process true
	run -0 rung --systemd-cgroup --cgroup-manager cgroupfs run -b "$BUNDLE" "$ID"
	run -0 rung --cgroup-manager=disabled --systemd-cgroup run -b "$BUNDLE" "$ID"
	run -1 rung --cgroup-manager systemd run -b "$BUNDLE" "$ID"
	mentions "systemd not running on this host, cannot use systemd cgroups manager"
	run -1 rung --cgroup-manager nobody run -b "$BUNDLE" "$ID"
	says_line '--cgroup-manager: \"nobody\" is not cgroupfs, systemd or disabled'
}

# bats test_tags=user
@test "--cgroup-manager: under the names of others too" {
	local name
	process true
	for name in crun runc; do
		ln -s "$RUNG" "$BATS_TEST_TMPDIR/$name"
		run -0 "$BATS_TEST_TMPDIR/$name" --root "$STATE" --cgroup-manager disabled run -b "$BUNDLE" "$ID" 3>&-
	done
}
