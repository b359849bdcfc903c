#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by jq, or by an inner shell; each test has its own status and output
# sources of bind mounts: where and by whom they are opened (docs/decisions/0017-sources-inside.md), and any number of mounts,
# devices and paths.

load helpers

# Runs a script in a mount namespace of its own that begins with a tmpfs at $BUNDLE/tree; $1 is that directory, rung is the rest.
in_own_mounts() { # SCRIPT
	mkdir -p "$BUNDLE/tree"
	run unshare --mount --propagation private bash -c 'mount -t tmpfs none "$1" || exit; '"$1" \
		sh "$BUNDLE/tree" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}

bind_of() { # OPTION
	config '.mounts += [{type: "bind", source: $s, destination: "/mnt", options: [$o]}]' --arg s "$BUNDLE/tree" --arg o "$1"
}

# ---- what is below a source -------------------------------------------------------------------------------------------

# https://github.com/containers/crun/issues/2262: snapd has such mounts below /run. Whether the kernel takes a clone with one
# depends on numbers that differ by processor: six of them, made on both.
pinned='for n in 1 2 3 4 5 6; do
	touch "$1/ns$n"
	unshare --mount="$1/ns$n" true || taskset -c 0 unshare --mount="$1/ns$n" true || taskset -c 1 unshare --mount="$1/ns$n" true
done 2>/dev/null
grep -q " mnt:\[" /proc/self/mountinfo || { echo "no namespace is pinned"; exit 1; }
shift; for n in 1 2 3; do taskset -c 0 "$@" && taskset -c 1 "$@" || exit; done'

@test "crun#2262: a recursive bind of a tree with mount namespaces in it" {
	needs_root
	needs_two_cpus
	bind_of rbind
	process sh -c 'grep -c " /mnt" /proc/self/mountinfo'
	in_own_mounts "$pinned"
	[ "$status" -eq 0 ]
	says "$(printf '1\n%.0s' 1 2 3 4 5 6 | head -c -1)"
}

@test "crun#2262: the same with a user namespace, and with mapped owners" {
	needs_root
	needs_two_cpus
	bind_of rbind
	process true
	map_ids
	in_own_mounts "$pinned"
	[ "$status" -eq 0 ]
	config 'del(.linux.namespaces[] | select(.type == "user")) | del(.linux.uidMappings, .linux.gidMappings)
		| .mounts[-1] += {uidMappings: [{containerID: 0, hostID: 100000, size: 10}], gidMappings: [{containerID: 0, hostID: 100000, size: 10}]}'
	in_own_mounts "$pinned"
	[ "$status" -eq 0 ]
}

@test "crun#2262: the root file system may have mount namespaces in it" {
	needs_root
	needs_two_cpus
	own_rootfs
	mkdir "$ROOTFS/pinned"
	process true
	in_own_mounts "mount -t tmpfs none '$ROOTFS/pinned'; set -- '$ROOTFS/pinned' \"\${@:2}\"; $pinned"
	[ "$status" -eq 0 ]
}

unbindable='mkdir "$1/sub"; mount -t tmpfs none "$1/sub"; touch "$1/sub/mark"; mount --make-unbindable "$1/sub"'

@test "unbindable mounts: below a source, as a source, above root.path" {
	needs_root
	# Where the copies are unbindable too, runc refuses them as well.
	unshare --mount --propagation private sh -c 'mount -t tmpfs none "$1" && mount --make-unbindable "$1" &&
		unshare --mount --propagation unchanged mount --bind "$1" /mnt' sh "$BUNDLE" 2>/dev/null ||
		skip 'needs a kernel whose new mount namespaces have no unbindable mounts'
	bind_of rbind
	process ls /mnt/sub
	in_own_mounts "$unbindable"'; shift; exec "$@"'
	says mark
	config '.mounts[-1].source += "/sub" | .process.args = ["ls", "/mnt"]'
	in_own_mounts "$unbindable"'; shift; exec "$@"'
	says mark
	config 'del(.mounts[-1]) | .root = {path: "tree/sub", readonly: false}'
	process true
	in_own_mounts "$unbindable; cp -a '$(shared_rootfs)'/. \"\$1/sub\""'; shift; exec "$@"'
	[ "$status" -eq 0 ] || fail "$output"
	map_ids
	in_own_mounts "$unbindable; cp -a '$(shared_rootfs)'/. \"\$1/sub\""'; shift; exec "$@"'
	[ "$status" -eq 0 ] || fail "$output"
}

# Each would contain those before, and the last one 2^12 mounts.
@test "a recursive bind of the host's root has no mount of the container, however often" {
	needs_root
	own_rootfs
	config '.mounts += [range(12) | {type: "bind", source: "/", destination: "/host\(.)", options: ["rbind"]}]'
	inside 'grep -c " /host11[^ ]*'"$ROOTFS"'" /proc/self/mountinfo; grep -c " /host0" /proc/self/mountinfo; grep -c " /host11" /proc/self/mountinfo; ls /host11'"$ROOTFS"
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = "${lines[2]}" ]
	mentions bin etc
}

