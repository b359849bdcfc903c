#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2016 # expanded by jq, or by the shell in the container
# linux.devices, the default devices and the links in /dev. Device rules are in cgroups.bats.

load helpers

@test "the default devices" {
	needs_root
	inside 'cd /dev && stat -c "%n %F %t:%T %a %u:%g" full null random tty urandom zero'
	says 'full character special file 1:7 666 0:0
null character special file 1:3 666 0:0
random character special file 1:8 666 0:0
tty character special file 5:0 666 0:0
urandom character special file 1:9 666 0:0
zero character special file 1:5 666 0:0'
}

# bats test_tags=user
@test "the default devices work" {
	inside 'echo x >/dev/null && [ -z "$(cat /dev/null)" ] && head -c 3 /dev/zero | wc -c && head -c 5 /dev/urandom | wc -c
		echo x 2>&1 >/dev/full || echo full'
	[ "${lines[0]}" = 3 ]
	[ "${lines[1]}" = 5 ]
	[ "${lines[-1]}" = full ]
}

# bats test_tags=user
@test "the links in /dev" {
	inside 'cd /dev && for l in fd stdin stdout stderr ptmx; do echo "$l $(readlink $l)"; done'
	says 'fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
ptmx pts/ptmx'
}

# bats test_tags=user
@test "nothing else is in /dev" {
	inside 'ls -A /dev | tr "\n" " "'
	local want='fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero '
	[ ! -e /proc/kcore ] || want="core $want"
	says "$want"
}

@test "linux.devices: kinds, numbers, modes and owners" {
	needs_root
	config '.linux.devices = [
		{path: "/dev/character", type: "c", major: 1, minor: 3, fileMode: 438, uid: 11, gid: 12},
		{path: "/dev/unbuffered", type: "u", major: 1, minor: 5, fileMode: 420},
		{path: "/dev/block", type: "b", major: 7, minor: 300, fileMode: 384, uid: 5},
		{path: "/dev/fifo", type: "p", fileMode: 432},
		{path: "/dev/deep/down/plain", type: "c", major: 1, minor: 7}]'
	inside 'cd /dev && stat -c "%n %F %t:%T %a %u:%g" character unbuffered block fifo deep/down/plain'
	says 'character character special file 1:3 666 11:12
unbuffered character special file 1:5 644 0:0
block block special file 7:12c 600 5:0
fifo fifo 0:0 660 0:0
deep/down/plain character special file 1:7 666 0:0'
}

# crun 1.14, runc#3661: neither rung's umask nor that of the process changes the mode of a device.
@test "the umask does not reach the mode of devices" {
	needs_root
	config '.linux.devices = [{path: "/dev/open", type: "c", major: 1, minor: 3, fileMode: 511}] | .process.user.umask = 63'
	process sh -c 'stat -c %a /dev/open /dev/null; umask'
	run bash -c 'umask 0077; "$@"' sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says $'777\n666\n0077'
}

@test "a default device that linux.devices names takes its mode from there" {
	needs_root
	config '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 384, gid: 9}]'
	inside 'stat -c "%a %g" /dev/null'
	says '600 9'
}

# runc refuses the numbers; the specification allows to ignore them.
@test "a FIFO that has numbers" {
	needs_root
	config '.linux.devices = [{path: "/dev/fifo", type: "p", major: 1, minor: 2}]'
	inside 'stat -c %F /dev/fifo'
	says fifo
}

@test "a device outside of /dev" {
	needs_root
	own_rootfs
	config '.linux.devices = [{path: "/run/zero", type: "c", major: 1, minor: 5}]'
	inside 'head -c 2 /run/zero | wc -c'
	says 2
}

@test "devices in a user namespace are those of the host" {
	needs_root
	map_ids
	inside 'stat -c "%n %t:%T" /dev/null /dev/zero /dev/tty; echo x >/dev/null'
	says '/dev/null 1:3
/dev/zero 1:5
/dev/tty 5:0'
}

