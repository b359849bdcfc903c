#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq
# Messages that name the cause and the cure: each of these left people to guess.

load helpers

# bats test_tags=user
@test "message: an unknown id: the id and where it was looked for" {
	local verb
	for verb in state start kill delete 'exec --'; do
		if [ "$verb" = 'exec --' ]; then run rung exec "$ID" true; else run rung "$verb" "$ID"; fi
		[ "$status" -ne 0 ]
		mentions "container does not exist: $ID in $STATE"
	done
	mkdir -p "$STATE/$ID"
	run -1 rung create -b "$BUNDLE" "$ID"
	mentions "container with given ID already exists: $ID in $STATE"
	rmdir "$STATE/$ID"
}

# bats test_tags=user
@test "message: a command that rung does not have: which one it has" {
	run -3 rung strat "$ID"
	mentions "No help topic for 'strat': did you mean start?"
	run -3 rung stop "$ID"
	mentions "No help topic for 'stop': rung has no command stop: kill, and then delete"
	run -3 rung xyzzy-42
	mentions "No help topic for 'xyzzy-42': rung has no such command: rung --help lists them"
}

# bats test_tags=user
@test "message: -it of docker run and exec" {
	run -1 rung run -it "$ID"
	mentions 'flag provided but not defined: -it: process.terminal in config.json gives the process a terminal'
	run rung exec -it "$ID" sh
	[ "$status" -ne 0 ]
	mentions 'flag provided but not defined: -it: -t gives the process a terminal'
}

@test "message: the default state directory without root" {
	needs_root
	local dir=$BATS_TEST_TMPDIR/plain
	mkdir "$dir"
	chmod 0755 "$BATS_RUN_TMPDIR" "$dir"
	install -m 0755 "$RUNG" "$dir/rung"
	run -1 unshare --mount --propagation private bash -c '
		mount -t tmpfs -o mode=755 none /run
		exec env -u XDG_RUNTIME_DIR setpriv --reuid 4343 --regid 4343 --clear-groups "$1" run -b "$2" x' - "$dir/rung" "$BUNDLE"
	mentions 'mkdir /run/rung: permission denied' 'run rung as root, or set XDG_RUNTIME_DIR or --root to a directory that this user may write'
	install -d -o 4343 "$dir/state"
	run -1 setpriv --reuid 4343 --regid 4343 --clear-groups "$dir/rung" --root "$dir/state" run -b "$BUNDLE" x
	mentions 'linux.namespaces' 'operation not permitted' 'without CAP_SYS_ADMIN, a capability of root, new namespaces need one of users: list it in linux.namespaces' 'rung spec --rootless'
}

# bats test_tags=user
@test "message: exec --cwd of a directory that is not there" {
	start_sleeper
	run rung exec --cwd /nodir "$ID" true
	[ "$status" -ne 0 ]
	mentions 'exec failed: unable to start container process: process.cwd: chdir to cwd (\"/nodir\"): chdir: no such file or directory' \
		'(the container has no such directory: name another by --cwd, or make it)'
}

# bats test_tags=user
@test "message: a script whose interpreter is missing, by run, start, exec and explain" {
	own_rootfs
	printf '#!/no/interpreter -x\necho\n' >"$ROOTFS/script"
	chmod 0755 "$ROOTFS/script"
	process /script
	local said='exec /script: no such file or directory (/script is there, but its interpreter /no/interpreter is not)'
	run -255 rung --log "$BATS_TEST_TMPDIR/log" run -b "$BUNDLE" "$ID" # at a terminal it says the same; elsewhere one bare line, as runc
	[[ $(<"$BATS_TEST_TMPDIR/log") == *"$said"* ]]
	SHELL=/bin/sh run script -qec "'$RUNG' --root '$STATE' run -b '$BUNDLE' '$ID' </dev/null" /dev/null
	mentions "$said"
	run -1 rung explain
	mentions "$said"
	create_container
	run -1 rung start "$ID"
	mentions "$said"
	rung delete --force "$ID"
	start_sleeper
	run rung exec "$ID" /script
	[ "$status" -ne 0 ]
	mentions "$said"
	# What is not there is named as ever, and a script that works is not explained.
	process /no/script
	run -1 rung explain
	[[ $output != *interpreter* ]]
}

