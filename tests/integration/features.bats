#!/usr/bin/env bats
# shellcheck disable=SC2016 # variables of bats and helpers, scripts for inner shells
# rung features: the features document of the runtime specification (features.md).

load helpers

feature() { # FILTER
	rung features | jq -e "$1"
}

# bats test_tags=user
@test "features: is the specification's document, and nothing else" {
	rung features | "$RUNG_TEST_COMMANDS/checkfeatures"
}

@test "features: a document with a member too many or one too few is found" {
	local change
	for change in '. + {nope: 1}' 'del(.ociVersionMax)' '.linux.namespaces = []' '.hooks += ["poststop"]'; do
		rung features | jq "$change" >changed
		run -1 "$RUNG_TEST_COMMANDS/checkfeatures" <changed
	done
}

# bats test_tags=user
@test "features: needs no state and no root" {
	run -0 "$RUNG" --root /no/such/dir features
	[ ! -e /no/such/dir ]
}

@test "features: versions" {
	feature '.ociVersionMin == "1.0.0"'
	feature ".ociVersionMax == \"$(rung --version | sed -n 's/^spec: //p')\""
	feature '.annotations["io.github.seccomp.libseccomp.version"] | test("^[0-9]+[.][0-9]+[.][0-9]+$")'
}

# config.md, "Annotations": org.opencontainers is reserved. Of runc's keys rung has the one that says what it can do.
@test "features: annotations" {
	feature '[.annotations | keys[] | select(startswith("org.opencontainers."))] == ["org.opencontainers.runc.checkpoint.enabled"]'
	feature '.annotations["org.opencontainers.runc.checkpoint.enabled"] == "true"'
	feature '.annotations["rung.version"] | length > 0'
}

# features.md, "Unsafe annotations in config.json": an engine strips these from what its users may set.
@test "features: every annotation that the sources know is potentially unsafe" {
	local key
	[ -d "$RUNG_SOURCE/libcontainer" ] || skip "needs the sources of rung"
	rung features | jq -r '.potentiallyUnsafeConfigAnnotations[]' >unsafe
	grep -rhoE --include='*.go' --exclude='*_test.go' '"(run[.]oci|krun|module[.]wasm|io[.]kubernetes|org[.]criu|org[.]systemd)[.][^" ]*"' \
		"$RUNG_SOURCE/libcontainer" "$RUNG_SOURCE"/*.go | tr -d '"' | sort -u >known
	[ "$(wc -l <known)" -gt 10 ]
	while read -r key; do
		while read -r listed; do
			[[ $listed == "$key" || $listed == *. && $key == "$listed"* ]] && continue 2
		done <unsafe
		fail "$key is not listed"
	done <known
}

@test "features: all hooks and namespaces" {
	feature '(.hooks | sort) == ["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"]'
	feature '(.linux.namespaces | sort) == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]'
}

@test "features: every capability that this kernel knows" {
	[ "$(rung features | jq '.linux.capabilities | length')" -ge $(($(cat /proc/sys/kernel/cap_last_cap) + 1)) ]
}

@test "features: network devices" {
	feature '.linux.netDevices.enabled'
}

@test "features: the rest of linux" {
	feature '.linux | .apparmor.enabled and .selinux.enabled and .mountExtensions.idmap.enabled'
	feature '.linux.intelRdt | .enabled and .schemata and .monitoring'
	feature '.linux.memoryPolicy | (.modes | index("MPOL_WEIGHTED_INTERLEAVE")) and (.flags | length == 3)'
	feature '.linux.cgroup | .v1 and .v2 and .rdma'
}

@test "features: seccomp" {
	feature '.linux.seccomp.enabled and (.linux.seccomp.actions | index("SCMP_ACT_ERRNO")) and (.linux.seccomp.archs | index("SCMP_ARCH_X86_64"))
		and (.linux.seccomp.supportedFlags - .linux.seccomp.knownFlags == [])'
}

# Tries each option. This test does not check its effect.
@test "features: each mount option is one for a bind mount" {
	local option
	mkdir shared
	rung features | jq -r '.mountOptions[]' >options
	[ "$(wc -l <options)" -gt 50 ]
	while read -r option; do
		case $option in
		idmap | ridmap | defaults) continue ;;
		dirsync | iversion | lazytime | mand | sync) continue ;; # options of a file system, not of a mount
		esac
		config '.mounts = [{destination: "/mnt", type: "bind", source: "shared", options: ["bind", $o]}]' --arg o "$option"
		run -0 rung explain -b "$BUNDLE"
	done <options
	config '.mounts[0].options = ["bind", "no-such-option"]'
	run -1 rung explain -b "$BUNDLE"
	mentions no-such-option
}

@test "features: wrong number of arguments" {
	run -1 rung features a
	mentions 'requires exactly 0 argument(s)'
}
