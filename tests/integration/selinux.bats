#!/usr/bin/env bats
# bats file_tags=selinux
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq, or by the shell in the container; variables of helpers
# SELinux: the labels of processes, of their mounts and of their keyrings. The tests run in the machine of tests/vm with --lsm
# selinux and the policy tests/vm/guest/policy.cil: container_t may use container_file_t if it has the file's categories, and
# reader_t may also read host_file_t.

load helpers

file=u:object_r:container_file_t:s0

setup() {
	grep -qs '^u:r:host_t:' /proc/self/attr/current || skip "needs SELinux with the policy of tests/vm"
	setup_bundle
	own_rootfs
	chcon -R $file "$ROOTFS"
	label container_t
}

# The label has a comma between its categories, and a comma also separates mount options.
label() { # TYPE
	config '.process.selinuxLabel = $process | .linux.mountLabel = $mount' --arg process "u:r:$1:s0:c1,c2" --arg mount $file:c1,c2
}

# Prints the label of a process as /proc shows it: a comma separates two adjacent categories.
of() { # TYPE
	echo "u:r:$1:s0:c1,c2"
}

enforcing() {
	[ "$(cat /sys/fs/selinux/enforce)" = 1 ]
}

needs_enforcing() {
	enforcing || skip "needs enforcing=1 on the kernel's command line"
}

# Prints the labels of the container's files as the host sees them, one a line.
labels() { # PATH...
	stat -c '%n %C' "${@/#//proc/$(init_pid)/root}" | sed 's,^/proc/[0-9]*/root,,'
}

# The kernel's log must show that something was denied to a container of this type, or would have been.
denied() { # TYPE
	dmesg | grep -E "avc: +denied .*scontext=u:r:$1:s0:c1,c2 .*tcontext=u:object_r:"
}

# ---- processes ------------------------------------------------------------------------------------------------------

@test "selinux: the label of init, by run, and by create and start" {
	inside 'cat /proc/self/attr/current'
	says "$(of container_t)"
	create_container
	[[ $(tr -d '\0' <"/proc/$(init_pid)/attr/current") == u:r:host_t:* ]] # until it executes the program
	rung start "$ID"
	rung delete --force "$ID"
	start_sleeper
	[ "$(tr -d '\0' <"/proc/$(init_pid)/attr/current")" = "$(of container_t)" ]
}

@test "selinux: what exec starts has the container's label, or one of its own" {
	start_sleeper
	exec_in cat /proc/self/attr/current
	says "$(of container_t)"
	run -0 rung exec --process-label u:r:reader_t:s0:c1,c2 "$ID" cat /proc/self/attr/current
	says "$(of reader_t)"
	jq '.process | .selinuxLabel = "u:r:reader_t:s0:c1,c2" | .args = ["cat", "/proc/self/attr/current"]' config.json >process.json
	run -0 rung exec --process process.json "$ID"
	says "$(of reader_t)"
}

@test "selinux: without a label the process has its caller's" {
	config 'del(.process.selinuxLabel)'
	inside 'cat /proc/self/attr/current'
	says "$(tr -d '\0' </proc/self/attr/current)"
}

@test "selinux: a label that the policy does not know is an error that names the field" {
	config '.process.selinuxLabel = "u:r:nobody_t:s0"'
	refused process.selinuxLabel 'the SELinux policy does not know this label'
	label container_t
	config '.linux.mountLabel = "u:object_r:nothing_t:s0"'
	refused linux.mountLabel 'the SELinux policy does not know the label'
	label container_t
	start_sleeper
	run -255 rung exec --process-label u:r:nobody_t:s0 "$ID" true
	mentions process.selinuxLabel 'the SELinux policy does not know this label'
	[ "${#lines[@]}" -eq 1 ]
}

@test "selinux: with no new privileges, a filter and a user namespace" {
	map_ids
	chown -R 100000:100000 "$ROOTFS"
	config '.process.noNewPrivileges = true | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
	inside 'cat /proc/self/attr/current'
	says "$(of container_t)"
}

