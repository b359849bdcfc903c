#!/usr/bin/env bats
# shellcheck disable=SC2016 # scripts are expanded in the container
# proc, sysfs and mqueue show a namespace, and only its owner may mount them. A container in a user namespace may share the
# namespace of another (docs/decisions/0019-foreign-namespaces.md).

load helpers

# podman#18580, podman#21680, crun#396, moby#36674
@test "a user namespace with the host's IPC namespace: mqueue is the host's" {
	needs_root
	map_ids
	no_namespace ipc
	inside 'readlink /proc/self/ns/ipc; stat -c "%a %u" /dev/mqueue; grep " /dev/mqueue " /proc/self/mountinfo | cut -d" " -f6; touch /dev/mqueue/rung-test-'"$$"
	[ "${lines[0]}" = "$(readlink /proc/self/ns/ipc)" ]
	[ "${lines[1]}" = '1777 65534' ]
	[[ ${lines[2]} == rw,nosuid,nodev,noexec* ]]
	process rm "/dev/mqueue/rung-test-$$"
	run_container
	[ "$status" -eq 0 ]
}

@test "a user namespace with the host's PID namespace: proc shows the host, with its options" {
	needs_root
	map_ids
	no_namespace pid
	config '(.mounts[] | select(.destination == "/proc")).options = ["nosuid", "nodev", "noexec", "ro"]'
	inside 'cat /proc/1/comm; grep " /proc " /proc/self/mountinfo | cut -d" " -f6; echo 0 2>&1 >/proc/sys/kernel/panic_on_oops || true'
	[ "${lines[0]}" = "$(cat /proc/1/comm)" ]
	[[ ${lines[1]} == ro,nosuid,nodev,noexec* ]]
	[[ ${lines[2]} == *'Read-only file system'* ]]
	# hidepid hides what is not the container's
	config '(.mounts[] | select(.destination == "/proc")).options = ["hidepid=2"]'
	inside 'ls -d /proc/1 2>&1; ls -d /proc/self'
	[[ $output == *'No such file'* && ${lines[-1]} == /proc/self ]]
	# what root of the host alone may change stays so
	config '(.mounts[] | select(.destination == "/proc")).options = [] | .linux.readonlyPaths = [] | .linux.maskedPaths = []'
	inside 'echo 0 2>&1 >/proc/sys/kernel/panic_on_oops || true; ls /proc/1/root 2>&1 || true'
	mentions 'Permission denied'
	[[ ${lines[0]} == *ermission* ]]
}

@test "a user namespace with namespaces of a container without one: sysfs and mqueue show these" {
	needs_root
	start_sleeper
	local holder
	holder=$(init_pid)
	map_ids
	config '.linux.namespaces |= map(if .type == "network" then .path = $net elif .type == "ipc" then .path = $ipc else . end)' \
		--arg net "/proc/$holder/ns/net" --arg ipc "/proc/$holder/ns/ipc"
	needs_command ip
	nsenter --net="/proc/$holder/ns/net" sh -c 'ip link set lo down && ip link set lo name rung0'
	process sh -c 'ls /sys/class/net; touch /sys/x /dev/mqueue/ours 2>&1; ls /dev/mqueue'
	run rung run -b "$BUNDLE" "$ID-2"
	mentions rung0 'Read-only file system' ours
	exec_in sh -c 'ls /dev/mqueue'
	says ours
}

# A process is in a PID namespace that it joins only after a fork, and then in the user namespace too. Newer kernels make proc
# for any PID namespace.
@test "a user namespace with the PID namespace of a container without one: proc shows it, or the line names cause and cure" {
	needs_root
	start_sleeper
	map_ids
	config '(.linux.namespaces[] | select(.type == "pid")).path = $path' --arg path "/proc/$(init_pid)/ns/pid"
	process sh -c 'cat /proc/1/comm; ls -d /proc/[0-9]* | wc -l; ls /proc/1/root 2>&1'
	run rung run -b "$BUNDLE" "$ID-2"
	if at_least 6.17; then
		[ "${lines[0]} ${lines[1]}" = 'sleep 4' ] || [ "${lines[0]} ${lines[1]}" = 'sleep 3' ] || fail "$output"
		mentions 'Permission denied'
		return
	fi
	[ "$status" -eq 1 ]
	mentions "proc shows the pid namespace, which does not belong to the container's user namespace: list a new one in linux.namespaces, or bind the host's /proc: operation not permitted"
	[ ! -e "$STATE/$ID-2" ]
}

