# shellcheck shell=bash
# shellcheck disable=SC2154 # variables of arch.sh
# Tests that run under qemu-user, on the kernel of this machine. qemu-user has no clone3(2), no seccomp(2) and no new mount calls,
# so it cannot run a container.

test_under_user() {
	local test status number=0 failed=0 tests=(stage_starts stage_is_its_own plain_build position_independent version features spec explain bad_config)
	find_emulator
	echo "1..${#tests[@]}"
	for test in "${tests[@]}"; do
		number=$((number + 1))
		mkdir "$work/$test"
		# The call must not be in a condition: set -e would not work there.
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

# find_emulator sets $emulate. It is empty if this machine executes such programs itself: an amd64 kernel executes those of i386,
# and qemu-i386 7.2 crashes in Go's runtime.
find_emulator() {
	local status=0 found
	emulate=()
	"$repo/$out/stage" 2>/dev/null || status=$?
	[ "$status" != 127 ] || return 0
	found=$(command -v "qemu-$qemu-static" || command -v "qemu-$qemu") || lacks "qemu-$qemu: apt-get install qemu-user-static"
	emulate=("$found")
}

emulated() {
	"${emulate[@]}" "$repo/$out/rung" "$@"
}

# Starts the stage alone: without a plan it does nothing and ends with status 127.
stage_starts() {
	local status=0
	"${emulate[@]}" "$repo/$out/stage" || status=$?
	[ "$status" = 127 ]
}

# Go looks for this mark before it executes the stage, so it notices a stage of another architecture.
stage_is_its_own() {
	local mark
	mark="rung stage $goarch $(sed -n 's/.*RUNG_STAGE_IDENTITY //p' "$repo/nsenter/identity.h")"
	grep -aqF "$mark" "$repo/$out/stage"
	grep -aqF "$mark" "$repo/$out/rung"
}

# Builds a program that uses the library by plain go build, without our scripts. Its copy executes a plan as the stage.
plain_build() { # [OPTION OF GO BUILD...]
	local root
	root=$("$repo/scripts/cross-libraries.sh" "$arch")
	cd "$repo"
	env CC="$triplet-gcc" GOARCH="$goarch" GOARM=7 CGO_ENABLED=1 CGO_CFLAGS="-O2 '-I$root/usr/include'" \
		CGO_LDFLAGS="'-L$(echo "$root"/usr/lib/*-linux-*)'" PKG_CONFIG_SYSROOT_DIR="$root" \
		PKG_CONFIG_LIBDIR="$(echo "$root"/usr/lib/*/pkgconfig)" \
		scripts/go build "$@" -o "$OLDPWD/program" ./tests/cmd/embed
	env GOARCH="$goarch" GOARM=7 CGO_ENABLED=0 scripts/go build -o "$OLDPWD/stagecopy" ./tests/cmd/stagecopy
	cd "$OLDPWD"
	"${emulate[@]}" ./stagecopy ./program "${emulate[@]}"
}

position_independent() {
	plain_build -buildmode=pie
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

# Removes directories that a tmpfs takes its mode from: QEMU 7.2 has no openat2(2).
explain() {
	bundle
	jq 'del(.mounts[] | select(.type == "tmpfs"))' config.json >new
	mv new config.json
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
	cp "$repo/$out/rung" rootfs/bin/sh # a program that needs no loader: QEMU 10 has openat2(2), so explain sees what is missing
}
