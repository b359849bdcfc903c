#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq, or by the shell in the container
# hooks: when and where they run, their standard input, failures and timeouts.

load helpers

ALL='prestart createRuntime createContainer startContainer poststart poststop'

# hook NAME SCRIPT [JSON OF FURTHER FIELDS]: adds a hook that runs a shell. Hooks in the container use the shell of the image.
hook() {
	config '.hooks[$name] += [{path: "/bin/sh", args: ["sh", "-c", $script]} + $more]' \
		--arg name "$1" --arg script "$2" --argjson more "${3:-{\}}"
}

# Makes a directory that has the same path on the host and in the container.
shared_place() {
	PLACE=$BATS_TEST_TMPDIR/place
	own_rootfs
	mkdir -m 0777 "$PLACE"
	mkdir -p "$ROOTFS$PLACE"
	config '.mounts += [{destination: $p, type: "bind", source: $p, options: ["bind"]}]' --arg p "$PLACE"
}

# bats test_tags=user
@test "the order of all hooks and of the process" {
	shared_place
	local name
	for name in $ALL; do
		hook "$name" "/bin/echo $name one >>$PLACE/order"
		hook "$name" "/bin/echo $name two >>$PLACE/order"
	done
	process sh -c "echo process >>$PLACE/order; sleep 1000"
	create_container
	run cat "$PLACE/order"
	says 'prestart one
prestart two
createRuntime one
createRuntime two
createContainer one
createContainer two'
	: >"$PLACE/order"
	rung start "$ID"
	wait_until 5 grep -q process "$PLACE/order"
	run cat "$PLACE/order"
	# the process may write its line before or after the poststart hooks
	[ "$(grep -v process <<<"$output")" = 'startContainer one
startContainer two
poststart one
poststart two' ]
	[ "$(grep -n process <<<"$output" | cut -d: -f1)" -ge 3 ]
	: >"$PLACE/order"
	rung delete --force "$ID"
	run cat "$PLACE/order"
	says $'poststop one\npoststop two'
}

# crun(1), "run.oci.hooks.stdout". A hook in the container gets no descriptor of the host's file.
# bats test_tags=user
@test "annotations name files for the output of hooks" {
	local name
	for name in $ALL; do
		hook "$name" "echo $name out; echo $name err >&2; [ $name != startContainer ] || [ -p /proc/self/fd/1 ]"
	done
	config '.annotations = {"run.oci.hooks.stdout": ($dir + "/out"), "run.oci.hooks.stderr": ($dir + "/err")}' --arg dir "$BATS_TEST_TMPDIR"
	start_sleeper
	rung delete --force "$ID"
	run cat "$BATS_TEST_TMPDIR/out"
	says "${ALL// / out$'\n'} out"
	run cat "$BATS_TEST_TMPDIR/err"
	says "${ALL// / err$'\n'} err"
}

# bats test_tags=user
@test "a file for the output of hooks that cannot be one" {
	hook prestart true
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	config '.annotations["run.oci.hooks.stdout"] = $path' --arg path "$BATS_TEST_TMPDIR/fifo"
	refused 'annotations[run.oci.hooks.stdout]' "$BATS_TEST_TMPDIR/fifo"
	config '.annotations["run.oci.hooks.stdout"] = "/dev/null"'
	run_container
	[ "$status" -eq 0 ] || fail "$output"
	[ -c /dev/null ]
}

# A hook gets the status at that moment. Hooks inside get the pid of their own PID namespace.
# bats test_tags=user
@test "the state on standard input" {
	shared_place
	config '.annotations = {"org.example.key": "value"}'
	local name pid
	for name in $ALL; do
		hook "$name" "/bin/cat >$PLACE/$name"
	done
	create_container
	pid=$(init_pid)
	process sleep 1000
	for name in prestart createRuntime createContainer; do
		[ "$(jq -r .status "$PLACE/$name")" = creating ] || fail "$name: $(cat "$PLACE/$name")"
	done
	rung start "$ID"
	wait_until 5 stopped
	rung delete "$ID"
	[ "$(jq -r .status "$PLACE/startContainer")" = created ]
	[ "$(jq -r .status "$PLACE/poststart")" = running ]
	[ "$(jq -r .status "$PLACE/poststop")" = stopped ]
	for name in prestart createRuntime poststart; do
		[ "$(jq -r .pid "$PLACE/$name")" = "$pid" ] || fail "$name: $(cat "$PLACE/$name")"
	done
	for name in createContainer startContainer; do
		[ "$(jq -r .pid "$PLACE/$name")" = 1 ] || fail "$name: $(cat "$PLACE/$name")"
	done
	for name in $ALL; do
		[ "$(jq -r '.id, .bundle, .ociVersion, .annotations["org.example.key"]' "$PLACE/$name" | tr '\n' ' ')" = "$ID $BUNDLE 1.3.0 value " ] ||
			fail "$name: $(cat "$PLACE/$name")"
	done
}

@test "prestart, createRuntime, poststart and poststop run on the host, the others in the container" {
	needs_root
	shared_place
	local name
	for name in $ALL; do
		hook "$name" "for n in mnt uts net; do readlink /proc/self/ns/\$n; done >$PLACE/$name"
	done
	start_sleeper
	local inside host pid
	pid=$(init_pid)
	inside=$(readlink "/proc/$pid/ns/mnt" "/proc/$pid/ns/uts" "/proc/$pid/ns/net")
	host=$(readlink /proc/self/ns/mnt /proc/self/ns/uts /proc/self/ns/net)
	rung delete --force "$ID"
	for name in prestart createRuntime poststart poststop; do
		[ "$(cat "$PLACE/$name")" = "$host" ] || fail "$name is not on the host"
	done
	for name in createContainer startContainer; do
		[ "$(cat "$PLACE/$name")" = "$inside" ] || fail "$name is not in the container"
	done
}

# createContainer runs before pivot_root, so its path is on the host. The path of startContainer is in the container.
@test "where the path of a hook is looked up" {
	needs_root
	shared_place
	printf '#!/bin/sh\necho host >>%s/out\n' "$PLACE" >"$PLACE/tool"
	chmod 755 "$PLACE/tool"
	mkdir "$ROOTFS/opt"
	printf '#!/bin/sh\necho container >>%s/out\n' "$PLACE" >"$ROOTFS/opt/tool"
	chmod 755 "$ROOTFS/opt/tool"
	config '.hooks = {createContainer: [{path: $host}], startContainer: [{path: "/opt/tool"}]}' --arg host "$PLACE/tool"
	inside true
	run cat "$PLACE/out"
	says $'host\ncontainer'
}

@test "createContainer sees the mounts at the place of the root file system, and what it changes stays" {
	needs_root
	own_rootfs
	mkdir "$BUNDLE/data"
	touch "$BUNDLE/data/mark"
	config '.mounts += [{destination: "/tmp", type: "bind", source: "data", options: ["bind"]}]'
	hook createContainer "ls $ROOTFS/tmp >$BUNDLE/seen; mount -t tmpfs hook $ROOTFS/run && touch $ROOTFS/run/made"
	inside 'ls /run'
	says made
	[ "$(cat "$BUNDLE/seen")" = mark ]
}

# Old prestart hooks set up the network: they need the namespaces, and /proc/PID must lead to them.
@test "prestart and createRuntime can enter the namespaces by the pid of the state" {
	needs_root
	local name
	for name in prestart createRuntime; do
		# shellcheck disable=SC2016
		hook $name 'pid=$(jq .pid); nsenter --net=/proc/$pid/ns/net ip addr add 10.1.2.'"${#name}"'/32 dev lo' '{"env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}'
	done
	needs_command ip
	inside 'ip -4 addr show dev lo | grep -o "10[.][0-9.]*"'
	says $'10.1.2.8\n10.1.2.13'
}

# bats test_tags=user
@test "args and env of a hook; nothing of rung's environment beside them" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["name", "-c", $script, "a", "b c"], env: ["ONE=1", "TWO=x y"]}]' \
		--arg script "echo \"\$0|\$1\" >$BUNDLE/args; cat /proc/\$\$/environ | tr '\\0' '\\n' >$BUNDLE/env; pwd >$BUNDLE/pwd"
	run env LEAK=1 "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(cat "$BUNDLE/args")" = 'a|b c' ]
	[ "$(cat "$BUNDLE/env")" = $'ONE=1\nTWO=x y' ]
	[ "$(cat "$BUNDLE/pwd")" = "$BUNDLE" ]
}

