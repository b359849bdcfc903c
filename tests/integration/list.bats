#!/usr/bin/env bats
# shellcheck disable=SC2154 # variables of bats and helpers, scripts for inner shells
# rung list: the three formats.

load helpers

three_containers() {
	process sleep 1000
	create_container
	rung create "$ID.b" </dev/null >b 2>&1
	rung start "$ID.b"
	process true
	rung create "$ID.c" </dev/null >c 2>&1
	rung start "$ID.c"
	wait_until 5 stopped "$ID.c"
}

# bats test_tags=user
@test "list: a table with a line for each container" {
	three_containers
	run -0 rung list
	[ "${#lines[@]}" -eq 4 ]
	[[ ${lines[0]} =~ ^ID\ +PID\ +STATUS\ +BUNDLE\ +CREATED\ +OWNER$ ]]
	[[ ${lines[1]} =~ ^$ID\ +$(init_pid)\ +created\ +$BUNDLE\ +20[0-9T:.-]+Z\ +$(id -un)$ ]]
	[[ ${lines[2]} =~ ^$ID.b\ +$(init_pid "$ID.b")\ +running\  ]]
	[[ ${lines[3]} =~ ^$ID.c\ +0\ +stopped\  ]]
}

# bats test_tags=user
@test "list -q, --quiet: only the ids" {
	three_containers
	run -0 rung list -q
	says "$ID"$'\n'"$ID.b"$'\n'"$ID.c"
	run -0 rung list --quiet
	says "$ID"$'\n'"$ID.b"$'\n'"$ID.c"
}

# bats test_tags=user
@test "list -f, --format json: what state prints, with the owner" {
	three_containers
	run -0 rung list --format json
	[ "$(jq -r '[.[].status] | join(" ")' <<<"$output")" = 'created running stopped' ]
	[ "$(jq -S '.[1] | del(.owner)' <<<"$output")" = "$(rung state "$ID.b" | jq -S 'del(.owner)')" ]
	[ "$(jq -r '.[0].owner' <<<"$output")" = "$(id -un)" ]
	[ "$(rung list -f json)" = "$output" ]
	[ "$(rung list -f=table)" = "$(rung list)" ]
}

@test "list: an unknown format" {
	mkdir "$STATE"
	run -1 rung list -f yaml
	mentions 'invalid format option'
	rmdir "$STATE"
}

@test "list: no container" {
	mkdir "$STATE"
	run -0 rung list
	[ "${#lines[@]}" -eq 1 ]
	run -0 rung list -q
	says ''
	run -0 rung list -f json
	says null
	rmdir "$STATE"
}

@test "list: a --root that does not exist" {
	run -1 rung list
	mentions "$STATE" 'no such file or directory'
}

# bats test_tags=user-only
@test "list: a default root that does not exist yet" {
	local dir=$BATS_TEST_TMPDIR/xdg
	mkdir -m 0700 "$dir"
	XDG_RUNTIME_DIR=$dir run -0 "$RUNG" list -q
	says ''
	[ -d "$dir/rung" ]
}

@test "list: reports containers that cannot be read, and lists the others" {
	create_container
	mkdir "$STATE/broken"
	echo '{' >"$STATE/broken/state.json"
	run -0 --separate-stderr rung list -q
	says "$ID"
	[[ $stderr == *broken* ]]
	rm -r "$STATE/broken"
}

@test "list: wrong number of arguments" {
	run -1 rung list a
	mentions 'requires exactly 0 argument(s)'
}
