#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq, or by the shell in the container
# linux.namespaces, linux.uidMappings, linux.gidMappings, hostname, domainname, linux.timeOffsets.

load helpers

# Prints the id of a process's namespace, such as pid:[4026531836].
ns_of() { # PID NAME
	readlink "/proc/$1/ns/$2"
}

@test "new namespaces differ from the host's" {
	needs_root
	no_namespace cgroup
	start_sleeper
	local pid name
	pid=$(init_pid)
	for name in mnt pid uts ipc net; do
		[ "$(ns_of "$pid" $name)" != "$(ns_of self $name)" ] || fail "$name is the host's"
	done
	for name in user cgroup time; do
		[ "$(ns_of "$pid" $name)" = "$(ns_of self $name)" ] || fail "$name is not the host's"
	done
}

# bats test_tags=user
@test "a namespace that is not in the list is that of rung" {
	config 'del(.linux.namespaces[] | select(.type == "ipc" or .type == "uts")) | del(.hostname)
		| del(.mounts[] | select(.type == "mqueue"))'
	inside 'readlink /proc/self/ns/ipc; readlink /proc/self/ns/uts'
	says "$(ns_of self ipc)"$'\n'"$(ns_of self uts)"
}

# bats test_tags=user
@test "the process is number 1 of a new PID namespace" {
	inside 'echo $$; ls -d /proc/[0-9]* | head -n 1'
	says $'1\n/proc/1'
}

@test "without a PID namespace the process has a PID of the host" {
	needs_root
	no_namespace pid
	start_sleeper
	[ "$(sed -n 's/^NSpid:\s*//p' "/proc/$(init_pid)/status")" = "$(init_pid)" ]
	rung kill "$ID" KILL
	wait_until 5 stopped
}

# bats test_tags=user
@test "the hostname and the domain name are set in a new UTS namespace only" {
	local host
	host=$(hostname)
	config '.hostname = "box" | .domainname = "example.net"'
	inside 'hostname; cat /proc/sys/kernel/domainname'
	says $'box\nexample.net'
	[ "$(hostname)" = "$host" ]
}

@test "loopback is up in a new network namespace, and nothing else is there" {
	needs_root
	inside 'ls /sys/class/net; ifconfig lo | grep -o "inet addr:[0-9.]*"; cat /sys/class/net/lo/flags'
	[ "${lines[0]}" = lo ]
	[ "${lines[1]}" = "inet addr:127.0.0.1" ]
	(((lines[2] & 1) == 1)) # IFF_UP
}

@test "joined namespaces: the very namespaces of the path" {
	needs_root
	local pid name key
	start_sleeper
	pid=$(init_pid)
	local first=$ID second=$ID-second
	for name in pid:pid network:net ipc:ipc uts:uts; do
		key=${name%:*}
		config '(.linux.namespaces[] | select(.type == $type)).path = $path' \
			--arg type "$key" --arg path "/proc/$pid/ns/${name#*:}"
	done
	config 'del(.hostname)'
	process sh -c 'for n in pid net ipc uts; do readlink /proc/self/ns/$n; done; ls -d /proc/1'
	run rung run -b "$BUNDLE" "$second"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "$(ns_of "$pid" pid)" ]
	[ "${lines[1]}" = "$(ns_of "$pid" net)" ]
	[ "${lines[2]}" = "$(ns_of "$pid" ipc)" ]
	[ "${lines[3]}" = "$(ns_of "$pid" uts)" ]
	# init of the joined PID namespace is still the sleeper
	[ "$(init_pid "$first")" = "$pid" ]
	rung exec "$first" true
}

@test "a container that joins all namespaces of another dies alone" {
	needs_root
	start_sleeper
	local pid second=$ID-second
	pid=$(init_pid)
	config '(.linux.namespaces[] | select(.type == "pid")).path = $path' --arg path "/proc/$pid/ns/pid"
	rung run -d -b "$BUNDLE" "$second" </dev/null >/dev/null 2>&1
	[ "$(status_of "$second")" = running ]
	rung kill "$second" KILL
	wait_until 5 stopped "$second"
	rung delete "$second"
	[ "$(status_of)" = running ]
}