# bats test_tags=user
@test "message: a program that the kernel does not execute, by run, explain and check" {
	own_rootfs
	local name says format
	for format in /proc/sys/fs/binfmt_misc/*; do
		case $format in *[*] | */register | */status) ;; *) skip 'needs a kernel without further formats of programs' ;; esac
	done
	printf '#!/bin/sh\r\n' >"$ROOTFS/crlf"
	printf 'echo\n' >"$ROOTFS/text"
	: >"$ROOTFS/empty"
	head -c 40 "$ROOTFS/bin/busybox" >"$ROOTFS/short"
	printf '#!/loop\n' >"$ROOTFS/loop"
	printf '#!/plain\n' >"$ROOTFS/by-plain"
	chmod 0755 "$ROOTFS"/{crlf,text,empty,short,loop,by-plain}
	printf x >"$ROOTFS/plain"
	while read -r name says; do
		process "/$name"
		run -1 rung run -d -b "$BUNDLE" "$ID"
		mentions "exec /$name: $says"
		rung delete --force "$ID"
		run -1 rung explain
		mentions "exec /$name: $says"
		run -1 rung check -b "$BUNDLE"
		mentions "exec /$name: $says" 'who: the author of the '
	done <<-'END'
		crlf no such file or directory (the first line of /crlf ends with a carriage return
		text exec format error (/text is neither an ELF program nor a script that begins with #!)
		empty exec format error (/empty is empty)
		short exec format error (/short is cut off: it has only 40 bytes)
		loop too many levels of symbolic links (more than 5 scripts are each the interpreter
		by-plain permission denied (nobody may execute /plain, the interpreter of /by-plain)
	END
}

@test "message: a program whose loader is missing" {
	local loader=/lib64/ld-linux-x86-64.so.2
	[ -e "$loader" ] || skip "needs a program with a loader"
	own_rootfs
	cp "$(command -v ls)" "$ROOTFS/dynamic"
	process /dynamic
	create_container
	run -1 rung start "$ID"
	mentions "exec /dynamic: no such file or directory (/dynamic is there, but its loader $loader is not)"
}

# bats test_tags=user
@test "message: a bind mount without the option bind" {
	local at type
	at=$(jq '.mounts | length' config.json)
	for type in bind none; do
		config '.mounts[$at] = {destination: "/mnt", type: $type, source: "/tmp"}' --argjson at "$at" --arg type "$type"
		refused "mounts[$at]" 'no such device (a bind mount has bind or rbind in its options, and these have neither)'
	done
	config '.mounts[$at] = {destination: "/mnt", source: "/tmp"}' --argjson at "$at"
	refused "mounts[$at].type" 'must not be empty for a mount that is not a bind mount: that has bind or rbind in its options'
}

# bats test_tags=user
@test "message: a mount option that the file system does not know" {
	local at
	at=$(jq '.mounts | length' config.json)
	add_mount '{"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["no-such-option=5"]}'
	refused "mounts[$at]" 'option no-such-option=5: fsconfig: invalid argument' "the kernel says: tmpfs: Unknown parameter 'no-such-option'"
}

# bats test_tags=user
@test "message: a seccomp profile that denies execve" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["execve"], action: "SCMP_ACT_ERRNO"}]}'
	run -255 rung --log "$BATS_TEST_TMPDIR/log" run -b "$BUNDLE" "$ID"
	output=$(<"$BATS_TEST_TMPDIR/log")
	mentions 'operation not permitted (linux.seccomp denies execve, by which the program begins)'
	run -1 rung explain
	mentions 'operation not permitted (linux.seccomp denies execve, by which the program begins)'
	config '.linux.seccomp.syscalls[0].action = "SCMP_ACT_KILL_PROCESS"'
	run_container
	[ "$status" -eq 159 ] # 128 + SIGSYS
	mentions 'linux.seccomp kills the process at execve, by which its program begins'
	config '.linux.seccomp.syscalls[0].names = ["reboot"]'
	run_container
	[ "$status" -eq 0 ]
	says ''
}

# bats test_tags=user
@test "message: no section linux" {
	config 'del(.linux)'
	refused hostname 'without a private UTS namespace (config.json lists none: linux.namespaces, or the whole section linux, is missing)'
	config 'del(.hostname) | .root.readonly = true'
	refused root.readonly 'without a private MNT namespace (config.json lists none'
}

@test "message: a value that the kernel refuses is in the message" {
	needs_root
	config '.linux.sysctl = {"net.ipv4.ip_forward": "perhaps"}'
	refused 'linux.sysctl[net.ipv4.ip_forward]: set the kernel parameter to \"perhaps\": write: invalid argument'
	needs_controller cpu
	config '.linux.sysctl = {} | .linux.resources.cpu = {quota: 1, period: 100000}'
	refused linux.resources.cpu.quota 'invalid argument (the kernel does not take the value \"1'
}

# bats test_tags=user
@test "message: ulimit -f 0" {
	run bash -c 'ulimit -f 0; exec "$@"' - "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions "file too large: the caller's RLIMIT_FSIZE is 0 bytes (ulimit -f)"
}
