#!/usr/bin/env bats
# shellcheck disable=SC2016 # scripts are expanded in the container
# Who owns the standard streams (docs/decisions/0018-streams.md): pipes and sockets belong to the container's user, so that it
# can open them again by /dev/stdout; a file of the host stays whose it is.

load helpers

again='echo one >/dev/stdout; echo two >/proc/self/fd/1; echo three >/dev/stderr; read -r line </dev/stdin; echo "$line"'

# Runs a command with a pipe on each standard stream, both ways of output into one.
piped() { # COMMAND...
	run bash -c 'echo four | "$@" 2>&1 | cat' - "$@"
	[ "$output" = $'one\ntwo\nthree\nfour' ] || fail "$output"
}

as_user() { # UID
	config '.process.user = {uid: $uid, gid: 0}' --argjson uid "$1"
}

# runc#4475, podman#16027: pipes of a caller that the user namespace does not map.
@test "pipes in a user namespace: root and another user of the container open /dev/stdout" {
	needs_root
	map_ids
	process sh -c "$again"
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	as_user 1000
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}

@test "pipes in a user namespace: create and start" {
	needs_root
	map_ids
	as_user 1000
	process sh -c "$again"
	piped bash -c '"$0" --root "$1" create -b "$2" "$3" && "$0" --root "$1" start "$3" && while [ "$("$0" --root "$1" state "$3" | jq -r .status)" != stopped ]; do sleep 0.05; done' \
		"$RUNG" "$STATE" "$BUNDLE" "$ID"
}

@test "pipes in a user namespace that exists" {
	needs_root
	map_ids 200000
	start_sleeper
	config '(.linux.namespaces[] | select(.type == "user")).path = $path | del(.linux.uidMappings, .linux.gidMappings)' \
		--arg path "/proc/$(init_pid)/ns/user"
	as_user 1000
	process sh -c "$again"
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID-2"
}

@test "pipes in a user namespace: exec" {
	needs_root
	map_ids
	start_sleeper
	piped "$RUNG" --root "$STATE" exec "$ID" sh -c "$again"
	piped "$RUNG" --root "$STATE" exec -u 1000 "$ID" sh -c "$again"
}

@test "pipes without a user namespace: run and exec as another user" {
	needs_root
	as_user 1000
	process sh -c "$again"
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	as_user 0
	start_sleeper
	piped "$RUNG" --root "$STATE" exec -u 1000 "$ID" sh -c "$again"
}

# bats test_tags=user-only
@test "pipes of a plain user: root and another user of the container open /dev/stdout" {
	needs_subids
	config '.linux.uidMappings = [{containerID: 0, hostID: $own, size: 1}, {containerID: 1, hostID: $uid, size: 65535}]
		| .linux.gidMappings = [{containerID: 0, hostID: $group, size: 1}, {containerID: 1, hostID: $gid, size: 65535}]' \
		--argjson own "$(id -u)" --argjson group "$(id -g)" \
		--argjson uid "$(first_subid /etc/subuid)" --argjson gid "$(first_subid /etc/subgid)"
	process sh -c "$again"
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	as_user 1000
	piped "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}

# The caller's files stay the caller's: who may write to them is not the container's business.
@test "a regular file, /dev/null and another device keep their owner" {
	needs_root
	local file=$BATS_TEST_TMPDIR/file null users
	null=$(stat -c '%u %a' /dev/null /dev/zero)
	as_user 1000
	process true
	for users in without with; do
		[ "$users" = without ] || map_ids
		: >"$file"
		# with a pipe, for which there is something to do
		: | rung run -b "$BUNDLE" "$ID" >"$file" 2>/dev/null
		[ "$(stat -c %u "$file")" = 0 ] || fail "$users a user namespace: $(stat -c %u "$file")"
		rung run -b "$BUNDLE" "$ID" <"$file" 2>/dev/zero | :
		[ "$(stat -c %u "$file")" = 0 ] || fail "$users a user namespace: $(stat -c %u "$file")"
	done
	[ "$(stat -c '%u %a' /dev/null /dev/zero)" = "$null" ]
}

@test "the caller's terminal keeps its owner" {
	needs_root
	needs_command script
	as_user 1000
	process true
	local users
	# A file, since script's shell is $SHELL or sh, and Debian's sh passes no function of bash on.
	cat >"$BATS_TEST_TMPDIR/in-terminal" <<-EOF
		before=\$(stat -Lc %u /dev/stdin)
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 3>&-
		echo \$? \$before \$(stat -Lc %u /dev/stdin)
	EOF
	for users in without with; do
		[ "$users" = without ] || map_ids
		run script -qec "bash $BATS_TEST_TMPDIR/in-terminal" /dev/null </dev/null
		[[ ${lines[0]} =~ ^0\ ([0-9]+)\ ([0-9]+) ]] || fail "$output"
		[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ] || fail "$output"
	done
}

# A named pipe is a pipe: containerd's are.
@test "a named pipe belongs to the container's user" {
	needs_root
	mkfifo "$BATS_TEST_TMPDIR/pipe"
	map_ids
	as_user 1000
	process sh -c 'echo one >/dev/stdout'
	rung run -b "$BUNDLE" "$ID" </dev/null 1<>"$BATS_TEST_TMPDIR/pipe" 2>/dev/null
	[ "$(stat -c %u "$BATS_TEST_TMPDIR/pipe")" = 101000 ]
}

# The stage has no call to make where all streams are right already.
@test "root without a user namespace: no op is for the streams" {
	needs_root
	process true
	run rung --debug --trace run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[[ $output != *'give the standard streams'* ]] || fail "$output"
	as_user 1000
	run rung --debug --trace run -b "$BUNDLE" "$ID"
	[[ $output == *'give the standard streams'* ]] || fail "$output"
}

@test "streams that are /dev/null: what is in the place of the container's null device is named" {
	needs_root
	add_mount '{"destination": "/dev/null", "type": "bind", "source": "/etc/hostname", "options": ["bind"]}'
	refused 'standard streams that are /dev/null' 'no such device (what is there is not the null device: a mount, an entry of linux.devices or a file of the image is in its place)' </dev/null
}
