#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# linux.seccomp: actions, arguments, architectures, flags, and system calls newer than the profile.
#
# The program `syscall` of tests/cmd makes one system call and prints its errno.

load helpers

setup() {
	setup_bundle
	command -v "$RUNG_TEST_COMMANDS/syscall" >/dev/null || skip "needs the programs of tests/cmd: make test-commands"
	config '.mounts += [{destination: "/run", type: "bind", source: $dir, options: ["bind", "ro"]}]' --arg dir "$RUNG_TEST_COMMANDS"
}

# profile DEFAULT [RULE...]: sets a profile; rules are objects of linux.seccomp.syscalls
profile() {
	local default=$1
	shift
	config '.linux.seccomp = {defaultAction: $default, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
		syscalls: [$ARGS.positional[] | fromjson]}' --arg default "$default" --args -- "$@"
}

calls() { # NAME or NUMBER [ARGUMENT...]
	process /run/syscall "$@"
	run_container
}

# personality(2) with the argument 0xffffffff changes nothing.

# bats test_tags=user
@test "SCMP_ACT_ERRNO is EPERM, or errnoRet" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	calls personality 0xffffffff
	says EPERM
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3}'
	calls personality 0xffffffff
	says ESRCH
}

# bats test_tags=user
@test "errnoRet 0 makes the call succeed without being made" {
	profile SCMP_ACT_ALLOW '{"names": ["setsid", "chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 0}'
	calls chroot 1
	says 0
}

# bats test_tags=user
@test "system calls that have no rule get the default action" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	calls 999
	says ENOSYS
	calls chroot 0
	says EFAULT || says EPERM
	# a profile that denies by default: it allows what a Go program needs, and a call newer than personality
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 3, syscalls: [{action: "SCMP_ACT_ALLOW", names: [
		"read", "write", "openat", "close", "mmap", "munmap", "mprotect", "madvise", "brk", "rt_sigaction", "rt_sigprocmask",
		"rt_sigreturn", "sigaltstack", "clone", "clone3", "futex", "execve", "exit", "exit_group", "arch_prctl", "prctl", "prlimit64",
		"sched_getaffinity", "sched_yield", "gettid", "getpid", "tgkill", "nanosleep", "epoll_create1", "epoll_ctl", "epoll_pwait",
		"eventfd2", "pipe2", "fcntl", "newfstatat", "readlinkat", "uname", "getrandom", "set_tid_address", "rseq", "statx"]}]}'
	calls personality 0xffffffff
	says ESRCH
}

# bats test_tags=user
@test "SCMP_ACT_KILL_PROCESS" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_KILL_PROCESS"}'
	calls personality 0xffffffff
	[ "$status" -eq 159 ] # 128 + SIGSYS
	says ''
}

# bats test_tags=user
@test "SCMP_ACT_KILL and SCMP_ACT_KILL_THREAD" {
	local action
	for action in SCMP_ACT_KILL SCMP_ACT_KILL_THREAD; do
		profile SCMP_ACT_ALLOW "{\"names\": [\"sethostname\"], \"action\": \"$action\"}"
		process hostname other
		run_container
		[ "$status" -eq 159 ]
	done
}

# In runc init has many threads: only one of them is killed, and the others wait for ever. The stage has one thread.
# bats test_tags=user
@test "a filter that kills the start of the process itself ends the container" {
	local action
	for action in SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS; do
		profile SCMP_ACT_ALLOW "{\"names\": [\"execve\"], \"action\": \"$action\"}"
		process true
		run timeout 10 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 159 ] || fail "status $status: $output"
	done
}

# bats test_tags=user
@test "SCMP_ACT_TRAP" {
	profile SCMP_ACT_ALLOW '{"names": ["sethostname"], "action": "SCMP_ACT_TRAP"}'
	process sh -c 'hostname other; echo $?'
	run_container
	mentions 159
}

# bats test_tags=user
@test "SCMP_ACT_LOG and SCMP_ACT_TRACE" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_LOG"}'
	calls personality 0xffffffff
	says 0
	# without a tracer the call is not made (seccomp(2))
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_TRACE", "errnoRet": 5}'
	calls personality 0xffffffff
	says ENOSYS
}

# bats test_tags=user
@test "arguments: each operator" {
	local case operator value other match miss
	for case in EQ:7:0:7:8 NE:7:0:8:7 LT:7:0:6:7 LE:7:0:7:8 GE:7:0:7:6 GT:7:0:8:7 MASKED_EQ:0xff:7:0x107:0x108; do
		IFS=: read -r operator value other match miss <<<"$case"
		value=$((value)) other=$((other))
		profile SCMP_ACT_ALLOW "{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 3,
			\"args\": [{\"index\": 1, \"value\": $value, \"valueTwo\": $other, \"op\": \"SCMP_CMP_$operator\"}]}"
		calls chroot 0 "$match"
		[ "$output" = ESRCH ] || fail "$operator $value: $match gives $output"
		calls chroot 0 "$miss"
		[ "$output" != ESRCH ] || fail "$operator $value: $miss gives $output"
	done
}

