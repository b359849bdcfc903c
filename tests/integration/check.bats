#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # each test is a subshell; variables of bats and helpers, scripts for inner shells
# rung check: what this host has and lacks for a bundle. It agrees with run, says who must do what, and changes nothing.

load helpers

# check [FLAG...]: runs check for the bundle. Sets $status, $output and $lines.
check() {
	run rung check -b "$BUNDLE" "$@"
}

# unmet FIELD TEXT...: check and run refuse the bundle. The need that is not met names the field, and has the texts.
unmet() {
	local need text
	run_container
	[ "$status" -ne 0 ] || fail "run does not refuse it"
	check --format json
	[ "$status" -eq 1 ] || fail "status $status: $output"
	jq -e '.starts == false' <<<"$output" >/dev/null
	need=$(jq -c --arg field "$1" '.needs[] | select(.required and .state != "ok" and .field == $field)' <<<"$output")
	[ -n "$need" ] || fail "no need of $1: $(jq -c '.needs[] | select(.required and .state != "ok")' <<<"$output")"
	for text in "${@:2}"; do
		[[ $need == *"$text"* ]] || fail "no '$text' in $need"
	done
	[ "$(jq -s 'all(.who != null and .do != null)' <<<"$need")" = true ] || fail "no cure: $need"
}

# plain COMMAND...: runs a command as a user without any rights, and with a copy of rung that it may execute.
plain() {
	local dir=$BATS_TEST_TMPDIR/plain
	if [ ! -d "$dir" ]; then
		mkdir "$dir"
		chmod 0755 "$BATS_RUN_TMPDIR" "$dir"
		install -m 0755 "$RUNG" "$dir/rung"
		install -d -o 4343 -g 4343 "$dir/state"
	fi
	env -u XDG_RUNTIME_DIR USER=root setpriv --reuid 4343 --regid 4343 --clear-groups "$@"
}

# on_hosts REGEX: runs check on the hosts of tests/hosts/matrix.sh, and prints lines "CASE: VERDICT".
on_hosts() {
	needs_root
	needs_command gcc
	run "$RUNG_SOURCE/tests/hosts/matrix.sh" --check --only "$1" "rung=$RUNG"
	[ "$status" -eq 0 ] || fail "$output"
	[[ $output != *'left behind'* ]]
	readarray -t lines <<<"${output//$'\trung\t'/: }"
}

# bats test_tags=user
@test "check: a bundle that starts, in both formats" {
	run_container
	[ "$status" -eq 0 ]
	check
	[ "$status" -eq 0 ] || fail "$output"
	mentions "bundle $BUNDLE, for uid $EUID, on Linux $(uname -r)" 'ok          openat2(2)' 'ok          trial' 'it would start'
	check -f json
	jq -e --arg bundle "$BUNDLE" '.bundle == $bundle and .starts and .uid == '"$EUID"' and .untried == null
		and ([.needs[] | select(.state == "ok" | not)] | all(.state == "missing" or .state == "restricted" or .state == "unknown"))
		and ([.needs[].name] | index("trial") and index("cgroup") and index("CRIU") and index("id-mapped mounts"))' <<<"$output"
	run -1 rung check -f yaml
	mentions 'invalid format option'
	run -1 rung check a b
	mentions 'requires a maximum of 1 argument(s)'
}

# bats test_tags=user
@test "check: without a bundle, the configuration of rung spec" {
	cd /
	run -0 rung check
	mentions 'the default bundle, for uid' 'ok          trial' 'it would start'
	run -0 rung check --format json
	jq -e '.bundle == null and .starts' <<<"$output"
}