# ---- whose source -----------------------------------------------------------------------------------------------------

# Engines give descriptors that rung inherits. To the stage the same path is something else.
@test "a source below /proc/self is rung's own, by a link too" {
	needs_root
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/mark"
	ln -s /proc/self/fd/77 "$BUNDLE/link"
	config '.mounts += [{type: "bind", source: "/proc/self/fd/77", destination: "/mnt", options: ["bind"]},
		{type: "bind", source: "link", destination: "/opt", options: ["rbind"]},
		{type: "bind", source: "/proc/thread-self/fd/77", destination: "/media", options: ["bind"]}]'
	process ls /mnt /opt /media
	exec 77<"$BUNDLE/data"
	run_container
	exec 77<&-
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(grep -c '^mark$' <<<"$output")" -eq 3 ]
}

# As CVE-2019-5736: root in the container could write to the program on the host.
@test "a source is never rung's own program, nor another file of its process" {
	needs_root
	local source file
	cp "$RUNG" "$BUNDLE/rung-copy"
	ln -s /proc/self/exe "$BUNDLE/link"
	for source in /proc/self/exe /proc/thread-self/exe link; do
		config '.mounts |= map(select(.destination != "/mnt")) + [{type: "bind", source: $s, destination: "/mnt", options: ["bind"]}]' --arg s "$source"
		run "$BUNDLE/rung-copy" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null
		[ "$status" -eq 1 ] || fail "$source: $output"
		mentions 'invalid argument'
		cmp "$RUNG" "$BUNDLE/rung-copy"
	done
	own_rootfs
	for file in self thread-self; do
		config '.mounts |= map(select(.destination != "/mnt")) + [{type: "bind", source: $s, destination: "/mnt", options: ["bind"]}]' --arg s "/proc/$file"
		inside 'cat /mnt/comm; [ "$(readlink /mnt/ns/uts)" = "$(readlink /proc/1/ns/uts)" ] && echo own'
		[ "${lines[-1]}" = own ] || fail "$output"
	done
	map_ids
	mkdir "$BUNDLE/proc"
	config '.mounts |= map(select(.destination != "/mnt")) + [{type: "bind", source: "proc/self/exe", destination: "/mnt", options: ["bind"]}]'
	run unshare --mount --propagation private sh -c 'mount -t proc proc "$1" && shift && exec "$@"' _ "$BUNDLE/proc" "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions "is a file of rung's own process"
	for source in /proc/self/exe /proc/self/ns/net link; do
		config '.mounts |= map(select(.destination != "/mnt")) + [{type: "bind", source: $s, destination: "/mnt", options: ["bind"]}]' --arg s "$source"
		refused 'mounts[' '].source: ' "is a file of rung's own process" 'invalid argument'
	done
}

@test "the state tells what bind mounts show, whoever has opened them" {
	needs_root
	mkdir "$BUNDLE/data"
	config '.mounts += [{type: "bind", source: "data", destination: "/mnt", options: ["bind"]}]'
	create_container
	[ "$(jq -r '.binds | to_entries[] | .value' "$STATE/$ID/state.json")" = "$(stat -c %d:%i "$BUNDLE/data")" ]
	rung delete --force "$ID"
	map_ids
	create_container
	[ "$(jq -r '.binds | to_entries[] | .value' "$STATE/$ID/state.json")" = "$(stat -c %d:%i "$BUNDLE/data")" ]
}

@test "a bind mount stays a peer of its source where the root is shared" {
	needs_root
	bind_of rbind
	config '.linux.rootfsPropagation = "rshared"'
	process sh -c 'grep -o " /mnt .* shared:[0-9]*" /proc/self/mountinfo | sed "s/.* //"'
	in_own_mounts 'mount --make-shared "$1"; grep -o " $1 .* shared:[0-9]*" /proc/self/mountinfo | sed "s/.* //"; shift; exec "$@"'
	[ "$status" -eq 0 ] || fail "$output"
	mentions shared:
	[ "${lines[0]}" = "${lines[1]}" ] || fail "$output"
}

# ---- any number -------------------------------------------------------------------------------------------------------

many() { # FILTER FOR $i, N TIMES: what is started
	config "reduce range($2) as \$i (.; $1)"
	process true
	run_container
	[ "$status" -eq 0 ] || fail "$1: $output"
}

@test "10 000 bind mounts" {
	needs_root
	own_rootfs
	many '.mounts += [{type: "bind", source: "/usr", destination: "/m/\($i)", options: ["bind", "ro"]}]' 10000
}

@test "10 000 file systems" {
	needs_root
	own_rootfs
	many '.mounts += [{type: "tmpfs", source: "tmpfs", destination: "/m/\($i)", options: ["nosuid"]}]' 10000
}

@test "10 000 devices" {
	needs_root
	many '.linux.devices += [{path: "/dev/d\($i)", type: "c", major: 1, minor: 3, fileMode: 438, uid: 5, gid: 6}]' 10000
}

