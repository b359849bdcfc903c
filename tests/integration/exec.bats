#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154 # variables of bats and helpers, scripts for inner shells
# rung exec: a second process in a container, and each flag.

load helpers
load commands

setup() {
	setup_bundle
	process sleep 1000
}

# bats test_tags=user
@test "exec: in the namespaces, root and cgroup of the container" {
	start_container
	exec_in sh -c 'for n in /proc/self/ns/*; do readlink $n; done; cat /proc/1/comm; cat /proc/self/cgroup | sed "s/.*://"'
	[ "$status" -eq 0 ]
	local ns
	for ns in ipc mnt pid uts; do
		mentions "$(readlink "/proc/$(init_pid)/ns/$ns")"
	done
	mentions sleep
	# Compares both paths inside the container, because its cgroup namespace changes them.
	exec_in sh -c '[ -n "$(cat /proc/1/cgroup)" ] && [ "$(cat /proc/self/cgroup)" = "$(cat /proc/1/cgroup)" ] && echo same'
	says same
}

# bats test_tags=user
@test "exec: the exit status is that of the process" {
	start_container
	run -42 rung exec "$ID" sh -c 'exit 42'
	says ''
	run -137 rung exec "$ID" sh -c 'kill -KILL $$'
}

# bats test_tags=user
@test "exec: stdin, stdout and stderr are the caller's" {
	start_container
	run -0 --separate-stderr rung exec "$ID" sh -c 'cat; echo to stderr >&2' <<<'from stdin'
	says 'from stdin'
	[ "$stderr" = 'to stderr' ]
}

# bats test_tags=user
@test "exec: flags after the id are the program's" {
	start_container
	run -0 rung exec "$ID" echo -e --env X -d
	says '--env X -d'
	run -0 rung exec -- "$ID" echo -- -t
	says '-- -t'
}

# bats test_tags=user
@test "exec: in a container that was not started" {
	create_container
	exec_in cat /proc/1/comm
	[ "$status" -eq 0 ]
	[ "$(status_of)" = created ]
}

# bats test_tags=user
@test "exec -e, --env: added to the container's; the last of a name counts" {
	config '.process.env = ["PATH=/bin", "A=old", "B=b"]'
	start_container
	run -0 rung exec -e A=new --env 'C=a,b c' --env A=newest "$ID" env
	[ "$(sort <<<"$output")" = "$(printf '%s\n' A=newest B=b 'C=a,b c' HOME=/root PATH=/bin)" ]
	run -255 rung exec -e NOVALUE "$ID" env
	mentions NOVALUE
}

# bats test_tags=user
@test "exec --cwd" {
	start_container
	run -0 rung exec --cwd /bin "$ID" pwd
	says /bin
	run -255 rung exec --cwd /no/such/dir "$ID" pwd
	mentions process.cwd 'no such file or directory'
	run -255 rung exec --cwd bin "$ID" pwd
	mentions process.cwd 'absolute'
}

@test "exec -u, --user: a uid, and a gid" {
	needs_root
	start_container
	run -0 rung exec -u 1000 "$ID" sh -c 'id -u; id -g; echo $HOME'
	says 1000$'\n'0$'\n'/home/user
	run -0 rung exec --user 1000:100 "$ID" sh -c 'id -u; id -g'
	says 1000$'\n'100
}

@test "exec --user, --additional-gids: what the container's user namespace does not map" {
	needs_root
	map_ids
	own_rootfs
	start_sleeper
	run -255 rung exec --user 70000 "$ID" id
	mentions 'process.user.uid: 70000 is not mapped by linux.uidMappings'
	run -255 rung exec --user 0:70000 "$ID" id
	mentions 'process.user.gid: 70000 is not mapped by linux.gidMappings'
	run -255 rung exec --additional-gids 70000 "$ID" id
	mentions 'process.user.additionalGids[0]: 70000 is not mapped by linux.gidMappings'
}

@test "exec --user: what is no number" {
	start_container
	local user
	for user in root 1000x '1000:' ':100' '0:tty' -1 4294967296 '1000 '; do
		run -255 rung exec --user="$user" "$ID" id
		mentions 'bad '
	done
}

@test "exec -g, --additional-gids" {
	needs_root
	start_container
	run -0 rung exec -u 1000:1000 -g 100 --additional-gids 65534 "$ID" id -G
	says '1000 100 65534'
	run -255 rung exec --additional-gids=-1 "$ID" id
	mentions 'additional-gids must be a positive number'
	run -255 rung exec -g 4294967296 "$ID" id
}