# bats test_tags=user
@test "check: no file, process, mount, cgroup or hook is left, nor made in the root file system" {
	own_rootfs
	config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "touch \($dir)/hook"]}]}
		| .process.cwd = "/made/of/cwd" | .root.readonly = false' --arg dir "$BATS_TEST_TMPDIR"
	! is_root || config '.linux.cgroupsPath = "/" + $id' --arg id "$ID"
	mkdir "$BATS_TEST_TMPDIR/source"
	add_mount '{"destination": "/made/of/tmpfs", "type": "tmpfs", "source": "tmpfs"}'
	add_mount "$(jq -n --arg source "$BATS_TEST_TMPDIR/source" '{destination: "/mnt", type: "bind", source: $source, options: ["bind"]}')"
	add_mount '{"destination": "/mnt/below", "type": "tmpfs", "source": "tmpfs"}'
	add_mount '{"destination": "/etc/made", "type": "bind", "source": "config.json", "options": ["bind"]}'
	find "$BUNDLE" "$BATS_TEST_TMPDIR/source" -printf '%p %y %m %i %T@\n' | sort >"$BATS_TEST_TMPDIR/before"
	cp /proc/self/mountinfo "$BATS_TEST_TMPDIR/mounts"
	check
	[ "$status" -eq 0 ] || fail "$output"
	find "$BUNDLE" "$BATS_TEST_TMPDIR/source" -printf '%p %y %m %i %T@\n' | sort | diff "$BATS_TEST_TMPDIR/before" -
	diff "$BATS_TEST_TMPDIR/mounts" /proc/self/mountinfo
	[ ! -e "$BATS_TEST_TMPDIR/hook" ]
	[ ! -e "$STATE" ]
	[ -z "$(cgroups_at "*/$ID")" ]
	local first
	first=$(jq '.mounts | length - 4' config.json)
	mentions "not tried: mounts[$first]: its mount point would have to be made in $ROOTFS" \
		"not tried: mounts[$((first + 2))]: its mount point would have to be made in $BATS_TEST_TMPDIR/source" \
		"not tried: mounts[$((first + 3))]: its mount point" "not tried: process.cwd: it would have to be made in $ROOTFS"
	run_container
	[ "$status" -eq 0 ] || fail "$output" # and it does start
}

# bats test_tags=user
@test "check: names of namespaces that are joined stay as they are" {
	needs_root
	local holder name
	unshare --uts sleep 100 3>&- &
	holder=$!
	wait_until 5 in_other_namespace uts "$holder"
	name=$(nsenter --target "$holder" --uts hostname)
	config '(.linux.namespaces[] | select(.type == "uts")).path = $path | .hostname = "of-the-bundle"' --arg path "/proc/$holder/ns/uts"
	check
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(nsenter --target "$holder" --uts hostname)" = "$name" ]
	kill "$holder"
}

# bats test_tags=user
@test "check: what run refuses about the process and the mounts, it names with the field" {
	local saved
	saved=$(<config.json)
	while IFS='|' read -r field filter text; do
		printf '%s\n' "$saved" >config.json
		config "$filter"
		unmet "$field" "$text"
	done <<-'END'
		process.args|.process.args = ["no-such-program"]|executable file not found
		process.cwd|.process.cwd = "/etc/passwd"|not a directory
		mounts[0]|.mounts[0].options = ["no-such-option"]|no-such-option
		mounts[1]|.mounts[1].type = "no-such-fs"|no-such-fs
		linux.namespaces[0]|.linux.namespaces[0].path = "/no/such/namespace"|no such file or directory
		linux.sysctl[fs.mqueue.none]|.linux.sysctl = {"fs.mqueue.none": "1"}|no such file or directory
		hooks.createRuntime[0]|.hooks.createRuntime = [{path: "/no/such/hook"}]|/no/such/hook
	END
}

@test "check: values that only the kernel can refuse are tried" {
	needs_root
	config '.linux.sysctl = {"net.ipv4.ip_forward": "perhaps"}'
	unmet 'linux.sysctl[net.ipv4.ip_forward]' 'invalid argument'
	config '.linux.sysctl = {} | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
	check
	[ "$status" -eq 0 ] || fail "$output"
}

