#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# process: user, args, cwd, env, rlimits, capabilities, noNewPrivileges, oomScoreAdj, labels, scheduling.

load helpers

# ---- user -----------------------------------------------------------------------------------------------------------

@test "uid, gid and additional gids" {
	needs_root
	config '.process.user = {uid: 1000, gid: 100, additionalGids: [5, 77]}'
	inside 'id -u; id -g; id -G; sed -n "s/^[UG]id:\t//p" /proc/self/status'
	says $'1000\n100\n100 5 77\n1000\t1000\t1000\t1000\n100\t100\t100\t100'
	# check the ids before execve too: busybox drops an id that differs from the real one, and execve changes the saved id
	process sleep 1000
	create_container
	run sed -n 's/^[UG]id:\t//p' "/proc/$(init_pid)/status"
	says $'1000\t1000\t1000\t1000\n100\t100\t100\t100'
}

@test "no additional gids means none: those of the caller stay outside" {
	needs_root
	process sh -c 'sed -n "s/^Groups:\s*//p" /proc/self/status'
	run setpriv --groups 7,8,9 -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says ''
}

# Podman's --group-add keep-groups: https://docs.podman.io/en/latest/markdown/podman-run.1.html
@test "keep_original_groups: the groups of the caller, in create, run and exec" {
	needs_root
	local groups='sed -n "s/^Groups:\s*//p" /proc/self/status'
	config '.annotations["run.oci.keep_original_groups"] = "1" | .process.user.additionalGids = [20]'
	process sh -c "$groups"
	run setpriv --groups 7,8,9 -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says '7 8 9 '
	process sh -c "$groups; sleep 1000"
	setpriv --groups 7,8 -- "$RUNG" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >out 2>&1 3>&-
	rung start "$ID"
	wait_until 20 grep -qx '7 8 ' out
	run -0 setpriv --groups 11 -- "$RUNG" --root "$STATE" exec "$ID" sh -c "$groups" 3>&-
	says '11 '
}

@test "keep_original_groups: 0 means none" {
	needs_root
	config '.annotations["run.oci.keep_original_groups"] = "0"'
	process sh -c 'sed -n "s/^Groups:\s*//p" /proc/self/status'
	run setpriv --groups 7,8,9 -- "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says ''
}

# As a plain user who maps no other group than its own: nobody could set groups, and Podman lists some of its own too.
# bats test_tags=user-only
@test "keep_original_groups: with additional groups that a plain user cannot set" {
	config '.annotations["run.oci.keep_original_groups"] = "1" | .process.user.additionalGids = [0]'
	inside true
}

@test "umask, 0022 where none is given" {
	needs_root
	inside umask
	says 0022
	config '.process.user.umask = 23'
	inside umask
	says 0027
	config '.process.user.umask = 0'
	inside umask
	says 0000
}

# runc#5479
@test "the umask of a process without a mount namespace" {
	needs_root
	own_rootfs
	config 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = [] | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .process.user.umask = 23'
	inside umask
	says 0027
}

@test "the standard streams belong to the user" {
	needs_root
	config '.process.user = {uid: 1000, gid: 100}'
	process sh -c 'echo again >/dev/stdout; echo error >/dev/stderr'
	run_container
	says $'again\nerror'
}

# bats test_tags=user
@test "an id that the user namespace does not map is refused with the field" {
	is_root && map_ids 100000 10
	config '.process.user.uid = 99999'
	refused process.user
}

# ---- args -----------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "args are passed as they are" {
	process printf '%s|' 'a b' '' '*' '$HOME' $'tab\there'
	run_container
	says $'a b||*|$HOME|tab\there|'
}

# bats test_tags=user
@test "args[0] is looked up in the PATH of the container's environment" {
	own_rootfs
	mkdir -p "$ROOTFS/opt/bin"
	printf '#!/bin/sh\necho found\n' >"$ROOTFS/opt/bin/tool"
	chmod 755 "$ROOTFS/opt/bin/tool"
	config '.process.env = ["PATH=/nowhere:/opt/bin"]'
	process tool
	run_container
	says found
}

# bats test_tags=user
@test "args[0] with a slash is relative to cwd" {
	own_rootfs
	mkdir -p "$ROOTFS/opt/bin"
	printf '#!/bin/sh\necho found\n' >"$ROOTFS/opt/bin/tool"
	chmod 755 "$ROOTFS/opt/bin/tool"
	config '.process.cwd = "/opt"'
	process bin/tool
	run_container
	says found
}