@test "two containers in one user namespace share their namespaces" {
	needs_root
	map_ids
	start_sleeper
	local holder
	holder=$(init_pid)
	config '.linux.namespaces |= map(if .type == "network" then .path = $dir + "net" elif .type == "mount" or .type == "cgroup" then .
		else .path = $dir + .type end) | del(.linux.uidMappings, .linux.gidMappings)' --arg dir "/proc/$holder/ns/"
	process sh -c 'cat /proc/1/comm; ls /sys/class/net; stat -c %u /dev/mqueue'
	run rung run -b "$BUNDLE" "$ID-2"
	says $'sleep\nlo\n0'
}

@test "a joined user namespace with the IPC namespace of another" {
	needs_root
	start_sleeper
	local ipc
	ipc=$(init_pid)
	map_ids
	rung run -d -b "$BUNDLE" "$ID-2" </dev/null >/dev/null 2>&1
	config '.linux.namespaces |= map(if .type == "user" then .path = "/proc/\($user)/ns/user" elif .type == "ipc" then .path = "/proc/\($ipc)/ns/ipc"
		else . end) | del(.linux.uidMappings, .linux.gidMappings)' --arg user "$(init_pid "$ID-2")" --arg ipc "$ipc"
	process sh -c 'touch /dev/mqueue/theirs; stat -c %u /dev/mqueue'
	run rung run -b "$BUNDLE" "$ID-3"
	says 65534
	exec_in ls /dev/mqueue
	says theirs
}

# bats test_tags=user-only
@test "a plain user's container with the host's IPC or PID namespace: the line names cause and cure" {
	no_namespace ipc
	refused 'mounts[' 'mqueue shows the ipc namespace' "does not belong to the container's user namespace" 'bind the host'"'"'s /dev/mqueue: operation not permitted'
	add_namespace ipc
	no_namespace pid
	refused 'mounts[' 'proc shows the pid namespace' 'list a new one in linux.namespaces'
}

# rung in a user namespace whose owner has the IPC namespace, and a container without a user namespace.
@test "rung in a user namespace, with the host's IPC namespace: the line names cause and cure" {
	needs_root
	no_namespace ipc
	config '.mounts |= map(select(.destination == "/dev" or .destination == "/dev/mqueue")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| del(.linux.resources) | .linux.cgroupsPath = ""'
	run unshare --user --map-root-user --mount "$RUNG" --root "$STATE" --rootless true run -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	mentions 'new mqueue for /dev/mqueue: fsconfig: operation not permitted (mqueue shows the IPC namespace, and that of rung belongs to another user namespace: list a new ipc namespace in linux.namespaces, or bind the host'"'"'s)'
}

# /proc/PID is another process than the one that rung made: its files must not be taken for the container's.
@test "rung in a PID namespace with the /proc of another one: refused, and no container is taken for stopped" {
	needs_root
	start_sleeper
	run unshare --pid --fork "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID-2"
	[ "$status" -ne 0 ]
	mentions 'the proc file system at /proc is of another PID namespace'
	for verb in "state $ID" "delete $ID" "delete --force $ID" "kill $ID KILL" "ps $ID" "exec $ID true" "pause $ID" "resume $ID" "start $ID" "update --pids-limit 50 $ID" list; do
		# shellcheck disable=SC2086 # several words
		run unshare --pid --fork "$RUNG" --root "$STATE" $verb
		echo "rung $verb: $status $output" >&2
		mentions 'the proc file system at /proc is of another PID namespace'
	done
	run unshare --pid --fork "$RUNG" check
	mentions 'mount -t proc proc /proc'
	[ "$(status_of)" = running ]
	process echo works
	run unshare --pid --fork --mount-proc "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID-2"
	says works
}