@test "check: devices, agents, hooks, file systems and limits that the host does not have" {
	needs_root
	local saved
	saved=$(<config.json)
	while IFS='|' read -r field filter text; do
		printf '%s\n' "$saved" >config.json
		config "$filter"
		unmet "$field" "$text"
	done <<-'END'
		linux.netDevices[nosuch0]|.linux.netDevices = {nosuch0: {}}|no such device
		linux.seccomp.listenerPath|.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/no/such.sock", syscalls: [{names: ["getppid"], action: "SCMP_ACT_NOTIFY"}]}|no such file or directory
		hooks.startContainer[0]|.hooks.startContainer = [{path: "/no/such/hook"}]|/no/such/hook
		hooks.poststart[0]|.hooks.poststart = [{path: "/no/such/hook"}]|/no/such/hook
		linux.resources.unified[no.such]|.linux.resources.unified = {"no.such": "1"}|controller \"no\" not available
		linux.resources.blockIO.throttleReadBpsDevice[0]|.linux.resources.blockIO = {throttleReadBpsDevice: [{major: 999, minor: 9, rate: 100}]}|no such device
	END
	printf '%s\n' "$saved" >config.json
	grep -qx $'\text4' /proc/filesystems || return 0
	add_mount '{"destination": "/mnt", "type": "ext4", "source": "/dev/no-such-device"}'
	unmet "mounts[$(jq '.mounts | length - 1' config.json)]" '/dev/no-such-device'
}

@test "check: what a new cgroup on v1 cannot have" {
	needs_root
	needs_v1_controller cpu
	config '.linux.resources.cpu.shares = 1'
	unmet linux.resources.cpu.shares 'the minimum allowed cpu-shares is 2'
	config '.linux.resources.cpu.shares = 0 | .process.scheduler = {policy: "SCHED_FIFO", priority: 10}'
	if [ -e "$(hierarchy_of cpu)/cpu.rt_runtime_us" ]; then
		unmet process.scheduler 'real-time policies need'
	else
		agrees 0
	fi
	config 'del(.process.scheduler) | .linux.resources.network.classID = 5'
	[ -n "$(hierarchy_of net_cls)" ] || unmet linux.resources.network.classID 'no cgroup hierarchy has the controller net_cls'
}

@test "check: an id that a container has" {
	create_container
	run -1 rung check -b "$BUNDLE" "$ID"
	mentions "! restricted  container id: container with given ID already exists: $ID in $STATE" 'do: choose another id, or rung delete the container'
	run -0 rung check -b "$BUNDLE" "$ID-2"
	mentions "ok          container id: $ID-2"
}

# bats test_tags=user
@test "check: a configuration that is refused, and one that cannot be read" {
	config '.linux.namespaces += [{type: "dream"}]'
	unmet "linux.namespaces[$(jq '.linux.namespaces | length - 1' config.json)].type" dream "edit linux.namespaces"
	: >config.json
	check
	[ "$status" -eq 1 ]
	mentions config.json
}

@test "check: limits of cgroups that no kernel takes, or this machine does not have" {
	needs_root
	needs_controller cpuset
	config '.linux.resources.cpu = {cpus: "4000"}'
	unmet linux.resources.cpu.cpus 'this machine has the processors'
	config '.linux.resources.cpu = {quota: 1, period: 100000}'
	unmet linux.resources.cpu.quota 'no quota below 1000 us'
}

@test "check: the root file system is mounted noexec: the command that mends it" {
	needs_root
	own_rootfs
	mount --bind "$ROOTFS" "$ROOTFS"
	mount -o remount,bind,noexec "$ROOTFS"
	check
	local code=$status said=$output
	umount "$ROOTFS"
	[ "$code" -eq 1 ]
	output=$said
	mentions "root.path: $ROOTFS is mounted noexec on the host" "do: mount -o remount,exec $ROOTFS"
}