# bats test_tags=user
@test "a hook on the host without env has the environment of rung, one with an empty env has none" {
	hook createRuntime "echo \"\$GIVEN\" >$BUNDLE/env"
	config 'del(.hooks.createRuntime[].env)'
	env GIVEN=yes "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$(cat "$BUNDLE/env")" = yes ]
	config '.hooks.createRuntime[].env = []'
	env GIVEN=yes "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	[ "$(cat "$BUNDLE/env")" = '' ]
}

# rung has a setting of its Go runtime in its environment when Go starts (nsenter/settings.c).
# bats test_tags=user
@test "neither hooks nor containers get the setting of rung's own Go runtime, and hooks get the caller's" {
	local settings
	for settings in '' GOMAXPROCS=3; do
		hook createRuntime "tr '\\0' '\\n' </proc/\$\$/environ | grep -e ^GO -e ^A= >$BUNDLE/env"
		config 'del(.hooks.createRuntime[].env)'
		process sh -c 'tr "\0" "\n" </proc/$$/environ'
		run env -i A=1 ${settings:+"$settings"} "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
		[ "$status" -eq 0 ] || fail "$output"
		[[ $output != *GO* ]] || fail "$output"
		[ "$(sort "$BUNDLE/env")" = "A=1${settings:+$'\n'$settings}" ] || fail "$(cat "$BUNDLE/env")"
	done
}

