#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by the shell in the container; one test has a RUNG of its own
# tmpcopyup: a tmpfs begins with a copy of the directory that it covers, made in the container's cgroups and namespaces.
# nsenter/test/test_copyup.c tests each kind of file, and names that are exchanged.

load helpers

setup() {
	setup_bundle
	own_rootfs
	SEED=$ROOTFS/seed
	mkdir "$SEED"
	add_mount '{"destination": "/seed", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
}

teardown() {
	teardown_containers || return
	[ -z "${LOOP:-}" ] || losetup -d "$LOOP"
}

# Makes a file with data.
data() { # FILE MIB
	dd if=/dev/zero of="$1" bs=1M count="$2" status=none
}

memory_limit() { # MIB
	config '.linux.resources.memory = {limit: ($mib * 1048576), swap: ($mib * 1048576)}' --argjson mib "$1"
}

# bats test_tags=vm
@test "tmpcopyup: the copy is charged to the container" {
	needs_controller memory
	data "$SEED/data" 16
	memory_limit 64
	start_sleeper
	local usage=memory.usage_in_bytes
	[ -e "$(cgroup_path memory)/$usage" ] || usage=memory.current
	[ "$(cgroup_value memory $usage)" -ge $((16 << 20)) ]
}

# bats test_tags=vm
@test "tmpcopyup: what does not fit into the memory limit is one error, and nothing is left" {
	needs_controller memory
	data "$SEED/data" 64
	memory_limit 32
	process true
	refused 'linux.resources.memory.limit is too small' 'OOM killed' 'mounts[7]: copy what is at /seed' 'data\": the container process was killed'
	[ ! -e "$STATE/$ID" ]
}

@test "tmpcopyup: a sparse file of 700 MB takes the 4 KiB that it has" {
	needs_controller memory
	truncate -s 700M "$SEED/sparse"
	printf x | dd of="$SEED/sparse" bs=1M seek=300 conv=notrunc status=none
	memory_limit 32
	inside 'stat -c %s /seed/sparse; du -k /seed/sparse'
	says $'734003200\n4\t/seed/sparse'
}

kinds_and_attributes() {
	needs_capability CAP_MKNOD
	mkfifo "$SEED/fifo"
	mknod "$SEED/device" c 1 3
	mkdir "$SEED/dir"
	echo text >"$SEED/dir/one"
	ln "$SEED/dir/one" "$SEED/two"
	chown 12:34 "$SEED/two" "$SEED/fifo"
	chmod 6755 "$SEED/two"
	touch -d @1000000000.123456789 "$SEED/two" "$SEED/fifo" "$SEED/device" "$SEED/dir"
	local list='cd "$1" && find . ! -path . -exec stat -c "%n %F %f %h %u:%g %t,%T %Y" {} + | grep -v " directory " | sort; stat -c "%a %Y" dir'
	process sh -c "$list" sh /seed
	run_container
	[ "$status" -eq 0 ]
	says "$(sh -c "$list" sh "$SEED")"
	mentions './two regular file 8ded 2 12:34 0,0 1000000000'
}

@test "tmpcopyup: FIFOs, sockets, devices, hard links, set-id bits, owners and times" {
	kinds_and_attributes
}

@test "tmpcopyup: the same where statx is denied" {
	printf '#!/bin/sh\nexec %q statx ENOSYS %q "$@"\n' "$RUNG_TEST_COMMANDS/blocked" "$RUNG" >"$BATS_TEST_TMPDIR/rung"
	chmod 0755 "$BATS_TEST_TMPDIR/rung"
	RUNG=$BATS_TEST_TMPDIR/rung
	kinds_and_attributes
}