@test "a joined mount namespace" {
	needs_root
	local hold=$BATS_TEST_TMPDIR/hold
	mkdir "$hold"
	unshare --mount --propagation private sh -c "mount -t tmpfs held $hold && touch $hold/mark && echo ready >$hold/../ready && exec sleep 1000" 3>&- &
	local pid=$!
	wait_until 5 test -e "$BATS_TEST_TMPDIR/ready"
	config '(.linux.namespaces[] | select(.type == "mount")).path = $path
		| .mounts = [{destination: "/proc", type: "proc", source: "proc"}, {destination: "/dev", type: "tmpfs", source: "tmpfs"},
			{destination: "/tmp", type: "bind", source: $hold, options: ["bind"]}]
		| .linux.maskedPaths = [] | .linux.readonlyPaths = []' --arg path "/proc/$pid/ns/mnt" --arg hold "$hold"
	process ls /tmp
	run_container
	kill "$pid"
	[ "$status" -eq 0 ]
	says mark
	[ ! -e "$hold/mark" ]
}

# bats test_tags=user
@test "a path that is no namespace of the type is refused with the field" {
	config '(.linux.namespaces[] | select(.type == "ipc")).path = "/proc/self/ns/uts"'
	refused 'linux.namespaces'
	config '(.linux.namespaces[] | select(.type == "ipc")).path = "/nonexistent"'
	refused 'linux.namespaces' 'no such file or directory'
}

@test "a new user namespace: maps by root, root inside is nobody outside" {
	needs_root
	map_ids 100000 65536
	config '.linux.gidMappings[0].hostID = 200000'
	inside 'id -u; id -g; cat /proc/self/uid_map /proc/self/gid_map | tr -s " "'
	says $'0\n0\n 0 100000 65536\n 0 200000 65536'
	ID=$ID-detached
	start_sleeper
	[ "$(stat -c %u:%g "/proc/$(init_pid)")" = 100000:200000 ]
}

@test "several mappings, and a process that is not root of its user namespace" {
	needs_root
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}, {containerID: 5, hostID: 3000, size: 10}]
		| .linux.gidMappings = [{containerID: 0, hostID: 1000, size: 10}]
		| .process.user = {uid: 7, gid: 3}'
	inside 'id -u; id -g; cat /proc/self/uid_map | tr -s " "'
	says $'7\n3\n 0 1000 1\n 5 3000 10'
}

# A plain user who writes a map of one group must deny setgroups(2) for good (runc#4394).
# bats test_tags=user-only
@test "a joined user namespace that denies setgroups" {
	start_sleeper
	local pid
	pid=$(init_pid)
	[ "$(cat "/proc/$pid/setgroups")" = deny ]
	config '(.linux.namespaces[] | select(.type == "user")).path = ($proc + "user")
		| del(.linux.uidMappings, .linux.gidMappings)' --arg proc "/proc/$pid/ns/"
	process sh -c 'readlink /proc/self/ns/user; id -u'
	run -0 rung run -b "$BUNDLE" "$ID-second"
	says "$(ns_of "$pid" user)"$'\n0'
	config '.process.user.additionalGids = [1]'
	run -1 rung run -b "$BUNDLE" "$ID-second"
	mentions 'process.user.additionalGids' 'operation not permitted'
}

@test "a joined user namespace" {
	needs_root
	map_ids
	start_sleeper
	local pid
	pid=$(init_pid)
	config '(.linux.namespaces[] | select(.type == "user")).path = $path | del(.linux.uidMappings, .linux.gidMappings)' \
		--arg path "/proc/$pid/ns/user"
	process sh -c 'readlink /proc/self/ns/user; id -u; cat /proc/self/uid_map | tr -s " "'
	run rung run -b "$BUNDLE" "$ID-second"
	[ "$status" -eq 0 ]
	says "$(ns_of "$pid" user)"$'\n0\n 0 100000 65536'
}

# bats test_tags=user-only
@test "a plain user's own id is root inside" {
	inside 'id -u; cat /proc/self/uid_map | tr -s " "; cat /proc/self/setgroups'
	says "0"$'\n'" 0 $(id -u) 1"$'\n'deny
}