# bats test_tags=user
@test "a program that is not there, at run and at create" {
	process nosuchprogram
	refused 'executable file not found' nosuchprogram
	process /no/such/program
	refused 'no such file or directory' /no/such/program
	run rung create -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions 'no such file or directory'
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "a program that may not be executed" {
	process /etc/passwd
	refused 'permission denied' /etc/passwd
	process /etc
	refused /etc ': is a directory (permission denied)' # Podman and Docker make 126 of either of the two
}

# bats test_tags=user
@test "a script whose interpreter is missing" {
	own_rootfs
	printf '#!/no/such/shell\n' >"$ROOTFS/bin/script"
	chmod 755 "$ROOTFS/bin/script"
	process script
	run_container
	[ "$status" -eq 255 ]
	says 'exec /usr/bin/script: no such file or directory'
}

# bats test_tags=user
@test "a program in no format that the kernel knows" {
	own_rootfs
	echo text >"$ROOTFS/bin/text"
	chmod 755 "$ROOTFS/bin/text"
	process text
	run_container
	[ "$status" -eq 255 ]
	says 'exec /usr/bin/text: exec format error'
}

# ---- cwd ------------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "cwd, made where it is missing" {
	own_rootfs
	config '.process.cwd = "/home/user"'
	inside pwd
	says /home/user
	config '.process.cwd = "/made/here"'
	inside pwd
	says /made/here
	[ -d "$ROOTFS/made/here" ]
}

@test "a cwd that only the user may enter, and one that only root may" {
	needs_root
	own_rootfs
	mkdir "$ROOTFS/private" "$ROOTFS/roots"
	chown 1000:1000 "$ROOTFS/private"
	chmod 0700 "$ROOTFS/private" "$ROOTFS/roots"
	config '.process.user = {uid: 1000, gid: 1000} | .process.cwd = "/private"'
	inside pwd
	says /private
	# as in runc, rung also tries chdir before the change of user
	config '.process.cwd = "/roots"'
	process true
	run_container
	[ "$status" -eq 0 ]
}

# People search for "chdir to cwd", which runc says. A directory that is missing is made; what cannot be one is an error of create.
# bats test_tags=user
@test "a working directory that cannot be entered is named" {
	own_rootfs
	touch "$ROOTFS/file"
	ln -s loop "$ROOTFS/loop"
	local cwd errno
	process true
	while read -r cwd errno; do
		config '.process.cwd = $cwd' --arg cwd "$cwd"
		refused 'run failed: unable to start container process: error during container init: process.cwd: chdir to cwd (' \
			"$cwd" "$errno"
		[[ $output != *'must be mounted'* ]] || fail "$output"
		run -1 rung create -b "$BUNDLE" "$ID"
		mentions 'create failed: unable to start container process: error during container init: process.cwd: chdir to cwd (' \
			"$cwd" "$errno"
		[ ! -e "$STATE/$ID" ]
	done <<-END
		/file not a directory
		/file/below not a directory
		/loop too many levels of symbolic links
		/loop/below too many levels of symbolic links
		/$(printf 'n%.0s' {1..300}) file name too long
	END
}

@test "a working directory that the user may not enter is named" {
	needs_root
	own_rootfs
	mkdir -m 0700 "$ROOTFS/closed" "$ROOTFS/closed/below"
	map_ids
	chown -R 100000:100000 "$ROOTFS"
	chown -R 0:0 "$ROOTFS/closed"
	config '.process.cwd = "/closed/below"'
	refused 'chdir to cwd (' /closed/below 'permission denied'
}

# ---- env ------------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "the environment is that of the configuration, with HOME" {
	config '.process.env = ["A=1", "B=x y", "EMPTY="]'
	process /bin/env
	run env LEAK=1 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says $'A=1\nB=x y\nEMPTY=\nHOME=/root'
}

# bats test_tags=user
@test "of two values of a name the last counts" {
	config '.process.env = ["A=1", "B=2", "A=3"]'
	process /bin/env
	run_container
	says $'B=2\nA=3\nHOME=/root'
}

# runc#4688, runc#4711: HOME comes from the container's passwd, and is "/" for a user that is not in it. An empty HOME is replaced.
@test "HOME" {
	needs_root
	config '.process.user.uid = 1000 | .process.env = []'
	process /bin/env
	run_container
	says HOME=/home/user
	config '.process.env = ["HOME="]'
	run_container
	says HOME=/home/user
	config '.process.env = ["HOME=/else"]'
	run_container
	says HOME=/else
	config '.process.user.uid = 4321 | .process.env = []'
	run_container
	says HOME=/
}

