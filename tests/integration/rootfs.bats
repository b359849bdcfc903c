#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq, or by the shell in the container
# root.path, root.readonly, linux.rootfsPropagation, pivot_root and --no-pivot.

load helpers

# bats test_tags=user
@test "root.path is the container's root, absolute or relative to the bundle" {
	own_rootfs
	echo here >"$ROOTFS/etc/mark"
	inside 'cat /etc/mark'
	says here
	config '.root.path = $path' --arg path "$ROOTFS"
	inside 'cat /etc/mark'
	says here
}

# bats test_tags=user
@test "root.readonly" {
	own_rootfs
	config '.root.readonly = true'
	process touch /written
	run_container
	[ "$status" -eq 1 ]
	mentions 'Read-only file system'
	config '.root.readonly = false'
	inside 'touch /written'
	[ -e "$ROOTFS/written" ]
}

@test "what is mounted below the root file system on the host is there" {
	needs_root
	own_rootfs
	mkdir "$ROOTFS/below"
	mount -t tmpfs below "$ROOTFS/below"
	echo there >"$ROOTFS/below/mark"
	run_below() { inside 'cat /below/mark'; }
	run_below || { umount "$ROOTFS/below"; return 1; }
	umount "$ROOTFS/below"
	says there
}

# bats test_tags=user
@test "nothing of the host is left mounted after pivot_root" {
	inside 'cut -d" " -f5 /proc/self/mountinfo'
	[ "${lines[0]}" = / ]
	local line
	for line in "${lines[@]:1}"; do
		[[ $line == /proc* || $line == /dev* || $line == /sys* ]] || fail "unexpected mount: $line"
	done
}

# bats test_tags=user
@test "--no-pivot" {
	own_rootfs
	echo here >"$ROOTFS/etc/mark"
	process sh -c 'cat /etc/mark; ls -d /../etc/mark'
	run_container --no-pivot
	[ "$status" -eq 0 ]
	mentions here
	# the trees of the host are still mounted, below the chroot
	process sh -c 'grep -c . /proc/self/mountinfo; readlink /proc/self/root'
	run_container --no-pivot
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = / ]
}

# A user namespace may mount an unmasked procfs if its mount namespace has one that is fully visible. With a chroot the host's
# procfs stays in the mount namespace.
@test "--no-pivot: no bare procfs inside" {
	needs_root
	config '.process.capabilities = {bounding: ["CAP_SYS_ADMIN", "CAP_SETFCAP", "CAP_SYS_CHROOT"]}
		| .process.capabilities.permitted = .process.capabilities.bounding | .process.capabilities.effective = .process.capabilities.bounding'
	process unshare -mrpnf sh -c 'echo before; mount -t proc none /proc; mount -t sysfs none /sys && echo sysfs'
	run_container --no-pivot
	mentions before 'permission denied'
	[[ $output != *$'\nsysfs'* ]]
	# without masks the container has an unmasked procfs anyway
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
	process cat /proc/mounts
	run_container --no-pivot
	[ "$status" -eq 0 ] || fail "$output"
	map_ids
	run_container --no-pivot
	[ "$status" -eq 0 ] || fail "$output"
}

