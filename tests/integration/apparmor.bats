#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# process.apparmorProfile: in force from execve on, for init and for exec, alone and stacked. Each profile denies writes to one
# file and allows everything else.

load helpers

enabled() {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]
}

setup_file() {
	local name
	enabled && [ "$EUID" -eq 0 ] && command -v apparmor_parser >/dev/null || return 0
	for name in a b; do
		apparmor_parser --replace --skip-cache <<-PROFILE
			profile rung-test-$name flags=(attach_disconnected,mediate_deleted) {
			  file,
			  capability,
			  network,
			  mount,
			  umount,
			  signal,
			  ptrace,
			  unix,
			  deny /tmp/denied-$name w,
			}
		PROFILE
	done
}

teardown_file() {
	local name
	enabled && [ "$EUID" -eq 0 ] && command -v apparmor_parser >/dev/null || return 0
	for name in a b; do
		echo "profile rung-test-$name {}" | apparmor_parser --remove
	done
}

setup() {
	setup_bundle
	[ "$BATS_TEST_DESCRIPTION" = 'apparmor: a machine without it' ] || enabled || skip "needs AppArmor"
}

# Makes a container with a profile and a root file system of its own.
profile() { # NAME
	needs_root
	needs_command apparmor_parser
	own_rootfs
	config '.process.apparmorProfile = $name' --arg name "$1"
}

# A script that prints its confinement.
probe='cat /proc/self/attr/apparmor/current; for n in a b c; do touch /tmp/denied-$n 2>/dev/null && echo wrote $n; done; true'

# bats test_tags=vm
@test "apparmor: the profile confines init and what exec starts" {
	profile rung-test-a
	inside "$probe"
	says $'rung-test-a (enforce)\nwrote b\nwrote c'
	start_sleeper
	[ "$(cat "/proc/$(init_pid)/attr/apparmor/current")" = 'rung-test-a (enforce)' ]
	exec_in sh -c "$probe"
	says $'rung-test-a (enforce)\nwrote b\nwrote c'
}

@test "apparmor: exec with a profile of its own" {
	profile rung-test-a
	start_sleeper
	run -0 rung exec --apparmor rung-test-b "$ID" sh -c "$probe"
	says $'rung-test-b (enforce)\nwrote a\nwrote c'
}

# https://github.com/opencontainers/runc/issues/4968
# bats test_tags=vm
@test "apparmor: stacked profiles" {
	profile rung-test-a//\&rung-test-b
	inside "$probe"
	says $'rung-test-a//&rung-test-b (enforce)\nwrote c'
}

@test "apparmor: with a user namespace, no new privileges and a filter" {
	profile rung-test-a
	map_ids
	chown -R 100000:100000 "$ROOTFS/tmp"
	config '.process.noNewPrivileges = true | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
	inside "$probe"
	says $'rung-test-a (enforce)\nwrote b\nwrote c'
}

@test "apparmor: unconfined" {
	profile unconfined
	inside "$probe"
	says $'unconfined\nwrote a\nwrote b\nwrote c'
}

# bats test_tags=vm
@test "apparmor: a profile that is not loaded" {
	profile rung-test-none
	refused process.apparmorProfile 'is not loaded'
	[ ! -e "$STATE/$ID" ]
	config 'del(.process.apparmorProfile)'
	start_sleeper
	run -255 rung exec --apparmor rung-test-none "$ID" true
	mentions process.apparmorProfile 'is not loaded'
}

# bats test_tags=user
@test "apparmor: a machine without it" {
	! enabled || skip "needs a machine without AppArmor"
	config '.process.apparmorProfile = "rung-test-a"'
	refused process.apparmorProfile 'AppArmor is not enabled'
	[ ! -e "$STATE/$ID" ]
	# there every process is unconfined (buildah's --security-opt apparmor=unconfined)
	config '.process.apparmorProfile = "unconfined"'
	inside 'echo it runs'
	says 'it runs'
	start_sleeper
	run rung exec --apparmor unconfined "$ID" echo and it
	says 'and it'
}