@test "10 000 masked and 10 000 read-only paths" {
	needs_root
	own_rootfs
	mkdir "$ROOTFS/m"
	(cd "$ROOTFS/m" && seq 0 9999 | xargs touch)
	many '.linux.maskedPaths += ["/m/\($i)"]' 10000
	config '.linux.maskedPaths = []'
	many '.linux.readonlyPaths += ["/m/\($i)"]' 10000
}

# bats test_tags=user
@test "1 000 bind mounts in a user namespace, and for root 1 000 devices" {
	needs_subids
	map_ids
	config '.root.readonly = false | .mounts += [{type: "tmpfs", source: "tmpfs", destination: "/tmp"}]'
	many '.mounts += [{type: "bind", source: "/usr", destination: "/tmp/\($i)", options: ["rbind"]}]' 1000
	is_root || return 0 # the host has none of these devices, and a plain user may make none
	many '.linux.devices += [{path: "/dev/d\($i)", type: "c", major: 1, minor: 3}]' 1000
}

@test "1 000 mounts with mapped owners" {
	needs_root
	config '.mounts += [{type: "tmpfs", source: "tmpfs", destination: "/tmp"}]'
	many '.mounts += [{type: "bind", source: "/usr", destination: "/tmp/\($i)", options: ["rbind"],
		uidMappings: [{containerID: 0, hostID: 100000, size: 10}], gidMappings: [{containerID: 0, hostID: 100000, size: 10}]}]' 1000
}

# In a process with threads the kernel waits for an RCU grace period when the table of descriptors grows.
@test "rung's table of descriptors does not grow with the mounts" {
	needs_root
	map_ids
	config '.mounts += [{type: "tmpfs", source: "tmpfs", destination: "/tmp"}]
		| reduce range(600) as $i (.; .mounts += [{type: "bind", source: "/usr", destination: "/tmp/\($i)", options: ["rbind"]}])'
	process sh -c 'echo ready; sleep 100'
	"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" </dev/null >"$BUNDLE/out" 2>&1 3>&- &
	wait_until 60 grep -q ready "$BUNDLE/out"
	[ "$(sed -n 's/^FDSize:\s*//p' "/proc/$!/status")" -le 256 ]
	rung delete --force "$ID"
	wait
}

@test "the limit of open files is named where it is too low" {
	needs_root
	own_rootfs
	config 'reduce range(200) as $i (.; .mounts += [{type: "tmpfs", source: "tmpfs", destination: "/m/\($i)", options: ["ro"]}])'
	process true
	run prlimit --nofile=150:150 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'too many open files' 'mounts[' 'RLIMIT_NOFILE is 150'
}

# ---- block devices ----------------------------------------------------------------------------------------------------

# On v2 the process is in its cgroup from the beginning, whose list of devices has no disks. For v1 see tmpcopyup.bats.
# bats test_tags=vm
@test "a file system on a block device that the container may not open" {
	needs_root
	is_v2 || skip 'needs cgroup v2'
	needs_command mkfs.ext4
	truncate -s 4M "$BUNDLE/disk"
	mkfs.ext4 -q "$BUNDLE/disk"
	LOOP=$(losetup --find --show "$BUNDLE/disk") || skip 'needs a loop device'
	config '.mounts += [{type: "ext4", source: $loop, destination: "/mnt", options: ["ro"]}]
		| .linux.devices += [{path: "/dev/disk", type: "b", major: ($number | split(":")[0] | tonumber), minor: ($number | split(":")[1] | tonumber)}]' \
		--arg loop "$LOOP" --arg number "$(cat "/sys/block/${LOOP#/dev/}/dev")"
	process sh -c 'grep -o " /mnt ext4 ro" /proc/mounts; cat /dev/disk'
	run_container
	losetup --detach "$LOOP"
	mentions ' /mnt ext4 ro' 'Operation not permitted'
}

# bats test_tags=user
@test "two dots behind a link, in a source and in --bundle, is the directory above what the link leads to" {
	local dir=$BATS_TEST_TMPDIR/paths
	mkdir -p "$dir/deep/sub" "$dir/deep/data" "$dir/data" "$BUNDLE/data"
	touch "$dir/deep/data/right" "$dir/data/wrong" "$BUNDLE/file"
	ln -s "$dir/deep/sub" "$dir/link"
	add_mount "{\"destination\": \"/mnt\", \"type\": \"bind\", \"source\": \"$dir/link/../data\", \"options\": [\"bind\"]}"
	inside 'ls /mnt'
	says right
	local source
	for source in "$dir/missing/../data" "$BUNDLE/file/" "$BUNDLE/file/."; do
		config '.mounts[-1].source = $s' --arg s "$source"
		refused 'mounts[' "].source: stat ${source%/.}"
	done
	config 'del(.mounts[-1])'
	process echo of the bundle
	ln -s "$BUNDLE/data" "$dir/into"
	mkdir "$dir/rootfs"
	jq '.process.args = ["echo", "wrong"]' "$BUNDLE/config.json" >"$dir/config.json"
	run rung run -b "$dir/into/.." "$ID"
	says 'of the bundle'
	cd "$dir/into"
	run rung run -b .. "$ID"
	says 'of the bundle'
	run rung run -b ../. "$ID"
	says 'of the bundle'
}
