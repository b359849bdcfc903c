#!/usr/bin/env bats
# The library: a program of somebody else's that has containers, and rung beside it.

load helpers
load commands

embed() {
	"$RUNG_TEST_COMMANDS/embed" "$STATE" "$(shared_rootfs)" 3>&-
}

# bats test_tags=user
@test "library: create, start, exec, update, kill and delete by a program in 60 lines" {
	run embed
	[ "$status" -eq 0 ] || fail "$output"
	says 'embedded is running
hello from exec
ended by killed
embedded is stopped'
	[ -z "$(ls "$STATE")" ]
	[ "$(grep -cvE '^(//.*|import.*|package.*|\)|)$' "$RUNG_SOURCE/tests/cmd/embed/main.go")" -le 75 ]
}

# bats test_tags=user
@test "library: an error is one line, and nothing is left" {
	STATE=$BATS_TEST_TMPDIR/state
	run "$RUNG_TEST_COMMANDS/embed" "$STATE" "$BATS_TEST_TMPDIR/nosuch"
	[ "$status" -eq 1 ]
	mentions 'embed: root.path: invalid rootfs'
	[ "${#lines[@]}" -eq 1 ]
	[ -z "$(ls "$STATE")" ]
}
