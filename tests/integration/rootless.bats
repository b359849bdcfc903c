#!/usr/bin/env bats
# shellcheck disable=SC2016 # variables of bats and helpers, scripts for inner shells
# rung for a plain user: with only the own id, with subordinate ids, and without a right to them. The tests tagged "user" in the
# other files show that the commands work with only the own id.

load helpers

# Maps the ids 1 to 65535 too, for which rung needs newuidmap and newgidmap.
map_subids() {
	needs_subids
	config '.linux.uidMappings += [{containerID: 1, hostID: $uid, size: 65535}]
		| .linux.gidMappings += [{containerID: 1, hostID: $gid, size: 65535}]' \
		--argjson uid "$(first_subid /etc/subuid)" --argjson gid "$(first_subid /etc/subgid)"
}

# bats test_tags=user-only, vm
@test "rootless: the user's own id is the container's root" {
	inside 'cat /proc/self/uid_map; cat /proc/self/gid_map; cat /proc/self/setgroups; id -u'
	[ "$(awk '{ $1 = $1; print }' <<<"$output")" = "0 $(id -u) 1"$'\n'"0 $(id -g) 1"$'\n'deny$'\n'0 ]
}

# bats test_tags=user-only
@test "rootless: a file of the container belongs to the user" {
	own_rootfs
	inside 'touch /new'
	[ "$(stat -c %u rootfs/new)" = "$(id -u)" ]
}

# bats test_tags=user-only, vm
@test "rootless: with subordinate ids" {
	map_subids
	inside 'cat /proc/self/uid_map; cat /proc/self/setgroups'
	[ "$(awk '{ $1 = $1; print }' <<<"$output")" = \
		"0 $(id -u) 1"$'\n'"1 $(first_subid /etc/subuid) 65535"$'\n'allow ]
}

# bats test_tags=user-only, vm
@test "rootless: checkpoint and restore need root" {
	process sleep 1000
	rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	run -1 rung checkpoint --image-path image "$ID"
	mentions 'CRIU needs root: operation not permitted'
	[ ! -e image ]
	[ "$(status_of)" = running ]
	run -1 rung restore --image-path image "$ID-other"
	mentions 'CRIU needs root: operation not permitted'
	[ ! -e image ]
	[ ! -e "$STATE/$ID-other" ]
}

# bats test_tags=user-only
@test "rootless: a process that is another user, with groups" {
	map_subids
	config '.process.user = {uid: 1000, gid: 100, additionalGids: [5, 2000]}'
	inside 'id -u; id -G'
	says 1000$'\n''100 5 2000'
}

# bats test_tags=user-only, vm
@test "rootless: exec as another user" {
	map_subids
	start_sleeper
	run -0 rung exec -u 1000:1000 -g 5 "$ID" sh -c 'id -u; id -G'
	says 1000$'\n''1000 5'
}

# bats test_tags=user-only
@test "rootless: subordinate ids for users, but not for groups" {
	map_subids
	config '.linux.gidMappings |= .[:1] | .process.user.uid = 1000'
	inside 'id -u; cat /proc/self/setgroups'
	says 1000$'\n'deny
}

# bats test_tags=user-only
@test "rootless: groups without subordinate ids are refused" {
	config '.process.user.additionalGids = [0]'
	refused process.user.additionalGids
}

# bats test_tags=user-only
@test "rootless: a user that is not mapped" {
	config '.process.user.uid = 1'
	refused process.user.uid 'not mapped'
}

# bats test_tags=user-only
@test "rootless: ids that are somebody else's: the error names /etc/subuid" {
	config '.linux.uidMappings += [{containerID: 1, hostID: 1, size: 100}]'
	refused linux.uidMappings /etc/subuid
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user-only
@test "rootless: groups that are somebody else's: the error names /etc/subgid" {
	config '.linux.gidMappings += [{containerID: 1, hostID: 1, size: 100}]'
	refused linux.gidMappings /etc/subgid
}

# bats test_tags=user-only
@test "rootless: without newuidmap, the error names it" {
	map_subids
	PATH=/none run -1 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	mentions newuidmap
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user-only
@test "rootless: without a user namespace the error names what a plain user may not do" {
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings, .process.capabilities)'
	refused 'operation not permitted'
	[ ! -e "$STATE/$ID" ]
}

# Whether the user may make cgroups for containers.
delegated() {
	if is_v2; then
		[ -w "$(dirname "$(available_controllers)")" ]
	else
		[ -w /sys/fs/cgroup/memory ]
	fi
}

# On v1 systemd's user manager delegates the hierarchy without controllers to its users.
owns_v1() {
	[ -w "$(v1_mount name=systemd)$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)" ]
}

# bats test_tags=user-only, vm
@test "rootless: limits of a cgroup that systemd has delegated" {
	delegated || skip "needs a delegated cgroup"
	is_v2 || skip "needs a machine with the unified hierarchy only"
	config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 20}, cpu: {quota: 20000, period: 100000}}'
	start_sleeper
	[ "$(cgroup_path '')" = "$(default_cgroup '' "$ID")" ]
	grep -qx "$(init_pid)" "$(cgroup_path '')/cgroup.procs"
	[ "$(cgroup_value '' memory.max) $(cgroup_value '' pids.max) $(cgroup_value '' cpu.max)" = '67108864 20 20000 100000' ]
	run -0 rung update --memory 33554432 --pids-limit 21 "$ID"
	[ "$(cgroup_value '' memory.max) $(cgroup_value '' pids.max)" = '33554432 21' ]
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	rung resume "$ID"
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 100 </dev/null >/dev/null 2>&1
	grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$(cgroup_path '')/cgroup.procs"
	rung delete --force "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

