#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# mounts: the default mounts, bind mounts and their options, file systems, and errors.

load helpers

# Prints fields 6 and 7, and everything from " - " on, of a mount point's line in mountinfo.
mount_line() { # MOUNT POINT
	inside "grep ' $1 ' /proc/self/mountinfo"
}

bind_mount() { # SOURCE DESTINATION OPTION...
	local source=$1 destination=$2
	shift 2
	config '.mounts += [{type: "bind", source: $s, destination: $d, options: $ARGS.positional}]' \
		--arg s "$source" --arg d "$destination" --args -- "$@"
}

# bats test_tags=user
@test "the mounts of the starter configuration, in their order" {
	# in a user namespace the device nodes are mounts too
	inside "cut -d' ' -f5 /proc/self/mountinfo | grep -vE '^/(proc|sys)/|^/dev/(null|zero|full|tty|u?random)$'"
	says $'/\n/proc\n/dev\n/dev/pts\n/dev/shm\n/dev/mqueue\n/sys'
}

@test "types and options of the mounts of the starter configuration" {
	needs_root
	inside 'sed "s/.* \(\/[^ ]*\) \([^ ]*\) .*- \([^ ]*\) [^ ]* \(.*\)/\1 \3 \2 \4/" /proc/self/mountinfo'
	mentions '/proc proc rw,relatime' '/dev tmpfs rw,nosuid rw,size=65536k,mode=755' \
		'/dev/pts devpts rw,nosuid,noexec,relatime rw,gid=5,mode=620,ptmxmode=666' \
		'/dev/shm tmpfs rw,nosuid,nodev,noexec,relatime rw,size=65536k' '/dev/mqueue mqueue rw,nosuid,nodev,noexec' \
		'/sys sysfs ro,nosuid,nodev,noexec'
	inside 'stat -c %a /dev/shm /dev'
	says $'1777\n755'
}

# bats test_tags=user
@test "a bind mount of a directory, of a file, and by a relative source" {
	mkdir "$BUNDLE/data"
	echo text >"$BUNDLE/data/file"
	bind_mount "$BUNDLE/data" /tmp bind
	bind_mount data/file /etc/passwd bind
	inside 'cat /tmp/file /etc/passwd; echo more >/tmp/new'
	says $'text\ntext'
	[ "$(cat "$BUNDLE/data/new")" = more ]
}

# bats test_tags=user
@test "a bind is a bind by its options, whatever its type" {
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/mark"
	config '.mounts += [{type: "none", source: "data", destination: "/tmp", options: ["rbind"]},
		{source: "data", destination: "/run", options: ["bind"]}]'
	inside 'ls /tmp /run'
	mentions mark
	[ "$(grep -c mark <<<"$output")" -eq 2 ]
}

@test "bind takes one mount, rbind the whole tree" {
	needs_root
	mkdir -p "$BUNDLE/data/below"
	mount -t tmpfs below "$BUNDLE/data/below"
	touch "$BUNDLE/data/below/mark"
	bind_mount "$BUNDLE/data" /tmp bind
	bind_mount "$BUNDLE/data" /run rbind
	process sh -c 'ls /tmp/below; echo -; ls /run/below'
	run_container
	umount "$BUNDLE/data/below"
	says $'-\nmark'
}

# bats test_tags=user
@test "options of a bind mount" {
	mkdir "$BUNDLE/data"
	# in a user namespace the kernel locks the access time option of the host's mounts; strictatime, as systemd mounts /tmp, is not shown
	local given='' atime=noatime
	if is_root; then
		given=noatime
	else
		atime=$(findmnt --noheadings --output VFS-OPTIONS --target "$BUNDLE/data" | grep -oE '(no|rel)atime' || true)
	fi
	bind_mount "$BUNDLE/data" /tmp bind ro nosuid nodev noexec nosymfollow $given
	mount_line /tmp
	mentions " ro,nosuid,nodev,noexec${atime:+,$atime},nosymfollow "
	process sh -c 'touch /tmp/x'
	run_container
	mentions 'Read-only file system'
}

# bats test_tags=user
@test "the last of two options that contradict each other counts" {
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /tmp bind ro rw noexec exec
	mount_line /tmp
	mentions ' rw'
	[[ $output != *noexec* ]]
}

# runc#3967, runc#3990: options that clear flags of the source apply.
@test "a bind mount clears the flags of its source" {
	needs_root
	mkdir "$BUNDLE/data"
	mount -t tmpfs -o ro,nosuid,nodev,noexec below "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /tmp bind rw suid exec
	bind_mount "$BUNDLE/data" /run bind
	process sh -c 'grep -E " /(tmp|run) " /proc/self/mountinfo | cut -d" " -f5,6'
	run_container
	umount "$BUNDLE/data"
	says $'/tmp rw,relatime\n/run ro,nosuid,nodev,noexec,relatime'
}

@test "recursive options reach the mounts below, the others do not" {
	needs_root
	mkdir -p "$BUNDLE/data/below"
	mount -t tmpfs below "$BUNDLE/data/below"
	bind_mount "$BUNDLE/data" /tmp rbind ro
	bind_mount "$BUNDLE/data" /run rbind rro rnosuid rnoatime
	process sh -c 'grep -E " /(tmp|run)/below " /proc/self/mountinfo | cut -d" " -f5,6'
	run_container
	umount "$BUNDLE/data/below"
	says $'/tmp/below rw,relatime\n/run/below ro,nosuid,noatime'
}

@test "propagation of a bind mount" {
	needs_root
	mkdir "$BUNDLE/data"
	mount -t tmpfs below "$BUNDLE/data"
	mount --make-shared "$BUNDLE/data"
	local want
	for want in shared slave private unbindable; do
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
		bind_mount "$BUNDLE/data" /tmp bind $want
		process sh -c 'sed -n "s/.* \/tmp [^ ]* \(.*\)- .*/\1/p" /proc/self/mountinfo'
		run_container
		case $want in
		shared) [[ $output == 'shared:'* ]] ;;
		slave) [[ $output == 'master:'* ]] ;;
		private) [[ $output == '' ]] ;;
		unbindable) [[ $output == 'unbindable'* ]] ;;
		esac || { umount "$BUNDLE/data"; fail "$want: $output"; }
	done
	umount "$BUNDLE/data"
}

# crun 1.27: mounts that the host makes later below a shared source must reach the container.
@test "a shared bind mount sees later mounts of the host and shows it its own" {
	needs_root
	mkdir "$BUNDLE/data"
	mount -t tmpfs below "$BUNDLE/data"
	mount --make-shared "$BUNDLE/data"
	mkdir "$BUNDLE/data/in" "$BUNDLE/data/out"
	bind_mount "$BUNDLE/data" /tmp rbind rshared
	config '.process.capabilities[] += ["CAP_SYS_ADMIN"] | .linux.rootfsPropagation = "rshared"'
	start_sleeper
	mount -t tmpfs late "$BUNDLE/data/in"
	touch "$BUNDLE/data/in/mark"
	exec_in sh -c 'ls /tmp/in; mount -t tmpfs late /tmp/out && touch /tmp/out/mark'
	local seen=$output there=
	[ ! -e "$BUNDLE/data/out/mark" ] || there=yes
	rung delete --force "$ID"
	umount -R "$BUNDLE/data"
	[ "$seen" = mark ]
	[ "$there" = yes ]
}