# bats test_tags=user-only
@test "subordinate ids by newuidmap and newgidmap" {
	needs_subids
	local uids gids
	uids=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	gids=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subgid)
	config '.linux.uidMappings += [{containerID: 1, hostID: $uids, size: 1000}]
		| .linux.gidMappings += [{containerID: 1, hostID: $gids, size: 1000}]
		| .process.user = {uid: 5, gid: 6, additionalGids: [7]}' --argjson uids "$uids" --argjson gids "$gids"
	inside 'id -u; id -G; cat /proc/self/uid_map | tr -s " "'
	says $'5\n6 7\n'" 0 $(id -u) 1"$'\n'" 1 $uids 1000"
}

@test "a new cgroup namespace: its root is the container's cgroup" {
	needs_root
	add_namespace cgroup
	inside 'cut -d: -f3 /proc/self/cgroup | sort -u; readlink /proc/self/ns/cgroup'
	[ "${lines[0]}" = / ]
	[ "${lines[1]}" != "$(ns_of self cgroup)" ]
}

@test "without a cgroup namespace the container sees its path" {
	needs_root
	no_namespace cgroup
	inside 'cat /proc/self/cgroup'
	mentions "$ID"
}

@test "linux.timeOffsets in a new time namespace" {
	needs_root
	[ -e /proc/self/ns/time ] || skip "needs time namespaces in the kernel"
	config '.linux.namespaces += [{type: "time"}]
		| .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 5}, monotonic: {secs: 7}}'
	inside 'cat /proc/self/timens_offsets | tr -s " "; cut -d. -f1 /proc/uptime'
	[ "${lines[0]}" = "monotonic 7 0" ]
	[ "${lines[1]}" = "boottime 1000000 5" ]
	((lines[2] >= 1000000))
}

# runc#4635: rung does not write offsets to a joined namespace
@test "a joined time namespace keeps its offsets, and takes none" {
	needs_root
	[ -e /proc/self/ns/time ] || skip "needs time namespaces in the kernel"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	start_sleeper
	cp config.json other.json
	jq '(.linux.namespaces[] | select(.type == "time")).path = $path | del(.linux.timeOffsets)
		| .process.args = ["sh", "-c", "readlink /proc/self/ns/time; cut -d. -f1 /proc/uptime"]' \
		--arg path "/proc/$(init_pid)/ns/time" other.json >config.json
	run rung run -b "$BUNDLE" "$ID-joined"
	[ "${lines[0]}" = "$(ns_of "$(init_pid)" time)" ]
	((lines[1] >= 1000000))
	exec_in readlink /proc/self/ns/time
	says "$(ns_of "$(init_pid)" time)"
	config '.linux.timeOffsets = {boottime: {secs: 5}}'
	run -1 rung run -b "$BUNDLE" "$ID-joined"
	mentions linux.timeOffsets 'both a time namespace path and time offsets'
}

@test "linux.timeOffsets: what the kernel would not take" {
	config '.linux.timeOffsets = {boottime: {secs: 5}}'
	refused linux.timeOffsets "time namespace isn't enabled"
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {realtime: {secs: 5}}'
	refused 'linux.timeOffsets[realtime]' 'unknown clock'
	config '.linux.timeOffsets = {boottime: {secs: 5, nanosecs: 1000000000}}'
	refused linux.timeOffsets.boottime.nanosecs
}

# A plain user may not join the host's network.
# bats test_tags=user
@test "exec does not join a namespace that the container and rung share" {
	no_namespace network
	config '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
	start_sleeper
	exec_in readlink /proc/self/ns/net
	says "$(ns_of self net)"
}

# Without a user namespace of the container rung can pass on only the capabilities that it has.
@test "exec in a container that shares a listed user namespace with rung" {
	needs_root
	local less=(setpriv --bounding-set -sys_resource --inh-caps -sys_resource --)
	config '.linux.namespaces += [{type: "user", path: "/proc/self/ns/user"}]
		| .process.capabilities |= map_values(["CAP_KILL", "CAP_SYS_RESOURCE"])'
	process sleep 1000
	"${less[@]}" "$RUNG" --root "$STATE" run -d -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1
	run -0 "${less[@]}" "$RUNG" --root "$STATE" exec "$ID" sed -n 's/^CapEff:\s*0*//p' /proc/self/status
	[ "${lines[-1]}" = 20 ]
}