# agrees STATUS [CURE]: run and check end with the same status, 0 or 1, and check has the words and the cure of run.
agrees() {
	local said
	run_container
	[ "$status" -eq "$1" ] || fail "run: status $status: $output"
	said=${output#*run failed: }
	said=${said%% (do: *}
	check
	[ "$status" -eq "$1" ] || fail "check: status $status, and run said: $said: $output"
	[ "$1" -eq 0 ] || mentions "${said//\\\"/\"}" "do: $2"
}

# on_read_only COMMAND...: runs a command while the root file system is on a read-only mount.
on_read_only() {
	mount --bind "$ROOTFS" "$ROOTFS"
	mount -o remount,bind,ro "$ROOTFS"
	local code=0
	"$@" || code=$?
	umount "$ROOTFS"
	return $code
}

@test "check: mount points, a working directory and devices that are missing in a read-only root file system" {
	needs_root
	own_rootfs
	on_read_only agrees 0
	rm -r "${ROOTFS:?}"/{proc,dev,sys}
	on_read_only agrees 1 'make /proc before: its file system is read-only'
	run -1 on_read_only rung explain -b "$BUNDLE" --run "$ID"
	mentions 'mount point /proc: mkdirat: read-only file system'
	agrees 0 # they can be made
	process true
	config '.process.cwd = "/not/there"'
	on_read_only agrees 1 'make /not/there before: its file system is read-only; or name another process.cwd'
	config '.process.cwd = "/"'
	add_mount '{"destination": "/etc/new", "type": "bind", "source": "/etc/passwd", "options": ["bind"]}'
	on_read_only agrees 1 'make /etc/new before'
	config '.mounts |= map(select(.destination | test("^/dev|^/etc") | not))'
	on_read_only agrees 1 'add a mount of a tmpfs at /dev'
	rm -rf "${ROOTFS:?}/dev"
	on_read_only agrees 1 'add a mount of a tmpfs at /dev'
}

@test "check: a mount point that is missing on a bind mount which is read-only" {
	needs_root
	mkdir "$BATS_TEST_TMPDIR/source"
	add_mount "$(jq -n --arg source "$BATS_TEST_TMPDIR/source" '{destination: "/mnt", type: "bind", source: $source, options: ["bind", "ro"]}')"
	add_mount '{"destination": "/mnt/below", "type": "tmpfs", "source": "tmpfs"}'
	agrees 1 'make /mnt/below before: its file system is read-only'
	config '.mounts[-2].options = ["bind", "ro", "rw"]'
	agrees 0
}

@test "check: mount points that are missing where the user namespace has no right" {
	needs_root
	own_rootfs
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$BUNDLE" "$ROOTFS"
	rmdir "$ROOTFS"/{proc,dev,sys}
	map_ids 100000
	agrees 1 "make /proc before: the container's root may not write to the directory that it belongs in"
	chmod 0757 "$ROOTFS"
	agrees 0
	rmdir "$ROOTFS"/{proc,dev,sys}
	chmod 0755 "$ROOTFS"
	chown 100000:100000 "$ROOTFS"
	agrees 0
}

# bats test_tags=user
@test "check: what a hook may bring is not known, and hooks are said to be untried" {
	own_rootfs
	process /brought
	check
	[ "$status" -eq 1 ]
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "printf \"#!/bin/sh\\n\" >\($to) && chmod 755 \($to)"]}]' \
		--arg to "$ROOTFS/brought"
	agrees 0
	rm "$ROOTFS/brought"
	check
	[ "$status" -eq 0 ] || fail "$output"
	mentions 'not tried: hooks: a hook may change anything' 'may come from a mount or a hook that was not tried'
}