# ---- limits ---------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "rlimits" {
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
		{type: "RLIMIT_STACK", soft: 4194304, hard: 8388608}]'
	inside 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Ss; ulimit -Hs'
	says $'100\n200\n0\n4096\n8192'
}

@test "a rlimit that is raised above the hard limit" {
	needs_root
	needs_capability CAP_SYS_RESOURCE
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 70000, hard: 70000}]'
	process sh -c 'ulimit -n'
	run bash -c 'ulimit -n 1024; "$@"' sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says 70000
}

# The set-up needs descriptors for mounts. The program gets the caller's limit.
# bats test_tags=user
@test "a low limit of open files of the caller's" {
	config 'del(.process.rlimits) | .mounts += [range(40) | {destination: "/tmp", source: $bundle, options: ["bind"]}]' --arg bundle "$BUNDLE"
	process sh -c 'ulimit -Sn; exec sleep 1000'
	bash -c 'ulimit -Sn 12; exec "$@"' sh "$RUNG" --root "$STATE" run -d -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1
	wait_until 5 grep -qx 12 "$BATS_TEST_TMPDIR/output"
	run -0 bash -c 'ulimit -Sn 13; exec "$@"' sh "$RUNG" --root "$STATE" exec "$ID" sh -c 'ulimit -Sn'
	says 13
}

# bats test_tags=user
@test "a rlimit that rung may not raise is refused with the field" {
	setpriv_less() { is_root && echo "setpriv --bounding-set -sys_resource --inh-caps -sys_resource --"; }
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 70000, hard: 70000}]'
	# shellcheck disable=SC2046
	run bash -c 'ulimit -n 1024; "$@"' sh $(setpriv_less) "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	mentions process.rlimits 'operation not permitted' CAP_SYS_RESOURCE fs.nr_open
}

@test "oomScoreAdj, and 0 is written too" {
	needs_root
	config '.process.oomScoreAdj = 321'
	inside 'cat /proc/self/oom_score_adj'
	says 321
	config '.process.oomScoreAdj = 0'
	process cat /proc/self/oom_score_adj
	run bash -c 'echo 77 >/proc/self/oom_score_adj; "$@"' sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says 0
	# without the field the process has the caller's value
	config 'del(.process.oomScoreAdj)'
	run bash -c 'echo 77 >/proc/self/oom_score_adj; "$@"' sh "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says 77
}

# runc#4858: the affinity of the caller must not leak into the container.
# bats test_tags=user, smp
@test "the CPU affinity of the caller stays outside" {
	needs_two_cpus
	process sh -c 'sed -n "s/^Cpus_allowed_list:\s*//p" /proc/self/status'
	run taskset -c 0 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says "$(sed -n 's/^Cpus_allowed_list:\s*//p' /proc/1/status)"
}

# A shell cannot trap a signal that was ignored when it began, and conmon and systemd's services ignore SIGPIPE. A test of Podman
# shows it: https://github.com/containers/podman/blob/v4.3.1/test/system/130-kill.bats
# bats test_tags=user
@test "signals that the caller ignores or blocks have their default action in the container" {
	# shellcheck disable=SC2054 # the commas are env's
	local caller=(env --ignore-signal=HUP,INT,QUIT,PIPE,TERM,CHLD,TSTP,RTMIN --block-signal=USR1,TERM,CHLD,RTMAX
		"$RUNG" --root "$STATE")
	process grep -E '^Sig(Blk|Ign)' /proc/self/status
	run "${caller[@]}" run -b "$BUNDLE" "$ID"
	says $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
	# With a closed standard stream the stage is spawned late.
	run "${caller[@]}" run -b "$BUNDLE" "$ID" <&-
	says $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
	start_sleeper
	run "${caller[@]}" exec "$ID" grep -E '^Sig(Blk|Ign)' /proc/self/status
	says $'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000'
}

# set_policy JSON: sets the scheduler. The process prints its policy, priority and nice value without a fork.
set_policy() { # JSON
	config '.process.scheduler = $s' --argjson s "$1"
	process cut -d" " -f19,40,41 /proc/self/stat
	run_container
}

