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

# bats test_tags=user
@test "explain: the JSON has names in the place of numbers" {
	add_mount '{"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["rbind", "ro"]}'
	run -0 rung explain -f json "$ID"
	jq -e '(.facts.capabilities | all(test("^(CAP_|capability )"))) and (.facts.cgroups.mode | test("^(v1|v2|hybrid)$"))
		and .facts.sources["/tmp"].directory and (.facts.sources["/tmp"].flags | type == "array")
		and ([.segments[][] | select(.op == "CAPSET")] | all(.operands | test("effective=(CAP_|none)")))
		and ([.segments[][] | select(.op == "KEYRING")] | all(.operands | test("possessor=view,read")))' <<<"$output"
}

# bats test_tags=user
@test "explain --summary: what the container sees, may do and may use" {
	add_mount '{"destination": "/mnt", "type": "bind", "source": "/tmp", "options": ["rbind", "ro"]}'
	process sleep 5
	run -0 rung explain --summary "$ID"
	mentions "container $ID of bundle $BUNDLE" 'it sees:' '/mnt: /tmp of the host, read-only' 'it may do:' '["sleep" "5"] in /' \
		'CAP_KILL' 'never (no_new_privs)' 'it may use:' 'RLIMIT_NOFILE 1024, at most 1024'
	run -1 rung explain --summary -f json
	mentions '--summary is text only'
}

@test "explain: every field that it names is one of config.json" {
	local field
	rung explain -f json | jq -r '.segments[][].field // empty' | sort -u >fields
	[ "$(wc -l <fields)" -gt 20 ]
	while read -r field; do
		[ "$(jq --arg path "$field" 'getpath($path | [splits("[][.]+") | select(. != "") | (tonumber? // .)]) != null' config.json)" = true ] || echo "$field"
	done <fields >unknown
	# Fields that need not be in config.json, because rung has defaults for them.
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
@test "explain: a program that a mount may bring is only noted, and one that nothing can bring is refused" {
	process /no/such/program
	run -1 rung explain
	mentions 'exec: \"/no/such/program\": stat /no/such/program: no such file or directory'
	mkdir "$BATS_TEST_TMPDIR/programs"
	add_mount "$(jq -n --arg source "$BATS_TEST_TMPDIR/programs" '{destination: "/mnt", type: "bind", source: $source, options: ["bind"]}')"
	run -1 rung explain # that mount is elsewhere
	process /mnt/program
	run -0 rung explain
	mentions note: /mnt/program
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
	# strace itself makes the one execve.
	run grep -c ' = ' trace
	says 1
}

# Makes a program and a bundle that another user can read. $BUNDLE has a root file system of its own.
plain_user() {
	needs_root
	local dir=$BATS_TEST_TMPDIR/plain
	mkdir "$dir"
	chmod 0755 "$BATS_RUN_TMPDIR" "$dir"
	install -m 0755 "$RUNG" "$dir/rung"
	own_rootfs
	chown -R 4242:4242 "$BUNDLE"
	as_plain=(setpriv --reuid 4242 --regid 4242 --clear-groups env -u XDG_RUNTIME_DIR "$dir/rung")
}

@test "explain: needs no privilege, and says for whom it explains" {
	plain_user
	rm config.json
	"${as_plain[@]}" spec --rootless -b "$BUNDLE"
	run -0 "${as_plain[@]}" explain
	mentions 'euid 4242' linux.uidMappings
	[ "${lines[1]}" = 'explained for uid 4242; --as-root explains for root' ]
	run -0 rung explain
	[ "${lines[1]}" = 'explained for root' ]
}

# Compares, in both formats, the output for root with the output of --as-root for a plain user. Only the caller may differ.
same_as_root() { # [FLAG OF EXPLAIN...]
	rung explain "$@" >"$BATS_TEST_TMPDIR/told.root"
	"${as_plain[@]}" explain --as-root "$@" >"$BATS_TEST_TMPDIR/told.plain"
	grep -q . "$BATS_TEST_TMPDIR/told.root"
	sed -i '2s/, as uid 4242 sees the machine$//' "$BATS_TEST_TMPDIR/told.plain"
	diff "$BATS_TEST_TMPDIR/told.root" "$BATS_TEST_TMPDIR/told.plain"
	diff <(rung explain -f json "$@") <("${as_plain[@]}" explain --as-root -f json "$@" | grep -v '"asRoot": true')
}

@test "explain --as-root: a plain user is told the plan of root" {
	plain_user
	run -0 "${as_plain[@]}" explain --as-root
	[ "${lines[1]}" = 'explained for root, as uid 4242 sees the machine' ]
	mentions 'euid 0'
	same_as_root
	same_as_root --run
	same_as_root --no-pivot
	[ "$("${as_plain[@]}" explain -f json | jq .segments)" != "$(rung explain -f json | jq .segments)" ]
}

@test "explain --as-root: of user namespaces, devices, bind mounts and covered directories" {
	plain_user
	config '.process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]
		| .linux.devices = [{path: "/dev/fuse", type: "c", major: 10, minor: 229}]
		| .linux.resources.memory.limit = 67108864 | .linux.cgroupsPath = "/rung-explain"'
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}'
	add_mount '{"destination": "/home", "type": "bind", "source": "rootfs/etc", "options": ["rbind", "ro"]}'
	same_as_root
	map_ids 100000
	same_as_root
	map_ids 4242 1
	same_as_root
}