capability_set() { # SET FLAG...
	local set=$1
	shift
	rung exec "$@" "$ID" awk -v set="$set:" '$1 == set { print $2 }' /proc/self/status
}

# bats test_tags=user
@test "exec -c, --cap: added to bounding, effective and permitted, not to inheritable" {
	start_container
	[ "$(capability_set CapEff)" = 0000000020000420 ]
	local set
	for set in CapBnd CapEff CapPrm; do
		[ "$(capability_set $set -c CAP_CHOWN --cap CAP_FOWNER)" = 0000000020000429 ]
	done
	for set in CapInh CapAmb; do
		[ "$(capability_set $set -c CAP_CHOWN)" = 0000000000000000 ]
	done
}

# bats test_tags=user
@test "exec --cap: an unknown capability is left out, with a warning" {
	start_container
	run -0 --separate-stderr rung exec --cap CAP_NOPE "$ID" echo finished
	says finished
	[[ $stderr == *level=warning*CAP_NOPE* ]]
}

# bats test_tags=user
@test "exec --no-new-privs" {
	config '.process.noNewPrivileges = false'
	start_container
	run -0 rung exec "$ID" grep NoNewPrivs /proc/self/status
	says $'NoNewPrivs:\t0'
	run -0 rung exec --no-new-privs "$ID" grep NoNewPrivs /proc/self/status
	says $'NoNewPrivs:\t1'
}

# bats test_tags=user
@test "exec -d, --detach and --pid-file" {
	start_container
	rung exec -d --pid-file pid "$ID" sleep 2000 </dev/null &>output
	[[ $(tr '\0' ' ' <"/proc/$(cat pid)/cmdline") == 'sleep 2000 ' ]]
	rung exec --detach --pid-file pid "$ID" sleep 3000 </dev/null &>output
	[[ $(tr '\0' ' ' <"/proc/$(cat pid)/cmdline") == 'sleep 3000 ' ]]
	[ ! -s output ]
}

@test "exec -d: an error of the process's start is reported" {
	start_container
	run -255 rung exec -d "$ID" no-such-program
	mentions 'executable file not found in $PATH'
}

# bats test_tags=user
@test "exec -t, --tty: in the foreground" {
	start_container
	run "$RUNG_TEST_COMMANDS/console" size=33x77 -- "$RUNG" --root "$STATE" exec -t "$ID" sh -c 'stty size; tty; exit 9'
	[ "$status" -eq 9 ]
	mentions '33 77' /dev/
	run "$RUNG_TEST_COMMANDS/console" -- "$RUNG" --root "$STATE" exec --tty "$ID" test -t 0
	[ "$status" -eq 0 ]
}

# bats test_tags=user
@test "exec --console-socket" {
	start_container
	"$RUNG_TEST_COMMANDS/console" -socket "$BUNDLE/console" >shown 3>&- &
	local job=$!
	wait_until 5 test -S console
	rung exec -d -t --console-socket "$BUNDLE/console" "$ID" sh -c 'test -t 1 && echo on a terminal' </dev/null &>output
	wait "$job"
	grep -q 'on a terminal' shown
}

@test "exec: a terminal that nobody would use is refused" {
	start_container
	run -255 rung exec -d -t "$ID" true
	mentions 'without setting console socket'
	run -255 rung exec --console-socket /none "$ID" true
	mentions 'cannot use console socket'
}

# bats test_tags=user
@test "exec --pidfd-socket" {
	start_container
	"$RUNG_TEST_COMMANDS/pidfdkill" 9 "$BUNDLE/pidfd" </dev/null 3>&- &
	wait_until 5 test -S pidfd
	rung exec -d --pid-file pid --pidfd-socket "$BUNDLE/pidfd" "$ID" sleep 2000 </dev/null &>output || true
	wait_until 5 exec_is_dead
	[ "$(status_of)" = running ]
}

# If the signal comes before the program runs, there is no pid file.
exec_is_dead() {
	[ ! -e pid ] || dead "$(cat pid)"
}

# bats test_tags=user
@test "exec -p, --process" {
	start_container
	jq '.process | .args = ["sh", "-c", "pwd; echo $A"] | .cwd = "/bin" | .env += ["A=1"]' config.json >process.json
	run -0 rung exec -p process.json "$ID"
	says /bin$'\n'1
	run -0 rung exec --process "$BUNDLE/process.json" "$ID"
	says /bin$'\n'1
}

