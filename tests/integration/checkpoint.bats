#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by jq, or by the shell in the container; a test changes its own PATH
# rung checkpoint and rung restore, with the CRIU of scripts/unstable.sh, which works on new kernels, or the one in PATH.

load helpers
load commands

setup_file() {
	local criu
	criu=$("$RUNG_SOURCE/scripts/unstable.sh" criu) && export PATH=${criu%/*}:$PATH
	export CRIU_WORKS
	CRIU_WORKS=$(criu check >/dev/null 2>&1 && echo yes || echo no)
}

setup() {
	needs_root
	setup_bundle
	NETNS=bats-criu-$$-$BATS_SUITE_TEST_NUMBER
	IMAGE=$BATS_TEST_TMPDIR/image
	LOGS=$BATS_TEST_TMPDIR/logs
}

teardown() {
	local left=0
	teardown_containers || left=1
	[ ! -e "/run/netns/$NETNS" ] || ip netns del "$NETNS" || left=1
	return $left
}

needs_criu() {
	[ "$CRIU_WORKS" = yes ] || skip "needs a CRIU that works on this kernel (criu check)"
}

# CRIU saves no file of the host, so the standard streams must be pipes, terminals or /dev/null.
create_container() {
	rung create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
}

# Sets a program that runs on after a restore. CRIU wakes programs up, and sleep of busybox 1.37 and newer ends then.
stays() {
	process tail -f /dev/null
}

start_sleeper() {
	stays
	start_container
}

# Binds a directory of the host at /data.
with_data() {
	needs_criu
	mkdir -p "$BUNDLE/data"
	config '.mounts += [{destination: "/data", type: "bind", source: "data", options: ["bind"]}]'
}

# Starts a container that counts in a file of the host.
start_counter() {
	with_data
	process sh -c 'n=0; while :; do echo $((n += 1)) >/data/next; mv /data/next /data/count; sleep 0.05; done'
	start_container
	wait_until 5 counted 2
}

counted() { # NUMBER
	[ -s "$BUNDLE/data/count" ] && [ "$(cat "$BUNDLE/data/count")" -ge "$1" ]
}

checkpoint() { # [FLAG...]
	rung checkpoint --image-path "$IMAGE" --work-path "$LOGS" "$@" "$ID"
}

# A restored container gets the standard streams of rung, and must not get those of the test.
restore() { # [FLAG...]
	rung restore -d -b "$BUNDLE" --image-path "$IMAGE" --work-path "$LOGS" "$@" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1 || {
		local code=$?
		cat "$BATS_TEST_TMPDIR/output"
		return $code
	}
}

is_running() {
	[ "$(status_of 2>/dev/null)" = running ]
}

gone() {
	[ ! -e "$STATE/$ID" ]
}

last_line() {
	printf '%s\n' "${lines[${#lines[@]} - 1]}"
}

@test "checkpoint saves the processes and deletes the container, restore makes them go on" {
	start_counter
	local before
	checkpoint
	gone
	before=$(cat "$BUNDLE/data/count")
	[ -e "$IMAGE/inventory.img" ]
	[ "$(jq -c . "$IMAGE/descriptors.json")" = '["/dev/null","/dev/null","/dev/null"]' ]
	[ -s "$LOGS/dump.log" ]
	sleep 0.2
	[ "$(cat "$BUNDLE/data/count")" = "$before" ]
	restore
	[ "$(status_of)" = running ]
	[ -s "$LOGS/restore.log" ]
	wait_until 5 counted $((before + 2))
	[ "$(cat "$BUNDLE/data/count")" -lt $((before + 200)) ]
}

# The extra process is in the pids hierarchy only: one in the freezer's hierarchy would be part of the dump, as with runc.
@test "checkpoint: the images are whole, though the cgroup can not be removed" {
	[ -n "$(v1_mount pids)" ] || skip "needs the cgroup v1 controller pids"
	start_counter
	sleep 1000 3>&- &
	local guest=$!
	echo "$guest" >"$(cgroup_path pids)/cgroup.procs"
	run checkpoint
	kill "$guest"
	[ "$status" -eq 0 ] || fail "status $status: $output"
	mentions level=warning 'remove cgroup' busy
	rung delete -f "$ID"
	restore
	[ "$(status_of)" = running ]
}

@test "every command works on a restored container" {
	start_counter
	config '.linux.resources.pids = {limit: 50}'
	checkpoint
	restore --pid-file "$BUNDLE/pid"
	[ "$(cat "$BUNDLE/pid")" = "$(init_pid)" ]
	[ "$(rung list -q)" = "$ID" ]
	rung ps "$ID" | grep -q sleep
	exec_in sh -c '[ "$(readlink /proc/self/ns/time)" = "$(readlink /proc/1/ns/time)" ] && echo the same'
	says 'the same'
	rung events --stats "$ID" | jq -e '.data.pids.current >= 1'
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	rung resume "$ID"
	rung update --pids-limit 40 "$ID"
	run rung start "$ID"
	mentions 'cannot start an already running container'
	run rung restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'container with given ID already exists'
	checkpoint
	restore
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
	gone
}

@test "a process of exec is saved too" {
	start_counter
	local pid
	pid=$(rung exec "$ID" sh -c 'tail -f /dev/null </dev/null >/dev/null 2>&1 & echo $!')
	checkpoint
	restore
	exec_in cat "/proc/$pid/comm"
	says tail
}

@test "checkpoint --leave-running" {
	start_counter
	local before pid
	pid=$(init_pid)
	checkpoint --leave-running
	[ "$(status_of)" = running ]
	[ "$(init_pid)" = "$pid" ]
	before=$(cat "$BUNDLE/data/count")
	wait_until 5 counted $((before + 2))
	rung delete --force "$ID"
	restore
	wait_until 5 counted $((before + 2))
}

@test "a paused container is saved; with --leave-running it stays paused" {
	start_counter
	rung pause "$ID"
	checkpoint --leave-running
	[ "$(status_of)" = paused ]
	rung delete --force "$ID"
	restore
	[ "$(status_of)" = running ]
}

@test "restore in the foreground: pipes, exit status, and the container is deleted" {
	needs_criu
	local status_file=$BATS_TEST_TMPDIR/status
	process sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.05; done; read -r line; echo "got $line"; exit 7'
	: | rung run -d -b "$BUNDLE" "$ID" 2>&1 | cat &
	wait_until 5 is_running
	checkpoint
	gone
	(
		wait_until 10 is_running
		rung exec "$ID" touch /dev/shm/go
	) &
	(echo after; sleep 5) | {
		rung restore -b "$BUNDLE" --image-path "$IMAGE" "$ID" && echo 0 >"$status_file" || echo $? >"$status_file"
	} 2>&1 | cat >"$BATS_TEST_TMPDIR/second" &
	local pipeline=$!
	wait_until 20 test -s "$status_file"
	wait "$pipeline"
	[ "$(cat "$status_file")" = 7 ]
	[[ "$(cat "$BATS_TEST_TMPDIR/second")" == got* ]]
	gone
}

@test "a terminal: its master goes to the console socket, and it works on" {
	needs_criu
	local user
	config '.process.terminal = true'
	process sh
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/one" 'expect=# ' 'send=x=kept\n' 'expect=# ' >"$BUNDLE/typed" 2>&1 3>&- &
	user=$!
	wait_until 5 test -S "$BUNDLE/one"
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/one" "$ID" 3>&-
	wait_until 10 prompted_twice
	checkpoint
	wait "$user"
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/two" 'send=echo $x\n' 'expect=kept' 'send=exit\n' >"$BUNDLE/shown" 2>&1 3>&- &
	user=$!
	wait_until 5 test -S "$BUNDLE/two"
	restore --console-socket "$BUNDLE/two"
	wait "$user" || fail "$(cat "$BUNDLE/shown")"
}

prompted_twice() {
	[ "$(grep -o '# ' "$BUNDLE/typed" | wc -l)" -ge 2 ]
}

@test "a restored terminal: its streams are no pipes of the restore, and it is saved and restored again" {
	needs_criu
	config '.process.terminal = true'
	process sh
	local user
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/one" 'expect=# ' 'send=x=kept\n' 'expect=# ' >"$BUNDLE/typed" 2>&1 3>&- &
	user=$!
	wait_until 5 test -S "$BUNDLE/one"
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/one" "$ID" 3>&-
	wait_until 10 prompted_twice
	checkpoint
	wait "$user"
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/two" 'send=echo $x\n' 'expect=kept' >"$BUNDLE/shown" 2>&1 3>&- &
	user=$!
	wait_until 5 test -S "$BUNDLE/two"
	true | rung restore -d -b "$BUNDLE" --image-path "$IMAGE" --work-path "$LOGS" --console-socket "$BUNDLE/two" "$ID" 2>&1 3>&- | cat
	[ "$(jq -c .pipes "$STATE/$ID/state.json")" = '["","",""]' ]
	wait_until 10 grep -q kept "$BUNDLE/shown"
	IMAGE=$BATS_TEST_TMPDIR/again
	checkpoint
	wait "$user"
	[[ "$(<"$IMAGE/descriptors.json")" != *pipe:* ]]
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/three" 'send=echo $x\n' 'expect=kept' 'send=exit\n' >"$BUNDLE/last" 2>&1 3>&- &
	user=$!
	wait_until 5 test -S "$BUNDLE/three"
	restore --console-socket "$BUNDLE/three"
	wait "$user" || fail "$(cat "$BUNDLE/last")"
}

@test "a terminal in the foreground" {
	needs_criu
	config '.process.terminal = true'
	process sh
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/one" 'expect=# ' 'send=x=kept\n' 'expect=# ' >"$BUNDLE/typed" 2>&1 3>&- &
	local user=$!
	wait_until 5 test -S "$BUNDLE/one"
	rung run -d -b "$BUNDLE" --console-socket "$BUNDLE/one" "$ID" 3>&-
	wait_until 10 prompted_twice
	checkpoint
	wait "$user"
	run "$RUNG_TEST_COMMANDS/console" 'send=echo $x\n' 'expect=kept' 'send=exit 4\n' -- \
		"$RUNG" --root "$STATE" restore -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	[ "$status" -eq 4 ]
	gone
}

@test "bind mounts: files, directories, attributes, and mount points that are missing" {
	needs_criu
	mkdir -p "$BUNDLE/a" "$BUNDLE/b"
	echo hosts >"$BUNDLE/hosts"
	own_rootfs
	mkdir -p "$ROOTFS/real/conf"
	ln -s /real/conf "$ROOTFS/conf"
	config '.mounts += [
		{destination: "/conf", source: "a", options: ["bind", "ro", "nosuid"]},
		{destination: "/etc/hosts", source: "hosts", options: ["bind"]},
		{destination: "/data", source: "b", options: ["bind"]},
		{destination: "/data/for/nested", source: "a", options: ["bind"]},
		{destination: "/dev/shm/one", source: "hosts", options: ["bind"]}]'
	start_sleeper
	checkpoint
	rm -r "$BUNDLE/b/for"
	echo new >"$BUNDLE/hosts.new"
	mv "$BUNDLE/hosts.new" "$BUNDLE/hosts"
	restore
	exec_in cat /etc/hosts /dev/shm/one
	says $'new\nnew'
	exec_in sh -c 'touch /conf/x 2>/dev/null || echo read-only; touch /data/for/nested/y; grep -c " /real/conf .*ro,.*nosuid" /proc/mounts'
	says $'read-only\n1'
	[ -e "$BUNDLE/a/y" ]
	[ ! -e "$BUNDLE/a/x" ]
	grep -q " $BUNDLE" /proc/self/mountinfo && fail "mounts on the host"
	checkpoint
}

@test "the order of mounts[] does not matter to a checkpoint" {
	needs_criu
	mkdir "$BUNDLE/a" "$BUNDLE/b"
	touch "$BUNDLE/a/is-a" "$BUNDLE/b/is-b"
	config '.mounts += [{destination: "/a", source: "a", options: ["bind"]}, {destination: "/b", source: "b", options: ["bind"]}]'
	own_rootfs
	start_sleeper
	checkpoint
	config '.mounts |= (.[:-2] + [.[-1], .[-2]])'
	restore
	exec_in ls /a /b
	says $'/a:\nis-a\n\n/b:\nis-b'
}

# CRIU takes the propagation of the root and of all bind mounts from one source, which must be as wide as all of them.
@test "bind mounts on a host whose mounts are shared, as with systemd" {
	needs_criu
	mkdir "$BUNDLE/a" "$BUNDLE/b"
	config '.mounts += [{destination: "/a", source: "a", options: ["bind"]}, {destination: "/b", source: "b", options: ["bind"]}]'
	stays
	export -f rung restore checkpoint start_container create_container
	export RUNG STATE BUNDLE ID IMAGE LOGS BATS_TEST_TMPDIR
	unshare --mount --propagation private bash -ec 'mount --make-rshared /; start_container; checkpoint; restore'
	[ "$(status_of)" = running ]
}

# Runs a script on a host with these mounts, of this propagation, which nobody else sees: a directory at /data with a tmpfs at
# disk, and at sub/etc a directory of the bundle. The container has a tmpfs of its own at /data/own.
below_data() { # PROPAGATION SCRIPT
	mkdir -p "$BUNDLE/data"/{disk,own,sub/etc} "$BUNDLE/etc" "$(shared_rootfs)/data"
	echo etc >"$BUNDLE/etc/name"
	config '.mounts += [{destination: "/data", source: "data", options: ["rbind"]},
		{destination: "/data/own", type: "tmpfs", source: "own"}]'
	stays
	export -f rung restore checkpoint start_container create_container config
	export RUNG STATE BUNDLE ID IMAGE LOGS BATS_TEST_TMPDIR
	run unshare --mount --propagation private bash -ec '
		mount "--make-r$0" /
		mount -t tmpfs disk "$BUNDLE/data/disk"
		touch "$BUNDLE/data/disk/name"
		chmod 666 "$BUNDLE/data/disk/name"
		chmod 777 "$BUNDLE/data/disk"
		mount --bind -o ro "$BUNDLE/etc" "$BUNDLE/data/sub/etc"
		eval "$1"' "$1" "$2"
}

mounts_below() { # PROPAGATION
	needs_criu
	below_data "$1" '
		start_container
		rung exec "$ID" sh -c "echo own >/data/own/name"
		echo disk >"$BUNDLE/data/disk/name"
		checkpoint
		echo later >>"$BUNDLE/data/disk/name"
		restore
		rung exec "$ID" sh -c "echo inside >>/data/disk/name; touch /data/sub/etc/x 2>/dev/null || echo read-only"
		rung exec "$ID" cat /data/own/name /data/sub/etc/name
		cat "$BUNDLE/data/disk/name"
		rung exec "$ID" grep -c " /data/" /proc/mounts
		checkpoint'
	says $'read-only\nown\netc\ndisk\nlater\ninside\n3'
}

@test "mounts below a recursive bind mount are bound again too" {
	mounts_below private
}

@test "mounts below a recursive bind mount on a host whose mounts are shared" {
	mounts_below shared
}

# In a user namespace the kernel does not allow to bind a mount without those below it.
@test "mounts below a recursive bind mount, and a user namespace" {
	map_ids
	mounts_below private
}

@test "mounts below a recursive bind mount on a host whose mounts are shared, and a user namespace" {
	map_ids
	mounts_below shared
}

@test "a mount below a recursive bind mount that is gone, or no longer as the options say" {
	needs_criu
	config '.process.capabilities[] += ["CAP_SYS_ADMIN"]'
	below_data private '
		start_container
		checkpoint
		umount "$BUNDLE/data/disk"
		! restore'
	[ "$status" -eq 0 ]
	[[ "$(last_line)" == *'mounts: there is nothing to bind at /data/disk, which the checkpoint does not hold: criu failed: '* ]]
	gone
	no_leftovers
	config '.mounts = (.mounts | map(select(.destination | startswith("/data") | not)))'
	rm -r "$IMAGE"
	below_data private '
		config "(.mounts[] | select(.destination == \"/data\")).options += [\"rro\"]"
		start_container
		rung exec "$ID" mount -o remount,bind,rw /data/disk
		! checkpoint'
	[ "$status" -eq 0 ]
	[[ "$(last_line)" == *'"mounts['*']: /data/disk is not \"ro\" in the container any more'* ]]
	[ "$(status_of)" = running ]
}

# A mount that the container makes in the place of the host's belongs to the container, and no name of the host leads to it.
@test "security: another mount in the place of one below a recursive bind mount" {
	needs_criu
	config '.process.capabilities[] += ["CAP_SYS_ADMIN"]'
	below_data private '
		echo disk >"$BUNDLE/data/disk/name"
		mkdir "$BUNDLE/data/secret"
		start_container
		rung exec "$ID" umount /data/disk
		rung exec "$ID" mount -t tmpfs mine /data/disk
		rung exec "$ID" sh -c "echo mine >/data/disk/name"
		rung exec "$ID" umount /data/sub/etc
		rung exec "$ID" mount --bind /data/secret /data/sub/etc
		checkpoint
		restore
		rung exec "$ID" cat /data/disk/name
		rung exec "$ID" touch /data/sub/etc/x
		cat "$BUNDLE/data/disk/name"'
	says $'mine\ndisk'
	[ -e "$BUNDLE/data/secret/x" ]
	[ ! -e "$BUNDLE/etc/x" ]
}

# CVE-2026-119101: if the container changes links, a restore must not bind one source in the place of another.
@test "security: a link that leads to another mount is no name for it" {
	needs_criu
	mkdir "$BUNDLE/secret" "$BUNDLE/data"
	own_rootfs
	mkdir "$ROOTFS/one" "$ROOTFS/two"
	ln -s /one "$ROOTFS/link1"
	ln -s /two "$ROOTFS/link2"
	config '.mounts += [
		{destination: "/link1", source: "secret", options: ["bind", "ro"]},
		{destination: "/link2", source: "data", options: ["bind"]}]'
	start_sleeper
	rung exec "$ID" ln -sfn /two /link1
	rung exec "$ID" ln -sfn /one /link2
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'is another mount in the container now'
	[ "$(status_of)" = running ]
	# It does not matter if the source was replaced on the host in the meantime.
	mv "$BUNDLE/secret" "$BUNDLE/old"
	mkdir "$BUNDLE/secret"
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'is another mount in the container now'
	# With the original link it works, and read-only mounts stay read-only.
	rung exec "$ID" ln -sfn /one /link1
	rung exec "$ID" ln -sfn /two /link2
	checkpoint
	restore
	exec_in sh -c 'touch /one/x 2>/dev/null || echo read-only; touch /two/x'
	says read-only
	[ ! -e "$BUNDLE/secret/x" ]
}

# CVE-2026-115520: CRIU looks an external mount up by the beginning of "mnt[KEY]:VALUE".
@test "security: a mount point that CRIU would take for another is refused" {
	needs_criu
	mkdir "$BUNDLE/a"
	own_rootfs
	mkdir -p "$ROOTFS/x]:/etc" "$ROOTFS/b"
	ln -s '/x]:/etc' "$ROOTFS/link"
	config '.mounts += [{destination: "/link", source: "a", options: ["bind"]}]'
	start_sleeper
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'mounts[' 'cannot be named to criu: it holds'
	[ "$(status_of)" = running ]
	[ ! -e "$IMAGE/inventory.img" ]
}

@test "security: descriptors.json must be a small regular file" {
	start_counter
	checkpoint
	mv "$IMAGE/descriptors.json" "$BATS_TEST_TMPDIR/"
	mkfifo "$IMAGE/descriptors.json"
	run timeout 20 "$RUNG" --root "$STATE" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'not a regular file'
	gone
	rm "$IMAGE/descriptors.json"
	truncate -s 2M "$IMAGE/descriptors.json"
	run restore
	[ "$status" -eq 1 ]
	mentions 'not a regular file of at most'
}

@test "a network namespace at a path is joined again; a new one has its loopback device up" {
	needs_criu
	stays
	start_container
	checkpoint
	restore
	exec_in ip -o addr show lo
	mentions '127.0.0.1/8'
	exec_in sh -c 'ip link show lo | grep -c ,UP'
	says 1
	rung delete --force "$ID"
	ip netns add "$NETNS"
	config '(.linux.namespaces[] | select(.type == "network")).path = $ns' --arg ns "/run/netns/$NETNS"
	start_container
	checkpoint --leave-running
	rung delete --force "$ID"
	restore
	run stat -Lc %i "/run/netns/$NETNS" "/proc/$(init_pid)/ns/net"
	[ "${lines[0]}" = "${lines[1]}" ]
}

# As with runc: youki's contest checks the image ("checkpoint with external namespaces").
@test "a PID namespace at a path is no part of the image, the host's neither" {
	local pid
	config '(.linux.namespaces[] | select(.type == "pid")).path = "/proc/self/ns/pid"'
	start_counter
	pid=$(init_pid)
	checkpoint
	grep -q extRootPidNS "$IMAGE"/pidns-*.img
	wait_until 10 no_process "$pid" || skip "needs a process 1 that reaps"
	restore
	is_running
	[ "$(init_pid)" = "$pid" ]
	[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink /proc/self/ns/pid)" ]
}

# A restored process gets its old pid, which must be free.
no_process() { # PID
	[ ! -e "/proc/$1" ]
}

@test "a network namespace at a path that is gone" {
	needs_criu
	ip netns add "$NETNS"
	config '(.linux.namespaces[] | select(.type == "network")).path = $ns' --arg ns "/run/netns/$NETNS"
	stays
	start_container
	checkpoint
	ip netns del "$NETNS"
	run restore
	[ "$status" -eq 1 ]
	mentions "Requested network namespace /run/netns/$NETNS does not exist"
	gone
}

@test "a user namespace" {
	start_counter
	checkpoint
	restore
	rung delete --force "$ID"
	map_ids
	chmod 777 "$BUNDLE/data"
	rm -f "$BUNDLE/data"/*
	rm -r "$IMAGE"
	start_container
	wait_until 5 counted 2
	checkpoint
	restore
	exec_in id -u
	says 0
	exec_in sh -c 'echo x >/dev/null && readlink /proc/1/fd/0'
	says /dev/null
}

# CRIU's own mounts cover a directory such as /mnt.
@test "a user namespace, and a bind mount from /mnt" {
	needs_criu
	map_ids
	mkdir "$BUNDLE/data"
	ln -s /mnt/data "$BUNDLE/link"
	config '.mounts += [{destination: "/data", source: "link", options: ["bind"]}]'
	stays
	export -f rung restore checkpoint start_container create_container
	export RUNG STATE BUNDLE ID IMAGE LOGS BATS_TEST_TMPDIR
	unshare --mount --propagation private bash -ec '
		mount -t tmpfs mnt /mnt && mkdir /mnt/data
		start_container
		checkpoint
		restore
		echo outside >/mnt/data/name
		[ "$(rung exec "$ID" cat /data/name)" = outside ]'
}

@test "a user namespace with the host's network: its sysfs is the host's, without the mounts below" {
	needs_criu
	map_ids
	no_namespace network
	stays
	start_container
	checkpoint
	restore
	exec_in grep -c ' /sys sysfs ' /proc/mounts
	says 1
	exec_in test -d /sys/class/net/lo
}

# bats test_tags=vm
@test "a user namespace whose root owns the cgroup" {
	is_v2 || skip "needs pure cgroup v2"
	add_namespace cgroup
	config '.mounts |= map(select(.type != "cgroup"))
		+ [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}]'
	map_ids
	own_rootfs
	mkdir -p "$ROOTFS/data" # in the shared root file system another test may have made it
	mkdir -m 777 "$BUNDLE/data"
	start_counter
	checkpoint
	restore
	[ "$(stat -c %u "$(cgroup_path '')/cgroup.procs")" = 100000 ]
	exec_in mkdir /sys/fs/cgroup/own
	[ "$status" -eq 0 ] || fail "$output"
}

# runc#4705
# CRIU cannot enter such a namespace with the container, or would find out at the restore only, when the container is gone.
@test "a user namespace, and another namespace that does not belong to it" {
	needs_criu
	map_ids
	stays
	local kind owner original why
	original=$(cat "$BUNDLE/config.json")
	unshare --ipc --uts --net --pid --fork sleep 1000 3>&- &
	owner=$!
	wait_until 5 pgrep -P "$owner"
	while read -r kind why; do
		printf '%s\n' "$original" >"$BUNDLE/config.json"
		case $kind in
		*:*) config '(.linux.namespaces[] | select(.type == $type)).path = $path
			| if $type == "uts" then .hostname = "" else . end | if $type == "pid" then .mounts |= map(select(.type != "proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = [] else . end' \
			--arg type "${kind%:*}" --arg path "/proc/$(pgrep -P "$owner")/ns/${kind#*:}" ;;
		*) no_namespace "$kind" ;;
		esac
		start_container
		run checkpoint
		[ "$status" -eq 1 ] || fail "$kind: status $status: $output"
		mentions "the ${kind%:*} namespace does not belong to the container's user namespace" "$why"
		[ "$(status_of)" = running ]
		[ ! -e "$IMAGE" ]
		rung delete --force "$ID"
	done <<-END
		ipc CRIU cannot mount mqueue at a restore
		pid CRIU cannot mount proc at a restore
		ipc:ipc CRIU cannot enter it with the container
		uts:uts CRIU cannot enter it with the container
		network:net CRIU cannot enter it with the container
		pid:pid CRIU cannot enter it with the container
	END
	kill "$(pgrep -P "$owner")"
	printf '%s\n' "$original" >"$BUNDLE/config.json"
	config '.mounts |= map(select(.type != "mqueue"))'
	no_namespace ipc
	start_container
	checkpoint
	restore
	[ "$(readlink "/proc/$(init_pid)/ns/ipc")" = "$(readlink /proc/self/ns/ipc)" ]
}

# A restored container is in the namespaces that it had joined, not in copies of them.
@test "IPC and UTS namespaces at a path are joined again" {
	needs_criu
	stays
	unshare --ipc --uts sleep 1000 3>&- &
	local owner=$! kind
	wait_until 5 eval '[ "$(readlink /proc/self/ns/ipc)" != "$(readlink "/proc/$owner/ns/ipc")" ]'
	config '.hostname = "" | (.linux.namespaces[] | select(.type == "ipc")).path = $dir + "ipc" | (.linux.namespaces[] | select(.type == "uts")).path = $dir + "uts"' \
		--arg dir "/proc/$owner/ns/"
	start_container
	checkpoint
	restore
	for kind in ipc uts; do
		[ "$(readlink "/proc/$(init_pid)/ns/$kind")" = "$(readlink "/proc/$owner/ns/$kind")" ] || fail "$kind"
	done
	rung delete --force "$ID"
	kill "$owner"
}

@test "a time namespace goes on where it was" {
	local before
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 5000000}, monotonic: {secs: 7000000}}'
	start_counter
	before=$(seconds_inside)
	[ "$before" -ge 5000000 ]
	checkpoint
	restore
	wait_until 5 counted $(($(cat "$BUNDLE/data/count") + 2))
	[ "$(seconds_inside)" -ge "$before" ]
}

seconds_inside() { # since the boot of the container's time namespace
	rung exec "$ID" cut -d. -f1 /proc/uptime </dev/null
}

@test "a cgroup namespace, and cgroups of another name" {
	start_counter
	add_namespace cgroup
	config '.linux.resources.pids = {limit: 33}'
	rung delete --force "$ID"
	start_container
	checkpoint --manage-cgroups-mode ignore
	config '.linux.cgroupsPath = $path' --arg path "/$ID-other"
	restore --manage-cgroups-mode ignore
	[[ "$(cgroup_path pids)$(cgroup_path '')" == *"$ID-other"* ]]
	grep -q "/$ID-other$" "/proc/$(init_pid)/cgroup"
	if [ -n "$(cgroup_path pids)" ]; then
		[ "$(cgroup_value pids pids.max)" = 33 ]
	else
		[ "$(cgroup_value '' pids.max)" = 33 ]
	fi
}

@test "hooks: poststop after a checkpoint, prestart and createRuntime at a restore" {
	needs_criu
	local hook
	config '.hooks = {
		prestart: [{path: "/bin/sh", args: ["sh", "-c", "cat >>\($dir)/prestart"]}],
		createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "cat >>\($dir)/createRuntime"]}],
		poststop: [{path: "/bin/sh", args: ["sh", "-c", "cat >>\($dir)/poststop"]}]}' --arg dir "$BATS_TEST_TMPDIR"
	start_sleeper
	rm "$BATS_TEST_TMPDIR"/{prestart,createRuntime}
	checkpoint
	[ "$(jq -r '.status + " " + .id' "$BATS_TEST_TMPDIR/poststop")" = "stopped $ID" ]
	restore
	for hook in prestart createRuntime; do
		[ "$(jq -r .status "$BATS_TEST_TMPDIR/$hook")" = creating ]
		[ "$(jq -r .pid "$BATS_TEST_TMPDIR/$hook")" = "$(init_pid)" ]
		[ "$(jq -r .bundle "$BATS_TEST_TMPDIR/$hook")" = "$BUNDLE" ]
	done
}

@test "a hook that fails ends the restore, and nothing is left" {
	start_counter
	checkpoint
	config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "echo no >&2; exit 3"]}]}'
	run restore
	[ "$status" -eq 1 ]
	mentions 'createRuntime' 'exit status 3'
	gone
	no_leftovers
}

@test "a checkpoint that fails: one line with the cause and the log, and the container runs on" {
	needs_criu
	local before
	mkdir -p "$BUNDLE/data"
	config '.mounts += [{destination: "/data", type: "bind", source: "data", options: ["bind"]}]'
	process sh -c 'n=0; while :; do echo $((n += 1)) >/data/next; mv /data/next /data/count; sleep 0.05; done'
	echo text >"$BATS_TEST_TMPDIR/stdin"
	rung run -d -b "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/stdin" >/dev/null 2>&1
	run checkpoint
	[ "$status" -eq 1 ]
	[[ "$(last_line)" == *'criu failed: type DUMP errno '*"Can't lookup mount"*"$LOGS/dump.log"* ]]
	mentions '--- Quoting'
	[ "$(status_of)" = running ]
	before=$(cat "$BUNDLE/data/count")
	wait_until 5 counted $((before + 2))
}

@test "a restore that fails leaves nothing" {
	needs_criu
	run restore
	[ "$status" -eq 1 ]
	mentions "open $IMAGE: no such file or directory"
	[ ! -e "$IMAGE" ]
	mkdir "$IMAGE"
	run restore
	mentions 'descriptors.json: no such file or directory'
	echo '["", "", ""]' >"$IMAGE/descriptors.json"
	run restore
	[ "$status" -eq 1 ]
	[[ "$(last_line)" == *'criu failed: type RESTORE errno '*"$LOGS/restore.log"* ]]
	gone
	no_leftovers
}

@test "rung killed while it restores: delete --force removes all" {
	start_counter
	checkpoint
	mkdir "$BATS_TEST_TMPDIR/bin"
	# The first call asks for the version; the second one does not end.
	cat >"$BATS_TEST_TMPDIR/bin/criu" <<-END
		#!/bin/sh
		if [ -e '$BATS_TEST_TMPDIR/called' ]; then
			echo >'$BATS_TEST_TMPDIR/restoring'
			exec sleep 1000
		fi
		echo >'$BATS_TEST_TMPDIR/called'
		exec $(command -v criu) "\$@"
	END
	chmod 0755 "$BATS_TEST_TMPDIR/bin/criu"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$RUNG" --root "$STATE" restore -d -b "$BUNDLE" --image-path "$IMAGE" "$ID" </dev/null >/dev/null 2>&1 3>&- &
	local pid=$!
	wait_until 5 test -e "$BATS_TEST_TMPDIR/restoring"
	sleep 0.2
	kill -KILL "$pid"
	wait "$pid" || true
	rung delete --force "$ID"
	gone
	no_leftovers
}

@test "rung killed as its restore ends: delete --force ends the CRIU in the container's cgroup too" {
	needs_criu
	start_sleeper
	checkpoint
	restore
	sleep 1000 3>&- & # stands for CRIU
	local pid=$! path
	while read -r path; do
		echo "$pid" >"$path/cgroup.procs"
	done < <(jq -r '[.cgroupPaths[]] | unique[]' "$STATE/$ID/state.json")
	rung delete --force "$ID"
	gone
	wait_until 5 dead "$pid"
}

@test "TCP connections need --tcp-established" {
	needs_criu
	# in the file 1092 is port 4242, 0A means listening, and 01 established
	process sh -c 'nc -l -p 4242 -e cat & until grep -qs ":1092 .* 0A " /proc/net/tcp /proc/net/tcp6; do sleep 0.05; done
		exec nc 127.0.0.1 4242 </dev/shm/in >/dev/shm/out'
	config '.process.args[2] = "mkfifo /dev/shm/in; (tail -f /dev/null >/dev/shm/in) & " + .process.args[2]'
	start_container
	wait_until 10 connected
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'tcp-established'
	[ "$(status_of)" = running ]
	checkpoint --tcp-established --tcp-skip-in-flight
	restore --tcp-established
	rung exec "$ID" sh -c 'echo over >/dev/shm/in'
	wait_until 5 rung exec "$ID" grep -q over /dev/shm/out
}

# Also on the side that listened, which does not listen any more.
connected() {
	local sockets
	sockets=$(cat "/proc/$(init_pid)/net/tcp" "/proc/$(init_pid)/net/tcp6")
	[[ $sockets == *':1092 01 '* && ! $sockets =~ :1092\ [0-9A-F:]+\ 0A ]]
}

@test "file locks need --file-locks" {
	local dir
	with_data
	own_rootfs
	for dir in usr usr/lib usr/lib64; do # busybox has no flock
		add_mount "{\"destination\": \"/${dir#usr/}\", \"type\": \"bind\", \"source\": \"/$dir\", \"options\": [\"bind\", \"ro\"]}"
	done
	process /usr/bin/flock /data/lock sh -c 'echo held >/data/held; exec sleep 1000'
	start_container
	wait_until 5 test -s "$BUNDLE/data/held"
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'file-locks'
	[ "$(status_of)" = running ]
	checkpoint --file-locks
	flock -n "$BUNDLE/data/lock" true
	restore --file-locks
	run -1 flock -n "$BUNDLE/data/lock" true
	rung delete --force "$ID"
	flock -n "$BUNDLE/data/lock" true
}

@test "a file that has lost its name, and has another, needs --link-remap" {
	with_data
	process sh -c 'echo kept >/data/a; ln /data/a /data/b; exec 9</data/a; rm /data/a; : >/data/ready; while [ ! -e /data/go ]; do sleep 0.1; done; cat <&9 >/data/read; exec sleep 1000'
	start_container
	wait_until 5 test -e "$BUNDLE/data/ready"
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'link-remap'
	checkpoint --link-remap
	restore
	touch "$BUNDLE/data/go"
	wait_until 5 test -s "$BUNDLE/data/read"
	[ "$(cat "$BUNDLE/data/read")" = kept ]
	[ "$(cd "$BUNDLE/data" && echo *)" = 'b go read ready' ] # CRIU has removed its own names
}

@test "a socket of the host needs --ext-unix-sk" {
	needs_criu
	mkdir "$BUNDLE/data"
	own_rootfs
	cp "$RUNG_TEST_COMMANDS/notify" "$ROOTFS/bin/"
	"$RUNG_TEST_COMMANDS/notify" manager "$BUNDLE/data/socket" >"$BUNDLE/told" 3>&- &
	local manager=$!
	wait_until 5 test -S "$BUNDLE/data/socket"
	# CRIU connects to the name that the socket was bound to, and finds only sockets of the same network namespace.
	config '.process.env += ["NOTIFY_SOCKET=\($data)/socket"] | del(.linux.namespaces[] | select(.type == "network"))
		| .mounts += [{destination: $data, type: "bind", source: "data", options: ["bind"]}]' --arg data "$BUNDLE/data"
	process sh -c 'mkfifo /dev/shm/in; exec notify lines <>/dev/shm/in'
	start_container
	rung exec "$ID" sh -c 'echo before >/dev/shm/in'
	wait_until 5 grep -q before "$BUNDLE/told"
	run checkpoint
	[ "$status" -eq 1 ]
	mentions 'ext-unix-sk'
	checkpoint --ext-unix-sk
	restore --ext-unix-sk
	rung exec "$ID" sh -c 'echo after >/dev/shm/in'
	wait_until 5 grep -q after "$BUNDLE/told"
	kill "$manager"
}

@test "a terminal of the caller's needs --shell-job" {
	needs_criu
	# CRIU 3.17 finds no mount for a terminal of the host.
	[ "$(printf '%s\n' 4.2 "$(criu --version | sed -n 's/^Version: //p')" | sort -V | head -n 1)" = 4.2 ] || skip "needs CRIU 4.2"
	process sh -c 'while read -r line; do echo "got $line"; [ "$line" != end ] || exit 3; done'
	"$RUNG_TEST_COMMANDS/console" 'send=one\n' 'expect=got one' 'expect=never' -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" >"$BUNDLE/shown" 2>&1 3>&- &
	wait_until 5 grep -q 'got one' "$BUNDLE/shown"
	run checkpoint
	[ "$status" -eq 1 ]
	[ "$(status_of)" = running ]
	checkpoint --shell-job --auto-dedup
	run "$RUNG_TEST_COMMANDS/console" 'send=two\n' 'expect=got two' 'send=end\n' -- \
		"$RUNG" --root "$STATE" restore --shell-job -b "$BUNDLE" --image-path "$IMAGE" "$ID"
	[ "$status" -eq 3 ] || fail "$status $output"
	gone
}

@test "checkpoint --pre-dump, and a checkpoint with its --parent-path" {
	start_counter
	if ! criu check --feature mem_dirty_track >/dev/null 2>&1; then
		run checkpoint --pre-dump
		[ "$status" -eq 1 ]
		mentions 'criu is missing features: [MemTrack]'
		skip "needs a kernel with dirty memory tracking"
	fi
	rung checkpoint --pre-dump --image-path "$BATS_TEST_TMPDIR/parent" --work-path "$LOGS" "$ID"
	[ "$(status_of)" = running ]
	checkpoint --parent-path ../parent
	[ -e "$IMAGE/parent" ]
	restore
}

@test "checkpoint --lazy-pages: the pages follow over the network" {
	needs_criu
	criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "needs userfaultfd"
	# With runc too: "page-pipe: splice: Bad file descriptor", and the restored process can not be killed.
	[ "$(printf '%s\n' 6.18 "$(uname -r)" | sort -V | head -n 1)" != 6.18 ] ||
		skip "needs a kernel before 6.18, on which CRIU 4.2 can serve pages"
	local port dumping serving other=$ID-lazy before
	port=$(free_port)
	start_counter
	mkfifo "$BATS_TEST_TMPDIR/ready"
	exec 8<>"$BATS_TEST_TMPDIR/ready"
	timeout 60 "$RUNG" --root "$STATE" checkpoint --image-path "$IMAGE" --work-path "$LOGS" --lazy-pages \
		--page-server "127.0.0.1:$port" --status-fd 8 --manage-cgroups-mode ignore "$ID" 2>"$BATS_TEST_TMPDIR/lazy" 3>&- &
	dumping=$!
	[ "$(timeout 30 head -c 1 <&8 | od -An -tx1)" = ' 00' ]
	before=$(cat "$BUNDLE/data/count")
	timeout 30 criu lazy-pages --page-server --address 127.0.0.1 --port "$port" -D "$IMAGE" >"$BATS_TEST_TMPDIR/serving" 2>&1 8>&- 3>&- &
	serving=$!
	wait_until 20 test -S "$IMAGE/lazy-pages.socket"
	timeout 60 "$RUNG" --root "$STATE" restore -d -b "$BUNDLE" --image-path "$IMAGE" --lazy-pages --manage-cgroups-mode ignore "$other" \
		3>&- </dev/null >"$BATS_TEST_TMPDIR/restored" 2>&1 8>&- && status=0 || status=$?
	wait "$dumping" || true
	wait "$serving" || true
	[ "$status" -eq 0 ] || fail "$(cat "$BATS_TEST_TMPDIR/restored")"
	gone
	wait_until 5 counted $((before + 2))
	rung delete --force "$other"
}

# Prints a port that nobody uses on this machine.
free_port() {
	local port=27777
	while grep -qi ":$(printf %04x $port) " /proc/net/tcp /proc/net/tcp6; do port=$((port + 1)); done
	echo $port
}

@test "what is no state to checkpoint" {
	stays
	create_container
	run rung checkpoint --image-path "$IMAGE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'Container cannot be checkpointed in created state'
	rung kill "$ID" KILL
	wait_until 5 stopped
	run rung checkpoint --image-path "$IMAGE" "$ID"
	mentions 'Container cannot be checkpointed in stopped state'
	[ ! -e "$IMAGE" ]
	run rung checkpoint nobody
	mentions 'container does not exist'
}

@test "options that are wrong" {
	start_sleeper
	local flags message
	while IFS='|' read -r flags message; do
		# shellcheck disable=SC2086 # words
		run rung checkpoint --image-path "$IMAGE" $flags "$ID"
		[ "$status" -eq 1 ] || fail "$flags: status $status"
		mentions "$message"
	done <<-END
		--page-server localhost|Use --page-server ADDRESS:PORT to specify page server
		--page-server :1|Use --page-server ADDRESS:PORT to specify page server
		--page-server a:b:1|Use --page-server ADDRESS:PORT to specify page server
		--page-server localhost:http|Invalid port number
		--parent-path /abs|--parent-path must be relative
		--parent-path ../none|invalid --parent-path
		--empty-ns ipc|namespace \\"ipc\\" is not supported
		--manage-cgroups-mode loose|invalid manage-cgroups-mode value
	END
	[ "$(status_of)" = running ]
	run rung checkpoint
	[ "$status" -eq 1 ]
	mentions 'requires exactly 1 argument(s)'
	run rung restore
	mentions 'requires exactly 1 argument(s)'
	run rung restore -d --image-path "$IMAGE" --console-socket /nowhere other
	mentions 'cannot use console socket if rung will not detach or allocate tty'
}

@test "--status-fd must be one that can be written to" {
	needs_criu
	criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "needs userfaultfd"
	start_sleeper
	run checkpoint --lazy-pages --status-fd 77
	[ "$status" -eq 1 ]
	mentions 'invalid --status-fd argument 77'
	run checkpoint --lazy-pages --status-fd 7 7</dev/null
	mentions 'invalid --status-fd argument 7: not writable'
}

@test "without criu in PATH" {
	start_sleeper
	PATH=/bin-of-nobody run "$RUNG" --root "$STATE" checkpoint --image-path "$IMAGE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'exec: \"criu\": executable file not found in $PATH'
	PATH=/bin-of-nobody run "$RUNG" --root "$STATE" restore --image-path "$IMAGE" other
	mentions 'exec: \"criu\": executable file not found in $PATH'
	[ ! -e "$STATE/other" ]
}

@test "a configuration file of CRIU's, by annotation" {
	needs_criu
	echo "log-file=mine.log" >"$BATS_TEST_TMPDIR/criu.conf"
	config '.annotations["org.criu.config"] = $file' --arg file "$BATS_TEST_TMPDIR/criu.conf"
	start_sleeper
	checkpoint
	[ -s "$LOGS/mine.log" ]
	[ ! -e "$LOGS/dump.log" ]
	rm "$LOGS/mine.log"
	mv "$IMAGE/inventory.img" "$BATS_TEST_TMPDIR"
	run restore
	[ "$status" -eq 1 ]
	[[ "$(last_line)" == *'criu failed: type RESTORE errno '* ]]
	[[ "$(last_line)" != *'log file'* && "$(last_line)" != *RLIMIT* ]] # there is no restore.log
	mv "$BATS_TEST_TMPDIR/inventory.img" "$IMAGE"
	rm "$LOGS/mine.log"
	restore
	[ -s "$LOGS/mine.log" ]
}

@test "the default directory of the images is checkpoint in the current one" {
	start_counter
	cd "$BATS_TEST_TMPDIR"
	rung checkpoint "$ID"
	[ -e checkpoint/inventory.img ]
	[ -e checkpoint/dump.log ]
	rung restore -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	[ "$(status_of)" = running ]
}