# bats test_tags=user
@test "tmpfs with size, mode and flags" {
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "scratch", "options": ["nosuid", "noexec", "size=1m", "mode=0711", "nr_inodes=77"]}'
	inside 'stat -c %a /run; grep " /run " /proc/self/mountinfo; df -k /run | tail -n 1 | tr -s " " | cut -d" " -f2'
	[ "${lines[0]}" = 711 ]
	[[ ${lines[1]} == *'rw,nosuid,noexec'*' - tmpfs scratch '*'size=1024k'*'nr_inodes=77'* ]]
	[ "${lines[2]}" = 1024 ]
}

# bats test_tags=user
@test "a tmpfs takes over the mode of the directory that it covers, 1777 where it is made" {
	own_rootfs
	chmod 0751 "$ROOTFS/run"
	config '.mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs"}, {destination: "/made", type: "tmpfs", source: "tmpfs"}]'
	inside 'stat -c %a /run /made'
	says $'751\n1777'
}

# bats test_tags=user
@test "a read-only tmpfs" {
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}'
	inside 'touch /run/x 2>&1 || true'
	mentions 'Read-only file system'
}

# bats test_tags=user
@test "mounts inside a read-only tmpfs" {
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/mark"
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}'
	bind_mount "$BUNDLE/data" /run/a/b bind
	inside 'ls /run/a/b; touch /run/a/x 2>&1 || true'
	mentions mark 'Read-only file system'
}

@test "tmpcopyup: a tmpfs that begins as a copy, whatever the umask" {
	own_rootfs
	mkdir -p "$ROOTFS/seed/dir"
	echo text >"$ROOTFS/seed/dir/file"
	ln -s /etc/passwd "$ROOTFS/seed/link"
	chmod 0751 "$ROOTFS/seed/dir"
	chown 12:34 "$ROOTFS/seed/dir/file"
	chmod 4755 "$ROOTFS/seed/dir/file"
	chmod 1777 "$ROOTFS/seed"
	add_mount '{"destination": "/seed", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	umask 0077
	inside 'cd /seed; stat -c "%a %u:%g %n" . dir dir/file; cat dir/file; readlink link; touch new; grep " /seed " /proc/mounts'
	mentions '1777 0:0 .' '751 0:0 dir' '4755 12:34 dir/file' text /etc/passwd 'tmpfs /seed tmpfs'
	[ ! -e "$ROOTFS/seed/new" ]
}

# bats test_tags=user-only
@test "tmpcopyup without the right to mount on the host" {
	own_rootfs
	mkdir -p "$ROOTFS/seed/sub"
	echo content >"$ROOTFS/seed/sub/file"
	chmod 640 "$ROOTFS/seed/sub/file"
	chmod 751 "$ROOTFS/seed/sub"
	ln -s sub/file "$ROOTFS/seed/link"
	add_mount '{"destination": "/seed", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup", "size=1m"]}'
	inside 'cat /seed/link; stat -c "%a %u:%g" /seed/sub /seed/sub/file; echo changed >/seed/sub/file; stat -f -c %T /seed'
	says $'content\n751 0:0\n640 0:0\ntmpfs'
	[ "$(cat "$ROOTFS/seed/sub/file")" = content ]
}

# bats test_tags=user
@test "the mount point of a file is made as a plain file, which stays in the root file system" {
	own_rootfs
	echo data >"$BUNDLE/file"
	bind_mount "$BUNDLE/file" /new/dir/file bind
	inside 'cat /new/dir/file'
	says data
	[ "$(stat -c %a "$ROOTFS/new/dir/file")" = 644 ]
}

@test "mount points are made where they are missing" {
	own_rootfs
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/file"
	bind_mount "$BUNDLE/data" /new/directory bind
	bind_mount "$BUNDLE/file" /new/file bind
	inside true
	[ -d "$ROOTFS/new/directory" ]
	[ -f "$ROOTFS/new/file" ]
	[ "$(stat -c %a "$ROOTFS/new")" = 755 ]
}

# bats test_tags=user
@test "a later mount covers an earlier one" {
	mkdir "$BUNDLE/one" "$BUNDLE/two"
	touch "$BUNDLE/one/1" "$BUNDLE/two/2"
	bind_mount "$BUNDLE/one" /tmp bind
	bind_mount "$BUNDLE/two" /tmp bind
	inside 'ls /tmp'
	says 2
}

# bats test_tags=user
@test "a mount over the root file system itself comes before what is below it" {
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /var/tmp bind
	add_mount '{"destination": "/var/tmp/inner", "type": "tmpfs", "source": "tmpfs"}'
	inside 'grep -c " /var/tmp" /proc/self/mountinfo'
	says 2
	[ -d "$BUNDLE/data/inner" ]
}

@test "overlay, with options of more than 255 bytes" {
	needs_root
	local i lower=
	for i in {1..20}; do
		mkdir "$BUNDLE/lower$i"
		touch "$BUNDLE/lower$i/$i"
		lower=$lower${lower:+:}$BUNDLE/lower$i
	done
	mkdir "$BUNDLE/upper" "$BUNDLE/work"
	((${#lower} > 255))
	add_mount "{\"destination\": \"/tmp\", \"type\": \"overlay\", \"source\": \"overlay\",
		\"options\": [\"lowerdir=$lower\", \"upperdir=$BUNDLE/upper\", \"workdir=$BUNDLE/work\", \"nosuid\"]}"
	local way
	for way in pieces mount2; do # mount(2) where the kernel does not take the directories one by one, and for iversion
		[ $way = pieces ] || config '.mounts[-1].options += ["iversion"]'
		inside 'ls /tmp | wc -l; touch /tmp/new; grep " /tmp " /proc/self/mountinfo'
		[ "${lines[0]}" = 20 ]
		[[ ${lines[1]} == *nosuid* ]]
		[ -e "$BUNDLE/upper/new" ]
		rm "$BUNDLE/upper/new"
	done
}

# A value that the kernel refuses is named, with what the kernel says about it.
# bats test_tags=user
@test "a file system's options that the kernel refuses" {
	local option
	for option in size=64kb mode=9999 uid=foo nosuch=1 nosuch; do
		add_mount "{\"destination\": \"/tmp\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [\"$option\"]}"
		run rung run -b "$BUNDLE" "$ID"
		[ "$status" -eq 1 ]
		mentions "new tmpfs for /tmp: option $option: fsconfig: invalid argument (the kernel says: tmpfs: "
		mentions "'${option%%=*}'"
		config '.mounts |= .[:-1]'
	done
}

@test "a label where the kernel has no SELinux is refused by name" {
	needs_root
	[ ! -d /sys/fs/selinux/policy_capabilities ] || skip "needs a machine without SELinux"
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["context=\"u:r:t:s0:c1,c2\""]}'
	run -1 rung run -b "$BUNDLE" "$ID"
	mentions ": option context=u:r:t:s0:c1,c2: fsconfig: invalid argument (SELinux is not enabled on this machine; the kernel says: tmpfs: Unknown parameter 'context')"
}

@test "a file system's options that the kernel refuses, of one that the parent makes for an id map" {
	needs_root
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64kb"],
		"uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}], "gidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}]}'
	run -1 rung run -b "$BUNDLE" "$ID"
	mentions ": option size=64kb: fsconfig: invalid argument (the kernel says: tmpfs: Bad value for 'size')"
}