# As with runc, exec uses capabilities, limits and others of the container if process.json does not set them.
@test "exec --process: what it leaves out is the container's" {
	needs_root
	config '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 100}] | .process.oomScoreAdj = 55
		| .process.scheduler = {policy: "SCHED_BATCH", nice: 4} | .process.user.umask = 63
		| .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6} | .linux.personality = {domain: "LINUX32"}
		| .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
	[ -e /proc/self/numa_maps ] || config 'del(.linux.memoryPolicy)'
	start_sleeper
	local look='sed -n "s/^CapBnd:\s*0*//p" /proc/self/status; ulimit -n; cat /proc/self/oom_score_adj
		cut -d" " -f19,41 /proc/self/stat; umask; ionice -p $$; echo $HOME; uname -m; head -n 1 /proc/self/numa_maps'
	jq -n --arg look "$look" '{args: ["/bin/sh", "-c", $look], cwd: "/"}' >process.json
	run rung exec -p process.json "$ID"
	[ "${lines[*]:0:7}" = '20 100 55 4 3 0077 best-effort: prio 6 /root' ] || fail "$output"
	[ "$(uname -m)" != x86_64 ] || [ "${lines[7]}" = i686 ]
	[ ! -e /proc/self/numa_maps ] || mentions ' bind:0 '
	exec_in sh -c "$look"
	[ "${lines[*]:0:7}" = '20 100 55 4 3 0077 best-effort: prio 6 /root' ] || fail "$output"
}

# docs/pitfalls.md: groups, umask and HOME are those of the exec'ed process.
@test "exec --process: what it has is its own" {
	needs_root
	config '.process.user.additionalGids = [5, 6] | .process.oomScoreAdj = 55 | .process.user.umask = 63'
	start_sleeper
	jq -n '{args: ["/bin/sh", "-c", "id -G; umask; cat /proc/self/oom_score_adj; echo $HOME; ulimit -n; cut -d\" \" -f41 /proc/self/stat"],
		cwd: "/", user: {uid: 7777, gid: 8, additionalGids: [9], umask: 2}, oomScoreAdj: 0, env: ["HOME="],
		rlimits: [{type: "RLIMIT_NOFILE", soft: 50, hard: 60}], scheduler: {policy: "SCHED_BATCH"}}' >process.json
	run rung exec -p process.json "$ID"
	says $'8 9\n0002\n0\n/\n50\n3'
}

@test "exec --process: what is wrong is named" {
	start_container
	run -255 rung exec -p none.json "$ID"
	mentions none.json 'no such file or directory'
	echo '{' >process.json
	run -255 rung exec -p process.json "$ID"
	mentions process.json
	echo '{"cwd": "/", "args": ["id"], "user": {"uid": "root"}}' >process.json
	run -255 rung exec -p process.json "$ID"
	mentions user.uid
	echo '{"cwd": "/", "args": []}' >process.json
	run -255 rung exec -p process.json "$ID"
	mentions 'args' 'must not be empty'
	echo '{"args": ["id"]}' >process.json
	run -255 rung exec -p process.json "$ID"
	mentions 'cwd' 'must not be empty'
	echo null >process.json
	run -255 rung exec -p process.json "$ID"
	mentions 'must not be empty'
}

# bats test_tags=user, smp
@test "exec: execCPUAffinity, of process.json and of the container" {
	needs_two_cpus
	config '.process.execCPUAffinity = {final: "1"}'
	start_sleeper
	exec_in grep Cpus_allowed_list /proc/self/status
	says $'Cpus_allowed_list:\t1'
	jq '.process | .args = ["grep", "Cpus_allowed_list", "/proc/self/status"] | .execCPUAffinity = {initial: "0", final: "0, 1"}' \
		"$BUNDLE/config.json" >"$BUNDLE/process.json"
	run rung exec --process "$BUNDLE/process.json" "$ID"
	says $'Cpus_allowed_list:\t0-1'
	jq '.execCPUAffinity = {initial: "0"}' "$BUNDLE/process.json" >"$BUNDLE/process2.json"
	run rung exec --process "$BUNDLE/process2.json" "$ID"
	# If it is cloned into the cgroup, or before Linux 6.2, the kernel then sets the CPUs of the cgroup.
	is_v2 || ! at_least 6.2 || says $'Cpus_allowed_list:\t0'
	grep -q '^Cpus_allowed_list:.0-1$' "/proc/$(init_pid)/status" # the first process has all
	# The messages of runc's nsexec: the suites of runc (cpu_affinity.bats) and youki (exec_cpu_affinity) look for these words.
	run rung --debug exec --process "$BUNDLE/process2.json" "$ID"
	[[ $output == *nsexec*': affinity: 0x1"'* ]]
	jq '.execCPUAffinity = {final: "1000"}' "$BUNDLE/process.json" >"$BUNDLE/process2.json"
	run -255 rung exec --process "$BUNDLE/process2.json" "$ID"
	mentions process.execCPUAffinity.final 'invalid argument'
}