# runc binds the host's file at that path, and fails if there is none.
@test "a device that the host lacks, or has as another one, is made, in a user namespace too" {
	needs_root
	needs_capability CAP_MKNOD
	config '.linux.devices = [{path: "/dev/only-inside", type: "c", major: 1, minor: 3, fileMode: 432, uid: 7, gid: 8},
		{path: "/dev/vcs/kmsg", type: "b", major: 7, minor: 9}, {path: "/dev/kmsg", type: "c", major: 1, minor: 5, fileMode: 438}]'
	inside 'echo x >/dev/only-inside; cd /dev; stat -c "%n %F %t:%T %a %u:%g" only-inside vcs/kmsg kmsg; head -c 2 kmsg | od -An -tx1'
	local want=$output
	map_ids
	inside 'echo x >/dev/only-inside; cd /dev; stat -c "%n %F %t:%T %a %u:%g" only-inside vcs/kmsg kmsg; head -c 2 kmsg | od -An -tx1'
	says "$want"
	mentions "only-inside character special file 1:3 660 7:8"
	[ "${lines[-1]}" = ' 00 00' ]
}

# bats test_tags=user-only
@test "a plain user may make no devices" {
	config '.linux.devices = [{path: "/dev/only-inside", type: "c", major: 1, minor: 3}]'
	refused 'linux.devices[0]' 'no such file or directory'
	config '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 5}]'
	refused 'linux.devices[0]' 'another device' 'operation not permitted'
}

# runc#3276: a read-only /dev still gets its devices and links.
# bats test_tags=user
@test "a read-only /dev" {
	config '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
	inside 'ls /dev/null /dev/ptmx; touch /dev/x 2>&1 || true'
	mentions /dev/null /dev/ptmx 'Read-only file system'
}

@test "a /dev that the bundle binds is left as it is" {
	needs_root
	mkdir "$BUNDLE/dev"
	touch "$BUNDLE/dev/mark"
	config 'del(.mounts[] | select(.destination | startswith("/dev")))
		| .mounts += [{destination: "/dev", type: "bind", source: "dev", options: ["bind"]}]'
	inside 'ls /dev'
	says mark
}

@test "without a mount on /dev the nodes are in the root file system" {
	needs_root
	own_rootfs
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	inside 'stat -c %t:%T /dev/null; readlink /dev/fd'
	says $'1:3\n/proc/self/fd'
}

# bats test_tags=user
@test "an unknown type of device is refused with the field" {
	config '.linux.devices = [{path: "/dev/odd", type: "x", major: 1, minor: 3}]'
	refused 'linux.devices[0]'
}

# config-linux.md, "Devices": an error if a file is there that does not match. runc keeps the file.
@test "what is at the path of a device already must be that device" {
	needs_root
	own_rootfs
	echo text >"$ROOTFS/run/zero"
	config '.linux.devices = [{path: "/run/zero", type: "c", major: 1, minor: 5}]'
	refused 'linux.devices[0]' '/run/zero is there already, and must be the device' 'remove the file from the image'
	run -1 rung explain
	mentions '/run/zero is there already, and must be the device'
	rm "$ROOTFS/run/zero"
	ln -s /dev/zero "$ROOTFS/run/zero"
	refused 'linux.devices[0]' 'must be the device'
	rm "$ROOTFS/run/zero"
	mknod "$ROOTFS/run/zero" c 1 5
	mkfifo "$ROOTFS/run/fifo"
	config '.linux.devices += [{path: "/run/fifo", type: "p", major: 3}]'
	inside 'head -c 2 /run/zero | wc -c'
	says 2
	config '.linux.devices = [{path: "/dev/twice", type: "c", major: 1, minor: 5}, {path: "/dev/twice", type: "c", major: 1, minor: 3}]'
	refused 'linux.devices[1]' 'must be the device'
	config '.linux.devices = [{path: "/dev/zero/x", type: "c", major: 1, minor: 5}]'
	refused 'linux.devices[0].path' '/dev/zero is a device, and no directory for another one'
}