# bats test_tags=user-only
@test "rootless: --rootless decides whether cgroups that the user may not make are skipped" {
	! delegated || skip "needs a cgroup that is not delegated"
	config 'del(.linux.resources)'
	run -0 "$RUNG" --root "$STATE" --rootless true run -b "$BUNDLE" "$ID"
	run -0 "$RUNG" --root "$STATE" --rootless auto run -b "$BUNDLE" "$ID"
	run -1 "$RUNG" --root "$STATE" --rootless false run -b "$BUNDLE" "$ID"
	mentions 'permission denied'
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user-only
@test "rootless: a limit that needs a cgroup that the user may not make" {
	! delegated || skip "needs a cgroup that is not delegated"
	config '.linux.resources.memory.limit = 67108864'
	refused linux.resources.memory
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user-only
@test "rootless: a named cgroup that the user may not make" {
	! delegated || skip "needs a cgroup that is not delegated"
	config '.linux.cgroupsPath = "/somewhere/else"'
	refused 'unable to apply cgroup configuration: ' 'permission denied'
	[ ! -e "$STATE/$ID" ]
}

# Makes a cgroup with that name in each v1 hierarchy that has limits, and gives it to a user.
delegate_v1() { # NAME UID
	local mount path
	while read -r mount; do
		mkdir "$mount$1"
		chown "$2:$2" "$mount$1" "$mount$1"/{cgroup.procs,tasks}
		for path in cpus mems; do
			[ ! -e "$mount/cpuset.$path" ] || cp "$mount/cpuset.$path" "$mount$1/"
		done
	done < <(v1_mounts)
}

v1_mounts() {
	awk '$(NF-2) == "cgroup" && $NF !~ /name=/ { print $5 }' /proc/self/mountinfo
}

# Prepares the bundle and a copy of rung for a uid without a passwd entry.
for_stranger() { # UID MAPS
	(cd "$BATS_TEST_TMPDIR" && "$RUNG" spec --rootless)
	config '.linux.uidMappings = $maps | .linux.gidMappings = $maps
		| .linux.namespaces = $spec[0].linux.namespaces | .mounts = $spec[0].mounts | del(.linux.resources)
		| .linux.cgroupsPath = $own + "/inner"' --arg own "$own" --argjson maps "$2" --slurpfile spec "$BATS_TEST_TMPDIR/config.json"
	process cat /proc/self/cgroup
	mkdir -m 700 "$STATE"
	chown "$1:$1" "$STATE"
	install -m 755 "$RUNG" "$BATS_TEST_TMPDIR/rung"
}

# rung skips hierarchies without limits if they belong to another user: on a hybrid machine the unified one and systemd's.
@test "rootless: a cgroup by name that was delegated on v1 only" {
	needs_root
	needs_v1_controller pids
	local own=/$ID-delegated mount
	delegate_v1 "$own" 4242
	for_stranger 4242 '[{"containerID": 0, "hostID": 4242, "size": 1}]'
	run setpriv --reuid 4242 --regid 4242 --clear-groups env -u XDG_RUNTIME_DIR "$BATS_TEST_TMPDIR/rung" --root "$STATE" run -b "$BUNDLE" "$ID" 3>&-
	while read -r mount; do rmdir "$mount$own"; done < <(v1_mounts)
	[ "$status" -eq 0 ] || fail "$output"
	mentions ":pids:$own/inner"
}

# A user may move only processes with the user's own id into a v1 cgroup. Processes of a container with subordinate ids have another
# id.
@test "rootless: a cgroup that was delegated on v1, for a container with other ids" {
	needs_root
	needs_v1_controller pids
	local own=/$ID-delegated mount holder as_user
	delegate_v1 "$own" 4242
	for_stranger 4242 '[{"containerID": 0, "hostID": 5, "size": 10}]'
	setpriv --reuid 4242 --regid 4242 --clear-groups unshare --user --mount sleep 1000 >/dev/null 2>&1 3>&- &
	holder=$!
	wait_until 5 eval '[ "$(readlink /proc/$holder/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ]'
	cat >"/proc/$holder/uid_map" <<<$'0 4242 1\n1 100000 1000' # in one write
	cat >"/proc/$holder/gid_map" <<<$'0 4242 1\n1 100000 1000' # in one write
	as_user=(nsenter --user --mount --target "$holder" --setuid 0 --setgid 0 env -u XDG_RUNTIME_DIR "$BATS_TEST_TMPDIR/rung" --root "$STATE")
	run "${as_user[@]}" run -b "$BUNDLE" "$ID" 3>&-
	local ran=$status said=$output
	process sleep 1000
	"${as_user[@]}" run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- || true
	run "${as_user[@]}" exec "$ID" cat /proc/self/cgroup 3>&-
	"${as_user[@]}" delete --force "$ID" 3>&-
	kill "$holder"
	while read -r mount; do rmdir "$mount$own"; done < <(v1_mounts)
	[ "$ran" -eq 0 ] || fail "$said"
	[[ $said == *":pids:$own/inner"* ]] || fail "$said"
	[ "$status" -eq 0 ] || fail "$output"
	mentions ":pids:$own/inner"
}

# bats test_tags=user-only
@test "rootless: a container with other ids that waits for start can be entered, by hooks too" {
	needs_subids
	map_ids
	config '.process.user = {uid: 1000, gid: 1000}
		| .hooks = {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "id -u >/dev/shm/hook"]}]}'
	process cat /dev/shm/hook
	create_container
	run -0 rung exec "$ID" id -u
	says 1000
	rung start "$ID"
	wait_until 5 stopped
	# shellcheck disable=SC2153 # set by create_container
	[ "$(cat "$OUTPUT")" = 1000 ]
}

