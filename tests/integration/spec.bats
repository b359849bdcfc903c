#!/usr/bin/env bats
# shellcheck disable=SC2164 # variables of bats and helpers, scripts for inner shells
# rung spec: the starter configuration.

load helpers

setup() {
	setup_bundle
	mkdir "$BATS_TEST_TMPDIR/new"
	cd "$BATS_TEST_TMPDIR/new"
}

# bats test_tags=user
@test "spec: writes config.json, and says nothing" {
	run -0 rung spec
	says ''
	jq -e '.ociVersion == "1.3.0" and .process.args == ["sh"] and .process.terminal and .root == {path: "rootfs", readonly: true}' config.json
	[ "$(stat -c %a config.json)" = "$(printf %o $((0666 & ~$(umask))))" ]
}

# bats test_tags=user
@test "spec: never over a file that is there" {
	echo mine >config.json
	run -1 rung spec
	mentions 'config.json exists. Remove it first'
	[ "$(cat config.json)" = mine ]
	rm config.json
	ln -s nowhere config.json
	run -1 rung spec
	mentions 'exists'
	[ ! -e nowhere ]
}

# bats test_tags=user
@test "spec -b, --bundle" {
	mkdir a b
	run -0 rung spec -b a
	run -0 rung spec --bundle "$PWD/b"
	cmp a/config.json b/config.json
	[ ! -e config.json ]
	run -1 rung spec --bundle none
	mentions none 'no such file or directory'
}

# bats test_tags=user
@test "spec: a bundle of it runs as it is, but for the terminal" {
	if is_root; then rung spec; else rung spec --rootless; fi
	ln -s "$(shared_rootfs)" rootfs
	jq '.process.terminal = false | .process.args = ["sh", "-c", "hostname; id -u; pwd"]' config.json >"$BUNDLE/config.json"
	cp "$BUNDLE/config.json" .
	run -0 rung run "$ID"
	says runc$'\n'0$'\n'/
}

# bats test_tags=user
@test "spec --rootless: maps the caller's id, and asks for nothing that a plain user cannot have" {
	run -0 rung spec --rootless
	jq -e --argjson uid "$(id -u)" --argjson gid "$(id -g)" '
		.linux.uidMappings == [{containerID: 0, hostID: $uid, size: 1}]
		and .linux.gidMappings == [{containerID: 0, hostID: $gid, size: 1}]
		and ([.linux.namespaces[].type] | index("user") != null and index("network") == null)
		and .linux.resources == null
		and ([.mounts[].options // [] | .[] | select(startswith("gid="))] == [])' config.json
}

@test "spec --rootless: differs from the plain configuration in linux and mounts only" {
	mkdir a b
	rung spec -b a
	rung spec -b b --rootless
	[ "$(jq -S 'del(.linux, .mounts)' a/config.json)" = "$(jq -S 'del(.linux, .mounts)' b/config.json)" ]
}

@test "spec: the values of runc" {
	needs_command runc
	[ "$(runc --version | sed -n 's/^spec: //p')" = "$(rung --version | sed -n 's/^spec: //p')" ] ||
		skip "needs a runc of the same version of the specification"
	mkdir a b
	rung spec -b a
	runc spec -b b
	cmp a/config.json b/config.json
}

@test "spec: wrong number of arguments" {
	run -1 rung spec a
	mentions 'requires exactly 0 argument(s)'
	[ ! -e config.json ]
}