@test "an overlay whose layer is missing, with short and with long options, one by one and by mount(2)" {
	needs_root
	local short more
	short=$(mktemp -d /tmp/o.XXXX)
	mkdir "$short"/{l,u,w} "$short"/long-{a..z}
	more=$(printf ":$short/%s" long-{a..z})
	overlay_of() { # OPTION...
		config '.mounts |= map(select(.type != "overlay")) + [{destination: "/tmp", type: "overlay", source: "overlay", options: $ARGS.positional}]' \
			--args "$@"
		run rung run -b "$BUNDLE" "$ID"
		[ "$status" -eq 1 ] || fail "$output"
		[[ $output != *255* ]] || fail "$output"
	}
	overlay_of "lowerdir=$short/l:$short/gone"
	mentions "(lowerdir: $short/gone does not exist)"
	mentions "new overlay for /tmp: option"
	overlay_of "lowerdir=$short/l" "upperdir=$short/u" "workdir=$short/gone"
	mentions "(workdir: $short/gone does not exist)"
	overlay_of "lowerdir=$short/l" "upperdir=$short/u"
	mentions ": options lowerdir=$short/l,upperdir=$short/u: fsconfig: invalid argument"
	overlay_of "lowerdir=$short/l$more:$short/gone"
	mentions "$short/gone does not exist)"
	overlay_of "lowerdir=$short/l$more:$short/gone" dirsync iversion # by mount(2)
	mentions "new overlay for /tmp, by mount(2): options lowerdir=$short/l:"
	mentions "(lowerdir: $short/gone does not exist)"
	rm -r "$short"
}

# A hint that no probe has shown is not printed: here openat2 works, and mkdir does not.
@test "a mount point that the kernel lets nobody make: the call that failed is named" {
	needs_root
	config '.mounts |= map(if .type == "sysfs" then .options -= ["ro"] else . end)'
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /sys/nodir bind
	run -1 rung run -b "$BUNDLE" "$ID"
	mentions 'mount point /sys/nodir: mkdirat: operation not permitted'
	[[ $output != *openat2* && $output != *seccomp* ]] || fail "$output"
}

@test "an overlay with short options" {
	needs_root
	cd "$BATS_TEST_TMPDIR"
	local short
	short=$(mktemp -d /tmp/o.XXXX)
	mkdir "$short"/{l,u,w}
	touch "$short/l/lower"
	add_mount "{\"destination\": \"/tmp\", \"type\": \"overlay\", \"source\": \"overlay\",
		\"options\": [\"lowerdir=$short/l\", \"upperdir=$short/u\", \"workdir=$short/w\"]}"
	process sh -c 'ls /tmp; touch /tmp/new'
	run_container
	local there=
	[ ! -e "$short/u/new" ] || there=yes
	rm -r "$short"
	says lower
	[ "$there" = yes ]
}

@test "the cgroup mount shows the container's own cgroups" {
	needs_root
	needs_controller memory
	config '.linux.resources.memory.limit = 33554432'
	if is_v2; then # the whole tree without a cgroup namespace
		no_namespace cgroup
		inside 'own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); cat $own/memory.max; mkdir $own/x 2>&1 || true'
	else
		inside 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes; mkdir /sys/fs/cgroup/memory/x 2>&1 || true'
	fi
	[ "${lines[0]}" = 33554432 ]
	[[ ${lines[1]} == *'Read-only file system' ]]
}

@test "the cgroup mount in a cgroup namespace" {
	needs_root
	needs_controller memory
	config '.linux.namespaces |= (. + [{type: "cgroup"}] | unique_by(.type)) | .linux.resources.memory.limit = 33554432'
	if is_v2; then
		inside 'cat /sys/fs/cgroup/memory.max; ls -d /sys/fs/cgroup/pids.max'
		says $'33554432\n/sys/fs/cgroup/pids.max'
	else
		inside 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes; ls -d /sys/fs/cgroup/pids/tasks'
		says $'33554432\n/sys/fs/cgroup/pids/tasks'
	fi
}

