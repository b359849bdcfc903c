#!/usr/bin/env bats
# An upgrade: this rung manages containers that the previous commit's rung created.

load helpers
load commands

# Both use the state on disk, whose format has this number.
FORMAT=1

setup() {
	setup_bundle
	process sh -c 'echo started; exec sleep 1000'
}

# Builds the previous commit in a tree of its own, once a run. Sets $OLD.
needs_previous() {
	OLD=$BATS_RUN_TMPDIR/previous/rung
	[ ! -x "$OLD" ] || return 0
	needs_command git
	needs_command gcc
	in_tree rev-parse --verify -q 'HEAD~1^{commit}' >/dev/null || skip "needs a checkout with the previous commit"
	in_tree worktree add -q --detach "$BATS_RUN_TMPDIR/previous" HEAD~1
	(cd "$BATS_RUN_TMPDIR/previous" && VERSION=0.0.0-previous scripts/build.sh rung) 3>&- || {
		in_tree worktree remove --force "$BATS_RUN_TMPDIR/previous"
		fail 'the previous commit does not build'
	}
	# Keeps only the binary, which is removed with the directory of the run.
	mv "$OLD" "$BATS_RUN_TMPDIR/previous-rung"
	in_tree worktree remove --force "$BATS_RUN_TMPDIR/previous"
	mkdir "$BATS_RUN_TMPDIR/previous"
	mv "$BATS_RUN_TMPDIR/previous-rung" "$OLD"
}

# Runs git in the tree, which may belong to another user.
in_tree() {
	git -c safe.directory="$RUNG_SOURCE" -C "$RUNG_SOURCE" "$@"
}

old() {
	"$OLD" --root "$STATE" "$@" 3>&-
}

@test "upgrade: a container that the previous commit created is started, exec'd, updated, paused and deleted" {
	needs_previous
	old create -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1
	[ "$(status_of)" = created ]
	rung start "$ID"
	wait_until 5 grep -q started "$BATS_TEST_TMPDIR/output"
	exec_in echo hello
	says hello
	if is_root; then
		rung update --pids-limit 50 "$ID"
		[ "$(cgroup_value pids pids.max)" = 50 ] || [ "$(cgroup_value '' pids.max)" = 50 ]
		rung pause "$ID"
		[ "$(status_of)" = paused ]
		rung resume "$ID"
	fi
	rung ps "$ID" | grep -q sleep
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
}

@test "upgrade: one that the previous commit runs, and one that it created, are deleted by force" {
	needs_previous
	old run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	exec_in true
	[ "$status" -eq 0 ]
	rung delete --force "$ID"
	old create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	rung delete --force "$ID"
	no_leftovers
}

@test "upgrade: the previous commit's rung still sees, stops and deletes what this one created" {
	needs_previous
	[ "$(old_format)" = "$FORMAT" ] || skip "needs a previous commit with the same format of state"
	start_container
	[ "$(old state "$ID" | jq -r .status)" = running ]
	old kill "$ID" KILL
	wait_until 5 stopped
	old delete "$ID"
	no_leftovers
}

# Prints the format that the previous commit writes.
old_format() {
	in_tree show HEAD~1:libcontainer/state.go | sed -n 's/^const stateFormat = //p'
}

# bats test_tags=user
@test "upgrade: the format of the state is what it was; a newer one is refused, and an older one read" {
	create_container
	[ "$(jq .format "$STATE/$ID/state.json")" = "$FORMAT" ]
	local file=$STATE/$ID/state.json
	cp "$file" "$BATS_TEST_TMPDIR/kept"
	jq -c ".format = $((FORMAT + 1))" "$BATS_TEST_TMPDIR/kept" >"$file"
	run rung state "$ID"
	[ "$status" -eq 1 ]
	mentions "written by a newer rung (format $((FORMAT + 1)))"
	run rung delete --force "$ID"
	[ "$status" -eq 1 ]
	mentions 'written by a newer rung'
	# Members that a later rung of the same format adds are ignored, and members that an earlier one did not write are empty.
	jq -c '.later = {a: 1} | del(.early, .annotations, .execOp)' "$BATS_TEST_TMPDIR/kept" >"$file"
	[ "$(status_of)" = created ]
	cp "$BATS_TEST_TMPDIR/kept" "$file"
	rung start "$ID"
	exec_in true
	[ "$status" -eq 0 ]
}