@test "scheduler: the policies, with nice and flags" {
	needs_root
	needs_capability CAP_SYS_NICE
	local own # the nice value of the caller: a policy without nice values does not change it
	own=$(nice)
	set_policy '{"policy": "SCHED_OTHER", "nice": 7}'
	says '7 0 0'
	set_policy '{"policy": "SCHED_IDLE"}'
	says "$own 0 5"
	set_policy '{"policy": "SCHED_BATCH", "nice": -3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	says '-3 0 3'
	set_policy '{"policy": "SCHED_DEADLINE", "runtime": 10000000, "deadline": 20000000, "period": 30000000}'
	says "$own 0 6"
}

@test "scheduler: the real-time policies, with priority and flags" {
	needs_root
	needs_capability CAP_SYS_NICE
	local own
	own=$(nice)
	# A new v1 cgroup has no real-time budget if the kernel has group scheduling for it (sched(7)).
	if [ -n "$(v1_mount cpu)" ] && [ -e "$(v1_mount cpu)/cpu.rt_runtime_us" ]; then
		needs_realtime_share
		config '.linux.cgroupsPath = "/" + $id | .linux.resources.cpu = {realtimePeriod: 1000000, realtimeRuntime: 1000}' --arg id "$ID"
	fi
	set_policy '{"policy": "SCHED_FIFO", "priority": 7}'
	says "$own 7 1"
	set_policy '{"policy": "SCHED_RR", "priority": 9, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}'
	says "$own 9 2"
}

# bats test_tags=user
@test "scheduler: what the kernel refuses is named" {
	config '.process.scheduler = {policy: "SCHED_OTHER", nice: 5, flags: ["SCHED_FLAG_UTIL_CLAMP_MIN"]}'
	refused 'process.scheduler' 'sched_setattr'
}

@test "ioPriority: every class" {
	needs_root
	local class
	for class in RT:realtime BE:best-effort; do
		config '.process.ioPriority = {class: $class, priority: 2}' --arg class "IOPRIO_CLASS_${class%:*}"
		inside 'ionice -p $$'
		says "${class#*:}: prio 2"
	done
	config '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	inside 'ionice -p $$'
	mentions idle
}

# bats test_tags=user
@test "memoryPolicy: mode, nodes and flags" {
	[ -e /proc/self/numa_maps ] || skip "needs a kernel with NUMA"
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' bind=static:0 '
	config '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0"}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' interleave:0 '
	config '.linux.memoryPolicy = {mode: "MPOL_PREFERRED", nodes: "0"}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' prefer:0 '
	config '.linux.memoryPolicy = {mode: "MPOL_LOCAL"}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' local '
	config '.linux.memoryPolicy = {mode: "MPOL_DEFAULT"}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' default '
	config '.linux.memoryPolicy = {mode: "MPOL_LOCAL", nodes: "0-3,5"}'
	refused 'linux.memoryPolicy.nodes' 'MPOL_LOCAL mode requires 0 nodes but got 5'
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0-9876543210"}'
	refused 'linux.memoryPolicy.nodes' 'invalid memory policy node'
	config '.linux.memoryPolicy = {mode: "MPOL_DEFAULT"}'
	inside 'head -1 /proc/self/numa_maps'
	mentions ' default '
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "63"}'
	refused 'linux.memoryPolicy' 'set_mempolicy' 'invalid argument'
}

# bats test_tags=user
@test "rlimits: every name" {
	local name number
	config '.process.rlimits = []'
	while read -r name number; do
		config '.process.rlimits += [{type: "RLIMIT_\($name)", soft: $number, hard: $number}]' --arg name "$name" --argjson number "$number"
	done <<-END
		AS 1073741824
		CORE 0
		CPU 70
		DATA 1073741824
		FSIZE 8192
		LOCKS 11
		MEMLOCK 12288
		MSGQUEUE 13
		NICE 0
		NOFILE 64
		NPROC 1000
		RSS 16384
		RTPRIO 0
		RTTIME 17
		SIGPENDING 18
		STACK 1048576
	END
	inside 'sed "s/^\(Max [a-z -]*[a-z]\)  */\1=/; s/  */ /g" /proc/self/limits | tail -n +2 | cut -d" " -f1-5'
	mentions 'Max cpu time=70 70' 'Max file size=8192 8192' 'Max data size=1073741824 1073741824' 'Max stack size=1048576 1048576' \
		'Max core file size=0 0' 'Max resident set=16384 16384' 'Max processes=1000 1000' 'Max open files=64 64' \
		'Max locked memory=12288 12288' 'Max address space=1073741824 1073741824' 'Max file locks=11 11' \
		'Max pending signals=18 18' 'Max msgqueue size=13 13' 'Max nice priority=0 0' 'Max realtime priority=0 0' \
		'Max realtime timeout=17 17'
}

