#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# Races: another process exchanges a directory of the image with a link out of it, as fast as it can, while containers are
# made. Nothing outside of the root may change or be seen, nothing may hang, and containers must still run now and then.
#
# RACE_ROUNDS is the number of containers of each test (30).

load helpers
load commands

setup() {
	setup_bundle
	needs_root
	own_rootfs
	OUTSIDE=$BATS_TEST_TMPDIR/outside
	mkdir -p "$OUTSIDE/below" "$ROOTFS/race/a/below"
	echo secret >"$OUTSIDE/secret"
	echo inside >"$ROOTFS/race/a/secret"
	ln -s "/../../../../../../..$OUTSIDE" "$ROOTFS/race/b"
	before=$(state_of_outside)
	RACER='' ran=0
}

teardown() {
	stop_racer
	teardown_containers
}

# All that can be told of what lies outside, times too.
state_of_outside() {
	find "$OUTSIDE" -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
	cat "$OUTSIDE/secret"
	findmnt -rn -o TARGET,OPTIONS -T "$OUTSIDE"
}

exchange() { # A B
	"$RUNG_TEST_COMMANDS/exchange" "$1" "$2" 3>&- &
	RACER=$!
}

stop_racer() {
	if [ -n "${RACER:-}" ]; then
		kill "$RACER" 2>/dev/null
		wait "$RACER" 2>/dev/null || true
	fi
	RACER=
}

# Runs the bundle again and again, with flags of run; a check of the output of those that ran may follow.
rounds() { # [CHECK]
	local round
	for ((round = 0; round < ${RACE_ROUNDS:-30}; round++)); do
		status=0
		output=$(timeout -k 1 10 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 2>&1 3>&-) || status=$?
		[ "$status" -lt 124 ] || [ "$status" -gt 137 ] || fail "it hangs: $output"
		if [ "$status" -eq 0 ]; then
			ran=$((ran + 1))
			[ $# = 0 ] || "$1"
		fi
		rung delete --force "$ID"
	done
	kill -0 "$RACER" || fail 'the racer has ended'
	stop_racer
	[ "$(state_of_outside)" = "$before" ] || fail "outside has changed: $(diff <(echo "$before") <(state_of_outside))"
	[ "$ran" -gt 0 ] || fail "none of the containers ran: $output"
}

sees_no_secret() {
	[[ $output != *secret* ]] || fail "the container sees what is outside: $output"
}

# https://nvd.nist.gov/vuln/detail/CVE-2021-30465
@test "CVE-2021-30465: the target of a mount is exchanged" {
	mkdir "$BUNDLE/data"
	config '.mounts += [{type: "bind", source: $s, destination: "/race/a/below", options: ["bind"]},
		{type: "tmpfs", source: "tmpfs", destination: "/race/a/made", options: ["size=64k"]}]' --arg s "$BUNDLE/data"
	process true
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-41579, CVE-2026-47766
@test "CVE-2026-41579: the directory of device nodes is exchanged" {
	needs_capability CAP_MKNOD
	config '.linux.devices = [{path: "/race/a/node", type: "c", major: 1, minor: 3}, {path: "/race/a/fifo", type: "p"}]'
	process true
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-41579: without a mount on /dev all of it is made in the image.
@test "CVE-2026-41579: the image's /dev is exchanged" {
	needs_capability CAP_MKNOD
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	rm -rf "${ROOTFS:?}/dev"
	mkdir "$ROOTFS/dev"
	ln -s "/../../../../../../..$OUTSIDE" "$ROOTFS/race/dev"
	process true
	exchange "$ROOTFS/dev" "$ROOTFS/race/dev"
	rounds
}

# https://nvd.nist.gov/vuln/detail/CVE-2025-31133: what a mask hides is hidden in the container, whatever the path meant before.
@test "CVE-2025-31133: masked and read-only paths are exchanged" {
	config '.linux.maskedPaths += ["/race/a/secret", "/race/a/below"] | .linux.readonlyPaths += ["/race/a"]'
	process true
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds
}

# https://nvd.nist.gov/vuln/detail/CVE-2024-21626
@test "CVE-2024-21626: the working directory is exchanged" {
	config '.process.cwd = "/race/a"'
	process sh -c 'cat secret 2>/dev/null; pwd -P'
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds cwd_is_inside
}

cwd_is_inside() {
	sees_no_secret
	[[ $output != *'(unreachable)'* ]] || fail "$output"
}

# tmpcopyup copies what is covered; a FIFO may take the place of a file, and a link that of a directory.
@test "tmpcopyup: what is copied is exchanged" {
	mkfifo "$ROOTFS/race/fifo"
	config '.mounts += [{destination: "/race/a", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	process sh -c 'cat /race/a/secret 2>/dev/null; ls /race/a; true'
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds sees_no_outside
	before=$(state_of_outside) ran=0
	[ -d "$ROOTFS/race/a" ] && [ ! -L "$ROOTFS/race/a" ] || mv "$ROOTFS/race/b" "$ROOTFS/race/c"
	rm -rf "$ROOTFS/race/a"
	mkdir "$ROOTFS/race/a"
	echo inside >"$ROOTFS/race/a/file"
	exchange "$ROOTFS/race/a/file" "$ROOTFS/race/fifo"
	rounds
}

sees_no_outside() {
	[[ $output != secret* ]] || fail "the container has a copy of what is outside: $output"
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-115521: a tmpfs that is made read-only late, and a target that means another place then.
@test "CVE-2026-115521: the target of a read-only tmpfs is exchanged" {
	mkdir "$ROOTFS/real" "$ROOTFS/other"
	ln -s /real "$ROOTFS/race/to-real"
	ln -s /other "$ROOTFS/race/to-other"
	config '.mounts += [{destination: "/race/to-real", type: "tmpfs", source: "marked", options: ["ro"]}]'
	process sh -c 'grep " marked " /proc/self/mountinfo | cut -d" " -f6 | cut -d, -f1'
	exchange "$ROOTFS/race/to-real" "$ROOTFS/race/to-other"
	rounds is_read_only
}

is_read_only() {
	[ "$output" = ro ] || fail "the tmpfs is not read-only: $output"
}