# With one processor for Go code a goroutine that waits for a hook keeps the others from it until the monitor of Go's runtime sees
# that. The monitor begins late (nsenter/settings.c), but with hooks, terminals and whatever has several goroutines.
@test "the monitor of rung's Go runtime is there while hooks run" {
	hook createRuntime 'sleep 0.1'
	process true
	with_monitor "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
}

# rung can open no files while its Go runtime starts (nsenter/settings.c).
# bats test_tags=user
@test "hooks and containers have the caller's limit of open files, not those of rung's start" {
	hook createRuntime "ulimit -Sn >$BUNDLE/limit; ulimit -Hn >>$BUNDLE/limit"
	config 'del(.process.rlimits)'
	process sh -c 'ulimit -Sn; ulimit -Hn'
	run bash -c 'ulimit -Sn 700 && ulimit -Hn 900 && exec "$@"' - "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	says $'700\n900'
	[ "$(cat "$BUNDLE/limit")" = $'700\n900' ]
}

# bats test_tags=user
@test "a hook has no descriptors but its standard streams" {
	hook createRuntime "ls /proc/self/fd | wc -l >$BUNDLE/fds"
	hook createContainer "ls /proc/self/fd | wc -l >$BUNDLE/fds-inside"
	# bats's own descriptors would be inherited otherwise
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			((fd < 3)) || eval "exec $fd<&-"
		done 2>/dev/null
		exec "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID"
	)
	# 0, 1, 2, and the directory that ls reads
	[ "$(cat "$BUNDLE/fds")" -eq 4 ]
	[ "$(cat "$BUNDLE/fds-inside")" -eq 4 ]
}

# bats test_tags=user
@test "a hook that fails at create: the error names it, and nothing is left" {
	local name
	for name in prestart createRuntime createContainer; do
		config 'del(.hooks)'
		hook "$name" true
		hook "$name" 'echo reason >&2; exit 7'
		refused "hooks.${name}[1]" 'exit status 7' reason
		[ ! -e "$STATE/$ID" ]
	done
}

