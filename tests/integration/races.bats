#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031 # each test is a subshell
# Races: while containers are made, another process exchanges a directory of the image with a link out of the image, as fast as it
# can. The directory is a target of mounts, devices, masks or the console, the working directory, or the source of tmpcopyup.
# Nothing outside of the root may change or be visible, nothing may hang, and some containers must run. A container that runs must
# have all its mounts: a mount that was made outside of the root vanishes with the host's root, so only its absence shows the bug.
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
	RACER='' ran=0 AT=()
}

teardown() {
	stop_racer
	teardown_containers
}

# Prints everything about the files outside, with their times.
state_of_outside() {
	find "$OUTSIDE" -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
	cat "$OUTSIDE/secret"
	findmnt -rn -o TARGET,OPTIONS -T "$OUTSIDE"
}

# Makes the same path inside the image, so that the path exists whether the link or the directory is found.
same_inside() {
	mkdir -p "$ROOTFS$OUTSIDE/below"
	echo inside >"$ROOTFS$OUTSIDE/secret"
}

# Sets a program that prints the number of the container's mounts whose lines in mountinfo match.
mounts_like() { # REGEX
	process sh -c 'grep -cE "$0" /proc/self/mountinfo; true' "$1"
}

are_two() { says 2; }

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

# Runs the bundle again and again, at a terminal if AT is set. CHECK checks the output of each run that succeeded.
rounds() { # [CHECK]
	local round
	for ((round = 0; round < ${RACE_ROUNDS:-30}; round++)); do
		status=0
		output=$(timeout -k 1 10 "${AT[@]}" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 2>&1 3>&-) || status=$?
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
		{type: "tmpfs", source: "raced", destination: "/race/a/made", options: ["size=64k"]}]' --arg s "$BUNDLE/data"
	same_inside
	mounts_like ' /[^ ]*/data | raced '
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds are_two
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-41579, CVE-2026-47766
@test "CVE-2026-41579: the directory of device nodes is exchanged" {
	needs_capability CAP_MKNOD
	config '.linux.devices = [{path: "/race/a/node", type: "c", major: 1, minor: 3}, {path: "/race/a/fifo", type: "p"}]'
	process true
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-41579: without a mount on /dev everything in it is made in the image.
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

# https://nvd.nist.gov/vuln/detail/CVE-2025-31133: a masked path is hidden in the container, whatever it led to before.
@test "CVE-2025-31133: masked and read-only paths are exchanged" {
	config '.linux.maskedPaths = ["/race/a/secret", "/race/a/below"] | .linux.readonlyPaths = ["/race/a"]'
	same_inside
	mounts_like " [^ ]*(/race/|$OUTSIDE)[^ ]* r[ow],"
	exchange "$ROOTFS/race/a" "$ROOTFS/race/b"
	rounds are_three
}

are_three() { says 3; }

# https://nvd.nist.gov/vuln/detail/CVE-2025-52565, CVE-2026-88264: the target that the terminal is bound to.
@test "CVE-2025-52565: /dev/console is exchanged" {
	needs_capability CAP_MKNOD
	[ -x "$RUNG_TEST_COMMANDS/console" ] || skip "needs the programs of tests/cmd: make test-commands"
	config '.mounts |= map(select(.destination == "/dev" or .destination == "/dev/shm" or .destination == "/dev/mqueue" | not))
		| .process.terminal = true'
	rm -rf "${ROOTFS:?}/dev"
	mkdir -p "$ROOTFS/dev/pts"
	touch "$ROOTFS/dev/console"
	ln -s "/../../../../../../..$OUTSIDE/secret" "$ROOTFS/race/console"
	AT=("$RUNG_TEST_COMMANDS/console" --)
	mounts_like ' /[0-9]+ /[^ ]* .* - devpts '
	exchange "$ROOTFS/dev/console" "$ROOTFS/race/console"
	rounds is_one
}

is_one() {
	output=${output%$'\r'} # the terminal adds it
	says 1
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

# While tmpcopyup copies, a FIFO may replace a file, and a link may replace a directory.
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

# https://nvd.nist.gov/vuln/detail/CVE-2026-115521: a tmpfs becomes read-only late, and by then the path may lead to another place.
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