@test "cgroup mounts are nosuid, nodev and noexec whatever their options" {
	needs_root
	[ -n "$(v1_mount memory)" ] || skip "needs cgroup v1"
	add_namespace cgroup
	config '(.mounts[] | select(.type == "cgroup")).options = []'
	inside 'grep -E " - (cgroup|tmpfs) " /proc/self/mountinfo | grep " /sys/fs/cgroup" | cut -d" " -f5,6'
	[ "${#lines[@]}" -gt 2 ] || fail "$output"
	local line flag
	for line in "${lines[@]}"; do
		for flag in nosuid nodev noexec; do
			[[ ,${line#* }, == *,$flag,* ]] || fail "no $flag: $line"
		done
	done
}

@test "a writable cgroup mount in a cgroup namespace can make cgroups below the container's only" {
	needs_root
	needs_controller pids
	config '.linux.namespaces |= (. + [{type: "cgroup"}] | unique_by(.type)) | (.mounts[] | select(.type == "cgroup")).options = ["rw"]'
	process sh -c 'mkdir $1/inner && exec sleep 1000' sh "$(inner_cgroup pids)"
	start_container
	wait_until 5 test -d "$(cgroup_path pids)/inner"
}

# bats test_tags=user
@test "mqueue and devpts are the container's own" {
	inside 'ls /dev/mqueue; ls /dev/pts'
	says ptmx
}

@test "uid and gid of tmpfs, and mode of devpts" {
	needs_root
	config '(.mounts[] | select(.destination == "/dev/pts")).options = ["newinstance", "ptmxmode=0600", "mode=0640", "gid=7"]'
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "tmpfs", "options": ["uid=12", "gid=13", "mode=0700"]}'
	inside 'stat -c %u:%g:%a /run; stat -c %a /dev/pts/ptmx'
	says $'12:13:700\n600'
}

@test "sysfs, proc and binds in a user namespace" {
	needs_root
	mkdir "$BUNDLE/data"
	echo text >"$BUNDLE/data/file"
	map_ids 100000 65536
	bind_mount "$BUNDLE/data" /tmp bind ro
	inside 'cat /tmp/file; stat -c %u /tmp/file; cut -d" " -f5 /proc/self/mountinfo | grep -cE "^/(sys|proc|dev/mqueue|dev/pts)$"'
	says $'text\n65534\n4'
}

@test "an id-mapped bind mount: the container's owners" {
	needs_root
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/file"
	map_ids 100000 65536
	bind_mount "$BUNDLE/data" /tmp bind idmap
	inside 'stat -c %u:%g /tmp/file; touch /tmp/new'
	says 0:0
	[ "$(stat -c %u "$BUNDLE/data/new")" = 0 ]
}

@test "an id-mapped bind mount with mappings of its own" {
	needs_root
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/file"
	config '.mounts += [{type: "bind", source: "data", destination: "/tmp", options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 5000, size: 10}], gidMappings: [{containerID: 0, hostID: 6000, size: 10}]}]'
	inside 'stat -c %u:%g /tmp/file'
	says 5000:6000
}

@test "an id-mapped bind mount: the owners of a joined user namespace" {
	local holder
	needs_root
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/file"
	map_ids 100000 65536
	start_sleeper
	holder=$(init_pid)
	config '(.linux.namespaces[] | select(.type == "user")).path = $path | del(.linux.uidMappings, .linux.gidMappings)' \
		--arg path "/proc/$holder/ns/user"
	bind_mount "$BUNDLE/data" /tmp bind idmap
	process sh -c 'stat -c %u:%g /tmp/file; touch /tmp/new'
	run rung run -b "$BUNDLE" "$ID-2"
	says 0:0
	[ "$(stat -c %u "$BUNDLE/data/new")" = 0 ]
}

# The container must see the bundle's files through the mapping, and a file of the container's root must belong to the host's root.
idmapped_below() { # OPTION
	mkdir -p "$BUNDLE/data/below" "$BUNDLE/other"
	mount --bind "$BUNDLE/other" "$BUNDLE/data/below"
	touch "$BUNDLE/data/file" "$BUNDLE/data/below/file"
	map_ids 100000 65536
	bind_mount "$BUNDLE/data" /tmp rbind "$1"
	process stat -c %u:%g /tmp/file /tmp/below/file
	run_container
	umount "$BUNDLE/data/below"
}

@test "idmap maps one mount, ridmap the whole tree" {
	needs_root
	idmapped_below idmap
	says $'0:0\n65534:65534'
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	idmapped_below ridmap
	says $'0:0\n0:0'
}

# crun: bad file descriptor
@test "an id-mapped bind mount of a relative source" {
	needs_root
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/file"
	map_ids
	bind_mount data /tmp bind idmap
	inside 'stat -c %u:%g /tmp/file'
	says 0:0
}

@test "an id-mapped bind mount of what an earlier mount made" {
	needs_root
	own_rootfs
	mkdir -p "$BUNDLE/data" "$ROOTFS/one"
	touch "$BUNDLE/data/file"
	bind_mount "$BUNDLE/data" /one bind
	config '.mounts += [{source: $s, destination: "/two", options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 100007, size: 10}], gidMappings: [{containerID: 0, hostID: 100008, size: 10}]}]' \
		--arg s "$ROOTFS/one"
	inside 'stat -c %u:%g /one/file /two/file'
	says $'0:0\n100007:100008'
	chown -R 100000:100000 "$ROOTFS"
	map_ids 100000 65536
	inside 'stat -c %u:%g /one/file /two/file'
	says $'65534:65534\n7:8'
}

@test "an id-mapped tmpfs: its own root belongs to the container's" {
	needs_root
	needs_kernel 6.3
	config '.mounts += [{type: "tmpfs", source: "tmpfs", destination: "/tmp", options: ["idmap", "mode=0700"],
		uidMappings: [{containerID: 0, hostID: 5000, size: 10}], gidMappings: [{containerID: 0, hostID: 6000, size: 10}]}]'
	inside 'stat -c %u:%g:%a /tmp'
	says 5000:6000:700
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	map_ids 100000 65536
	add_mount '{"type": "tmpfs", "source": "tmpfs", "destination": "/tmp", "options": ["idmap", "mode=0700"]}'
	inside 'touch /tmp/new && stat -c %u:%g:%a /tmp /tmp/new'
	says $'0:0:700\n0:0:644'
}

# crun#1380, runc#3717: the error must name the mount and the file system.
@test "an id map where the file system has none: the mount and the file system are named" {
	needs_root
	config '.mounts += [{type: "bind", source: "/sys/kernel", destination: "/tmp", options: ["bind", "idmap"],
		uidMappings: [{containerID: 0, hostID: 5, size: 9}], gidMappings: [{containerID: 0, hostID: 5, size: 9}]}]'
	refused 'mounts[7]: map the owners of /sys/kernel for /tmp' 'invalid argument' 'file system of type 0x62656572'
}

# runc#4575, runc#1523: flags that the host's administrator has set stay, and an option that contradicts them is an error.
@test "flags of a source stay in a user namespace" {
	needs_root
	mkdir "$BUNDLE/data"
	map_ids
	mount -t tmpfs -o ro,nosuid,nodev,noexec,noatime below "$BUNDLE/data"
	locked() { # OPTION...
		config 'del(.mounts[7])'
		bind_mount "$BUNDLE/data" /tmp bind "$@"
		process sh -c 'grep " /tmp " /proc/self/mountinfo | cut -d" " -f6'
		run_container
	}
	local got=() option
	locked
	got+=("$output")
	locked nosuid
	got+=("$output")
	for option in rw suid dev exec relatime; do
		locked $option
		got+=("$status ${output#*mounts}")
	done
	umount "$BUNDLE/data"
	[ "${got[0]}" = ro,nosuid,nodev,noexec,noatime ]
	[ "${got[1]}" = ro,nosuid,nodev,noexec,noatime ]
	for option in "${got[@]:2}"; do
		[[ $option == '1 [7].options: cannot c'*' locked '*'operation not permitted'* ]] || fail "$option"
	done
}

# As with rootless Podman, rung itself runs in a user namespace, and the container has none of its own.
@test "flags of a source stay where rung itself is in a user namespace, and others are cleared" {
	needs_root
	mkdir "$BUNDLE/data" "$BUNDLE/own"
	bind_mount "$BUNDLE/data" /tmp bind ro
	bind_mount "$BUNDLE/own" /run bind noexec
	config '(.mounts[] | select(.type == "devpts")).options |= map(select(startswith("gid=") | not))'
	cp "$RUNG" "$BATS_TEST_TMPDIR/rung" # in the user namespace a home directory cannot be entered
	process sh -c 'for d in /tmp /run; do grep " $d " /proc/self/mountinfo | cut -d" " -f6; done'
	run unshare --mount --propagation private bash -c 'mount -t tmpfs -o nosuid,nodev,noatime none "$1" && shift &&
		exec unshare --user --map-root-user --mount sh -c "mount -t tmpfs -o nosuid none \"\$1\" && shift && exec \"\$@\"" sh "$@"' \
		sh "$BUNDLE/data" "$BUNDLE/own" "$BATS_TEST_TMPDIR/rung" --root "$STATE" run -b "$BUNDLE" "$ID"
	says $'ro,nosuid,nodev,noatime\nrw,noexec,relatime'
}