@test "exec --preserve-fds" {
	start_container
	echo three >three
	output=$("$RUNG" --root "$STATE" exec --preserve-fds 1 "$ID" cat /proc/self/fd/3 3<three)
	says three
	output=$("$RUNG" --root "$STATE" exec "$ID" sh -c 'ls /proc/self/fd | wc -l' 3<three)
	says 4
}

# bats test_tags=user
@test "exec --preserve-fds: closed descriptors stay closed, and the others keep their numbers" {
	start_container
	echo nine >nine
	run only_with 9 "$RUNG" --root "$STATE" exec --preserve-fds 50 "$ID" sh -c 'cat <&9; ls /proc/self/fd | tr "\n" " "' 9<nine
	says $'nine\n0 1 2 3 9 '
	run only_with 9 "$RUNG" --root "$STATE" exec --preserve-fds 50 "$ID" sh -c 'cat <&9; ls /proc/self/fd | tr "\n" " "' 9<nine <&-
	says $'nine\n0 1 2 3 9 '
}

@test "exec --process-label, --apparmor: without such a security module, an error that names the field" {
	needs_root
	start_container
	if [ ! -d /sys/fs/selinux/booleans ]; then
		run -255 rung exec --process-label system_u:system_r:svirt_t:s0 "$ID" true
		mentions process.selinuxLabel
	fi
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
		run -255 rung exec --apparmor no-such-profile "$ID" true
		mentions process.apparmorProfile
	fi
}

@test "exec --ignore-paused: else a paused container is refused" {
	needs_root
	needs_controller freezer
	start_container
	freeze_cgroup
	# The output goes to a file: a process in the container would keep a pipe open, and the test would wait.
	run -255 bash -c 'timeout -k 1 10 "$0" --root "$1" exec "$2" true </dev/null >said 2>&1' "$RUNG" "$STATE" "$ID"
	grep -F 'cannot exec in a paused container (use --ignore-paused to override)' said
	rung exec --ignore-paused "$ID" echo thawed </dev/null >output 2>&1 &
	local job=$!
	sleep 0.2
	[ ! -s output ]
	thaw_cgroup
	wait "$job"
	[ "$(cat output)" = thawed ]
}

# bats test_tags=user
@test "exec: in a stopped container" {
	process true
	start_container
	wait_until 5 stopped
	run -255 rung exec "$ID" true
	mentions 'cannot exec in a stopped container'
}

@test "exec: in a container that does not exist" {
	run -255 rung exec "$ID" true
	mentions 'container does not exist'
}

# bats test_tags=user
@test "exec --cwd: a working directory that cannot be entered is named" {
	own_rootfs
	touch "$ROOTFS/file"
	ln -s loop "$ROOTFS/loop"
	start_sleeper
	local cwd errno
	while read -r cwd errno; do
		run -255 rung exec --cwd "$cwd" "$ID" true
		mentions 'exec failed: unable to start container process: process.cwd: chdir to cwd (' "$cwd" "$errno"
		[ "${#lines[@]}" -eq 1 ]
	done <<-END
		/nonexistent no such file or directory
		/file not a directory
		/file/below not a directory
		/loop too many levels of symbolic links
	END
	[ ! -e "$ROOTFS/nonexistent" ]
}

# bats test_tags=user
@test "exec: a program that does not exist" {
	start_container
	run -255 rung exec "$ID" no-such-program
	mentions 'exec failed: unable to start container process: exec: ' no-such-program 'executable file not found in $PATH'
	run -255 rung exec "$ID" /no/such/program
	mentions '/no/such/program' 'no such file or directory'
	run -255 rung exec "$ID" /etc/passwd
	mentions /etc/passwd 'permission denied'
}