@test "exec joins all namespaces of the container" {
	needs_root
	map_ids
	add_namespace cgroup
	start_sleeper
	local name pid
	pid=$(init_pid)
	for name in mnt pid uts ipc net user cgroup; do
		exec_in readlink "/proc/self/ns/$name"
		says "$(ns_of "$pid" $name)"
	done
}

# The process that waits is not dumpable and belongs to rung's user namespace: in the container's nobody has rights to it.
@test "a user and a cgroup namespace: exec and hooks of startContainer enter a container that waits for start" {
	needs_root
	local pid name
	map_ids
	add_namespace cgroup
	config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "readlink /proc/self/ns/cgroup >/dev/shm/hook"]}]'
	process sh -c 'cat /dev/shm/hook; sleep 1000'
	create_container
	pid=$(init_pid)
	for name in mnt pid uts ipc net user cgroup; do
		run -0 rung exec "$ID" readlink "/proc/self/ns/$name"
		says "$(ns_of "$pid" $name)"
	done
	run -0 rung exec "$ID" grep -c :/ /proc/self/cgroup
	local hierarchies=$output
	run -0 rung exec "$ID" grep -c ':/$' /proc/self/cgroup
	says "$hierarchies"
	rung start "$ID"
	wait_until 5 grep -q cgroup "$OUTPUT"
	[ "$(cat "$OUTPUT")" = "$(ns_of "$pid" cgroup)" ]
	run -0 rung exec "$ID" readlink /proc/self/ns/cgroup
	says "$(ns_of "$pid" cgroup)"
}

# A namespace that is older than the user namespace can only be joined from outside of that.
@test "a new user namespace and a joined cgroup namespace: exec enters both" {
	needs_root
	add_namespace cgroup
	start_sleeper
	local first=$ID pid=
	pid=$(init_pid)
	ID=$ID-second
	map_ids
	config 'del(.mounts[] | select(.type == "cgroup"))
		| (.linux.namespaces[] | select(.type == "cgroup")).path = $path' --arg path "/proc/$pid/ns/cgroup"
	create_container
	run -0 rung exec "$ID" readlink /proc/self/ns/cgroup
	says "$(ns_of "$pid" cgroup)"
	rung start "$ID"
	run -0 rung exec "$ID" readlink /proc/self/ns/cgroup
	says "$(ns_of "$pid" cgroup)"
	run -0 rung exec "$ID" readlink /proc/self/ns/user
	says "$(ns_of "$(init_pid)" user)"
	rung delete -f "$ID"
	ID=$first
}