@test "check: a state directory that is full" {
	needs_root
	local inner='mount -t tmpfs -o size=$1k none "$2" && exec "$3" --root "$2" check -b "$4"'
	mkdir "$BATS_TEST_TMPDIR/small"
	run -1 unshare --mount --propagation private bash -c "$inner" - 8 "$BATS_TEST_TMPDIR/small" "$RUNG" "$BUNDLE"
	mentions "! restricted  state directory $BATS_TEST_TMPDIR/small: " 'no space left on device' \
		"do: free space or inodes of the file system at $BATS_TEST_TMPDIR/small"
	run -0 unshare --mount --propagation private bash -c "$inner" - 64 "$BATS_TEST_TMPDIR/small" "$RUNG" "$BUNDLE"
}

@test "check: a state directory that may not be written" {
	needs_root
	run -1 unshare --mount --propagation private bash -c '
		mkdir "$1/ro"; mount -t tmpfs -o ro none "$1/ro"
		exec "$2" --root "$1/ro/state" check' - "$BATS_TEST_TMPDIR" "$RUNG"
	mentions "/ro may not be written: read-only file system" 'do: rung --root DIRECTORY'
}

@test "check: a plain user, whose cgroup and ids are its own" {
	needs_root
	plain true
	run -0 plain "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check
	mentions 'for uid 4343' 'restricted  cgroup: ' 'Delegate=yes' 'ok          trial' 'restricted  id-mapped mounts'
	map_ids 100000
	chown 4343 "$BUNDLE"
	run -1 plain "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check -b "$BUNDLE"
	mentions 'id map of linux.uidMappings'
	if command -v newuidmap >/dev/null; then
		mentions '/etc/subuid grants user 4343 no range that holds 100000-165535' 'do: usermod --add-subuids 100000-165535 4343' \
			'do: usermod --add-subgids 100000-165535 4343'
	fi
	# Nobody is told to grant the ids of the system, or of other people.
	map_ids 0
	run -1 plain "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check -b "$BUNDLE"
	if command -v newuidmap >/dev/null; then
		mentions 'no range that holds 0-65535' 'do: map the own uid of user 4343 and ids that /etc/subuid grants'
		[[ $output != *'usermod'* ]]
	fi
	map_ids 100000
	run -1 plain env PATH=/nowhere "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check -b "$BUNDLE"
	mentions 'missing     id map of linux.uidMappings: mapping more than the own id without privilege needs newuidmap' 'apt-get install uidmap'
}

@test "check: a configuration that cannot be loaded is a report too" {
	config '.hostname = 3'
	run -1 rung check -b "$BUNDLE"
	mentions "bundle $BUNDLE" 'missing     configuration: config.json: hostname: a JSON number does not fit here' "do: edit hostname in $BUNDLE/config.json"
	run -1 rung check -b "$BUNDLE" --format json
	[ "$(jq -r '[.starts, .bundle, .needs[0].field] | join(" ")' <<<"$output")" = "false $BUNDLE hostname" ]
	run -1 rung check -b "$BUNDLE/none" --format json
	[ "$(jq .starts <<<"$output")" = false ]
	config '.hostname = "h" | .ociVersion = "2.0.0"'
	run -1 rung check -b "$BUNDLE"
	mentions "bundle $BUNDLE" "do: edit ociVersion in $BUNDLE/config.json"
}

@test "check: no user namespace may be made" {
	needs_root
	plain true
	run -1 unshare --user --map-root-user bash -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - \
		"$RUNG" --root "$STATE" check -b "$BUNDLE"
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings'
	run -1 unshare --user --map-root-user bash -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' - \
		"$RUNG" --root "$STATE" check -b "$BUNDLE"
	mentions '! restricted  user namespace: user.max_user_namespaces is 0' 'do: sysctl -w user.max_user_namespaces='
}

@test "check --as-root: nothing can be tried" {
	needs_root
	plain true
	run plain "$BATS_TEST_TMPDIR/plain/rung" check --as-root
	[ "$status" -eq 0 ] || fail "$output"
	mentions 'for uid 0' 'unknown     trial: only root could try it'
	config '.process.args = ["no-such-program"]'
	run -1 plain "$BATS_TEST_TMPDIR/plain/rung" check --as-root -b "$BUNDLE"
	mentions 'executable file not found'
}