# runc#3672, runc#1658: the kernel does not let a user namespace see more of proc than its creator sees.
@test "proc in a user namespace where the host's is covered in part" {
	needs_root
	map_ids
	# in a mount namespace of the test with only one proc
	local script='grep " - proc " /proc/self/mountinfo | cut -d" " -f5 | grep -vx /proc | while read -r p; do umount -l "$p"; done
		mount -t tmpfs cover /proc/sys && exec "$@"'
	run unshare --mount --propagation private bash -c "$script" sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'mounts[0]: new proc for /proc: fsmount: operation not permitted' 'fully visible'
}

# bats test_tags=user
@test "no id maps for file systems that show the namespaces of their creator" {
	map_ids
	config '(.mounts[] | select(.destination == "/proc")).options = ["idmap"]'
	refused 'mounts[0].options' 'no id-mapped mounts of proc'
}

@test "a tmpfs takes over the mode of a directory that an earlier bind mount brings" {
	needs_root
	mkdir -p "$BUNDLE/data/closed"
	chmod 0700 "$BUNDLE/data/closed"
	chown 12:34 "$BUNDLE/data/closed"
	bind_mount "$BUNDLE/data" /tmp bind
	add_mount '{"destination": "/tmp/closed", "type": "tmpfs", "source": "tmpfs"}'
	inside 'stat -c %a:%u:%g /tmp/closed'
	says 700:12:34
}

# config.md: options that are none of the mount are passed to mount(2) as one string with commas.
# bats test_tags=user
@test "options of a file system in one string, with commas between them" {
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "size=1m,mode=0710,", "nr_inodes=77"]}'
	inside 'stat -c %a /tmp; grep " /tmp " /proc/self/mountinfo | grep -o "size=[^,]*\|nr_inodes=[^,]*"'
	says $'710\nsize=1024k\nnr_inodes=77'
}

# bats test_tags=user
@test "rro on a tmpfs: later mounts inside it, then read-only" {
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["rro"]}'
	add_mount '{"destination": "/tmp/inner", "type": "tmpfs", "source": "tmpfs"}'
	inside 'touch /tmp/x 2>&1; touch /tmp/inner/x && echo made'
	mentions 'Read-only file system' made
}

@test "a tmpfs takes over the owner of the directory that it covers" {
	needs_root
	own_rootfs
	chown 12:34 "$ROOTFS/run"
	config '.mounts += [{destination: "/run", type: "tmpfs", source: "tmpfs"}]'
	inside 'stat -c %u:%g /run'
	says 12:34
	config '.mounts[-1].options = ["uid=5", "gid=6"]'
	inside 'stat -c %u:%g /run'
	says 5:6
	chown -R 100000:100000 "$ROOTFS"
	chown 100012:100034 "$ROOTFS/run"
	config 'del(.mounts[-1].options)'
	map_ids 100000 65536
	inside 'stat -c %u:%g /run'
	says 12:34
}

@test "remount changes the mount that is there" {
	needs_root
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /tmp bind
	bind_mount "$BUNDLE/data" /tmp remount bind ro nosuid
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "scratch", "options": ["size=8k"]}'
	add_mount '{"destination": "/run", "type": "tmpfs", "source": "scratch", "options": ["remount", "size=1m", "noexec"]}'
	inside 'grep -E " /(tmp|run) " /proc/self/mountinfo | cut -d" " -f5-'
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == '/tmp ro,nosuid,'* ]]
	[[ ${lines[1]} == '/run rw,noexec,relatime '*'size=1024k'* ]]
}

# bats test_tags=user
@test "remount of what is no mount is refused with the field" {
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["remount", "ro"]}'
	refused 'mounts[7]' remount
	config 'del(.mounts[7:])'
	add_mount '{"destination": "/tmp", "type": "bind", "source": "/tmp", "options": ["bind", "remount"]}'
	refused 'mounts[7]' 'invalid argument'
	if is_root; then
		map_ids
		own_rootfs
		refused 'mounts[7]' 'invalid argument'
	fi
}

superblock_options() { # WANT OPTION...
	local want=$1
	shift
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	config '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: $ARGS.positional}]' --args -- "$@"
	inside 'grep " /tmp " /proc/self/mountinfo | sed "s/.* - tmpfs tmpfs //; s/,inode64//"'
	says "$want"
}

@test "options of the superblock: the last of two counts, and what fsconfig has no word for" {
	needs_root
	superblock_options rw,sync,dirsync,mand,lazytime sync dirsync lazytime mand
	superblock_options rw,dirsync sync dirsync async lazytime nolazytime silent loud
	superblock_options rw,sync,size=1024k iversion sync size=1m
	superblock_options rw defaults iversion noiversion nomand silent
}

# bats test_tags=user
@test "a bind mount takes no options of the superblock, which is not its own" {
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /tmp bind sync
	refused 'mounts[7].options' sync
}

# runc ignores these.
# bats test_tags=user
@test "recursive options count for a new file system too" {
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["rro", "rnosuid", "rnoatime"]}'
	inside 'touch /tmp/x 2>&1 || true; grep " /tmp " /proc/self/mountinfo'
	mentions 'Read-only file system' ' ro,nosuid,noatime '
}

@test "each recursive option, and its opposite" {
	needs_root
	mkdir -p "$BUNDLE/data/below"
	mount -t tmpfs -o nosuid,nodev,noexec,noatime,nodiratime below "$BUNDLE/data/below"
	run_recursive() { # WANT OPTION...
		local want=$1
		shift
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
		bind_mount "$BUNDLE/data" /tmp rbind "$@"
		process sh -c 'grep " /tmp/below " /proc/self/mountinfo | cut -d" " -f6'
		run_container
		[ "$output" = "$want" ] || fail "$*: $output, not $want"
	}
	run_all() {
		run_recursive rw,nosuid,nodev,noexec,noatime,nodiratime || return
		run_recursive ro,nosuid,nodev,noexec,noatime,nodiratime rro || return
		run_recursive rw,nosuid,nodev,noexec,noatime,nodiratime rro rrw || return
		run_recursive rw,noatime,nodiratime rsuid rdev rexec || return
		run_recursive rw,nosuid,nodev,noexec,noatime rdiratime || return
		run_recursive rw,nosuid,nodev,noexec,nodiratime,relatime rrelatime || return
		run_recursive rw,nosuid,nodev,noexec,nodiratime rstrictatime || return
		run_recursive rw,nosuid,nodev,noexec,nodiratime,relatime ratime || return
		run_recursive rw,nosuid,nodev,noexec,nodiratime,relatime rstrictatime rnostrictatime || return
		run_recursive rw,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow rnosymfollow || return
		run_recursive rw,nosuid,nodev,noexec,noatime,nodiratime rnosymfollow rsymfollow || return
		run_recursive rw,nosuid,nodev,noexec,noatime,nodiratime rnosuid rnodev rnoexec rnoatime rnodiratime || return
	}
	local failed=
	run_all || failed=yes
	umount "$BUNDLE/data/below"
	[ -z "$failed" ]
}