# bats test_tags=vm
@test "explain --as-root --systemd-cgroup: in a slice of the system's systemd" {
	[ -d /run/systemd/system ] || skip "needs systemd"
	plain_user
	rung --systemd-cgroup explain >told.root
	"${as_plain[@]}" --systemd-cgroup explain --as-root >told.plain
	grep -q '/system.slice/runc-example.scope' told.root
	[ "$(diff told.root told.plain | grep -c '^[<>]')" = 2 ] # who asks
}

@test "explain --as-root: the bundles that engines wrote" {
	plain_user
	local written count=0
	for written in "$RUNG_SOURCE"/testdata/engines/*/; do
		[ -e "$written/config.json" ] || continue
		jq '.root.path = "rootfs" | .process.args = ["/bin/busybox", "true"] | .process.cwd = "/" | del(.process.rlimits) | .mounts |= map(select(.type != "bind" and ((.options // []) | any(test("bind")) | not)))
			| .linux.namespaces |= map(select(.path | not)) | del(.hooks)' "$written/config.json" >config.json
		same_as_root --run
		count=$((count + 1))
	done
	[ "$count" -gt 5 ]
}

@test "explain --as-root: what a plain user may not look at is listed, and what it is taken for" {
	plain_user
	local closed=$BATS_TEST_TMPDIR/closed
	mkdir -m 0700 "$closed" "$ROOTFS/closed"
	mkdir "$closed/below" "$ROOTFS/closed/below"
	cp "$ROOTFS/bin/busybox" "$ROOTFS/closed/program"
	chmod 0600 "$ROOTFS/etc/passwd"
	chown root "$ROOTFS/etc/passwd"
	process /closed/program
	add_mount "$(jq -n --arg source "$closed/below" '{destination: "/mnt", type: "bind", source: $source, options: ["bind"]}')"
	add_mount '{"destination": "/closed/below", "type": "tmpfs", "source": "tmpfs"}'
	no_namespace uts
	unshare --uts sleep 100 3>&- &
	local holder=$!
	wait_until 5 in_other_namespace uts "$holder"
	config '.linux.namespaces += [{type: "uts", path: $path}] | del(.hostname)' --arg path "/proc/$holder/ns/uts"
	run -0 "${as_plain[@]}" explain --as-root
	mentions "not seen without the rights of root: $closed/below: taken for a directory" \
		"root: $ROOTFS/closed/below: taken for missing" \
		"root: linux.namespaces[$(jq '.linux.namespaces | length - 1' config.json)].path /proc/$holder/ns/uts: taken for another one than rung's own" \
		'root: /closed/program in the root file system: taken for the program' \
		'root: /etc/passwd in the root file system: taken for one without user 0'
	run -0 "${as_plain[@]}" explain --as-root -f json
	jq -e '.asRoot and (.facts.unseen | length) == 5' <<<"$output"
	run rung explain
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output != *'not seen'* ]]
	run -1 "${as_plain[@]}" explain
	mentions "stat $closed/below: permission denied"
	kill "$holder"
}

@test "explain --as-root: with the capabilities that the bounding set lets root have" {
	plain_user
	run -0 setpriv --bounding-set -sys_time,-mknod "${as_plain[@]}" explain --as-root -f json
	local bounded=$output
	run -0 setpriv --bounding-set -sys_time,-mknod "$RUNG" --root "$STATE" explain -f json
	diff <(jq 'del(.asRoot)' <<<"$bounded") <(jq . <<<"$output")
	jq -e '.facts.capabilities | index("CAP_SYS_TIME") == null and index("CAP_KILL") != null' <<<"$output"
}

@test "explain --as-root: a user namespace without root" {
	plain_user
	run -1 "${as_plain[@]::6}" unshare -U "${as_plain[@]:6}" explain --as-root
	mentions 'the user namespace that rung runs in has no root'
}

@test "explain: wrong number of arguments" {
	run -1 rung explain a b
	mentions 'requires a maximum of 1 argument(s)'
}
