#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # variables of bats and helpers, scripts for inner shells
# Bundles whose config.json a real engine wrote (testdata/README.md) run unchanged.

load helpers

setup() {
	setup_bundle
	rm "$BUNDLE/config.json"
}

teardown_file() {
	"$RUNG_SOURCE/testdata/engines/prepare.sh" --clean
}

prepare() { # NAME
	ROOTFS=$("$RUNG_SOURCE/testdata/engines/prepare.sh" "$1" "$BUNDLE")
	[ -f "$BUNDLE/config.json" ]
}

# Runs the bundle's own program, which prints what it sees.
runs() { # NAME TEXT...
	prepare "$1"
	run -0 rung run --bundle "$BUNDLE" "$ID"
	output=${output//$'\r'}
	mentions 'Hello from inside the container.' "${@:2}"
}

runs_on_terminal() { # NAME TEXT...
	prepare "$1"
	run "$RUNG_TEST_COMMANDS/console" -- "$RUNG" --root "$STATE" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	output=${output//$'\r'}
	mentions 'Hello from inside the container.' "${@:2}"
}

# Replaces the bundle's program by another one.
program() { # SCRIPT
	printf '#!/bin/sh\n%s\n' "$1" >"$ROOTFS/hello"
}

# The line NAME of the report must be exactly VALUE.
line() { # NAME VALUE
	grep -qxE " +$1 +$2" <<<"$output" || fail "no line '$1 $2' in: $output"
}

# Adds a line to the report.
capabilities() { # BITS
	line 'cap effective' "$1"
}

@test "engines: containerd, default" {
	needs_root
	runs ctr-default '/proc/timer_list'
	capabilities 00000000a80425fb
	line 'no new privs' 1
	line pid 1
}

@test "engines: containerd, seccomp profile" {
	needs_root
	runs ctr-seccomp
	line seccomp 'mode 2 .*'
	grep -qE '^ +/ +[a-z0-9]+ +ro' <<<"$output"
}

@test "engines: containerd, terminal" {
	needs_root
	runs_on_terminal ctr-tty
}

@test "engines: docker, default with its hook" {
	needs_root
	runs docker-default
	capabilities 00000000a80425fb
	line seccomp 'mode 2 .*'
	[ -s hook.args ]
	jq -e --arg id "$ID" '.id == $id and .pid > 1 and .bundle' hook.state
}

@test "engines: docker, host network" {
	needs_root
	runs docker-host-network
	mentions "$(readlink /proc/self/ns/net)"
}

@test "engines: docker, cgroup namespace" {
	needs_root
	runs docker-cgroupns
	[[ $output != *"$(readlink /proc/self/ns/cgroup)"* ]]
}

@test "engines: docker, read-only root" {
	needs_root
	runs docker-read-only
	grep -qE '^ +/ +[a-z0-9]+ +ro' <<<"$output"
	grep -qE '^ +/run +tmpfs +rw' <<<"$output"
}

@test "engines: docker, user" {
	needs_root
	runs docker-user
	line 'uid gid' '1000 .*'
	capabilities 0000000000000000
	line 'no new privs' 1
}

@test "engines: docker, privileged" {
	needs_root
	needs_capability CAP_SYS_RESOURCE
	runs docker-privileged
	line seccomp 'mode 0 .*'
}

@test "engines: docker, terminal" {
	needs_root
	runs_on_terminal docker-tty
}

@test "engines: podman, default" {
	needs_root
	runs podman-default
	line seccomp 'mode 2 .*'
}

@test "engines: podman, rlimits" {
	needs_root
	runs podman-ulimits
	line 'open files' "$(jq '.process.rlimits[] | select(.type == "RLIMIT_NOFILE") | .soft' config.json)"
}

@test "engines: podman, read-only root and user" {
	needs_root
	runs podman-read-only
	line 'uid gid' '1000 .*'
	grep -qE '^ +/ +[a-z0-9]+ +ro' <<<"$output"
}

@test "engines: podman, cgroup namespace" {
	needs_root
	runs podman-cgroupns
	[[ $output != *"$(readlink /proc/self/ns/cgroup)"* ]]
}

@test "engines: podman, user namespace" {
	needs_root
	runs podman-userns
	grep -qE '^ +0 +100000 +65536$' <<<"$output"
	line 'uid gid' '0 0'
}

@test "engines: podman, terminal" {
	needs_root
	runs_on_terminal podman-tty
}

# ---- of Debian 13: pure cgroup v2 -----------------------------------------------------------------------------------

own_cgroup_namespace() {
	[[ $output != *"$(readlink /proc/self/ns/cgroup)"* ]]
}

@test "engines: docker 26, default with its hook" {
	needs_root
	runs docker26-default
	capabilities 00000000a80425fb
	line seccomp 'mode 2 .*'
	own_cgroup_namespace
	[ -s hook.args ]
	jq -e --arg id "$ID" '.id == $id and .pid > 1 and .bundle' hook.state
}

@test "engines: docker 26, user" {
	needs_root
	runs docker26-user
	line 'uid gid' '1000 .*'
	capabilities 0000000000000000
	line 'no new privs' 1
}

@test "engines: docker 26, terminal" {
	needs_root
	runs_on_terminal docker26-tty
	own_cgroup_namespace
}

@test "engines: podman 5, default" {
	needs_root
	needs_capability CAP_SYS_RESOURCE
	runs podman5-default
	line seccomp 'mode 2 .*'
	line 'open files' 1048576
	own_cgroup_namespace
}

@test "engines: podman 5, read-only root and user" {
	needs_root
	runs podman5-read-only
	line 'uid gid' '1000 .*'
	line 'open files' 1024
	grep -qE '^ +/ +[a-z0-9]+ +ro' <<<"$output"
}

@test "engines: podman 5, terminal" {
	needs_root
	runs_on_terminal podman5-tty
	own_cgroup_namespace
}

# ---- umoci ----------------------------------------------------------------------------------------------------------

@test "engines: umoci, busybox" {
	needs_root
	runs_on_terminal umoci-busybox
}

@test "engines: umoci, debian" {
	needs_root
	runs_on_terminal umoci-debian 'cwd           /srv'
}

# ---- limits, read on the host and in the container, and their effects -----------------------------------------------

limited() { # NAME
	prepare "$1"
	program 'exec sleep 1000'
	rung run --detach --bundle "$BUNDLE" "$ID" </dev/null >output 2>&1 || fail "$(cat output)"
}

# The value must be the same on the host and, if the container mounts its cgroups, inside.
value() { # CONTROLLER FILE VALUE
	[ "$(cgroup_value "$1" "$2")" = "$3" ] || fail "$2 on the host: $(cgroup_value "$1" "$2")"
	jq -e '.mounts[] | select(.type == "cgroup")' config.json >/dev/null || return 0
	local dir
	dir=$(inner_cgroup "$1")
	# On v2 the container sees the whole hierarchy if it has no cgroup namespace.
	! is_v2 || jq -e '.linux.namespaces[] | select(.type == "cgroup")' config.json >/dev/null || dir=$(cgroup_path "$1")
	run -0 rung exec "$ID" cat "$dir/$2"
	says "$3"
}

memory_and_cpu() {
	needs_controller memory
	needs_controller cpu
	if is_v2; then
		value memory memory.max 67108864
		value cpu cpu.max '50000 100000'
	else
		value memory memory.limit_in_bytes 67108864
		value cpu cpu.cfs_quota_us 50000
		value cpu cpu.cfs_period_us 100000
	fi
	run -137 rung exec "$ID" dd if=/dev/zero of=/dev/null bs=128M count=1
	run -0 rung exec "$ID" dd if=/dev/zero of=/dev/null bs=16M count=1
	stays_below_half
}

# The limit is half a processor. On a busy machine the loops may get less than that; they never get more.
stays_below_half() {
	local before started used took
	before=$(cpu_microseconds) started=${EPOCHREALTIME/[.,]/}
	rung exec "$ID" sh -c 'for loop in 1 2 3 4; do timeout 1 sh -c "while :; do :; done" & done; wait' </dev/null || true
	took=$((${EPOCHREALTIME/[.,]/} - started)) used=$(($(cpu_microseconds) - before))
	((used <= took / 2 + 100000)) || fail "$used of $took microseconds" # the quota of one period more
}

cpu_microseconds() {
	if is_v2; then
		awk '/^usage_usec/ { print $2 }' "$(cgroup_path cpu)/cpu.stat"
	else
		echo $(($(<"$(cgroup_path cpuacct)/cpuacct.usage") / 1000))
	fi
}

cpuset_and_pids() {
	needs_controller cpuset
	needs_controller pids
	value cpuset cpuset.cpus 0
	value pids pids.max 50
	run -0 rung exec "$ID" grep Cpus_allowed_list /proc/self/status
	says $'Cpus_allowed_list:\t0'
	run rung exec "$ID" sh -c 'i=0; while [ $i -lt 60 ]; do sleep 20 & i=$((i + 1)); done; wait'
	[ "$status" -ne 0 ]
	mentions "can't fork"
}

devices() {
	needs_controller devices
	run rung exec "$ID" sh -c 'mknod /dev/disk b 7 0 && cat /dev/disk'
	[ "$status" -ne 0 ]
	mentions 'Operation not permitted'
	run -0 rung exec "$ID" sh -c 'head -c 4 /dev/zero | wc -c'
	says 4
}

@test "engines: containerd, limits" {
	needs_root
	limited ctr-limits
	memory_and_cpu
	devices
}

@test "engines: docker, limits" {
	needs_root
	limited docker-limits
	memory_and_cpu
	devices
	cpuset_and_pids
}

@test "engines: podman, limits" {
	needs_root
	limited podman-limits
	memory_and_cpu
	cpuset_and_pids
}

@test "engines: docker 26, limits" {
	needs_root
	limited docker26-limits
	memory_and_cpu
	devices
	cpuset_and_pids
}

@test "engines: podman 5, limits" {
	needs_root
	limited podman5-limits
	memory_and_cpu
	cpuset_and_pids
}

@test "engines: podman, its 2048 pids" {
	needs_root
	limited podman-default
	needs_controller pids
	value pids pids.max 2048
}

@test "engines: docker, create, start, exec, kill and delete" {
	needs_root
	prepare docker-default
	program 'trap "exit 0" TERM; echo started; while :; do sleep 0.05; done'
	create_container
	[ "$(status_of)" = created ]
	rung start "$ID"
	run -0 rung exec "$ID" sh -c 'cat /etc/hostname; grep Seccomp: /proc/self/status'
	mentions web $'Seccomp:\t2'
	rung kill "$ID" TERM
	wait_until 5 stopped
	rung delete "$ID"
	grep -q started "$OUTPUT"
}

# ---- as a plain user ------------------------------------------------------------------------------------------------

# bats test_tags=user-only
@test "engines: umoci, rootless" {
	[ "$(id -u)" = 4242 ] || skip "needs the user 4242, whom the bundle maps"
	runs_on_terminal umoci-rootless
	line 'uid gid' '0 0'
}

# Runs a command as Podman runs its runtime: as root of a user namespace of its own.
in_userns() {
	"$RUNG_SOURCE/testdata/engines/in-userns.sh" "$RUNG" --root "$STATE" "$@" 3>&-
}

# Changes a limit to that of this user. Podman writes the limits of its user into the bundle, and that was another user.
own_limit() { # NAME VALUE
	[ "$2" = unlimited ] || config '.process.rlimits[] |= if .type == $type then .hard = $n | .soft = $n else . end' --arg type "$1" --argjson n "$2"
}

runs_in_userns() { # NAME
	needs_subids
	prepare "$1"
	own_limit RLIMIT_NPROC "$(ulimit -Hu)"
	run in_userns run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	mentions 'Hello from inside the container.'
	line pid 1
}

# bats test_tags=user-only
@test "engines: podman, rootless" {
	runs_in_userns podman-rootless
	line 'uid gid' '0 0'
}

# bats test_tags=user-only
@test "engines: podman 5, rootless" {
	runs_in_userns podman5-rootless
	line 'uid gid' '0 0'
}

# bats test_tags=user-only
@test "engines: podman, rootless with the ids kept" {
	runs_in_userns podman-rootless-keep-id
}

@test "engines: no bundle is without a test" {
	local name
	for name in "$RUNG_SOURCE"/testdata/engines/*/; do
		name=$(basename "$name")
		grep -qE "(runs|runs_on_terminal|runs_in_userns|limited|prepare) $name( |\$)" "$BATS_TEST_FILENAME" || fail "$name"
	done
}