@test "each option of a mount, and its opposite" {
	needs_root
	mkdir "$BUNDLE/data"
	flags_of() { # WANT TYPE OPTION...
		local want=$1 type=$2
		shift 2
		cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
		if [ "$type" = bind ]; then
			bind_mount "$BUNDLE/data" /tmp bind "$@"
		else
			config '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: $ARGS.positional}]' --args -- "$@"
		fi
		process sh -c 'grep " /tmp " /proc/self/mountinfo | cut -d" " -f6'
		run_container
		[ "$output" = "$want" ] || fail "$type $*: $output, not $want"
	}
	all_flags() {
		local type
		for type in bind tmpfs; do
			flags_of rw,nodiratime,relatime $type nodiratime || return
			flags_of rw,relatime $type nodiratime diratime || return
			flags_of rw,relatime,nosymfollow $type nosymfollow || return
			flags_of rw,relatime $type nosymfollow symfollow || return
			flags_of rw,noatime $type noatime || return
			flags_of rw,relatime $type noatime atime || return
			flags_of rw $type strictatime atime || return
			flags_of rw,relatime $type strictatime nostrictatime || return
			flags_of rw,relatime $type noatime relatime || return
			flags_of rw,relatime $type norelatime || return
			flags_of rw $type strictatime || return
			flags_of rw,relatime $type nostrictatime || return
			flags_of ro,nosuid,nodev,noexec,relatime $type ro nosuid nodev noexec || return
			flags_of rw,relatime $type ro nosuid nodev noexec rw suid dev exec || return
		done
	}
	mount -t tmpfs below "$BUNDLE/data"
	local failed=
	all_flags || failed=yes
	umount "$BUNDLE/data"
	[ -z "$failed" ]
}

# bats test_tags=user
@test "a bind mount of a symbolic link, a socket, and a path below another mount" {
	mkdir -p "$BUNDLE/data/deep"
	echo text >"$BUNDLE/data/file"
	echo below >"$BUNDLE/data/deep/file"
	ln -s data/file "$BUNDLE/link"
	ln -s data "$BUNDLE/linked"
	bind_mount "$BUNDLE/link" /etc/passwd bind
	bind_mount "$BUNDLE/linked" /tmp bind
	bind_mount "$BUNDLE/data/file" /tmp/deep/file bind
	perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die' "$BUNDLE/socket"
	bind_mount "$BUNDLE/socket" /etc/group bind
	inside 'cat /etc/passwd /tmp/file /tmp/deep/file; test -S /etc/group && echo socket; readlink /etc/passwd || true'
	says $'text\ntext\ntext\nsocket'
	[ "$(cat "$BUNDLE/data/deep/file")" = below ]
}

# runc takes a destination below the root file system's path on the host as a path inside.
@test "a destination that begins with the root file system's path on the host" {
	needs_root
	own_rootfs
	mkdir "$BUNDLE/data"
	echo text >"$BUNDLE/data/file"
	bind_mount "$BUNDLE/data" "$ROOTFS/inner" bind
	bind_mount "$ROOTFS/inner" /again bind
	inside 'cat /inner/file /again/file'
	says $'text\ntext'
}

@test "sysfs in a user namespace with the host's network: the host's, without what is below" {
	needs_root
	map_ids
	config 'del(.linux.namespaces[] | select(.type == "network")) | del(.mounts[] | select(.type == "cgroup"))'
	inside 'ls /sys/class/net; grep " /sys" /proc/self/mountinfo | cut -d" " -f5,6; ls /sys/fs/cgroup; touch /sys/x 2>&1 || true'
	mentions "$(ls /sys/class/net)" '/sys ro,nosuid,nodev,noexec' 'Read-only file system'
	[[ $output != *memory* ]]
}