# bats test_tags=user
@test "later hooks do not run after one that failed" {
	hook createRuntime 'exit 1'
	hook createRuntime "touch $BUNDLE/second"
	hook createContainer "touch $BUNDLE/third"
	refused 'hooks.createRuntime[0]'
	[ ! -e "$BUNDLE/second" ]
	[ ! -e "$BUNDLE/third" ]
}

# bats test_tags=user
@test "a startContainer hook that fails: the process does not run" {
	shared_place
	hook startContainer 'exit 7'
	process touch "$PLACE/ran"
	create_container
	run rung start "$ID"
	[ "$status" -eq 1 ]
	mentions 'hooks.startContainer[0]' 'exit status 7'
	[ ! -e "$PLACE/ran" ]
	destroyed
}

# runtime-spec 1.3 (runtime-spec#1262): if a poststart hook fails, the container is stopped, and the lifecycle continues at step 12.
# bats test_tags=user
@test "a poststart hook that fails: the container is destroyed" {
	hook poststart 'exit 7'
	hook poststop "echo stopped >>$BUNDLE/poststop"
	process sleep 1000
	create_container
	run rung start "$ID"
	[ "$status" -eq 1 ]
	mentions 'hooks.poststart[0]'
	destroyed
	[ "$(cat "$BUNDLE/poststop")" = stopped ]
	run_container
	[ "$status" -eq 1 ]
	destroyed
	[ "$(cat "$BUNDLE/poststop")" = $'stopped\nstopped' ]
}

# Nothing of the container may be left, no process either.
destroyed() {
	run -1 rung state "$ID"
	mentions 'does not exist'
	no_leftovers
}

# bats test_tags=user
@test "a container whose create is under way is creating, and one whose create was killed is not" {
	hook createRuntime "$RUNG --root $STATE state $ID >$BUNDLE/seen; echo \$\$ >$BUNDLE/waits; exec sleep 1000"
	"$RUNG" --root "$STATE" create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&- &
	wait_until 20 test -s "$BUNDLE/waits"
	[ "$(jq -r .status "$BUNDLE/seen")" = creating ]
	kill -KILL $!
	wait_until 5 stopped
	kill -KILL "$(cat "$BUNDLE/waits")"
}