@test "without a mount namespace: a chroot" {
	needs_root
	own_rootfs
	echo here >"$ROOTFS/etc/mark"
	config 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	process sh -c 'cat /etc/mark; exec sleep 1000'
	start_container
	local pid
	pid=$(init_pid)
	[ "$(readlink "/proc/$pid/root")" = "$ROOTFS" ]
	[ "$(readlink "/proc/$pid/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
	exec_in cat /etc/mark
	says here
	rung kill "$ID" KILL
	wait_until 5 stopped
	[ "$(cat "$OUTPUT")" = here ]
}

host_mounts() {
	config 'del(.linux.namespaces[] | select(.type == "mount")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
}

# runc never removes these mounts from the host, and makes "/" a slave there.
@test "mounts without a mount namespace are the host's, until the container is deleted" {
	needs_root
	own_rootfs
	host_mounts
	add_mount '{"destination": "/mnt", "type": "bind", "source": "/usr", "options": ["bind", "ro"]}'
	local before
	before=$(cut -d' ' -f3- /proc/self/mountinfo)
	process sh -c 'ls -d /proc/1 /dev/pts/ptmx; touch /mnt/x 2>&1; exec sleep 1000'
	start_container
	grep -q " $ROOTFS/proc .* - proc " /proc/self/mountinfo
	exec_in sh -c 'stat -c %t:%T /dev/null; cat /etc/passwd >/dev/null'
	says 1:3
	[ "$(readlink "/proc/$(init_pid)/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
	[ "$(cut -d' ' -f3- /proc/self/mountinfo)" = "$before" ]
	run cat "$OUTPUT"
	mentions /proc/1 /dev/pts/ptmx 'Read-only file system'
}

@test "mounts without a mount namespace: an error leaves none on the host" {
	needs_root
	own_rootfs
	host_mounts
	local before
	before=$(cut -d' ' -f3- /proc/self/mountinfo)
	add_mount '{"destination": "/tmp", "type": "nosuchfs", "source": "x"}'
	refused 'mounts[7]' 'no such device'
	[ "$(cut -d' ' -f3- /proc/self/mountinfo)" = "$before" ]
	config 'del(.mounts[7])'
	inside 'grep -c . /proc/self/mountinfo'
	[ "$(cut -d' ' -f3- /proc/self/mountinfo)" = "$before" ]
	map_ids
	refused mounts 'user namespace without a mount namespace'
}

# runc#5371
@test "what becomes read-only last needs a mount namespace" {
	needs_root
	own_rootfs
	host_mounts
	local before
	before=$(cut -d' ' -f3- /proc/self/mountinfo)
	config '.root.readonly = true'
	refused root.readonly 'unable to make rootfs read-only without a private MNT namespace'
	config '.root.readonly = false'
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}'
	refused 'mounts[7]' 'unable to make /tmp read-only without a private MNT namespace'
	config '.mounts[7].options = ["ro", "rw"]'
	inside 'touch /tmp/x && echo written'
	says written
	config 'del(.mounts[7]) | (.mounts[] | select(.destination == "/dev")).options += ["ro"]'
	refused 'unable to make /dev read-only without a private MNT namespace'
	[ "$(cut -d' ' -f3- /proc/self/mountinfo)" = "$before" ]
}

# Runs a container with a propagation. It prints the propagation of "/" in mountinfo: shared:N, master:N, unbindable or nothing.
root_propagation() {
	config '.linux.rootfsPropagation = $p' --arg p "$1"
	inside "sed -n 's/^[0-9]* [0-9]* [^ ]* [^ ]* \\/ [^ ]* \\(.*\\)- .*/\\1/p' /proc/self/mountinfo"
}

@test "linux.rootfsPropagation" {
	needs_root
	root_propagation private
	says ''
	root_propagation rprivate
	says ''
	root_propagation shared
	mentions shared:
	root_propagation rshared
	mentions shared:
	# runc#1755
	root_propagation unbindable
	mentions unbindable
}

# Makes a mount on the host after the start. It appears in the container only if the propagation allows it.
later_mount() { # PROPAGATION
	own_rootfs
	mkdir "$ROOTFS/later"
	config 'del(.linux.rootfsPropagation) | if $p == "" then . else .linux.rootfsPropagation = $p end' --arg p "$1"
	process sh -c 'read -r _ </dev/fd/0; cat /later/mark 2>/dev/null || echo none'
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -c '
		mount --make-rshared / && mount --bind "$1" "$1" || exit
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" <"$2/go" >"$2/seen" 3>&- &
		exec 9>"$2/go"
		until grep -q running <("$RUNG" --root "$STATE" state "$ID" 2>/dev/null); do sleep 0.02; done
		mount -t tmpfs later "$1/later" && echo through >"$1/later/mark"
		echo >&9
		wait' sh "$ROOTFS" "$BATS_TEST_TMPDIR"
	run cat "$BATS_TEST_TMPDIR/seen"
}

# mounts_propagation.bats of runc: on a host with shared mounts, a shared root was also a slave of the host's.
@test "a slave root sees later mounts of the host, no other root does" {
	needs_root
	local propagation
	export STATE BUNDLE ID RUNG
	later_mount rslave
	says through
	for propagation in '' rprivate shared rshared; do
		rm -r "$ROOTFS"
		rm "$BATS_TEST_TMPDIR/go"
		later_mount "$propagation"
		says none
	done
}

# runc#2532, runc#3925: mounts on the host wake systemd up.
@test "create, start, exec and delete do not touch the host's mount table" {
	needs_root
	export STATE BUNDLE ID RUNG
	process sleep 1000
	# shellcheck disable=SC2016
	run unshare --mount --propagation private bash -c '
		rung() { "$RUNG" --root "$STATE" "$@" </dev/null >/dev/null 2>&1 3>&-; }
		before=$(cut -d" " -f4- /proc/self/mountinfo)
		same() { [ "$before" = "$(cut -d" " -f4- /proc/self/mountinfo)" ] || echo "changed by $1"; }
		rung create -b "$BUNDLE" "$ID" && same create
		rung start "$ID" && same start
		rung exec "$ID" true && same exec
		rung delete --force "$ID" && same delete && echo "as it was"'
	says "as it was"
}

# systemd makes all mounts of the host shared.
# on_shared_host: creates, starts, enters and deletes the container where all mounts of the host are shared. It prints what has changed
# them, and the number of the container's file systems.
on_shared_host() {
	export STATE BUNDLE ID RUNG
	# shellcheck disable=SC2016
	run unshare --mount --propagation private bash -c '
		mount --make-rshared /
		before=$(cut -d" " -f4- /proc/self/mountinfo)
		same() { [ "$before" = "$(cut -d" " -f4- /proc/self/mountinfo)" ] || echo "changed by $1"; }
		rung() { "$RUNG" --root "$STATE" "$@" </dev/null 2>&1 3>&-; }
		rung create -b "$BUNDLE" "$ID" >"$BUNDLE/said" || cat "$BUNDLE/said"
		same create
		rung start "$ID"; same start
		rung exec "$ID" grep -c " inner " /proc/self/mountinfo
		rung delete --force "$ID"; same delete'
}

@test "nothing reaches a host whose mounts are shared" {
	needs_root
	own_rootfs
	mkdir -p "$BATS_TEST_TMPDIR/data/below" "$ROOTFS/data"
	process sleep 1000
	config '.mounts += [{destination: "/data", type: "bind", source: $data, options: ["rbind"]},
		{destination: "/data/below", type: "tmpfs", source: "inner"}, {destination: "/opt", type: "tmpfs", source: "inner"}]' \
		--arg data "$BATS_TEST_TMPDIR/data"
	on_shared_host
	says 2
}

# rung opens that source on the host: its clone would be a peer of the host's mount.
@test "nothing reaches a host whose mounts are shared, by a mount with mapped owners" {
	needs_root
	own_rootfs
	mkdir -p "$BATS_TEST_TMPDIR/data/below" "$ROOTFS/data"
	process sleep 1000
	config '.mounts += [{destination: "/data", type: "bind", source: $data, options: ["rbind"]} + ({containerID: 0, hostID: 100000, size: 10} |
		{uidMappings: [.], gidMappings: [.]}), {destination: "/data/below", type: "tmpfs", source: "inner"}]' \
		--arg data "$BATS_TEST_TMPDIR/data"
	on_shared_host
	says 1
}

# bats test_tags=user
@test "a root.path that is missing, or a file, is refused with the field" {
	config '.root.path = "nowhere"'
	refused root.path 'no such file or directory'
	touch "$BUNDLE/file"
	config '.root.path = "file"'
	refused root.path
}