# bats test_tags=user-only
@test "sysfs of a plain user with the host's network is the host's, read-only" {
	config 'del(.linux.namespaces[] | select(.type == "network"))
		| (.mounts[] | select(.destination == "/sys")) |= {destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid"]}'
	inside 'ls /sys/class/net; grep " /sys" /proc/self/mountinfo | cut -d" " -f6 | cut -d, -f1 | sort -u'
	mentions "$(ls /sys/class/net)" ro
	[[ $output != *rw* ]]
}

# crun 1.29: /sys lost its read-only flag in a user namespace.
@test "a read-only /sys in a user namespace, and the modes of what shows the kernel" {
	needs_root
	inside 'stat -c "%a %u:%g" /proc /sys /dev/mqueue; touch /sys/x 2>&1 || true'
	says $'555 0:0\n555 0:0\n1777 0:0\ntouch: /sys/x: Read-only file system'
	map_ids
	inside 'stat -c "%a %u:%g" /proc /dev/mqueue; stat -c %a /sys; touch /sys/x 2>&1 || true'
	says $'555 65534:65534\n1777 0:0\n555\ntouch: /sys/x: Read-only file system'
}

unified_mount() {
	awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup2") { print $5; exit } }' /proc/self/mountinfo
}

@test "a cgroup2 mount: the unified hierarchy, the container's part in a cgroup namespace" {
	needs_root
	[ -n "$(unified_mount)" ] || skip "needs a cgroup v2 hierarchy"
	config '(.mounts[] | select(.type == "cgroup")) |= (.type = "cgroup2") | .linux.namespaces |= map(select(.type != "cgroup"))'
	inside 'grep " /sys/fs/cgroup " /proc/self/mountinfo; grep "^0:" /proc/self/cgroup | cut -d: -f3 | (read -r p; cat "/sys/fs/cgroup$p/cgroup.procs")'
	mentions ' - cgroup2 '
	[ "${#lines[@]}" -ge 2 ]
	add_namespace cgroup
	inside 'grep " /sys/fs/cgroup " /proc/self/mountinfo; cat /sys/fs/cgroup/cgroup.procs | head -n 1; mkdir /sys/fs/cgroup/x 2>&1 || true'
	mentions ' - cgroup2 ' 'Read-only file system'
	[ "${lines[1]}" = 1 ]
}

# A new mount from the first cgroup namespace would set the options of the machine's file system (runc#5258).
# bats test_tags=vm
@test "a cgroup2 mount without a cgroup namespace: the options of the machine's file system stay as they are" {
	needs_root
	local before
	# as systemd mounts it: a program that has mounted cgroup2 since then has changed that
	[ ! -d /run/systemd/system ] || mount -o remount,nsdelegate,memory_recursiveprot "$(unified_mount)" || true
	before=$(findmnt -n -o FS-OPTIONS "$(unified_mount)" || true)
	[[ ,$before, == *,nsdelegate,* ]] || skip "needs cgroup v2 with nsdelegate"
	no_namespace cgroup
	local options
	for options in '["ro"]' '["ro", "nsdelegate"]' '["memory_recursiveprot"]'; do
		config "(.mounts[] | select(.type | startswith(\"cgroup\"))) |= (.type = \"cgroup2\" | .options = $options)"
		inside 'grep " /sys/fs/cgroup " /proc/self/mountinfo'
		mentions "$before"
		[ "$(findmnt -n -o FS-OPTIONS "$(unified_mount)")" = "$before" ]
	done
	config '(.mounts[] | select(.type == "cgroup2")).options = ["nosuchoption"]'
	refused "mounts[6]" nosuchoption
}

@test "a cgroup2 mount without a cgroup namespace: its own attributes, and no ties to the machine's mount" {
	needs_root
	[ -n "$(unified_mount)" ] || skip "needs a cgroup v2 hierarchy"
	no_namespace cgroup
	local at
	at=$(unified_mount)
	attributes() { # OPTIONS
		config "(.mounts[] | select(.type | startswith(\"cgroup\"))) |= (.type = \"cgroup2\" | .options = $1)"
		run unshare --mount --propagation private sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,nosuid,nodev,noexec,noatime "$0" && mount --make-shared "$0" && exec "$@"' "$at" \
			"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 0 ]
		read -ra words <<<"$output"
		found="${words[5]} ${words[6]}" # the second is of its propagation, if it has one
	}
	local found words
	process grep ' /sys/fs/cgroup ' /proc/self/mountinfo
	attributes '["ro", "noexec"]'
	[ "$found" = 'ro,noexec,relatime -' ] || fail "$found"
	attributes '["nosuid", "nodev", "noatime"]'
	[ "$found" = 'rw,nosuid,nodev,noatime -' ] || fail "$found"
}

# Hides the unified hierarchy in a mount namespace.
@test "cgroup mounts on a machine with v1 only" {
	needs_root
	needs_v1_controller memory
	[ -n "$(unified_mount)" ] || skip "needs a cgroup v2 hierarchy to hide"
	process sh -c 'grep -c " - cgroup " /proc/self/mountinfo; grep -c " - cgroup2 " /proc/self/mountinfo; cat /sys/fs/cgroup/pids/tasks | head -n 1'
	run unshare --mount --propagation private bash -c 'mount -t tmpfs none "$0" && exec "$@"' "$(unified_mount)" \
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	((lines[0] >= 2))
	[ "${lines[1]}" = 0 ]
	[ "${lines[2]}" = 1 ]
	add_namespace cgroup
	run unshare --mount --propagation private bash -c 'mount -t tmpfs none "$0" && exec "$@"' "$(unified_mount)" \
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = 0 ]
}

# runc#5070: a mount over the root becomes the root.
@test "mounts over the root itself" {
	needs_root
	own_rootfs
	mv "$ROOTFS" "$BUNDLE/other"
	mkdir -p "$ROOTFS" "$BUNDLE/data"
	echo other >"$BUNDLE/other/etc/mark"
	# the mount over the root comes first, and the others are on top of it
	config '.mounts = [{destination: "/", source: "other", options: ["bind"]}] + .mounts + [{destination: "/tmp", source: "data", options: ["bind"]}]
		| .linux.maskedPaths = ["/etc/passwd"]'
	inside 'cat /etc/mark /etc/passwd; touch /written /tmp/there; ls /dev/null; grep -c " / / " /proc/self/mountinfo || true'
	[ "${lines[*]:0:2}" = 'other /dev/null' ] || fail "$output"
	[ -e "$BUNDLE/other/written" ]
	[ -e "$BUNDLE/data/there" ]
	[ -z "$(ls -A "$ROOTFS")" ]
	process sleep 1000
	start_container
	exec_in cat /etc/mark
	says other
	rung delete --force "$ID"
	config '.mounts[0].options += ["ro"]'
	inside 'touch /new 2>&1 || true'
	mentions 'Read-only file system'
	config '.mounts[0] = {destination: "/", type: "sysfs", source: "sysfs"}'
	refused 'mounts[0].destination' 'the root cannot be covered by sysfs'
}

# ---- what is refused ------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "a missing source, and a file system that is none, are refused with the field" {
	bind_mount /nonexistent /tmp bind
	refused 'mounts[7]' 'no such file or directory'
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	add_mount '{"destination": "/tmp", "type": "nosuchfs", "source": "x"}'
	refused 'mounts[7]' 'no such device'
}

# bats test_tags=user
@test "an option that the file system does not know is refused with the field" {
	add_mount '{"destination": "/tmp", "type": "tmpfs", "source": "x", "options": ["nosuchoption=1"]}'
	refused 'mounts[7]' 'invalid argument'
}

# bats test_tags=user
@test "a bind mount takes no options of a file system" {
	mkdir "$BUNDLE/data"
	bind_mount "$BUNDLE/data" /tmp bind mode=0700
	refused 'mounts[7]' mode
}

# Buildah before 1.41 passes on z, Z and U, as its tests/run.bats, "run --volume with U flag", shows, and Podman before 5.6.1 the
# others: https://github.com/containers/podman/issues/26938
# bats test_tags=user
@test "a bind mount takes what engines leave among its options" {
	mkdir "$BUNDLE/data"
	echo here >"$BUNDLE/data/file"
	bind_mount "$BUNDLE/data" /tmp bind z U nocopy
	bind_mount "$BUNDLE/data" /home rbind ro Z copy volume-opt=type=none volume-opt=o=uid=1000,gid=1000
	inside 'cat /tmp/file /home/file; touch /home/file 2>/dev/null || echo read-only'
	says $'here\nhere\nread-only'
}

# podman run --mount type=bind,...,no-dereference: Podman calls it copy-symlink, as crun does.
@test "copy-symlink: a source that is a link becomes a link, and nothing is followed" {
	own_rootfs
	ln -s /no/such/file "$BUNDLE/dangling"
	ln -s etc "$BUNDLE/relative"
	echo text >"$BUNDLE/plain"
	mkdir "$BUNDLE/outside"
	ln -s "$BUNDLE/outside" "$ROOTFS/way-out"
	bind_mount "$BUNDLE/dangling" /new/dir/link rbind copy-symlink ro
	bind_mount relative /relative copy-symlink bind
	bind_mount "$BUNDLE/plain" /plain bind copy-symlink ro
	bind_mount "$BUNDLE/dangling" /way-out/link bind copy-symlink
	inside 'readlink /new/dir/link; readlink /relative; cat /plain; touch /plain 2>/dev/null || echo read-only'
	says $'/no/such/file\netc\ntext\nread-only'
	[ -z "$(ls "$BUNDLE/outside")" ]
	[ "$(readlink "$ROOTFS$BUNDLE/outside/link")" = /no/such/file ] # the image's link leads to there, inside of its root
	inside true # the links are there now, and say the same
}