# A walk that goes down from the top for each directory needs four times as many calls for a tree that is twice as deep.
@test "tmpcopyup: as many system calls as there are files, however deep they lie" {
	needs_command strace
	local depth calls=()
	for depth in 1000 2000; do
		rm -rf "${SEED:?}"/*
		(cd "$SEED" && mkdir -p "$(printf 'd/%.0s' $(seq "$depth"))")
		process true
		run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 0 ] || skip 'needs the right to trace'
		calls+=("$(sed -n '/open_tree(.*AT_EMPTY_PATH/,/munmap/p' "$BATS_TEST_TMPDIR/trace" | wc -l)")
	done
	echo "${calls[*]} calls"
	((calls[0] > 1000 && calls[0] < 25 * 1000))
	((calls[1] - calls[0] < 25 * 1000))
}

@test "tmpcopyup in a user namespace: owners as it has them" {
	needs_root
	map_ids 100000 1000
	chown -R 100000:100000 "$ROOTFS"
	echo text >"$SEED/file"
	echo text >"$SEED/half"
	echo text >"$SEED/stranger"
	chown 100005:100006 "$SEED/file"
	chown 100005:0 "$SEED/half"
	chown 0:0 "$SEED/stranger"
	chmod 6755 "$SEED"/*
	# An owner without an id shows as 65534, which the range lacks: the copy belongs to root and has no set-id bits.
	inside 'cd /seed; stat -c "%n %a %u:%g" . *; touch new'
	says $'. 755 0:0\nfile 6755 5:6\nhalf 755 5:0\nstranger 755 0:0'
}

@test "tmpcopyup in a user namespace: the top belongs to its root, where the directory's owner has no id in it" {
	needs_root
	map_ids
	echo text >"$SEED/file"
	inside 'stat -c "%u:%g" /seed; stat -c "%u:%g" /seed/file; cat /seed/file; touch /seed/new'
	says $'0:0\n65534:65534\ntext'
}

@test "tmpcopyup in a user namespace: a device cannot be made, and is refused by name" {
	needs_root
	map_ids
	mkdir "$SEED/dev"
	mknod "$SEED/dev/null" c 1 3
	process true
	refused 'mounts[7]' 'copy what is at /seed' 'dev/null\": mknodat: operation not permitted'
}

# bats test_tags=user
@test "tmpcopyup: an error names the file, whatever its name, in one line" {
	config '.mounts[-1].options += ["size=64k"]'
	mkdir -p "$SEED/a/b"
	data "$SEED/a/b/"$'new\nline' 1
	process true
	refused 'mounts[7]' 'a/b/new\\nline\": write: no space left on device'
}

# bats test_tags=user
@test "tmpcopyup over a file is refused" {
	touch "$ROOTFS/plain"
	config '.mounts[-1].destination = "/plain"'
	process true
	refused 'mounts[7]' 'copy what is at /plain' 'not a directory'
}

# bats test_tags=user
@test "tmpcopyup over what is not there is an empty tmpfs" {
	config '.mounts[-1].destination = "/made/here"'
	inside 'stat -f -c %T /made/here; ls -A /made/here; stat -c %a /made/here'
	says $'tmpfs\n1777'
}

# bats test_tags=user
@test "tmpcopyup: earlier mounts are copied, later ones lie above the copy" {
	mkdir "$BUNDLE/early" "$BUNDLE/late"
	echo early >"$BUNDLE/early/file"
	echo late >"$BUNDLE/late/file"
	echo covered >"$SEED/covered"
	mkdir "$SEED/dir"
	config '.mounts |= .[:-1] + [{destination: "/seed/dir", type: "bind", source: "early", options: ["bind"]}, .[-1],
		{destination: "/seed/late", type: "bind", source: "late", options: ["bind"]}]'
	inside 'cd /seed; cat covered dir/file late/file; echo new >dir/file; stat -f -c %T dir'
	says $'covered\nearly\nlate\ntmpfs'
	[ "$(cat "$BUNDLE/early/file")" = early ]
}

# bats test_tags=user
@test "tmpcopyup: mode, uid and gid of the options count" {
	chmod 0751 "$SEED"
	inside 'stat -c %a:%u:%g /seed'
	says 751:0:0
	config '.mounts[-1].options += ["mode=1700", "uid=0", "gid=0"]'
	inside 'stat -c %a:%u:%g /seed'
	says 1700:0:0
}

# bats test_tags=user
@test "tmpcopyup: a read-only tmpfs is filled first" {
	echo text >"$SEED/file"
	config '.mounts[-1].options += ["ro"]'
	inside 'cat /seed/file; touch /seed/new 2>&1 || true'
	mentions text 'Read-only file system'
}

# bats test_tags=user
@test "tmpcopyup: explain shows the copy behind the entry into the cgroup" {
	run rung explain -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	local entry='SYNC          host'
	[[ $output != *"@0  the container's cgroup"* ]] || entry='CLONE         @0' # cgroup v2: it is cloned into its cgroup
	[[ $output == *"$entry"*COPY_UP*'copy what is at /seed into the tmpfs'* ]] || fail "$output"
}

@test "tmpcopyup: the caller's limit of the size of files is named" {
	needs_root
	data "$SEED/data" 1
	process true
	run bash -c 'ulimit -f 512; "$@"' bash "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'data\": write' 'file too large' "the caller's RLIMIT_FSIZE is 524288 bytes"
}

# By then the process is in the container's cgroups, and their device rules allow no disks.
@test "tmpcopyup: a file system on a block device behind it, or behind a cgroup mount" {
	needs_root
	needs_v1_controller devices
	needs_command mkfs.ext4
	data "$BUNDLE/disk" 4
	mkfs.ext4 -q "$BUNDLE/disk"
	LOOP=$(losetup --find --show "$BUNDLE/disk") || skip 'needs a loop device'
	add_mount '{"destination": "/disk", "type": "ext4", "options": ["ro"]}'
	config '.mounts[-1].source = $loop' --arg loop "$LOOP"
	inside 'stat -f -c %T /seed; grep -o " /disk ext4 ro" /proc/mounts'
	says $'tmpfs\n /disk ext4 ro'
	config '.mounts |= map(select(.destination != "/seed"))'
	[ "$(jq -r '.mounts[-2].type' "$BUNDLE/config.json")" = cgroup ]
	inside 'grep -o " /disk ext4 ro" /proc/mounts'
	says ' /disk ext4 ro'
}