@test "scheduler, I/O priority and personality" {
	needs_root
	config '.process.scheduler = {policy: "SCHED_BATCH", nice: 5}
		| .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}
		| .linux.personality = {domain: "LINUX32"}'
	inside 'cut -d" " -f19,41 /proc/self/stat; ionice -p $$; uname -m'
	[ "${lines[0]}" = '5 3' ]
	[[ ${lines[1]} == 'best-effort: prio 6' ]]
	[ "$(uname -m)" != x86_64 ] || [ "${lines[2]}" = i686 ]
}

# runc#4900: a filter that forbids personality(2) applies only to the process.
@test "the personality is set before the filter" {
	[ "$(uname -m)" = x86_64 ] || skip "needs x86_64"
	config '.linux.personality = {domain: "LINUX32"}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["personality", "sched_setattr", "ioprio_set",
			"set_mempolicy"], action: "SCMP_ACT_KILL_PROCESS"}]}
		| .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6} | .process.scheduler = {policy: "SCHED_BATCH"}
		| .linux.memoryPolicy = {mode: "MPOL_LOCAL"}'
	inside 'uname -m'
	says i686
}

# ---- capabilities ---------------------------------------------------------------------------------------------------

capability_lines() {
	printf 'sed -n "s/^Cap\(...\):\s*0*/\\1=/p" /proc/self/status'
}

# bats test_tags=user
@test "the five sets" {
	config '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_KILL"], inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} | .process.user.uid = 0'
	inside "$(capability_lines)"
	# with no_new_privs root gets no more capabilities at execve
	says $'Inh=1\nPrm=21\nEff=21\nBnd=a1\nAmb=1'
}

@test "the five sets of a process that is not root" {
	needs_root
	config '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN", "CAP_KILL"], inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]} | .process.user.uid = 1000'
	inside "$(capability_lines)"
	says $'Inh=1\nPrm=1\nEff=1\nBnd=a1\nAmb=1'
}

# youki#3434: without capabilities in the configuration all sets are empty, the bounding set too.
# bats test_tags=user
@test "no capabilities" {
	config 'del(.process.capabilities)'
	inside "$(capability_lines)"
	says $'Inh=\nPrm=\nEff=\nBnd=\nAmb='
}

# bats test_tags=user
@test "capabilities count, for what they allow" {
	config '.process.capabilities = {bounding: [], effective: [], permitted: []} | .process.noNewPrivileges = false'
	process hostname other
	run_container
	[ "$status" -eq 1 ]
	mentions 'Operation not permitted'
	config '.process.capabilities = {bounding: ["CAP_SYS_ADMIN"], effective: ["CAP_SYS_ADMIN"], permitted: ["CAP_SYS_ADMIN"]}'
	inside 'hostname other; hostname'
	says other
}

@test "an unknown capability is left out, with a warning" {
	needs_root
	config '.process.capabilities.bounding += ["CAP_NOT_THERE"]'
	inside true
	mentions CAP_NOT_THERE
}

# config.md allows this, for example in a restricted environment.
@test "a capability that rung does not have is left out, with a warning in the log" {
	needs_root
	config '.process.capabilities[] += ["CAP_SYS_BOOT"]'
	process sed -n 's/^Cap\(Prm\|Bnd\):\s*//p' /proc/self/status
	local log=$BATS_TEST_TMPDIR/log less=(setpriv --bounding-set -sys_boot --inh-caps -sys_boot -- "$RUNG" --root "$STATE")
	local warning='process.capabilities: ignoring capabilities that rung itself does not have: [CAP_SYS_BOOT]'
	run "${less[@]}" --log "$log" run -b "$BUNDLE" "$ID"
	says $'0000000020000420\n0000000020000420' # audit_write, net_bind_service, kill
	grep -qF "level=warning msg=\"$warning\"" "$log"
	run "${less[@]}" --debug run -b "$BUNDLE" "$ID"
	mentions "level=warning msg=\"$warning\""
	start_sleeper
	rm "$log"
	run "${less[@]}" --log "$log" exec --cap CAP_SYS_BOOT "$ID" sed -n 's/^CapPrm:\s*//p' /proc/self/status
	says 0000000020000420
	grep -qF "level=warning msg=\"$warning\"" "$log"
	rung delete --force "$ID"
	rm "$log"
	process true
	run rung --log "$log" run -b "$BUNDLE" "$ID"
	[ ! -s "$log" ]
}

