#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2153 # expanded by jq, or by the shell in the container
# Containers that manage cgroups below their own: the owner (config-linux.md, "Cgroup ownership"), exec into a container with
# sub-cgroups, and systemd as the first process.

load helpers

setup() {
	setup_bundle
	is_v2 || skip "needs a machine with the unified hierarchy only"
}

teardown() {
	local mount
	rung delete --force "$ID"
	for mount in "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/upper"; do
		! mountpoint -q "$mount" || umount "$mount"
	done
	teardown_containers
}

# Adds a cgroup namespace and a writable cgroup mount.
managed() {
	add_namespace cgroup
	config '.mounts |= map(select(.type != "cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "rw"]}]'
}

# Prints the owners of the cgroup and of some of its files.
owners() {
	local dir
	dir=$(cgroup_path '')
	(cd "$dir" && stat -c %u . cgroup.procs cgroup.subtree_control cgroup.threads memory.max cgroup.freeze | tr '\n' ' ')
}

# ---- ownership ------------------------------------------------------------------------------------------------------

# bats test_tags=vm
@test "delegation: with a user namespace the cgroup belongs to the container's root, its limits do not" {
	needs_root
	managed
	map_ids
	config '.linux.resources.memory.limit = 67108864'
	start_sleeper
	[ "$(owners)" = '100000 100000 100000 100000 0 0 ' ] || fail "$(owners)"
	exec_in sh -c 'cd /sys/fs/cgroup && mkdir inner && echo $$ >inner/cgroup.procs && cat /proc/self/cgroup
		(echo max >memory.max) 2>&1; true'
	[ "${lines[0]}" = 0::/inner ]
	[[ ${lines[1]} == *'Permission denied' ]] || fail "$output"
	[ "$(cgroup_value '' memory.max)" = 67108864 ]
}

@test "delegation: to the user that the process is" {
	needs_root
	managed
	config '.process.user.uid = 1000 | .process.capabilities = {}'
	start_sleeper
	[ "$(owners)" = '1000 1000 1000 1000 0 0 ' ] || fail "$(owners)"
}

@test "delegation: not with a read-only mount, nor without a cgroup namespace" {
	needs_root
	managed
	map_ids
	config '(.mounts[] | select(.type == "cgroup")).options += ["ro"]'
	start_sleeper
	[ "$(owners)" = '0 0 0 0 0 0 ' ] || fail "$(owners)"
	rung delete --force "$ID"
	managed
	no_namespace cgroup
	start_sleeper
	[ "$(owners)" = '0 0 0 0 0 0 ' ] || fail "$(owners)"
}

# ---- exec into sub-cgroups ------------------------------------------------------------------------------------------

# Its first process moves itself to a sub-cgroup and enables the controllers below: then the cgroup itself admits no process.
nested() {
	process sh -c 'cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +pids >cgroup.subtree_control && echo moved && exec sleep 1000'
	start_container
	wait_until 10 grep -q moved "$OUTPUT"
	[ "$(cgroup_value '' cgroup.subtree_control)" = pids ]
	run -0 rung exec "$ID" cat /proc/self/cgroup
	says 0::/init
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 100 </dev/null >/dev/null 2>&1
	grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$(cgroup_path '')/init/cgroup.procs"
	[ "$(rung ps -f json "$ID" | jq length)" -eq 2 ]
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	rung resume "$ID"
}

# https://github.com/opencontainers/runc/issues/2356
# bats test_tags=vm
@test "delegation: exec into a container whose first process has moved to a sub-cgroup" {
	needs_root
	managed
	nested
}

@test "delegation: exec into a sub-cgroup in a user namespace" {
	needs_root
	managed
	map_ids
	nested
}

# bats test_tags=user-only, vm
@test "delegation: a plain user's container manages its cgroup" {
	grep -qw pids "$(available_controllers)" || skip "needs a delegated cgroup"
	managed
	nested
}

# ---- systemd --------------------------------------------------------------------------------------------------------

# Makes a copy of this machine's root file system, which starts everything that Debian's systemd starts by default.
systemd_rootfs() {
	[ -f /usr/local/lib/vm/wants.tar ] || skip "needs the machine of tests/vm"
	ROOTFS=$BUNDLE/rootfs
	mkdir -p "$ROOTFS" "$BATS_TEST_TMPDIR"/{upper,work}
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/upper"
	mkdir "$BATS_TEST_TMPDIR"/upper/{files,work}
	mount -t overlay overlay -o "lowerdir=/,upperdir=$BATS_TEST_TMPDIR/upper/files,workdir=$BATS_TEST_TMPDIR/upper/work" "$ROOTFS"
	tar -C "$ROOTFS" -xf /usr/local/lib/vm/wants.tar
	rm -f "$ROOTFS"/etc/systemd/system-generators/* "$ROOTFS/etc/systemd/system/default.target"
	config '.root = {path: "rootfs", readonly: false}'
}

# https://systemd.io/CONTAINER_INTERFACE
# bats test_tags=vm
@test "delegation: systemd as the first process reaches multi-user.target and stops on SIGRTMIN+3" {
	needs_root
	systemd_rootfs
	managed
	config '.process.args = ["/lib/systemd/systemd", "--unit=multi-user.target", "--log-target=console"]
		| .process.env += ["container=rung"] | .hostname = "inner"
		| .process.capabilities |= map_values(["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
			"CAP_SETUID", "CAP_SETPCAP", "CAP_SYS_CHROOT", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_AUDIT_WRITE", "CAP_SYS_ADMIN"])
		| .mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs", options: ["mode=755"]},
			{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
	start_container
	wait_until 180 active
	run rung exec "$ID" systemctl is-active multi-user.target systemd-journald.service dbus.socket
	says $'active\nactive\nactive'
	# systemd has moved itself to a sub-cgroup, and made cgroups for its services
	exec_in cat /proc/1/cgroup
	says 0::/init.scope
	[ -d "$(cgroup_path '')/system.slice/systemd-journald.service" ]
	rung kill "$ID" SIGRTMIN+3
	wait_until 60 stopped
	rung delete "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

active() {
	[ "$(rung exec "$ID" systemctl is-active multi-user.target 2>/dev/null)" = active ]
}