# Joining such a namespace would fail (EINVAL for a user namespace), have no effect, or change the host's mounts.
@test "a namespace to be joined that is rung's own is as if it was not listed" {
	needs_root
	local name key
	for name in pid:pid network:net ipc:ipc cgroup:cgroup time:time user:user; do
		key=${name%:*}
		config 'del(.hostname) | .linux.namespaces |= map(select(.type != $type)) + [{type: $type, path: $path}]' \
			--arg type "$key" --arg path "/proc/self/ns/${name#*:}"
		process readlink "/proc/self/ns/${name#*:}"
		run_container
		[ "$status" -eq 0 ]
		says "$(ns_of self "${name#*:}")"
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	done
}

# Runs in namespaces of the test, so that a bug does not change the host.
@test "names, kernel parameters and mounts of rung's own namespaces are not changed" {
	needs_root
	local script='hostname before; cat /proc/self/mountinfo >"$2"; "$1" --root "$3" run -b "$4" "$5"
		code=$?; hostname; cat /proc/sys/net/core/somaxconn; cat /proc/self/mountinfo | diff "$2" - && exit $code'
	own() { # TYPE
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
		config '(.linux.namespaces[] | select(.type == $type)).path = $path' --arg type "$1" --arg path "/proc/self/ns/$2"
	}
	isolated() {
		run unshare --mount --uts --net --propagation private bash -c "$script" sh "$RUNG" "$BATS_TEST_TMPDIR/mounts" "$STATE" "$BUNDLE" "$ID"
	}
	own uts uts
	isolated
	[ "$status" -eq 1 ]
	mentions 'hostname: unable to set hostname without a private UTS namespace' $'\nbefore\n'
	own network net
	config '.linux.sysctl = {"net.core.somaxconn": "77"}'
	isolated
	[ "$status" -eq 1 ]
	mentions 'linux.sysctl[net.core.somaxconn]' "not allowed in the host's network namespace"
	[[ $output != *$'\n77'* ]]
	own mount mnt
	isolated
	[ "$status" -eq 1 ]
	mentions 'linux.maskedPaths'
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = []'
	isolated
	[ "$status" -eq 1 ]
	mentions 'root.readonly'
	config '.root.readonly = false'
	isolated
	[ "$status" -eq 0 ] || fail "$output"
}

# config.md: linux may be left out.
@test "no linux: every namespace is rung's" {
	needs_root
	own_rootfs
	config 'del(.linux, .hostname) | .mounts = []'
	process readlink /proc/self/ns/pid
	mkdir -p "$ROOTFS/proc"
	start_sleeper
	[ "$(ns_of "$(init_pid)" pid)" = "$(ns_of self pid)" ]
	[ "$(ns_of "$(init_pid)" mnt)" = "$(ns_of self mnt)" ]
	exec_in ls /
	mentions sbin
	rung kill "$ID" KILL
	wait_until 5 stopped
}

# Joins the user namespace of one container and the PID namespace of another, which the first one owns. The others are new.
@test "a joined user namespace, a joined PID namespace and new others" {
	needs_root
	map_ids
	start_sleeper
	local pid
	pid=$(init_pid)
	config '(.linux.namespaces[] | select(.type == "user")).path = $user | (.linux.namespaces[] | select(.type == "pid")).path = $pid
		| del(.linux.uidMappings, .linux.gidMappings)' --arg user "/proc/$pid/ns/user" --arg pid "/proc/$pid/ns/pid"
	process sh -c 'for n in user pid net mnt ipc; do readlink /proc/self/ns/$n; done; cat /proc/1/comm; hostname'
	run rung run -b "$BUNDLE" "$ID-second"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "$(ns_of "$pid" user)" ]
	[ "${lines[1]}" = "$(ns_of "$pid" pid)" ]
	[ "${lines[2]}" != "$(ns_of "$pid" net)" ]
	[ "${lines[3]}" != "$(ns_of "$pid" mnt)" ]
	[ "${lines[4]}" != "$(ns_of "$pid" ipc)" ]
	[ "${lines[5]}" = sleep ]
	[ "${lines[6]}" = runc ]
	exec_in true
	[ "$status" -eq 0 ]
}

# podman#18543: the directory above the bundle belongs to the host's root, and nobody else may search it.
@test "a bundle that the container's root cannot reach" {
	needs_root
	local closed=$BATS_TEST_TMPDIR/closed
	own_rootfs
	mkdir "$BUNDLE/data"
	echo text >"$BUNDLE/data/file"
	chown -R 100000:100000 "$ROOTFS" "$BUNDLE/data"
	map_ids 100000 65536
	config '.mounts += [{destination: "/tmp", source: "data", options: ["bind"]}]
		| .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", $script]}]' --arg script "cat >$BATS_TEST_TMPDIR/seen"
	mkdir -m 0700 "$closed"
	mv "$BUNDLE" "$closed/bundle"
	BUNDLE=$closed/bundle
	process sh -c 'cat /tmp/file; id -u; touch /written; exec sleep 1000'
	cd "$BUNDLE"
	touch "$BATS_TEST_TMPDIR/seen"
	chmod 0666 "$BATS_TEST_TMPDIR/seen"
	start_container
	wait_until 5 test -e "$BUNDLE/rootfs/written"
	[ "$(cat "$OUTPUT")" = $'text\n0' ] || fail "$(cat "$OUTPUT")"
	[ "$(stat -c %u "$BUNDLE/rootfs/written")" = 100000 ]
	[ "$(jq -r .id "$BATS_TEST_TMPDIR/seen")" = "$ID" ]
	exec_in cat /tmp/file
	says text
}