# Without --log the messages of create and exec are among what the container writes: conmon reads both from one pipe. An engine
# cannot give rung more capabilities than it has itself.
@test "what an engine cannot act on is not among the output of its container" {
	needs_root
	local less=(setpriv --bounding-set -sys_boot --inh-caps -sys_boot -- "$RUNG" --root "$STATE")
	config '.process.capabilities[] += ["CAP_SYS_BOOT"]'
	process sh -c 'echo out; echo err >&2'
	run "${less[@]}" run -b "$BUNDLE" "$ID"
	says $'out\nerr'
	"${less[@]}" create -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&-
	[ ! -s "$BATS_TEST_TMPDIR/said" ] || fail "$(cat "$BATS_TEST_TMPDIR/said")"
	run "${less[@]}" exec --cap CAP_SYS_BOOT "$ID" true
	says ''
	run "${less[@]}" start "$ID"
	says ''
	wait_until 5 grep -q err "$BATS_TEST_TMPDIR/said"
	[ "$(cat "$BATS_TEST_TMPDIR/said")" = $'out\nerr' ]
	rung delete -f "$ID"
	# what somebody can change is said
	config '.process.capabilities.bounding += ["CAP_NOT_THERE"]'
	run "${less[@]}" run -b "$BUNDLE" "$ID"
	mentions 'level=warning' CAP_NOT_THERE
}

# bats test_tags=user
@test "noNewPrivileges" {
	inside 'sed -n "s/^NoNewPrivs:\s*//p" /proc/self/status'
	says 1
	config '.process.noNewPrivileges = false'
	inside 'sed -n "s/^NoNewPrivs:\s*//p" /proc/self/status'
	says 0
}

# ---- labels ---------------------------------------------------------------------------------------------------------

# A label that cannot be applied is an error, never a warning.
@test "an AppArmor profile where the kernel has none is refused with the field" {
	needs_root
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip "needs a kernel without AppArmor"
	config '.process.apparmorProfile = "nosuchprofile"'
	refused process.apparmorProfile
}

@test "an SELinux label where the kernel has none is refused with the field" {
	needs_root
	! grep -q selinuxfs /proc/mounts || skip "needs a kernel without SELinux"
	config '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
	refused 'process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported'
	config 'del(.process.selinuxLabel) | .linux.mountLabel = "system_u:object_r:container_file_t:s0"'
	refused 'linux.mountLabel: selinux label is specified in config, but selinux is disabled or not supported'
}

# ---- other attributes of the process --------------------------------------------------------------------------------

# bats test_tags=user
@test "the exit status" {
	process sh -c 'exit 42'
	run_container
	[ "$status" -eq 42 ]
}

@test "the status of a process that a signal has ended" {
	needs_root
	# the kernel does not deliver signals from inside to process 1 of a PID namespace without a handler
	no_namespace pid
	process sh -c 'kill -KILL $$'
	run_container
	[ "$status" -eq 137 ]
}

# bats test_tags=user
@test "signals to rung run reach the process" {
	process sh -c 'trap "exit 17" TERM; echo ready; while :; do sleep 0.05; done'
	"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null 3>&- &
	local pid=$!
	wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -TERM $pid
	local code=0
	wait $pid || code=$?
	[ "$code" -eq 17 ]
}

# bats test_tags=user
@test "the process has its standard streams and no other descriptor" {
	process ls /proc/self/fd
	exec 7</dev/null
	run rung run -b "$BUNDLE" "$ID"
	exec 7<&-
	# descriptor 3 is the directory that ls reads
	says $'0\n1\n2\n3'
}

@test "a session keyring of its own, unless --no-new-keyring" {
	needs_root
	grep -q _ses /proc/keys || skip "needs session keyrings"
	config '.linux.maskedPaths = []'
	process sh -c 'grep -c "_ses.$0" /proc/keys || true' "$ID"
	run_container
	[ "$output" -ge 1 ]
}

# bats test_tags=user
@test "a working directory through a link of /proc is refused, and the message says why" {
	config '.process.cwd = "/proc/self/cwd"'
	refused 'process.cwd' 'too many levels of symbolic links (a loop of symbolic links, or a link of /proc to a file of a process, which is not followed)'
}