# https://nvd.nist.gov/vuln/detail/CVE-2025-52881
@test "selinux: the label is written to a real procfs, not to the container's /proc" {
	config '.mounts |= map(select(.destination != "/proc")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	mkdir -p "$ROOTFS"/proc/{self,thread-self}/attr
	touch "$ROOTFS"/proc/{self,thread-self}/attr/{exec,keycreate}
	start_sleeper
	[ "$(tr -d '\0' <"/proc/$(init_pid)/attr/current")" = "$(of container_t)" ]
	[ -z "$(find "$ROOTFS/proc" -type f -size +0)" ]
}

# ---- keyrings -------------------------------------------------------------------------------------------------------

# KEYCTL_GET_SECURITY
key_label() { # ID OF A KEY
	perl -e 'my $b = "\0" x 256; syscall(250, 17, hex shift, $b, 256) >= 0 or die $!; $b =~ s/\0.*//s; print $b' "$1"
}

@test "selinux: the session keyring has the process's label, and later keys have none set" {
	config '.linux.maskedPaths = []'
	start_sleeper
	[ "$(key_label "$(awk -v name="_ses.$ID:" '$9 == name { print $1 }' /proc/keys)")" = "$(of container_t)" ]
	[ -z "$(tr -d '\0' <"/proc/$(init_pid)/attr/keycreate")" ]
	exec_in sh -c "cat /proc/self/attr/keycreate; grep -c '_ses.$ID' /proc/keys"
	says 1
}

# ---- files ----------------------------------------------------------------------------------------------------------

mounted() {
	add_mount '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]}'
	add_mount '{"destination": "/queue", "type": "mqueue", "source": "mqueue"}'
	mkdir -p "$BUNDLE/bound" "$ROOTFS"/{data,queue,bound}
	add_mount "$(jq -n --arg dir "$BUNDLE/bound" '{destination: "/bound", type: "bind", source: $dir, options: ["bind"]}')"
}

@test "selinux: new file systems have the mount label, and so have their files" {
	mounted
	process sh -c 'touch /data/file /dev/shm/file; exec sleep 1000'
	start_container
	wait_until 5 test -e "/proc/$(init_pid)/root/dev/shm/file"
	run -0 labels /data /data/file /dev /dev/null /dev/zero /dev/pts /dev/pts/ptmx /dev/shm /dev/shm/file /queue
	says "$(printf "%s $file:c1,c2\n" /data /data/file /dev /dev/null /dev/zero /dev/pts /dev/pts/ptmx /dev/shm /dev/shm/file /queue)"
}

@test "selinux: proc, sysfs, cgroups and bind mounts keep their labels" {
	mounted
	chcon u:object_r:host_file_t:s0:c3 "$BUNDLE/bound"
	start_sleeper
	run -0 labels / /proc /sys /sys/fs/cgroup /bound
	says "/ $file
/proc u:object_r:system_file_t:s0
/sys u:object_r:system_file_t:s0
/sys/fs/cgroup u:object_r:system_file_t:s0
/bound u:object_r:host_file_t:s0:c3"
}

# https://github.com/containers/buildah/issues/6071: Buildah before 1.41 leaves z and Z to the runtime, which has no policy to
# relabel by.
@test "selinux: z and Z of a bind mount, which keeps its label" {
	mkdir "$BUNDLE/data"
	chcon $file "$BUNDLE/data"
	config '.mounts += [{type: "bind", source: $s, destination: "/a", options: ["bind", "z"]},
		{type: "bind", source: $s, destination: "/b", options: ["rbind", "Z"]}]' --arg s "$BUNDLE/data"
	start_sleeper
	[ "$(labels /a /b)" = "/a $file
/b $file" ]
}

@test "selinux: mount labels by mount(2), of a copy, of an id-mapped tmpfs, of masks" {
	mkdir "$ROOTFS"/{long,copied,hidden}
	echo text >"$ROOTFS/copied/file"
	add_mount '{"destination": "/long", "type": "tmpfs", "source": "tmpfs", "options": ["iversion"]}'
	add_mount '{"destination": "/copied", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	config '.linux.maskedPaths += ["/hidden"]'
	start_sleeper
	run -0 labels /long /copied /copied/file /hidden
	says "$(printf "%s $file:c1,c2\n" /long /copied /copied/file /hidden)"
}

@test "selinux: a mount's own context counts, without a mount label" {
	config 'del(.linux.mountLabel)'
	mkdir "$ROOTFS/data"
	add_mount '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["context=\"u:object_r:container_file_t:s0:c0,c2\""]}'
	start_sleeper
	run -0 labels /data
	says "/data $file:c0,c2"
}