# bats test_tags=user
@test "copy-symlink: something else at the destination is an error" {
	own_rootfs
	ln -s /no/such/file "$BUNDLE/link"
	echo file >"$ROOTFS/file"
	ln -s /elsewhere "$ROOTFS/other"
	bind_mount "$BUNDLE/link" /file bind copy-symlink
	refused 'mounts[7]' 'file exists'
	config '.mounts[7].destination = "/other"'
	refused 'mounts[7]' 'file exists'
	config '.mounts[7].destination = "/"'
	refused 'mounts[7].destination'
	config '.mounts[7] = {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["copy-symlink"]}'
	refused 'mounts[7].options' copy-symlink
	config '.mounts[7] = {destination: "/tmp", type: "bind", source: "no/such/link", options: ["bind", "copy-symlink"]}'
	refused 'mounts[7].source' 'no such file'
	[ "$(cat "$ROOTFS/file")" = file ]
	[ "$(readlink "$ROOTFS/other")" = /elsewhere ]
}

# bats test_tags=user
@test "only proc on /proc, and only the files of lxcfs below it" {
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/uptime"
	config '(.mounts[] | select(.destination == "/proc")) |= {destination: "/proc", type: "tmpfs", source: "tmpfs"}'
	refused 'mounts[0]' '/proc'
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	bind_mount "$BUNDLE/data" /proc/sys bind
	refused 'mounts[7]' 'inside /proc'
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	echo '7.00 7.00' >"$BUNDLE/uptime"
	bind_mount "$BUNDLE/uptime" /proc/uptime bind
	inside 'cat /proc/uptime'
	says '7.00 7.00'
}

@test "an error of a mount says the source, the destination and the field, after runc's words" {
	bind_mount /no/such /tmp bind
	refused 'run failed: unable to start container process: error during container init: error mounting ' \
		'/no/such' '/tmp' "mounts[" '.source: stat /no/such: no such file or directory'
	config 'del(.mounts[-1])'
	add_mount '{"destination": "/tmp", "type": "nosuchfs", "source": "that"}'
	refused 'error during container init: error mounting ' 'that' 'rootfs at' '/tmp' 'mounts[' 'no such device'
}

# mount_namespaces(7): the flags of access times are locked together.
@test "access times that a user namespace can not change are an error, and to clear them changes nothing" {
	needs_root
	local source=$BATS_TEST_TMPDIR/locked want
	mkdir "$source"
	mount -t tmpfs none "$source"
	mount -o remount,bind,nodiratime "$source"
	map_ids
	process cat /proc/self/mounts
	bind_mount "$source" /tmp bind
	run_container
	want=$(grep ' /tmp ' <<<"$output")
	for option in diratime atime norelatime; do
		config '.mounts[-1].options[1] = $option' --arg option "$option"
		run_container
		[ "$(grep ' /tmp ' <<<"$output")" = "$want" ] || fail "$option: $output"
	done
	config '.mounts[-1].options[1] = "strictatime"'
	refused 'cannot change locked atime flags' 'operation not permitted'
	mount -o remount,bind,relatime,diratime "$source"
	config '.mounts[-1].options[1] = "nodiratime"'
	refused 'cannot change locked atime flags' 'operation not permitted'
	umount "$source"
}

# Docker recognises the user's mistake by these words: https://github.com/moby/moby/blob/v20.10.24/daemon/errors.go
# bats test_tags=user
@test "a file on a directory and a directory on a file are refused with the words of ENOTDIR" {
	touch "$BUNDLE/file"
	bind_mount "$BUNDLE/file" /tmp bind
	refused 'mounts[7]' 'not a directory'
	cp "$BATS_RUN_TMPDIR/base.json" "$BUNDLE/config.json"
	bind_mount "$BUNDLE" /etc/passwd bind
	refused 'mounts[7]' 'not a directory'
}

# move_mount needs no right to enter the mount point, fchdir does.
@test "a tmpfs without parameters on a directory that the root of a user namespace may not enter" {
	needs_root
	own_rootfs
	map_ids
	mkdir -m 0700 "$ROOTFS/closed"
	config '.mounts += [{destination: "/closed", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"]}]'
	inside 'stat -f -c %T /closed'
	says tmpfs
}

# The mount would lie below the root, which all paths begin at: nobody would see it, and what is written there would go to the image.
# bats test_tags=user
@test "a link of the image that leads to the root is no mount point, nor a masked or read-only path" {
	local target base
	own_rootfs
	mkdir -p "$ROOTFS/usr"
	base=$(<"$BUNDLE/config.json")
	process true
	for target in / . usr/..; do
		ln -sfn "$target" "$ROOTFS/link"
		for mount in '{type: "tmpfs", source: "tmpfs", options: ["size=1m"]}' '{type: "bind", source: "/etc", options: ["bind"]}' '{type: "tmpfs", source: "tmpfs"}'; do
			config ".mounts += [$mount + {destination: \"/link\"}]"
			refused 'mounts[' ']: mount point /link' 'device or resource busy (a symbolic link of the image leads to the root of the container, which cannot be covered)'
			echo "$base" >"$BUNDLE/config.json"
		done
		for field in maskedPaths readonlyPaths; do
			config ".linux.$field = [\"/link\"]"
			refused "linux.${field}[0]" 'leads to the root of the container'
			echo "$base" >"$BUNDLE/config.json"
		done
	done
	add_mount '{"destination": "/link/mnt", "type": "tmpfs", "source": "tmpfs"}'
	mkdir -p "$ROOTFS/mnt"
	inside 'grep -c " /mnt " /proc/self/mountinfo'
	says 1
}

@test "cgroup v1: later mounts make their mount points in the tmpfs of /sys/fs/cgroup, which is read-only afterwards" {
	needs_root
	[ -n "$(v1_mount memory)" ] || skip "needs cgroup v1"
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/mark"
	add_mount '{"destination": "/sys/fs/cgroup/new", "type": "tmpfs", "source": "tmpfs"}'
	add_mount '{"destination": "/sys/fs/cgroup/elogind", "type": "bind", "source": "data", "options": ["bind"]}'
	inside 'ls /sys/fs/cgroup/elogind; touch /sys/fs/cgroup/new/x && echo made; mkdir /sys/fs/cgroup/other 2>&1 || true'
	says $'mark\nmade\nmkdir: can\'t create directory \'/sys/fs/cgroup/other\': Read-only file system'
}