# runc accepts such rules, and its own tests use one.
@test "a rule that denies may name more than r, w and m, where nothing else is allowed" {
	needs_root
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "rwm"},
		{allow: false, type: "c", major: 1, minor: 11, access: "rwa"}]'
	process sleep 1000
	create_container
	grep 'linux.resources.devices\[2\].access: ignoring what is not r, w or m in .*rwa' "$OUTPUT"
	[ -n "$(v1_mount devices)" ] || return 0 # the program of v2 cannot be read
	cgroup_value devices devices.list | grep -x 'c 1:11 m'
}

@test "a rule that allows may not" {
	needs_root
	config '.linux.resources.devices = [{allow: true, type: "c", major: 1, minor: 222, access: "rwa"}]'
	refused 'linux.resources.devices[0].access' 'not made of r, w and m'
}

# A service with PrivateDevices=, or a container that rung runs in, may have every right except this one.
@test "devices: those of the host where rung may make none" {
	needs_root
	process sh -c 'ls -l /dev/null /dev/full | awk "{ print \$5, \$6 }"; echo x >/dev/null && head -c 1 /dev/zero | wc -c'
	run setpriv --bounding-set -mknod "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says $'1, 7\n1, 3\n1'
	config '.linux.devices = [{path: "/dev/none", type: "c", major: 240, minor: 7}]'
	run setpriv --bounding-set -mknod "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'linux.devices[0]' /dev/none 'no such file or directory'
}

# ---- /dev of the image is a link ------------------------------------------------------------------------------------

# In a directory that only the image has: $1 is what /dev is a link to, the others make what that needs.
dev_is() { # TARGET [COMMAND...]
	own_rootfs
	rmdir "$ROOTFS/dev"
	(cd "$ROOTFS" && "${@:2}")
	ln -s "$1" "$ROOTFS/dev"
}

works_in_dev() {
	process sh -c 'echo x >/dev/null && head -c 1 /dev/zero | wc -c; ls -d /dev/pts/ptmx /dev/shm/; readlink /dev/stdout; ls /hidden; cd -P /dev && pwd'
}

# As with runc and crun: mounts, devices, links and masks are where the link leads to, inside the root.
# bats test_tags=user
@test "the image's /dev is a link: relative, absolute, a chain, out of the root, dangling" {
	local link
	for link in d /d one ../../../d ../../../../../../../missing/d; do
		rm -rf "${BUNDLE:?}/rootfs"
		dev_is "$link" mkdir -p d hidden/x
		ln -s two "$ROOTFS/one"
		ln -s /d "$ROOTFS/two"
		works_in_dev
		config '.linux.maskedPaths = ["/hidden", "/dev/shm/none"] | .process.cwd = "/"'
		run_container
		[ "${lines[*]:0:4}" = '1 /dev/pts/ptmx /dev/shm/ /proc/self/fd/1' ] || fail "$link: $output"
		[[ ${lines[4]} == /d || ${lines[4]} == /missing/d ]] || fail "$link: $output"
		[ "${#lines[@]}" = 5 ] || fail "$link: $output"
	done
}

@test "the image's /dev is a link, and nothing is mounted there" {
	needs_root
	dev_is d mkdir d
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	inside 'echo x >/d/null && ls -l /dev/null /d/tty | cut -c1; readlink /d/ptmx'
	says $'c\nc\npts/ptmx'
	rm -rf "$ROOTFS/d"
	inside 'echo x >/dev/null; ls -d /d/null'
	says /d/null
}

# bats test_tags=user
@test "the image's /dev is a link in a circle, or into /proc, or to a file: refused" {
	dev_is loop ln -s dev loop
	refused /dev 'too many levels of symbolic links'
	ln -sfn /proc/self "$ROOTFS/dev"
	refused /dev 'too many levels of symbolic links'
	ln -sfn /etc/passwd "$ROOTFS/dev"
	refused /dev 'not a directory'
	config 'del(.mounts[] | select(.destination | startswith("/dev")))'
	refused /dev 'not a directory'
	ln -sfn /proc/self "$ROOTFS/dev"
	refused /dev 'too many levels of symbolic links'
}