@test "selinux: the terminal" {
	config '.process.terminal = true'
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/sock" >"$BUNDLE/shown" 2>&1 3>&- &
	wait_until 5 test -S "$BUNDLE/sock"
	start_sleeper --console-socket "$BUNDLE/sock"
	run -0 labels /dev/console /dev/pts/0
	says "$(printf "%s $file:c1,c2\n" /dev/console /dev/pts/0)"
}

# ---- effects of the policy ------------------------------------------------------------------------------------------

# Makes a container of this type with a bind mount of a file of the host.
bound_secret() { # TYPE
	label "$1"
	mkdir -p "$ROOTFS/bound" "$BUNDLE/bound"
	echo secret >"$BUNDLE/bound/file"
	add_mount "$(jq -n --arg dir "$BUNDLE/bound" '{destination: "/bound", type: "bind", source: $dir, options: ["bind"]}')"
	dmesg --clear
}

@test "selinux: enforcing: container_t may not read the host's files, reader_t may" {
	needs_enforcing
	bound_secret container_t
	process cat /bound/file
	run_container
	[ "$status" -eq 1 ]
	mentions "can't open '/bound/file': Permission denied"
	denied container_t
	bound_secret reader_t
	process cat /bound/file
	run_container
	[ "$status" -eq 0 ]
	says secret
	run -1 denied reader_t
}

@test "selinux: permissive: what would be denied is noted" {
	! enforcing || skip "needs a permissive kernel"
	bound_secret container_t
	inside 'cat /bound/file'
	says secret
	denied container_t
	bound_secret reader_t
	inside 'cat /bound/file'
	run -1 denied reader_t
}

@test "selinux: enforcing: the files of another container, by category" {
	needs_enforcing
	echo mine >"$ROOTFS/mine"
	echo theirs >"$ROOTFS/theirs"
	chcon $file:c1 "$ROOTFS/mine"
	chcon $file:c3 "$ROOTFS/theirs"
	process sh -c 'cat /mine; cat /theirs'
	run_container
	[ "$status" -eq 1 ]
	mentions mine "can't open '/theirs': Permission denied"
}

@test "selinux: enforcing: a rootfs that the container's type may not execute" {
	needs_enforcing
	chcon -R u:object_r:host_file_t:s0 "$ROOTFS/bin"
	run_container
	[ "$status" -eq 255 ]
	[[ $output == 'exec '*'/true: permission denied' ]]
}

@test "selinux: enforcing: a container that uses everything it is given" {
	needs_enforcing
	mounted
	chcon $file:c1 "$BUNDLE/bound"
	dmesg --clear
	inside 'touch /data/x /dev/shm/x /bound/x && echo x >/dev/null && head -c 1 /dev/zero | wc -c && ls /proc/1/fd /sys /dev/pts /queue >/dev/null && cat /proc/kcore'
	says 1
	run -1 denied container_t
}

# ---- comparison with runc -------------------------------------------------------------------------------------------

@test "selinux: the same labels as with runc" {
	needs_command runc
	mounted
	process sleep 1000
	local runtime of
	for runtime in "$RUNG" runc; do
		"$runtime" --root "$STATE/${runtime##*/}" run -d -b "$BUNDLE" "$ID" </dev/null >output 2>&1 || fail "$(cat output)"
		of=/proc/$("$runtime" --root "$STATE/${runtime##*/}" state "$ID" | jq .pid)
		{
			tr '\0' '\n' <"$of/attr/current"
			stat -c '%n %C' "$of"/root/{,data,queue,bound,dev,dev/null,dev/pts,dev/shm,dev/mqueue,proc,sys,sys/fs/cgroup} | sed 's,^/proc/[0-9]*/,,'
			key_label "$(awk -v name="_ses.$ID:" '$9 == name { print $1 }' /proc/keys)"
		} >"${runtime##*/}.labels"
		"$runtime" --root "$STATE/${runtime##*/}" delete --force "$ID"
		[ -z "$(ls "$STATE/${runtime##*/}")" ] # the hints of device filters are hidden
		rm -r "${STATE:?}/${runtime##*/}"
	done
	diff -u runc.labels rung.labels
}
