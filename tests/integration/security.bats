#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031 # expanded by jq, or by the shell in the container; run sets output and status in the test's shell
# One test for each flaw that runtimes had in create, run and exec. Each test fails with an implementation that walks paths of the
# image or trusts its files. $ROOTFS is the image, and $OUTSIDE has files that a container must not reach.

load helpers

setup() {
	setup_bundle
	own_rootfs
	OUTSIDE=$BATS_TEST_TMPDIR/outside
	mkdir -m 0777 "$OUTSIDE"
	echo host >"$OUTSIDE/file"
}

# Fails if something in $OUTSIDE was made, removed or changed.
untouched() {
	[ "$(find "$OUTSIDE" -mindepth 1)" = "$OUTSIDE/file" ] || fail "$(ls -lR "$OUTSIDE")"
	[ "$(cat "$OUTSIDE/file")" = host ]
	[ "$(stat -c %a "$OUTSIDE")" = 777 ]
	! grep -F "$OUTSIDE" /proc/self/mountinfo
}

bind_mount() { # SOURCE DESTINATION
	config '.mounts += [{type: "bind", source: $s, destination: $d, options: ["bind"]}]' --arg s "$1" --arg d "$2"
}

# https://nvd.nist.gov/vuln/detail/CVE-2019-5736: the host's binary overwritten through /proc/PID/exe.
# bats test_tags=user
@test "CVE-2019-5736: rung's binary cannot be written through /proc/PID/exe" {
	local before
	before=$(sha256sum <"$RUNG")
	process sleep 1000
	create_container
	local pid
	pid=$(init_pid)
	# the process waits for start and has not executed its program; "Text file busy" alone would protect any runtime's binary
	[ "$(stat -Lc %d:%i "/proc/$pid/exe" 2>/dev/null)" != "$(stat -Lc %d:%i "$RUNG")" ]
	run bash -c "exec 3<>/proc/$pid/exe"
	[ "$status" -ne 0 ]
	[[ $output == *'Text file busy' || $output == *'Read-only file system' || $output == *'Operation not permitted' || $output == *'Permission denied' ]]
	# also if it executes itself, as the interpreter of the program
	rung delete --force "$ID"
	echo '#!/proc/self/exe' >"$ROOTFS/bin/self"
	chmod 0755 "$ROOTFS/bin/self"
	process /bin/self
	run ! rung run -b "$BUNDLE" "$ID"
	mentions "this is rung's own stage" # which ends because it has no plan
	[ "$(sha256sum <"$RUNG")" = "$before" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2019-5736: /proc/PID/exe does not lead to a file of the host.
@test "CVE-2019-5736: the binary that a container sees is sealed or on a read-only superblock" {
	needs_root
	process sleep 1000
	create_container
	local pid
	pid=$(init_pid)
	[ "$(stat -Lc %d:%i "/proc/$pid/exe")" != "$(stat -Lc %d:%i "$RUNG")" ]
	cannot_be_written "$pid"
}

# With a closed standard stream the stage is spawned late, by other code.
@test "CVE-2019-5736: rung's binary cannot be written where a standard stream is closed" {
	needs_root
	process sleep 1000
	rung create -b "$BUNDLE" "$ID" <&- >/dev/null
	local pid
	pid=$(init_pid)
	cannot_be_written "$pid"
}

# Starts the container: when no process executes the stage any more, "Text file busy" does not protect it.
cannot_be_written() { # PID
	exec 9<"/proc/$1/exe"
	rung start "$ID"
	wait_until 5 executes_other "$1"
	LC_ALL=C run bash -c 'echo x >>/proc/self/fd/9'
	exec 9<&-
	[ "$status" -ne 0 ]
	[[ $output == *'Read-only file system' || $output == *'Operation not permitted' ]] || fail "$output"
}

executes_other() { # PID
	[ "$(stat -Lc %d:%i "/proc/$1/exe")" != "$(stat -Lc %d:%i /proc/self/fd/9)" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2019-16884: a mount of the bundle over /proc fakes the files that labels are written to.
# bats test_tags=user
@test "CVE-2019-16884: no mount over /proc or below it" {
	local destination
	for destination in /proc /proc/self /proc/self/attr /proc/../proc/self '//proc/self/'; do
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
		bind_mount "$OUTSIDE" "$destination"
		refused 'mounts[7]' '/proc'
	done
}

# bats test_tags=user
@test "CVE-2019-16884: no mount into /proc through a link of the image" {
	ln -s /proc/self/attr "$ROOTFS/innocent"
	bind_mount "$OUTSIDE" /innocent
	refused 'mounts[7]' 'too many levels of symbolic links'
}

# https://github.com/opencontainers/runc/issues/2197 (CVE-2019-19921), CVE-2023-27561, CVE-2023-28642, CVE-2025-54867
# bats test_tags=user
@test "CVE-2019-19921: /proc of the image is a symbolic link" {
	rmdir "$ROOTFS/proc"
	mkdir "$ROOTFS/elsewhere"
	ln -s /elsewhere "$ROOTFS/proc"
	refused 'mounts[0]'
	[ -z "$(ls -A "$ROOTFS/elsewhere")" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2025-54867
# bats test_tags=user
@test "CVE-2025-54867: /sys of the image is a symbolic link" {
	rmdir "$ROOTFS/sys"
	mkdir "$ROOTFS/elsewhere"
	ln -s /elsewhere "$ROOTFS/sys"
	if ! is_root; then
		config '(.mounts[] | select(.destination == "/sys")) = {destination: "/sys", type: "sysfs", source: "sysfs"} |
			.linux.namespaces += [{type: "network"}]'
	fi
	refused 'mounts[5]'
}

# https://nvd.nist.gov/vuln/detail/CVE-2021-30465, CVE-2019-18837: mount targets that are links out of the image.
# bats test_tags=user
@test "CVE-2021-30465: the target of a mount is a symbolic link to the host" {
	mkdir "$BUNDLE/data"
	echo data >"$BUNDLE/data/file"
	ln -s "$OUTSIDE" "$ROOTFS/target"
	bind_mount "$BUNDLE/data" /target
	config '.mounts += [{destination: "/target/below", type: "tmpfs", source: "tmpfs"}]'
	process cat "$OUTSIDE/file"
	run_container
	# the link was resolved in the root file system, so the new file belongs to the container
	says data
	untouched
}

# bats test_tags=user
@test "CVE-2021-30465: links with .. and links to links" {
	mkdir "$BUNDLE/data"
	mkdir "$ROOTFS/deep"
	ln -s "../../../../../../../../../../..$OUTSIDE" "$ROOTFS/deep/up"
	ln -s /deep/up "$ROOTFS/first"
	ln -s /proc/self/root "$ROOTFS/magic"
	bind_mount "$BUNDLE/data" /first/new
	bind_mount "$BUNDLE/data" /deep/up/new2
	bind_mount "$BUNDLE/data" /../../../../new3
	inside true
	untouched
	[ -d "$ROOTFS/new3" ]
	bind_mount "$BUNDLE/data" "/magic$OUTSIDE/new4"
	refused 'mounts[10]' /magic
	untouched
}

# https://nvd.nist.gov/vuln/detail/CVE-2024-45310: directories and files made through a link.
# bats test_tags=user
@test "CVE-2024-45310: missing mount targets are not made outside" {
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/file"
	ln -s "$OUTSIDE" "$ROOTFS/link"
	bind_mount "$BUNDLE/data" /link/a/b/c
	bind_mount "$BUNDLE/file" /link/d/e
	inside true
	untouched
	[ -d "$ROOTFS$OUTSIDE/a/b/c" ]
}

# bats test_tags=user
@test "CVE-2024-45310: a dangling symbolic link as a mount target" {
	touch "$BUNDLE/file"
	ln -s "$OUTSIDE/made" "$ROOTFS/etc/dangling"
	bind_mount "$BUNDLE/file" /etc/dangling
	inside true
	untouched
}

# https://github.com/opencontainers/runc/security/advisories/GHSA-xr7r-f8xq-vfvv (CVE-2024-21626)
# bats test_tags=user
@test "CVE-2024-21626: a working directory outside of the container" {
	local fd
	for fd in 3 4 5 6 7 8 9 10; do
		config '.process.cwd = $cwd' --arg cwd "/proc/self/fd/$fd"
		process sh -c "cat ../../../../../../../../..$OUTSIDE/file"
		refused process.cwd
		[[ $output != *host* ]]
	done
}

# bats test_tags=user
@test "CVE-2024-21626: exec with a working directory outside of the container" {
	start_sleeper
	local fd
	for fd in 3 4 5 6 7 8 9 10; do
		run rung exec --cwd "/proc/self/fd/$fd" "$ID" sh -c "cat ../../../../../../../../..$OUTSIDE/file"
		[ "$status" -ne 0 ] || fail "through descriptor $fd"
		# a descriptor may lead to the container's own root
		[[ $output == *process.cwd* || $output == *"can't open"* ]] || fail "$output"
		[[ $output != *host* ]]
	done
}

# https://nvd.nist.gov/vuln/detail/CVE-2016-9962, CVE-2024-21626: descriptors that lead to the host. A plain user may not see the
# descriptors of a process that is not dumpable.
@test "CVE-2024-21626: the descriptors of a container that waits for start lead nowhere" {
	needs_root
	process sleep 1000
	create_container
	local pid fd to seen=0
	pid=$(init_pid)
	for fd in "/proc/$pid/fd/"*; do
		seen=$((seen + 1))
		[ "${fd##*/}" -gt 2 ] || continue
		to=$(readlink "$fd")
		case $to in
		socket:* | pipe:* | anon_inode:*) ;;
		*) [ ! -d "$fd/" ] || fail "descriptor ${fd##*/}: $to is a directory" ;;
		esac
	done
	[ "$seen" -gt 3 ] || fail "only $seen descriptors"
}

# bats test_tags=user
@test "CVE-2024-21626: no descriptor of a container that waits for start can be opened from inside" {
	process sleep 1000
	create_container
	run rung exec "$ID" sh -c "for fd in /proc/1/fd/*; do cat \$fd/..$OUTSIDE/file \$fd/../../../../../..$OUTSIDE/file; done 2>/dev/null; echo end"
	says end
}

# bats test_tags=user
@test "CVE-2024-21626: descriptors of the caller do not get in" {
	exec 7<"$OUTSIDE"
	process ls /proc/self/fd
	run_container
	local first=$output
	start_sleeper
	exec_in ls /proc/self/fd
	exec 7<&-
	# descriptor 3 is the directory that ls reads
	[ "$first" = $'0\n1\n2\n3' ] || fail "$first"
	says "$first"
}

# https://nvd.nist.gov/vuln/detail/CVE-2022-29162, CVE-2022-27650, CVE-2022-24769, CVE-2025-27612
# bats test_tags=user
@test "CVE-2022-29162: inheritable and ambient capabilities are empty unless asked for" {
	inside 'sed -n "s/^Cap\(Inh\|Amb\):\s*0*//p" /proc/self/status'
	[ -z "$(tr -d '\n' <<<"$output")" ]
	start_sleeper
	run rung exec --cap CAP_KILL --cap CAP_CHOWN "$ID" sed -n 's/^Cap\(Inh\|Amb\):\s*0*//p' /proc/self/status
	[ "$status" -eq 0 ]
	[ -z "$(tr -d '\n' <<<"$output")" ]
}

# https://github.com/opencontainers/runc/security/advisories/GHSA-9493-h29p-rfm2 (CVE-2025-31133), CVE-2025-62161
@test "CVE-2025-31133: a mask is no file of the image" {
	needs_root
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	ln -s "$OUTSIDE/file" "$ROOTFS/dev/null"
	echo secret >"$ROOTFS/etc/secret"
	config '.linux.maskedPaths = ["/etc/secret"]'
	process cat /etc/secret
	run_container
	says ''
	[ "$status" -eq 0 ]
	untouched
}

# bats test_tags=user
@test "CVE-2025-31133: a masked path that is a link to the host" {
	ln -s "$OUTSIDE/file" "$ROOTFS/etc/link"
	config '.linux.maskedPaths += ["/etc/link"] | .linux.readonlyPaths += ["/etc/link"]'
	inside true
	untouched
}

# https://github.com/opencontainers/runc/security/advisories/GHSA-qw9x-cqr3-wc7r (CVE-2025-52565), CVE-2025-62596
@test "CVE-2025-52565: /dev/console and /dev/pts/ptmx of the image" {
	needs_root
	local console=$RUNG_TEST_COMMANDS/console
	[ -x "$console" ] || skip "needs the programs of tests/cmd: make test-commands"
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.terminal = true'
	mkdir "$ROOTFS/dev/pts"
	ln -s "$OUTSIDE/file" "$ROOTFS/dev/pts/ptmx"
	ln -s "$OUTSIDE/file" "$ROOTFS/dev/console"
	process true
	run "$console" -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	mentions process.terminal fstatfs # the check fails before rung opens a file there
	untouched
}

# The container has CAP_MKNOD, and its device rules forbid it to open the nodes that it makes.
@test "a terminal of exec: what the container has put in the place of its ptmx is not opened" {
	needs_root
	local console=$RUNG_TEST_COMMANDS/console
	[ -x "$console" ] || skip "needs the programs of tests/cmd: make test-commands"
	config '.process.capabilities |= map_values(. + ["CAP_MKNOD"])'
	process sh -c 'rm /dev/ptmx; mknod /dev/ptmx c 1 1; exec sleep 1000'
	start_container
	wait_until 10 exec_in test -c /dev/ptmx
	run "$console" -- "$RUNG" --root "$STATE" exec -t "$ID" sh -c 'tty; ls /dev/pts'
	[ "$status" -eq 0 ] || fail "$output"
	mentions /dev/pts/0
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-88264: /dev/console is a link, and the runtime makes a file of root on the host.
@test "CVE-2026-88264: /dev/console of the image is a dangling link" {
	needs_root
	local console=$RUNG_TEST_COMMANDS/console
	[ -x "$console" ] || skip "needs the programs of tests/cmd: make test-commands"
	config '(.mounts[] | select(.destination == "/dev")) = {destination: "/dev", type: "bind", source: "dev", options: ["rbind"]}
		| .process.terminal = true'
	mkdir "$BUNDLE/dev" "$BUNDLE/dev/pts" "$BUNDLE/dev/shm" "$BUNDLE/dev/mqueue"
	ln -s "$OUTSIDE/made" "$BUNDLE/dev/console"
	ln -s pts/ptmx "$BUNDLE/dev/ptmx"
	process true
	run "$console" -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	mentions process.terminal /dev/console
	untouched
	[ ! -e "$ROOTFS$OUTSIDE/made" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-88265: /dev/null is a link, and the runtime opens its target as a stream and chowns it.
@test "CVE-2026-88265: /dev/null of the image is a link" {
	needs_root
	config 'del(.mounts[] | select(.destination | startswith("/dev"))) | .process.user = {uid: 1000, gid: 1000}'
	local owner
	owner=$(stat -c %u "$OUTSIDE/file")
	ln -s "$OUTSIDE/file" "$ROOTFS/dev/null"
	process cat
	run -0 rung run -b "$BUNDLE" "$ID" </dev/null
	[ -s "$OUTSIDE/file" ]
	says '' # not what is in that file
	untouched
	[ "$(stat -c %u "$OUTSIDE/file")" = "$owner" ]
	[ "$(stat -c %t:%T:%u /dev/null)" = 1:3:0 ]
}

@test "CVE-2026-88265: /dev/null of the image is a file" {
	needs_root
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	echo content >"$ROOTFS/dev/null"
	run -1 rung run -b "$BUNDLE" "$ID" </dev/null
	mentions 'no such device'
}

# https://nvd.nist.gov/vuln/detail/CVE-2025-52881: mounts of the image redirect writes to /proc.
@test "CVE-2025-52881: sysctls and labels are not written through the container's /proc" {
	needs_root
	config '.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .linux.sysctl = {"net.ipv4.ip_forward": "1"} | .process.oomScoreAdj = 77'
	mkdir -p "$ROOTFS/proc/sys/net/ipv4" "$ROOTFS/proc/self"
	ln -s "$OUTSIDE/file" "$ROOTFS/proc/sys/net/ipv4/ip_forward"
	ln -s "$OUTSIDE/file" "$ROOTFS/proc/self/oom_score_adj"
	start_sleeper
	untouched
	[ "$(cat "/proc/$(init_pid)/oom_score_adj")" = 77 ]
	[ "$(nsenter --net="/proc/$(init_pid)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-41579, CVE-2026-47766: the runtime makes nodes and links on the host.
@test "CVE-2026-41579: /dev of the image is a link" {
	needs_root
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	rmdir "$ROOTFS/dev"
	ln -s "$OUTSIDE" "$ROOTFS/dev"
	inside true
	untouched
	[ -c "$ROOTFS$OUTSIDE/null" ]
	rm "$ROOTFS/dev"
	ln -s "../../../../../../..$OUTSIDE" "$ROOTFS/dev"
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	config '.root = {path: "rootfs"}'
	inside '[ -c /dev/null ] && echo x >/dev/null'
	untouched
}

# A volume is the host's: no device of the container must be made in it, whatever the image's /dev leads to.
@test "CVE-2026-41579: /dev of the image is a link to a volume" {
	needs_root
	local kind
	rmdir "$ROOTFS/dev"
	mkdir -p "$BUNDLE/volume" "$ROOTFS/data"
	config '.linux.devices = [{path: "/dev/sub/node", type: "c", major: 1, minor: 3}]'
	bind_mount "$BUNDLE/volume" /data bind
	for kind in tmpfs none; do
		[ $kind = tmpfs ] || config 'del(.mounts[] | select(.destination | startswith("/dev")))'
		ln -sfn data "$ROOTFS/dev"
		process true
		run_container
		[ "$kind" = tmpfs ] || mentions "open /dev, which is a link: openat2: invalid cross-device link (the image's /dev is a link into another mount"
		[ -z "$(ls -A "$BUNDLE/volume")" ] || fail "$kind: $(ls -l "$BUNDLE/volume")"
	done
}

@test "CVE-2026-41579: the directory of a device is a link" {
	needs_root
	ln -s "$OUTSIDE" "$ROOTFS/opt"
	config '.linux.devices = [{path: "/opt/node", type: "c", major: 1, minor: 3}]'
	inside true
	untouched
	[ -c "$ROOTFS$OUTSIDE/node" ]
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-115521: the image redirects a read-only remount.
@test "CVE-2026-115521: a late read-only tmpfs becomes read-only where it was mounted" {
	needs_root
	mkdir "$BUNDLE/data"
	mkdir "$ROOTFS/real"
	ln -s /real "$ROOTFS/link"
	config '.mounts += [{destination: "/link", type: "tmpfs", source: "tmpfs", options: ["ro"]}]'
	inside 'touch /real/x 2>&1 || true; grep " /real " /proc/self/mountinfo | cut -d" " -f6'
	[[ ${lines[0]} == *'Read-only file system' ]]
	[[ ${lines[1]} == ro* ]]
}

# https://nvd.nist.gov/vuln/detail/CVE-2023-25809: rootless, without a cgroup namespace, the host's tree was writable.
# bats test_tags=user-only
@test "CVE-2023-25809: no writable cgroup tree of the host for a plain user" {
	config '(.mounts[] | select(.type == "cgroup")).options = ["rw"]'
	no_namespace cgroup
	inside 'find /sys/fs/cgroup -mindepth 1 -type d | while read -r dir; do
			if mkdir "$dir/rung-test" 2>/dev/null; then echo "$dir" && rmdir "$dir/rung-test"; fi
			echo >>seen
		done
		[ -s seen ] && echo end'
	# On v1 the mount shows rung's own cgroup or the container's. If systemd has delegated it, it belongs to the user.
	local own
	own=$(v1_mount name=systemd)$(sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup)
	if ! is_v2 && [ -w "$own" ]; then says $'/sys/fs/cgroup/systemd\nend'; else says end; fi
}

# https://nvd.nist.gov/vuln/detail/CVE-2026-30892: exec -u with text that is no number ran as another user.
# bats test_tags=user
@test "CVE-2026-30892: exec --user is parsed strictly" {
	start_sleeper
	local user
	run -0 rung exec --user 0:0 "$ID" id -u
	for user in 1000x ' 0' 0:x 0: :0 0:0:0 -1 4294967296 +1 0x0 1000:1000garbage; do
		run rung exec --user "$user" "$ID" id
		[ "$status" -ne 0 ] || fail "'$user' was taken: $output"
	done
}

# The test for GHSA-g54h-m393-cpwq is in cgroups.bats: no device is allowed by default.

# https://nvd.nist.gov/vuln/detail/CVE-2021-43784: lengths overflow in the message to init.
@test "CVE-2021-43784: very long values reach the process whole" {
	needs_root
	config '.process.env += ["LONG=" + ("x" * 70000)] | .process.args = ["sh", "-c", "echo ${#LONG}; echo ${#1}", "sh", ("y" * 90000)]'
	run_container
	says $'70000\n90000'
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [range(0; 340) | {containerID: ., hostID: (1000 + . * 2), size: 1}]
		| .linux.gidMappings = .linux.uidMappings'
	process sh -c 'wc -l </proc/self/uid_map'
	run_container
	says 340
}

# Processes of the joined PID namespace must not be able to trace the new process before its identity is set.
@test "a container that joins a PID namespace cannot look into rung's process" {
	needs_root
	start_sleeper
	local pid second=$ID-second
	pid=$(init_pid)
	config '(.linux.namespaces[] | select(.type == "pid")).path = $path' --arg path "/proc/$pid/ns/pid"
	rung create -b "$BUNDLE" "$second" </dev/null >/dev/null 2>&1
	run rung exec "$ID" sh -c 'for p in /proc/[0-9]*; do [ "$(cat $p/comm)" != rung:init ] || ls -l $p/fd $p/exe $p/root/; done 2>&1'
	mentions denied
	[[ $output != *'->'* ]]
}

# bats test_tags=user
@test "the container's root cannot be left by .. or by /proc/1/root" {
	inside "cat /../../..$OUTSIDE/file /proc/1/root$OUTSIDE/file /proc/1/cwd/../../..$OUTSIDE/file 2>/dev/null || true"
	says ''
}

# bats test_tags=user
@test "the id of a container cannot lead out of the state directory" {
	local id
	for id in ../escape . .. a/b '' $'a\nb' 'a b' '-x/y'; do
		run rung run -b "$BUNDLE" -- "$id"
		[ "$status" -ne 0 ] || fail "'$id' was taken"
	done
	[ ! -e "$BATS_TEST_TMPDIR/escape" ]
}

# Between pivot_root and umount2 the host's root lies on the container's: there a ".." of the image's links leads to the host.
# Who looks for the program at that moment finds one of the host's, and the container does not start.
@test "a program is not looked for on the host while its root lies on the container's" {
	needs_root
	local name round
	name=$(cd /usr/sbin && find . -maxdepth 1 -type f -perm -0001 -printf '%f\n' | sort | head -n 1)
	[ -n "$name" ] && [ ! -e "$ROOTFS/sbin/$name" ]
	[ "$(readlink "$ROOTFS/usr/sbin")" = ../sbin ]
	ln -sf busybox "$ROOTFS/bin/sh"
	printf '#!/bin/sh\necho inside\n' >"$ROOTFS/bin/$name"
	chmod 0755 "$ROOTFS/bin/$name"
	process "$name"
	# so many directories that the search takes longer than all that the stage does meanwhile
	config '.process.env = ["PATH=" + ([range(2000) | "/usr/sbin"] | join(":")) + ":/bin"]'
	for ((round = 0; round < 10; round++)); do
		create_container
		rung start "$ID" >"$BATS_TEST_TMPDIR/started" 2>&1 || fail "round $round: $(cat "$BATS_TEST_TMPDIR/started")"
		rung delete --force "$ID"
	done
}