# runc#4391: two conditions on the same argument are two rules.
# bats test_tags=user
@test "the same argument twice: either condition" {
	profile SCMP_ACT_ALLOW '{"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3, "args": [
		{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 9, "op": "SCMP_CMP_EQ"}]}'
	calls chroot 0 7
	says ESRCH
	calls chroot 0 9
	says ESRCH
	calls chroot 0 8
	[ "$output" != ESRCH ]
}

# bats test_tags=user
@test "arguments of different indexes: both conditions" {
	profile SCMP_ACT_ALLOW '{"names": ["chroot"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3, "args": [
		{"index": 1, "value": 7, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]}'
	calls chroot 0 7 9
	says ESRCH
	calls chroot 0 7 8
	[ "$output" != ESRCH ]
}

# bats test_tags=user
@test "a profile of two architectures filters the 32-bit gate too" {
	[ "$("$RUNG_TEST_COMMANDS/syscall" -i386 20)" = 0 ] || skip "needs the 32-bit system calls of an x86-64 kernel"
	profile SCMP_ACT_ALLOW '{"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3}'
	calls -i386 20
	says ESRCH
	calls getpid
	says ESRCH
}

# bats test_tags=user
@test "an architecture that the profile does not name is killed" {
	[ "$("$RUNG_TEST_COMMANDS/syscall" -i386 20)" = 0 ] || skip "needs the 32-bit system calls of an x86-64 kernel"
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
	calls -i386 20
	[ "$status" -ne 0 ]
	[[ $output != 0 ]]
}

# runc#2151, runc#2750: with a profile that denies by default, a system call newer than the profile fails with ENOSYS, so that the
# C library falls back to an older call. A call that the profile could have listed fails with EPERM.
# bats test_tags=user
@test "ENOSYS for system calls that are newer than the profile" {
	local known
	known=$(syscall_names)
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", architectures: ["SCMP_ARCH_X86_64"],
		syscalls: [{names: ($names | split("\n")), action: "SCMP_ACT_ALLOW"}]}' --arg names "$known"
	calls chroot 0
	says EPERM
	# listmount(2) of Linux 6.8 is newer than the newest name, openat2 (5.6)
	calls 458
	says ENOSYS
	calls 9999
	says ENOSYS
}

# Prints the calls that a Go program and a shell need. The newest is openat2, and chroot(2) is missing. The last ones are for 32-bit
# architectures, or for architectures that lack the older calls.
syscall_names() {
	tr ' ' '\n' <<<'read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn ioctl
pread64 access pipe sched_yield mremap madvise dup dup2 nanosleep getpid clone fork vfork execve exit wait4 kill uname fcntl
getcwd readlink getuid getgid geteuid getegid getppid sigaltstack prctl arch_prctl gettid futex sched_getaffinity
set_tid_address epoll_create epoll_ctl clock_gettime exit_group tgkill openat newfstatat readlinkat set_robust_list
epoll_pwait eventfd2 epoll_create1 pipe2 prlimit64 getrandom rseq clone3 openat2 rt_sigtimedwait sched_setaffinity setresuid capset
mmap2 fstat64 fstatat64 stat64 _llseek fcntl64 ugetrlimit getuid32 geteuid32 getgid32 getegid32 set_thread_area set_tls
cacheflush clock_gettime64 futex_time64 rt_sigtimedwait_time64 faccessat statx pselect6 ppoll waitpid' |
		grep .
}

# bats test_tags=user
@test "names that no kernel knows are left out" {
	profile SCMP_ACT_ALLOW '{"names": ["no_such_call", "personality"], "action": "SCMP_ACT_ERRNO"}'
	calls personality 0xffffffff
	says EPERM
}

# runc#3109
# bats test_tags=user
@test "a rule whose action is the default" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ALLOW"}'
	calls personality 0xffffffff
	says 0
}

# youki#3489
# bats test_tags=user
@test "no architectures, no system calls" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: null}'
	calls personality 0xffffffff
	says 0
}

# bats test_tags=user
@test "the filter is in force, and flags are taken" {
	profile SCMP_ACT_ALLOW
	config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
		| .linux.seccomp.syscalls = [{names: ["personality"], action: "SCMP_ACT_ERRNO"}]'
	inside 'sed -n "s/^Seccomp:\s*//p" /proc/self/status'
	says 2
}

# Checks the flags with strace, because the kernel does not show the flags of a loaded filter.
@test "flags reach the kernel" {
	needs_command strace
	needs_root
	profile SCMP_ACT_ALLOW
	config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]
		| .linux.seccomp.syscalls = [{names: ["personality"], action: "SCMP_ACT_ERRNO"}]'
	run strace -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=seccomp "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || fail "$output"
	grep -E 'SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG\|SECCOMP_FILTER_FLAG_SPEC_ALLOW,' "$BATS_TEST_TMPDIR/trace" ||
		fail "$(cat "$BATS_TEST_TMPDIR/trace")"
}