# bats test_tags=user
@test "the image's /dev is a link: the console is there too" {
	[ -x "$RUNG_TEST_COMMANDS/console" ] || skip "needs the programs of tests/cmd: make test-commands"
	dev_is d mkdir d
	config '.process.terminal = true'
	process sh -c 'echo x >/d/console; [ -c /dev/console ] && grep -c " /d/console " /proc/self/mountinfo'
	run "$RUNG_TEST_COMMANDS/console" -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "${output//$'\r'/}" = $'x\n1' ] || fail "$output"
}

# The last mount at /dev is the container's.
@test "two mounts at /dev, and a bind mount over one" {
	needs_root
	config '.mounts |= map(if .destination == "/dev" then (., .options += ["size=1m"]) else . end)'
	inside 'echo x >/dev/null && df -k /dev | tail -n 1 | tr -s " " | cut -d" " -f2'
	says 1024
	own_rootfs
	mkdir "$BUNDLE/dev"
	config '.mounts |= map(select(.destination | startswith("/dev/") | not)) | .process.terminal = false'
	add_mount "{\"destination\": \"/dev\", \"source\": \"$BUNDLE/dev\", \"options\": [\"bind\"]}"
	process true
	run_container
	[ -z "$(ls -A "$BUNDLE/dev")" ] || fail "$(ls "$BUNDLE/dev")"
}

# ---- the filter of cgroup v2 ----------------------------------------------------------------------------------------

# Runs rung where cgroup v2 is the only hierarchy, also on a hybrid machine.
rung_on_v2() { # ARGUMENT...
	unshare --mount --propagation private bash -c '
		! mountpoint -q /sys/fs/cgroup/unified || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
		exec "$@"' - "$RUNG" --root "$STATE" "$@" 3>&-
}

# Starts a container that reads the device /dev/probe and sleeps.
start_reader() { # ID
	OUTPUT=$BATS_TEST_TMPDIR/$1
	rung_on_v2 run --detach -b "$BUNDLE" "$1" </dev/null >"$OUTPUT" 2>&1 || fail "$(cat "$OUTPUT")"
	wait_until 10 grep -q . "$OUTPUT"
}

@test "cgroup v2: containers with the same rules share a filter, with other rules none, and a wrong table changes no rule" {
	needs_root
	[ -d /sys/fs/cgroup/unified ] || is_v2 || skip "needs a cgroup v2 hierarchy"
	local table=$STATE/.devices~ first id
	config 'del(.linux.resources) | .linux.cgroupsPath = "" | .linux.devices = [{path: "/dev/probe", type: "c", major: 1, minor: 222}]
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: false, type: "c", major: 1, minor: 222, access: "r"}]'
	process sh -c 'dd if=/dev/probe of=/dev/null count=0; exec sleep 1000' # a number of no driver: ENXIO where it is allowed
	start_reader "$ID"
	grep -q 'not permitted' "$OUTPUT"
	first=$(cksum "$table")
	[ "$(stat -c '%a %u' "$table")" = "600 0" ]
	start_reader "$ID-same"
	grep -q 'not permitted' "$OUTPUT"
	[ "$(cksum "$table")" = "$first" ] # it loaded no program

	head -c 4096 /dev/urandom >"$table"
	start_reader "$ID-random"
	grep -q 'not permitted' "$OUTPUT"
	ln -sf /dev/full "$table"
	start_reader "$ID-none"
	grep -q 'not permitted' "$OUTPUT"
	run rung list -q
	says "$ID
$ID-none
$ID-random
$ID-same"
	config '.linux.resources.devices[1].allow = true'
	start_reader "$ID-other"
	grep -q 'No such device' "$OUTPUT"
	for id in "$ID" "$ID"-{same,random,none,other}; do
		rung_on_v2 delete --force "$id"
	done
}
