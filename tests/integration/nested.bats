#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# rung in a container of rung, as root of the host and as root of a user namespace.

load helpers

# Makes a container in which rung can run: it has capabilities to mount and to change ids, an unmasked /proc, and writable cgroups
# of its own. /bin/rung is rung, and /inner is a bundle.
outer() {
	own_rootfs
	mkdir -p rootfs/inner rootfs/run
	cp "$RUNG" rootfs/bin/rung
	cp -a "$(shared_rootfs)" rootfs/inner/rootfs
	jq '.root = {path: "rootfs", readonly: true}' config.json >rootfs/inner/config.json
	config '.linux.namespaces |= (. + [{type: "cgroup"}] | unique_by(.type)) | del(.linux.maskedPaths, .linux.readonlyPaths)
		| .process.capabilities |= map_values(["AUDIT_WRITE", "NET_BIND_SERVICE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
			"NET_ADMIN", "SYS_CHROOT", "SYS_ADMIN", "MKNOD", "SETFCAP"] | map("CAP_" + .))
		| (.mounts[] | select(.type == "cgroup")).options |= map(select(. != "ro"))'
}

# inner FILTER: edits the configuration of the bundle inside.
inner() {
	jq "$1" rootfs/inner/config.json >inner.new
	mv inner.new rootfs/inner/config.json
}

@test "nested: the verbs of a container in a container" {
	needs_root
	outer
	inner '.process.args = ["sleep", "1000"]'
	inside 'set -e
		cd /inner
		rung create one </dev/null >/tmp/out 2>&1 || { cat /tmp/out; exit 1; }
		rung state one | grep "\"status\""
		rung start one
		rung exec one sh -c "echo from exec: \$(id -u)"
		rung ps one | grep -c sleep
		rung kill one KILL
		while rung state one | grep -q running; do sleep 0.05; done
		rung delete one
		rung list -q'
	says $'  "status": "created",\nfrom exec: 0\n1'
}

@test "nested: limits of the inner container" {
	needs_root
	needs_controller pids
	outer
	inner '.linux.resources.pids.limit = 7 | .process.args = ["sh", "-c", "cat $(find /sys/fs/cgroup -name pids.max | head -n 1)"]'
	process sh -c 'is_v2=$1
		# a cgroup with processes cannot enable controllers for children
		[ -z "$is_v2" ] || { mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs; }
		rung run -b /inner two' sh "$(is_v2 && echo yes)"
	run_container
	says 7
}

# A cgroup with processes cannot enable controllers for children, and must not become a threaded domain (cgroup-v2.rst, Threads).
@test "nested: limits that cannot be had, since the outer container's own cgroup has processes" {
	needs_root
	is_v2 || skip "needs a machine with the unified hierarchy only"
	outer
	inner '.linux.resources.pids.limit = 7'
	process sh -c 'rung run -b /inner two; cat /sys/fs/cgroup/cgroup.subtree_control; ls -d /sys/fs/cgroup/two'
	run_container
	[ "${#lines[@]}" -eq 2 ] || fail "$output"
	mentions 'linux.resources.pids' 'it has processes' "two: No such file"
}

# bats test_tags=user
@test "nested: rung in a container of rung with a user namespace" {
	needs_subids
	outer
	inner '.process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map"] | del(.linux.resources)
		| .linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
	if is_root; then
		map_ids
		chown -R 100000:100000 "$ROOTFS"
	else
		config '.linux.uidMappings += [{containerID: 1, hostID: $uid, size: 65535}]
			| .linux.gidMappings += [{containerID: 1, hostID: $gid, size: 65535}]' \
			--argjson uid "$(first_subid /etc/subuid)" --argjson gid "$(first_subid /etc/subgid)"
	fi
	process rung run -b /inner two
	run_container
	[ "${lines[0]}" = 0 ] || fail "$output"
	# the same with one more user namespace
	inner '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 5, size: 10}]
		| .linux.gidMappings = .linux.uidMappings'
	is_root || chmod -R go+rX "$ROOTFS"
	run_container
	[ "$(awk '{ $1 = $1; print }' <<<"${lines[1]}")" = '0 5 10' ] || fail "$output"
}