@test "check --rootless: root asks for the user of sudo, or for the owner of the bundle" {
	needs_root
	plain true
	run -1 env -u SUDO_UID "$BATS_TEST_TMPDIR/plain/rung" check --rootless
	mentions '--rootless: root is no plain user'
	run -0 env SUDO_UID=4343 SUDO_GID=4343 "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check --rootless
	mentions 'for uid 4343' 'it would start'
	chown -R 4343:4343 "$BUNDLE"
	run env -u SUDO_UID "$BATS_TEST_TMPDIR/plain/rung" --root "$BATS_TEST_TMPDIR/plain/state" check --rootless -b "$BUNDLE"
	[ "$status" -eq 1 ] # the bundle has no user namespace
	mentions 'for uid 4343' '! restricted'
}

@test "check on hosts that deny what rung can do without: it would start" {
	on_hosts '^(memfd_create|clone3|close_range|statx|seccomp|pidfd_getfd|pidfd_open|pidfd_send_signal) EPERM|^(null|nproc)|^proc (read-only|hidepid)'
	[ "${#lines[@]}" -eq 13 ] || fail "$output"
	local line
	for line in "${lines[@]}"; do
		[[ $line == *': starts' ]] || fail "$line"
	done
}

@test "check on hosts that deny what rung needs: the call, and who must allow it" {
	on_hosts '^(openat2|mount_setattr|fsopen|fsconfig|fsmount|move_mount|open_tree|keyctl) ENOSYS'
	[ "${#lines[@]}" -eq 8 ] || fail "$output"
	local line call
	for line in "${lines[@]}"; do
		call=${line%% *}
		[[ $line == *": restricted: $call(2): a seccomp filter that rung itself runs under denies it => "*"SystemCallFilter=$call"* ]] || fail "$line"
	done
}

@test "check on hosts that lack something else: the cause and the command" {
	on_hosts '^(nofile|stack|as|fsize) |^root |^cgroup (read-only|empty)|^proc empty|^state full'
	[ "${#lines[@]}" -eq 11 ] || fail "$output"
	[[ ${lines[0]} == 'root noexec: restricted: '*' is mounted noexec on the host) => '*': mount -o remount,exec DIR/rootfs' ]]
	[[ ${lines[1]} == *"RLIMIT_NOFILE of 20 is too small: rung needs 64 (ulimit -n)" ]]
	[[ ${lines[2]} == *"RLIMIT_STACK of 16384 is too small: rung needs 65536 (ulimit -s)" ]]
	[[ ${lines[3]} == *"RLIMIT_AS of 307200000 is too small"* ]]
	[[ ${lines[4]} == *"RLIMIT_FSIZE is 0 bytes => the caller of rung: ulimit -f unlimited" ]]
	[[ ${lines[5]} == *'none is mounted at /proc) => the administrator of this host: mount -t proc proc /proc' ]]
	[[ ${lines[6]} == 'cgroup read-only: restricted: cgroup: '*': read-only file system => '*'mount -o remount,rw /sys/fs/cgroup'* ]]
	[[ ${lines[7]} == 'cgroup empty: missing: cgroup: no cgroup hierarchy is mounted => '*'mount -t cgroup2 none /sys/fs/cgroup' ]]
	[[ ${lines[8]} == 'state full: restricted: state directory DIR/state-rung: '*': free space or inodes of the file system at DIR/state-rung, or '* ]]
	[[ ${lines[9]} == 'root empty: missing: '*' has no files on the host) => '*': mount or unpack the root file system there' ]]
	[[ ${lines[10]} == 'root incomplete: restricted: '*'mounts[0]: mount point /proc: mkdirat: read-only file system => '*': make /proc before: '* ]]
}
