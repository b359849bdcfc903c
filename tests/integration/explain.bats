#!/usr/bin/env bats
# rung explain: the plan in two formats, without root and without effect.

load helpers

# bats test_tags=user
@test "explain: the facts, the ops with their fields, and what rung does at each SYNC" {
	process echo hello
	run -0 rung explain --bundle "$BUNDLE" "$ID"
	mentions "container $ID of bundle $BUNDLE" facts: 'cgroups ' 'CLONE' 'EXEC' '# process.args' '# mounts[0]' \
		'| rung: ' 'SYNC' '# root.path' 'echo' 'hello'
}

# bats test_tags=user
@test "explain: the id may be left out" {
	run -0 rung explain
	mentions "of bundle $BUNDLE"
}

# bats test_tags=user
@test "explain -f, --format json: each op names system calls and purpose" {
	run -0 rung explain -f json "$ID"
	jq -e --arg id "$ID" --arg bundle "$BUNDLE" '.id == $id and .bundle == $bundle
		and (.facts | type) == "object" and (.segments | length) == 3
		and ([.segments[][] | select(.op == "" or .purpose == "")] == [])
		and .segments[-1][-1].op == "EXEC" and .segments[-1][-1].syscalls == "execve"
		and (.actions.ready | length) >= 1' <<<"$output"
	run -0 rung explain --format=text "$ID"
	mentions facts:
	run -1 rung explain -f yaml "$ID"
	mentions 'invalid format option'
}

@test "explain: every field that it names is one of config.json" {
	local field
	rung explain -f json | jq -r '.segments[][].field // empty' | sort -u >fields
	[ "$(wc -l <fields)" -gt 20 ]
	while read -r field; do
		[ "$(jq --arg path "$field" 'getpath($path | [splits("[][.]+") | select(. != "") | (tonumber? // .)]) != null' config.json)" = true ] || echo "$field"
	done <fields >unknown
	# What rung does by itself, for a field that need not be there.
	run grep -vxE 'linux\.(devices|cgroupsPath|rootfsPropagation)|default .*|process\.user\..*|process\.(oomScoreAdj|capabilities\..*)|linux\.namespaces.*|process.user' unknown
	says ''
}

# bats test_tags=user
@test "explain --run: nobody waits for start" {
	run -0 rung explain
	mentions AWAIT_START
	run -0 rung explain --run
	[[ $output != *AWAIT_START* ]]
}

# bats test_tags=user
@test "explain --no-pivot, --no-new-keyring" {
	run -0 rung explain
	mentions PIVOT_ROOT KEYRING
	run -0 rung explain --no-pivot --no-new-keyring
	mentions CHROOT
	[[ $output != *PIVOT_ROOT* ]]
	[[ $output != *KEYRING* ]]
}

# bats test_tags=user
@test "explain: an error is that of create" {
	process no-such-program
	config '.linux.namespaces += [{type: "nope"}]'
	run -1 rung explain
	mentions 'linux.namespaces[' nope
	local explained=$output
	run -1 rung create "$ID"
	[ "${explained##*linux}" = "${output##*linux}" ]
}

# bats test_tags=user
@test "explain: a program that is not there before the mounts is only noted" {
	process /no/such/program
	run -0 rung explain
	mentions note: /no/such/program
}

snapshot() {
	cat /proc/self/mountinfo
	find /sys/fs/cgroup -maxdepth 2 -type d 2>/dev/null | grep -F "$ID" || true
	find "$BATS_TEST_TMPDIR" -newer "$BATS_TEST_TMPDIR/stamp" ! -path '*/snapshot*' ! -path "$BATS_TEST_TMPDIR" | sort
}

# bats test_tags=user
@test "explain: changes nothing" {
	touch "$BATS_TEST_TMPDIR/stamp"
	snapshot >"$BATS_TEST_TMPDIR/snapshot.before"
	run -0 rung explain "$ID"
	run -0 rung explain --format json "$ID"
	snapshot >"$BATS_TEST_TMPDIR/snapshot.after"
	diff "$BATS_TEST_TMPDIR/snapshot.before" "$BATS_TEST_TMPDIR/snapshot.after"
	[ ! -e "$STATE" ]
}

@test "explain: makes no process, mount or file by its system calls" {
	needs_command strace
	strace -f -qq -o trace -e trace=execve,mount,move_mount,fsmount,open_tree,unshare,setns,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,pivot_root,chroot,fork,vfork \
		"$RUNG" --root "$STATE" explain "$ID" >/dev/null
	# The one execve is strace's own.
	run grep -c ' = ' trace
	says 1
}

@test "explain: needs no privilege" {
	needs_root
	local dir=$BATS_TEST_TMPDIR/plain
	local user=(setpriv --reuid 4242 --regid 4242 --clear-groups env -u XDG_RUNTIME_DIR "$dir/rung")
	mkdir "$dir"
	chmod 0755 "$BATS_RUN_TMPDIR" "$dir"
	cp "$RUNG" "$dir/rung"
	mkdir "$dir/bundle"
	ln -s "$(shared_rootfs)" "$dir/bundle/rootfs"
	chown -R 4242:4242 "$dir/bundle"
	"${user[@]}" spec --rootless -b "$dir/bundle"
	run -0 "${user[@]}" explain -b "$dir/bundle"
	mentions 'euid 4242' linux.uidMappings
}

@test "explain: wrong number of arguments" {
	run -1 rung explain a b
	mentions 'requires a maximum of 1 argument(s)'
}