@test "exec: into a container with the one process that pids.limit allows" {
	needs_root
	needs_controller pids
	config '.linux.resources.pids.limit = 1'
	start_container
	run -0 rung exec "$ID" true
}

@test "exec: a hundred at a time" {
	start_container
	local n jobs=()
	for n in {1..100}; do
		rung exec "$ID" sh -c "exit $n" </dev/null &
		jobs+=($!)
	done
	for n in {1..100}; do
		local code=0
		wait "${jobs[$((n - 1))]}" || code=$?
		[ "$code" = "$n" ]
	done
}

@test "exec: the process ends with the container" {
	start_container
	rung exec "$ID" sh -c 'echo ready; sleep 2000' </dev/null >output &
	local job=$! code=0
	wait_until 5 grep -q ready output
	rung kill "$ID" KILL
	wait "$job" || code=$?
	[ "$code" = 137 ]
}

# bats test_tags=user
@test "exec: while init dies, it runs or says why not, and leaves nothing" {
	local n code moment
	for n in {1..12}; do
		start_container
		rung exec "$ID" sleep 2000 </dev/null >"$BATS_TEST_TMPDIR/exec-$n" 2>&1 &
		local job=$!
		printf -v moment '0.%03d' "$n"
		sleep "$moment"
		rung kill "$ID" KILL
		code=0
		wait "$job" || code=$?
		[ "$code" = 137 ] || [ "$code" = 255 ] || fail "status $code: $(cat "$BATS_TEST_TMPDIR/exec-$n")"
		[ "$code" = 137 ] || [ "$(wc -l <"$BATS_TEST_TMPDIR/exec-$n")" = 1 ] || fail "$(cat "$BATS_TEST_TMPDIR/exec-$n")"
		rung delete --force "$ID"
		no_leftovers
	done
}

# bats test_tags=user
# https://nvd.nist.gov/vuln/detail/CVE-2016-9962: before execve the new process already has the rights of the container's
# processes, but is still part of rung.
# shellcheck disable=SC2030
@test "exec: the container's processes cannot look into the new process before its program runs" {
	needs_root
	needs_command strace
	start_sleeper
	strace -f -qq -o /dev/null -e trace=execve -e inject=execve:delay_enter=60000000:when=1 \
		"$RUNG" --root "$STATE" exec "$ID" sleep 1001 </dev/null >/dev/null 2>&1 3>&- &
	local strace=$! looks=0 start
	wait_until 20 sees 'rung:init'
	start=$SECONDS
	# First it has all capabilities, and nobody in the container may trace it: the last state counts.
	while [ $((SECONDS - start)) -lt 4 ] || [ $looks -lt 3 ]; do
		[ "$output" = 'found 0' ] || fail "$output"
		looks=$((looks + 1))
		sees 'rung:init' || fail "after $looks looks"
	done
	kill -KILL $strace # which lets it go on; after SIGTERM strace would wait
	# after execve the links can be read: the test would notice a process that is not protected
	wait_until 20 sees sleep
	[ "$output" = 'found 4' ] || fail "$output"
}

# Prints, from inside, how many links of a process with that name can be read: its program and its descriptors.
# shellcheck disable=SC2031 # of `run`
sees() { # NAME
	exec_in sh -c 'for p in /proc/[0-9]*; do
			read -r name <$p/comm && [ "$name" = "$0" ] && [ $p != /proc/1 ] || continue
			links=$(for link in $p/exe $p/fd/*; do readlink $link; done | wc -l)
			read -r name <$p/comm && [ "$name" = "$0" ] || continue # it may have executed its program in the meantime
			echo "found $links"
		done 2>/dev/null; true' "$1"
	[ -n "$output" ]
}

@test "exec: signals are forwarded to the process" {
	start_container
	rung exec "$ID" sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done' </dev/null >output &
	local job=$! code=0
	wait_until 5 grep -q ready output
	kill -TERM "$(pgrep -P "$job" -x rung || echo "$job")"
	wait "$job" || code=$?
	[ "$code" = 7 ]
}

@test "exec: wrong number of arguments" {
	run -1 rung exec
	mentions 'requires a minimum of 1 argument(s)'
	start_container
	run -255 rung exec "$ID"
	mentions 'exec args cannot be empty'
}