# bats test_tags=user
@test "a poststop hook that fails: a warning, the others run and the container is deleted" {
	hook poststop 'exit 7'
	hook poststop "touch $BUNDLE/second"
	process true
	run_container
	mentions 'hooks.poststop[0]'
	[ -e "$BUNDLE/second" ]
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "a hook that outlives its timeout is killed, with its children" {
	hook createRuntime "sleep 100 & echo \$! >$BUNDLE/child; wait" '{"timeout": 1}'
	local before=$SECONDS
	refused 'hooks.createRuntime[0]' timeout
	((SECONDS - before < 5))
	[ ! -e "/proc/$(cat "$BUNDLE/child")" ] || grep -q '^State:.*Z' "/proc/$(cat "$BUNDLE/child")/status"
}

# bats test_tags=user
@test "^C of a terminal ends a hook that hangs, and run with it" {
	local pid before=$SECONDS status=0
	hook createRuntime "echo >$BUNDLE/runs; sleep 100"
	setsid "$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" >"$BUNDLE/out" 2>&1 3>&- &
	pid=$!
	wait_until 10 test -e "$BUNDLE/runs"
	kill -INT -- "-$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 130 ]
	((SECONDS - before < 50)) || fail "$((SECONDS - before)) s"
	[[ $(<"$BUNDLE/out") == *'hooks.createRuntime[0]'*': ended by SIGINT'* ]] || fail "$(<"$BUNDLE/out")"
	[ ! -e "$STATE/$ID" ]
}

@test "a hook in the container that outlives its timeout is killed" {
	hook createContainer 'sleep 100' '{"timeout": 1}'
	local before=$SECONDS
	refused 'hooks.createContainer[0]' timeout
	((SECONDS - before < 5))
}

# bats test_tags=user
@test "a hook in the container that leaves a process with its streams behind" {
	local name before
	for name in createContainer startContainer; do
		config 'del(.hooks)'
		hook "$name" 'sleep 100 & exit 0'
		before=$SECONDS
		inside 'echo runs'
		says runs
		((SECONDS - before < 20)) || fail "$name: $((SECONDS - before)) s"
	done
}

# A hook that does not read its state is no error.
# bats test_tags=user
@test "a hook that does not read its standard input" {
	hook createRuntime 'exec <&-; exit 0'
	config '.annotations = {long: ([range(0; 20000)] | map(tostring) | join(" "))}'
	inside 'echo runs'
	says runs
}

# bats test_tags=user
@test "a hook that is not there, or whose path is relative, is refused with the field" {
	config '.hooks.createRuntime = [{path: "/no/such/hook"}]'
	refused 'hooks.createRuntime[0]' 'no such file or directory'
	config '.hooks.createRuntime = [{path: "relative"}]'
	refused 'hooks.createRuntime[0]'
	config '.hooks.createRuntime = [{path: "/bin/true", timeout: 0}]'
	refused 'hooks.createRuntime[0]'
}

# bats test_tags=user
@test "a startContainer hook that is not in the image" {
	config '.hooks.startContainer = [{path: "/no/such/hook"}]'
	create_container
	run rung start "$ID"
	[ "$status" -eq 1 ]
	mentions 'hooks.startContainer[0]' 'no such file or directory'
}

# It was taken for the container's program: a bare line, and status 255.
# bats test_tags=user
@test "run names a hook in the container that cannot be executed" {
	own_rootfs
	printf '#!/no/such/interpreter\n' >"$ROOTFS/script"
	chmod 755 "$ROOTFS/script"
	local name path
	for name in createContainer startContainer; do
		for path in /no/such/hook /etc /script; do
			config ".hooks = {$name: [{path: \$p}]}" --arg p "$path"
			refused "hooks.${name}[0]: error running $name hook #0: exec $path: "
		done
	done
}

# runtime.md, "Lifecycle", steps 3 to 5 and 13: poststop hooks remove what hooks of create have made.
# bats test_tags=user
@test "poststop hooks run after a create that failed" {
	local name
	for name in prestart createRuntime createContainer; do
		config 'del(.hooks)'
		hook "$name" 'exit 7'
		hook poststop "/bin/cat >$BUNDLE/state"
		hook poststop 'exit 8'
		run_container
		[ "$status" -eq 1 ]
		mentions "hooks.${name}[0]" 'hooks.poststop[1]'
		[ "$(jq -r '.id, .status' "$BUNDLE/state" | tr '\n' ' ')" = "$ID stopped " ] || fail "$(cat "$BUNDLE/state")"
		rm "$BUNDLE/state"
	done
	# a missing program is found after the hooks
	config 'del(.hooks)'
	hook createRuntime true
	hook poststop "touch $BUNDLE/ran"
	process /no/such/program
	run_container
	[ -e "$BUNDLE/ran" ]
	# the create fails before any hook, so poststop hooks do not run either
	rm "$BUNDLE/ran"
	config '.root.path = "/no/such/directory"'
	run_container
	[ ! -e "$BUNDLE/ran" ]
}

# The program of the hook is from the image: with rung's capabilities it could leave the container.
@test "a startContainer hook has no more rights than the container's process" {
	needs_root
	shared_place
	config '.process.user = {uid: 7, gid: 8, additionalGids: [9]} | .process.cwd = "/tmp" | .process.noNewPrivileges = true
		| .process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}] | .process.oomScoreAdj = 77 | .process.user.umask = 63
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 71}]}'
	local report='id -u; id -G; pwd; umask; ulimit -n; cat /proc/self/oom_score_adj /proc/self/cgroup
		grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; mkdir /tmp/x 2>&1; mknod /tmp/y c 1 3 2>&1; true'
	hook startContainer "( $report ) >$PLACE/hook"
	process sh -c "( $report ) >$PLACE/process"
	run_container
	[ "$status" -eq 0 ] || fail "$output"
	grep -q 'Protocol error' "$PLACE/process"
	grep -q '^CapBnd:.*20$' "$PLACE/process"
	diff "$PLACE/process" "$PLACE/hook"
}
