# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of arch.sh
# What runs under QEMU's emulation of a single program, on the kernel of this machine. It has no clone3(2), no seccomp(2)
# and no new mount calls, so that a container is out of its reach.

test_under_user() {
	local test status number=0 failed=0 tests=(stage_starts stage_is_its_own version features spec explain bad_config)
	find_emulator
	echo "1..${#tests[@]}"
	for test in "${tests[@]}"; do
		number=$((number + 1))
		mkdir "$work/$test"
		# Not in a condition: there the shell would not end at a failure.
		set +e
		(
			set -e
			cd "$work/$test"
			"$test"
		) >"$work/said" 2>&1
		status=$?
		set -e
		if [ "$status" = 0 ]; then
			echo "ok $number $arch: ${test//_/ }"
		else
			failed=1
			echo "not ok $number $arch: ${test//_/ }"
			sed 's/^/# /' "$work/said"
		fi
	done
	return $failed
}

# find_emulator sets $emulate, to nothing where this machine executes such programs itself: an amd64 kernel does those of
# i386, and qemu-i386 7.2 crashes in Go's runtime.
find_emulator() {
	local status=0 found
	emulate=()
	"$repo/$out/hands" 2>/dev/null || status=$?
	[ "$status" != 127 ] || return 0
	found=$(command -v "qemu-$qemu-static" || command -v "qemu-$qemu") || lacks "qemu-$qemu: apt-get install qemu-user-static"
	emulate=("$found")
}

emulated() {
	"${emulate[@]}" "$repo/$out/rung" "$@"
}

# By itself: without a plan there is nothing to do, and nothing but status 127 to say so.
stage_starts() {
	local status=0
	"${emulate[@]}" "$repo/$out/hands" || status=$?
	[ "$status" = 127 ]
}

# Go looks for this mark before it executes the stage, so that one of another architecture is noticed.
stage_is_its_own() {
	local mark
	mark="rung stage $goarch $(sed -n 's/.*RUNG_STAGE_IDENTITY //p' "$repo/nsenter/identity.h")"
	grep -aqF "$mark" "$repo/$out/hands"
	grep -aqF "$mark" "$repo/$out/rung"
}

version() {
	emulated --version >version.txt
	cat version.txt
	grep -qx "rung version $(cat "$repo/VERSION")" version.txt
}

features() {
	emulated features >features.json
	jq -e --arg own "$seccomp_arch" '.linux.seccomp.archs | index($own)' features.json
}

# The starter configuration is the same everywhere.
spec() {
	emulated spec
	jq -e '.process.args == ["sh"] and .root.path == "rootfs" and (.linux.namespaces | length > 3)' config.json
}

explain() {
	bundle
	emulated explain --format json >plan.json || {
		cat plan.json
		return 1
	}
	jq -e '[.segments[][].op] | index("CLONE") and index("PIVOT_ROOT") and .[-1] == "EXEC"' plan.json
}

bad_config() {
	local status=0
	bundle
	jq '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 4294967297, hard: 4294967296}]' config.json >new
	mv new config.json
	emulated explain >said 2>&1 || status=$?
	cat said
	[ "$status" = 1 ]
	grep -q 'process.rlimits' said
}

bundle() {
	emulated spec
	mkdir -p rootfs/{bin,proc,dev,sys}
	cp /proc/self/exe rootfs/bin/sh
}