@test "without noNewPrivileges, and with no capability for it" {
	needs_root
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	config '.process.noNewPrivileges = false | .process.user.uid = 1000 | .process.capabilities = {}'
	calls personality 0xffffffff
	says EPERM
	inside 'sed -n "s/^\(Seccomp\|NoNewPrivs\|CapPrm\|CapEff\|CapBnd\):\s*//p" /proc/self/status'
	says $'0000000000000000\n0000000000000000\n0000000000000000\n0\n2'
}

# rung itself makes only execve under the filter (runc also makes getcwd).
# bats test_tags=user
@test "a profile that allows but execve and the program's own" {
	profile SCMP_ACT_ERRNO '{"names": ["execve", "exit_group", "exit", "brk", "arch_prctl", "set_tid_address", "mprotect", "mmap",
		"munmap", "prctl", "rt_sigaction", "rt_sigprocmask", "readlink", "getrandom", "prlimit64", "set_robust_list", "rseq",
		"getuid", "fstat", "newfstatat", "uname", "readlinkat", "set_thread_area", "set_tls", "mmap2", "getuid32", "fstat64", "statx",
		"ugetrlimit"], "action": "SCMP_ACT_ALLOW"}'
	process /bin/true
	run_container
	[ "$status" -eq 0 ] || fail "$status $output"
}

@test "a profile that denies what the set-up calls after it: the line says so" {
	needs_root
	config '.process.noNewPrivileges = false | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["capset"], action: "SCMP_ACT_ERRNO"}]}'
	refused process.capabilities 'capset: operation not permitted (linux.seccomp denies capset, which the process calls after it has loaded the filter'
	config '.process.noNewPrivileges = true'
	inside 'echo it runs'
	says 'it runs'
}

# bats test_tags=user
@test "exec is under the container's filter" {
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	start_sleeper
	exec_in /run/syscall personality 0xffffffff
	says EPERM
}

# Checks that a profile of this size fits. engines.bats tests Docker's default profile.
# bats test_tags=user
@test "a profile of many rules with arguments" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		syscalls: [range(0; 400) | {names: ["chroot", "personality"], action: "SCMP_ACT_ERRNO", errnoRet: 3,
			args: [{index: 1, value: (. * 2), op: "SCMP_CMP_EQ"}]}]}'
	calls chroot 0 798
	says ESRCH
	calls chroot 0 799
	[ "$output" != ESRCH ]
}

# bats test_tags=user
@test "unknown actions, architectures, operators and flags are refused with the field" {
	profile SCMP_ACT_NONE
	refused linux.seccomp.defaultAction
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_NONE"}'
	refused 'linux.seccomp.syscalls[0]'
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_NONE"}]}'
	refused 'linux.seccomp.syscalls[0]'
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}'
	refused 'linux.seccomp.syscalls[0]'
	profile SCMP_ACT_ALLOW
	config '.linux.seccomp.architectures = ["SCMP_ARCH_NONE"]'
	refused linux.seccomp.architectures
	profile SCMP_ACT_ALLOW
	config '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_NONE"]'
	refused linux.seccomp.flags
}

# bats test_tags=user
@test "compiled filters are kept, and used again only when they are whole" {
	local kept
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO"}'
	"$RUNG" --root "$STATE" explain -b "$BUNDLE" "$ID" >/dev/null
	[ ! -e "$STATE/.seccomp~" ] # explain has no side effect
	calls personality 0xffffffff
	says EPERM
	kept=$(echo "$STATE/.seccomp~"/*)
	[ "$(stat -c '%a %u' "$STATE/.seccomp~" "$kept")" = "700 $UID"$'\n'"600 $UID" ]
	run rung list -q
	says ''
	calls personality 0xffffffff
	says EPERM
	[ "$(echo "$STATE/.seccomp~"/*)" = "$kept" ]
	truncate -s -8 "$kept"
	calls personality 0xffffffff
	says EPERM
	profile SCMP_ACT_ALLOW '{"names": ["personality"], "action": "SCMP_ACT_ERRNO", "errnoRet": 3}'
	calls personality 0xffffffff
	says ESRCH
}

# The parts that the filters of several architectures have in common come out once: runc's filter of these has 1381
# instructions, and the kernel takes 4096.
# bats test_tags=user
@test "1360 rules for one call, with three architectures, and 1200 besides Docker's profile" {
	profile SCMP_ACT_ALLOW
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
		| .linux.seccomp.syscalls = [range(1360) | {names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 3,
			args: [{index: 0, value: (5000000 + .), op: "SCMP_CMP_EQ"}]}]'
	calls personality 5000000
	says ESRCH
	calls personality 5001359
	says ESRCH
	calls personality 0xffffffff
	says 0
	config '.linux.seccomp = $docker[0].linux.seccomp | .linux.seccomp.syscalls += [range(1200) | {names: ["add_key"], action: "SCMP_ACT_ERRNO", errnoRet: 3,
			args: [{index: 0, value: (5000000 + .), op: "SCMP_CMP_EQ"}]}]' \
		--slurpfile docker "$RUNG_SOURCE/testdata/engines/docker-default/config.json"
	calls add_key 5000000
	says ESRCH
	calls add_key 5001199
	says ESRCH
	calls add_key 5001200
	says EPERM
}