# bats test_tags=user-only
@test "rootless: without a cgroup and a PID namespace there is a warning" {
	! delegated || skip "needs a cgroup that is not delegated"
	! owns_v1 || skip "needs no v1 cgroup of his own"
	config '.linux.namespaces |= map(select(.type != "pid"))
		| (.mounts[] | select(.type == "proc")) |= {destination: "/proc", type: "none", source: "/proc", options: ["rbind", "nosuid", "nodev", "noexec"]}'
	run_container
	[ "$status" -eq 0 ]
	mentions level=warning 'Such configuration is strongly discouraged'
}

# bats test_tags=user-only
@test "rootless: the events of a container without a cgroup count nothing" {
	! delegated || skip "needs a cgroup that is not delegated"
	start_sleeper
	run -0 rung events --stats "$ID"
	[ "$(jq -c '[.type, .id, .data.pids.current, .data.cpu.usage.total]' <<<"$output")" = "[\"stats\",\"$ID\",null,null]" ]
}

# bats test_tags=user-only
@test "rootless: the devices are the host's, bound" {
	inside 'head -c 4 /dev/zero | wc -c; echo x >/dev/null; head -c 1 /dev/urandom | wc -c; ls -l /dev/null'
	mentions 4 1
	[[ $output == *'1,   3'* ]]
}

# bats test_tags=user-only
@test "rootless: a raised rlimit is refused" {
	local hard
	hard=$(ulimit -Hn)
	[ "$hard" != unlimited ] || skip "needs a hard limit of open files"
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: $hard}]' --argjson hard $((hard + 1))
	refused process.rlimits
}

# ---- run by root, for a user without subordinate ids ------------------------------------------------------------------

as_nobody() {
	setpriv --reuid 4567 --regid 4567 --clear-groups env -u XDG_RUNTIME_DIR "$BATS_TEST_TMPDIR/nobody/rung" \
		--root "$BATS_TEST_TMPDIR/nobody/state" "$@" 3>&-
}

prepare_nobody() {
	needs_root
	! grep -qE '^4567:' /etc/subuid || skip "needs the uid 4567 to have no subordinate ids"
	chmod 0755 "$BATS_RUN_TMPDIR"
	mkdir "$BATS_TEST_TMPDIR/nobody"
	cp "$RUNG" "$BATS_TEST_TMPDIR/nobody/rung"
	cp -a "$BATS_RUN_TMPDIR/rootfs" "$BUNDLE/rootfs"
	rm config.json
	chown -R 4567:4567 "$BATS_TEST_TMPDIR/nobody" "$BUNDLE"
	as_nobody spec --rootless
	config '.process.terminal = false | .process.args = ["id", "-u"]'
	chown 4567:4567 config.json
}

@test "rootless: a user without subordinate ids runs with the own id" {
	prepare_nobody
	run -0 --separate-stderr as_nobody run "$ID"
	says 0
}

@test "rootless: more ids for a user without subordinate ids: the error names /etc/subuid" {
	prepare_nobody
	config '.linux.uidMappings += [{containerID: 1, hostID: 100000, size: 10}]'
	run -1 as_nobody run "$ID"
	[ "$(grep -c level=error <<<"$output")" = 1 ]
	mentions linux.uidMappings /etc/subuid
	[ ! -e "$BATS_TEST_TMPDIR/nobody/state/$ID" ]
}
