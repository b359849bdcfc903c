#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2154 # expanded by jq and by the shell of a hook; bats runs tests in subshells; begin sets pid
# SIGTERM and SIGINT end whatever a command waits for within a second. It says in one line for what it has waited, dies by the
# signal, and leaves nothing half-made behind. docs/waits.md lists the places.

load helpers

teardown() {
	release
	if [ -n "${deaf_pid:-}" ]; then
		exec {deaf}>&-
		wait "$deaf_pid"
	fi
	teardown_containers
}

# hold: takes the lock of the container, by a process that lives until release. The kernel does not tell in a PID namespace who has
# taken a lock and has ended.
hold() {
	flock "$STATE/$ID" -c 'echo held && exec sleep 1000' >"$BATS_TEST_TMPDIR/held" 3>&- &
	holder=$!
	wait_until 10 test -s "$BATS_TEST_TMPDIR/held"
}

release() {
	[ -n "${holder:-}" ] || return 0
	pkill -P "$holder" || true
	wait "$holder" || true
	holder=
}

# begin ARGUMENT...: starts rung in the background, with SIGINT not ignored, as at a terminal: also where the whole test has
# been started to ignore it, which a shell cannot undo. Sets $pid.
begin() {
	OUT=$BATS_TEST_TMPDIR/out
	set -m
	env --default-signal "$RUNG" --root "$STATE" "$@" </dev/null >"$OUT" 2>&1 3>&- &
	pid=$!
	set +m
}

# ends SIGNAL TEXT...: waits until the command stands still, and ends it by the signal. Its one line has every TEXT.
ends() {
	local signal=$1 text code=0 before took
	shift
	wait_until 30 stands_still
	before=${EPOCHREALTIME/[.,]/}
	kill "-$signal" "$pid"
	wait "$pid" || code=$?
	took=$(((${EPOCHREALTIME/[.,]/} - before) / 1000))
	[ "$code" -eq $((128 + $(kill -l "$signal"))) ] || fail "status $code: $(<"$OUT")"
	[ "$(wc -l <"$OUT")" -eq 1 ] || fail "not one line: $(<"$OUT")"
	for text in "$@" 'waiting for ' ": ended by SIG$signal"; do
		[[ $(<"$OUT") == *"$text"* ]] || fail "no '$text' in: $(<"$OUT")"
	done
	((took < 3000)) || fail "it took $took ms" # a second, on a machine that has time
}

# Whether no thread of the command has anything to do, and no child of it is held up by a busy machine, for a third of a second.
stands_still() {
	local before
	before=$(sleeping) && sleep 0.3 && [ "$(sleeping)" = "$before" ]
}

sleeping() {
	[ -d "/proc/$pid" ] || fail "it has ended: $(<"$OUT")"
	! cat "/proc/$pid"/task/*/stat | sed 's/.*) //' | grep -qv '^S' || return
	local child children
	read -ra children < <(cat "/proc/$pid"/task/*/children 2>/dev/null | tr '\n' ' ') || true
	for child in "${children[@]}"; do
		! grep -qs '^State:\s*R' "/proc/$child/status" || return
	done
	cat "/proc/$pid"/task/*/status | grep '^voluntary' | head -n 1
}

no_process() { # PID: a zombie is none
	! grep -qs '^State:\s*[^ZX\s]' "/proc/$1/status"
}

nothing_left() {
	[ ! -e "$STATE/$ID" ] || fail "left: $(ls "$STATE/$ID")"
	[ -z "$(find /sys/fs/cgroup -type d -name "$ID" 2>/dev/null)" ] || fail "its cgroup is left"
}

# hook NAME SCRIPT: adds a hook that runs a shell on the host, or for hooks in the container that of the image.
hook() {
	config '.hooks[$name] += [{path: "/bin/sh", args: ["sh", "-c", $script]}]' --arg name "$1" --arg script "$2"
}

# hangs NAME: adds a hook that hangs.
hangs() {
	hook "$1" 'exec sleep 1000'
}

# deaf [-full] SOCKET: makes a socket whose listener never answers. Its end is that of the test.
deaf() {
	: >"$BATS_TEST_TMPDIR/deaf"
	exec {deaf}> >("$RUNG_TEST_COMMANDS/deaf" "$@" >"$BATS_TEST_TMPDIR/deaf" 3>&-)
	deaf_pid=$!
	wait_until 10 test -s "$BATS_TEST_TMPDIR/deaf"
}

# ---- locks ----------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "the lock of a container that another process holds" {
	local verb signal
	start_sleeper
	hold
	for verb in 'delete' 'pause' 'resume' 'update --pids-limit 10' 'start'; do
		for signal in TERM INT; do
			# shellcheck disable=SC2086 # the options of the verb
			begin $verb "$ID"
			ends "$signal" "container $ID: " 'process ' ', which is at work on it'
		done
	done
	release
	[ "$(status_of)" = running ]
	rung update --pids-limit 10 "$ID" || ! is_root # a wait that was given up has not kept the lock
	hold
	begin delete --force "$ID"
	ends TERM "container $ID: " 'process ' ', which is at work on it'
	release
	[ "$(status_of)" = stopped ] # it has killed the process, for which the other command may have waited
}

# bats test_tags=user
@test "delete --force ends a start that waits for a process that somebody has stopped" {
	process sleep 1000
	create_container
	kill -STOP "$(init_pid)"
	begin start "$ID"
	wait_until 10 stands_still
	rung delete --force "$ID"
	run ! wait "$pid"
	[ ! -e "$STATE/$ID" ]
}

# bats test_tags=user
@test "a command that holds the lock and was stopped: delete --force says so" {
	process sleep 1000
	create_container
	kill -STOP "$(init_pid)"
	begin start "$ID"
	wait_until 10 stands_still
	kill -STOP "$pid"
	run -1 rung delete --force "$ID"
	mentions "container $ID: busy for more than 10s: process $pid (" ', which is at work on it and is stopped'
	kill -CONT "$pid"
	run ! wait "$pid"
	rung delete "$ID"
}

@test "exec waits for the run that has just made the container" {
	needs_root
	process sleep 1000
	rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	[ "$(jq .early "$STATE/$ID/state.json")" = true ] || fail "$(<"$STATE/$ID/state.json")"
	hold
	for signal in TERM INT; do
		begin exec "$ID" true
		ends "$signal" "container $ID: " ', which is at work on it'
	done
	release
	rung exec "$ID" true
}

# ---- hooks ----------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "a hook of create and run" {
	local name signal base
	base=$(<"$BUNDLE/config.json")
	process sleep 1000
	for name in prestart createRuntime createContainer; do
		printf '%s\n' "$base" >"$BUNDLE/config.json"
		hangs "$name"
		for signal in TERM INT; do
			begin create -b "$BUNDLE" "$ID"
			ends "$signal" "hooks.${name}[0]" 'process '
			nothing_left
			begin run -b "$BUNDLE" "$ID"
			ends "$signal" "hooks.${name}[0]" 'process '
			nothing_left
		done
	done
}

# bats test_tags=user
@test "a hook of start, and of the start that run -d makes" {
	local name signal base
	base=$(<"$BUNDLE/config.json")
	for name in startContainer poststart; do
		printf '%s\n' "$base" >"$BUNDLE/config.json"
		hangs "$name"
		process sleep 1000
		for signal in TERM INT; do
			create_container
			begin start "$ID"
			ends "$signal" "hooks.${name}[0]" 'process '
			nothing_left
			begin run -d -b "$BUNDLE" "$ID"
			ends "$signal" "hooks.${name}[0]" 'process '
			nothing_left
		done
	done
}

# bats test_tags=user
@test "a hook of delete: the container is gone all the same" {
	hangs poststop
	process true
	for signal in TERM INT; do
		start_container
		wait_until 10 stopped
		begin delete "$ID"
		wait_until 30 stands_still
		kill "-$signal" "$pid"
		wait "$pid" # no error: it has deleted the container
		[[ $(<"$OUT") == *'hooks.poststop[0]'*'waiting for process '*": ended by SIG$signal"* ]] || fail "$(<"$OUT")"
		nothing_left
	done
}

# bats test_tags=user
@test "a hook of the delete at the end of run: the status is that of the process" {
	local code=0
	hangs poststop
	process sh -c 'exit 7'
	begin run -b "$BUNDLE" "$ID"
	wait_until 30 stands_still
	wait_until 10 test ! -e "$STATE/$ID"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	[ "$code" -eq 7 ]
	[[ $(<"$OUT") == *'hooks.poststop[0]'*'waiting for process '*': ended by SIGTERM'* ]] || fail "$(<"$OUT")"
	nothing_left
}

# bats test_tags=user
@test "a create that is ended runs the hooks of poststop, and does not wait for one that hangs" {
	hangs createRuntime
	hook poststop "echo >>$BUNDLE/poststop; exec sleep 1000"
	for signal in TERM INT; do
		begin create -b "$BUNDLE" "$ID"
		wait_until 30 stands_still
		kill "-$signal" "$pid"
		! wait "$pid"
		[[ $(<"$OUT") == *'hooks.createRuntime[0]'*": ended by SIG$signal"* ]] || fail "$(<"$OUT")"
		nothing_left
	done
	[ "$(wc -l <"$BUNDLE/poststop")" -eq 2 ]
}

# ---- the container's process ----------------------------------------------------------------------------------------

# bats test_tags=user
@test "a container's process that somebody stops while it is made" {
	local signal verb
	hook createRuntime 'kill -STOP "$(sed "s/.*\"pid\":\([0-9]*\).*/\1/")"'
	for signal in TERM INT; do
		for verb in create run; do
			begin "$verb" -b "$BUNDLE" "$ID"
			ends "$signal" 'process ' ' of the container ('
			nothing_left
		done
	done
}

# bats test_tags=user
@test "start of a container whose process is stopped: the container is stopped then" {
	process sleep 1000
	for signal in TERM INT; do
		create_container
		kill -STOP "$(init_pid)"
		begin start "$ID"
		ends "$signal" "start $ID: " "process $(init_pid) of the container"
		[ "$(status_of)" = stopped ]
		rung delete "$ID"
	done
}

@test "exec --ignore-paused: the process does not stay in the frozen cgroup" {
	needs_root
	start_sleeper
	rung pause "$ID"
	for signal in TERM INT; do
		begin exec --ignore-paused "$ID" sleep 1001
		ends "$signal" 'process ' ' of the container ('
	done
	rung resume "$ID"
	run rung exec "$ID" ps
	[[ $output != *'sleep 1001'* ]] || fail "$output"
}

# The FIFO is full: exec waits with its process in the cgroup, until somebody reads.
@test "a pause while exec is at work: exec is refused, as in a paused container" {
	needs_root
	local fifo=$BATS_TEST_TMPDIR/fifo code=0 reader
	start_sleeper
	mkfifo "$fifo"
	exec {reader}<>"$fifo"
	dd if=/dev/zero of="$fifo" bs=4096 count=16 oflag=nonblock 2>/dev/null
	begin exec --pid-file "$fifo" "$ID" true
	wait_until 30 stands_still
	rung pause "$ID"
	dd if="$fifo" of=/dev/null bs=4096 count=16 iflag=nonblock 2>/dev/null
	wait "$pid" || code=$?
	[ "$code" -eq 255 ] || fail "status $code: $(<"$OUT")"
	[[ $(<"$OUT") == *'cannot exec in a paused container'*"is frozen"* ]] || fail "$(<"$OUT")"
	rung resume "$ID"
	rung exec "$ID" true
}

@test "a container that ends while exec is at work is not running" {
	needs_root
	local fifo=$BATS_TEST_TMPDIR/fifo code=0 reader
	start_sleeper
	mkfifo "$fifo"
	exec {reader}<>"$fifo"
	dd if=/dev/zero of="$fifo" bs=4096 count=16 oflag=nonblock 2>/dev/null
	begin exec --pid-file "$fifo" "$ID" true
	wait_until 30 stands_still
	rung kill "$ID" KILL
	dd if="$fifo" of=/dev/null bs=4096 count=16 iflag=nonblock 2>/dev/null
	wait "$pid" || code=$?
	[ "$code" -eq 255 ] || fail "status $code: $(<"$OUT")"
	[[ $(<"$OUT") == *'exec failed: cannot exec in a stopped container'* ]] || fail "$(<"$OUT")"
}

@test "a cgroup that is frozen while the container is made" {
	needs_root
	local file=freezer.state value=FROZEN dir
	dir=$(default_cgroup freezer "$ID")
	is_v2 && file=cgroup.freeze value=1
	hook createRuntime "echo $value >$dir/$file"
	for signal in TERM INT; do
		begin create -b "$BUNDLE" "$ID"
		ends "$signal" 'process ' ' of the container ('
		nothing_left
	done
}

@test "delete --force of a container below a frozen cgroup is refused at once, and ends it when that is thawed" {
	needs_root
	needs_v1_controller freezer # on v2 a frozen process dies
	local above
	above=$(v1_mount freezer)/$ID-above
	config '.linux.cgroupsPath = $path' --arg path "/$ID-above/$ID"
	start_sleeper
	local init
	init=$(init_pid)
	echo FROZEN >"$above/freezer.state"
	run rung delete --force "$ID"
	echo THAWED >"$above/freezer.state" # before anything can end the test
	[ "$status" -eq 1 ]
	mentions "cannot end before the cgroup $above above theirs is thawed: its freezer.state is FROZEN"
	[ "${#lines[@]}" -eq 1 ]
	wait_until 10 test ! -e "/proc/$init" # the kill was sent
	rung delete --force "$ID"
	nothing_left
	find /sys/fs/cgroup -depth -type d -name "$ID-above" -exec rmdir {} \; 2>/dev/null || true
	[ ! -e "$above" ]
}

# The kernel ends the first process of a PID namespace after all others in it.
@test "delete --force of a container with a process that somebody has frozen in another cgroup" {
	needs_root
	needs_v1_controller freezer
	local other child
	other=$(v1_mount freezer)/$ID-other
	config '.process.args = ["sh", "-c", "sleep 1000 & wait"]'
	rung create -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	rung start "$ID"
	wait_until 10 pgrep -P "$(init_pid)" -x sleep
	child=$(pgrep -P "$(init_pid)" -x sleep)
	mkdir "$other"
	echo "$child" >"$other/cgroup.procs"
	echo FROZEN >"$other/freezer.state"
	(
		trap 'echo THAWED >"$other/freezer.state"' EXIT
		for signal in TERM INT; do
			begin delete --force "$ID"
			ends "$signal" "process $(init_pid)"
		done
	)
	rung delete --force "$ID"
	nothing_left
	wait_until 10 rmdir "$other"
}


# ---- sockets and FIFOs ----------------------------------------------------------------------------------------------

# bats test_tags=user
@test "a socket that takes no connection" {
	local socket=$BATS_TEST_TMPDIR/socket
	deaf -full "$socket"
	process sleep 1000
	config '.process.terminal = true'
	for signal in TERM INT; do
		begin create -b "$BUNDLE" --console-socket "$socket" "$ID"
		ends "$signal" "--console-socket $socket"
		nothing_left
	done
	config '.process.terminal = false'
	for signal in TERM INT; do
		begin create -b "$BUNDLE" --pidfd-socket "$socket" "$ID"
		ends "$signal" "--pidfd-socket $socket"
		nothing_left
	done
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: $path, syscalls: [{names: ["mkdir"], action: "SCMP_ACT_NOTIFY"}]}' \
		--arg path "$socket"
	for signal in TERM INT; do
		begin run -b "$BUNDLE" "$ID"
		ends "$signal" 'linux.seccomp.listenerPath'
		nothing_left
	done
}

# bats test_tags=user
@test "NOTIFY_SOCKET: a container that does not say that it is ready runs on" {
	"$RUNG_TEST_COMMANDS/notify" manager "$BATS_TEST_TMPDIR/manager" >/dev/null 3>&- &
	local manager=$! n signal
	wait_until 10 test -S "$BATS_TEST_TMPDIR/manager"
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager
	process sleep 1000
	create_container
	begin start "$ID"
	ends TERM 'READY=1'
	[ "$(status_of)" = running ]
	rung delete --force "$ID"
	own_rootfs
	cp "$RUNG_TEST_COMMANDS/notify" "$ROOTFS/bin/notify"
	process sh -c 'notify send READY=1; exec sleep 1000'
	kill -STOP "$manager"
	for signal in TERM INT; do
		create_container
		begin start "$ID"
		ends "$signal" 'the service manager to answer BARRIER=1'
		[ "$(status_of)" = running ]
		rung delete --force "$ID"
	done
	# until its queue is full: systemd raises the limit
	for ((n = 0; n < $(</proc/sys/net/unix/max_dgram_qlen) + 20; n++)); do
		timeout 1 "$RUNG_TEST_COMMANDS/notify" send x || break
	done
	create_container
	begin start "$ID"
	ends TERM 'the service manager to take a message'
	[ "$(status_of)" = running ]
	kill -CONT "$manager"
	kill "$manager"
}

# bats test_tags=user
@test "a FIFO that nobody opens" {
	local fifo=$BATS_TEST_TMPDIR/fifo signal
	start_sleeper
	mkfifo "$fifo"
	mkdir "$BATS_TEST_TMPDIR/fifobundle"
	mkfifo "$BATS_TEST_TMPDIR/fifobundle/config.json"
	for signal in TERM INT; do
		begin --log "$fifo" state "$ID"
		ends "$signal" "a reader of --log $fifo"
		begin create -b "$BATS_TEST_TMPDIR/fifobundle" other
		ends "$signal" "config.json"
		begin exec --process "$fifo" "$ID"
		ends "$signal" "--process $fifo"
		begin update --resources "$fifo" "$ID"
		ends "$signal" "--resources $fifo"
	done
	[ ! -e "$STATE/other" ]
	# These wait for nobody.
	run rung create -b "$BUNDLE" --pid-file "$fifo" other
	[ "$status" -eq 1 ]
	mentions '--pid-file' 'no such device or address'
	config '.linux.namespaces |= map(if .type == "ipc" then .path = $path else . end)' --arg path "$fifo"
	run rung create -b "$BUNDLE" other
	[ "$status" -eq 1 ]
	[ ! -e "$STATE/other" ]
}

# bats test_tags=user
@test "a log that nobody reads" {
	local fifo=$BATS_TEST_TMPDIR/fifo code=0
	mkfifo "$fifo"
	# shellcheck disable=SC2034 # it is there so that the FIFO has a reader
	exec {reader}<>"$fifo"
	dd if=/dev/zero of="$fifo" bs=4096 count=16 oflag=nonblock 2>/dev/null
	OUT=$BATS_TEST_TMPDIR/out
	"$RUNG" --root "$STATE" --log "$fifo" delete "$ID" >"$OUT" 2>&1 3>&- & # the container is not there: it logs that
	pid=$!
	wait_until 30 stands_still
	kill "$pid"
	wait "$pid" || code=$?
	[ "$code" -eq 143 ]
}

# Go ends a program that writes to a standard error without a reader. The container would run on, and run leave it.
# bats test_tags=user
@test "a reader of standard error that has gone does not end rung" {
	local closed=$BATS_TEST_TMPDIR/closed
	mkfifo "$closed"
	process sh -c 'sleep 0.2; exit 3'
	config '.process.capabilities.bounding += ["CAP_UNKNOWN"]' # a warning
	local option code
	without_reader() { # COMMAND...
		code=0
		exec {reader}<>"$closed"
		exec {writer}>"$closed" {reader}<&-
		"$@" 2>&"$writer" {writer}>&- || code=$?
		exec {writer}>&-
	}
	for option in --trace --debug --log-format=json; do
		without_reader "$RUNG" --root "$STATE" "$option" run -b "$BUNDLE" "$ID"
		[ "$code" -eq 3 ]
		run ! rung state "$ID"
	done
	without_reader "$RUNG" --root "$STATE" delete "$ID"
	[ "$code" -eq 1 ]
}

# bats test_tags=user
@test "an output that nobody reads, and the program ps" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho $$ >%q\nexec sleep 1000\n' "$BATS_TEST_TMPDIR/ps-pid" >"$BATS_TEST_TMPDIR/bin/ps"
	chmod +x "$BATS_TEST_TMPDIR/bin/ps"
	start_sleeper
	for signal in TERM KILL; do # KILL leaves rung no time to end ps
		PATH=$BATS_TEST_TMPDIR/bin:$PATH begin ps "$ID"
		if [ "$signal" = KILL ]; then
			wait_until 30 stands_still
			kill -KILL "$pid"
		else
			ends "$signal" 'the program ps'
		fi
		wait_until 10 no_process "$(<"$BATS_TEST_TMPDIR/ps-pid")"
	done
	begin events "$ID"
	ends INT 'an event of the container'
}

@test "the helpers that map ids" {
	[ "$EUID" -ne 0 ] || skip "needs a plain user"
	needs_subids
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\nexec sleep 1000\n' >"$BATS_TEST_TMPDIR/bin/newuidmap"
	chmod +x "$BATS_TEST_TMPDIR/bin/newuidmap"
	map_ids
	for signal in TERM INT; do
		PATH=$BATS_TEST_TMPDIR/bin:$PATH begin create -b "$BUNDLE" "$ID"
		ends "$signal" "$BATS_TEST_TMPDIR/bin/newuidmap"
		nothing_left
	done
}

# ---- CRIU, systemd --------------------------------------------------------------------------------------------------

@test "CRIU" {
	needs_root
	local path=$PATH
	mkdir "$BATS_TEST_TMPDIR/bin" "$BATS_TEST_TMPDIR/images"
	printf '#!/bin/sh\nexec sleep 1000\n' >"$BATS_TEST_TMPDIR/bin/criu"
	chmod +x "$BATS_TEST_TMPDIR/bin/criu"
	start_sleeper
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	for signal in TERM INT; do
		begin checkpoint --image-path "$BATS_TEST_TMPDIR/images" "$ID"
		ends "$signal" 'CRIU'
		begin restore -b "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/images" other
		ends "$signal" 'CRIU'
	done
	PATH=$path
	[ "$(status_of)" = running ]
	[ ! -e "$STATE/other" ]
}

@test "systemd that does not answer, and a bus that takes no connection" {
	needs_root
	deaf "$BATS_TEST_TMPDIR/bus"
	mkdir -p "$BATS_TEST_TMPDIR/run/systemd/system"
	config '.linux.cgroupsPath = "system.slice:rung:x"'
	local full
	for full in '' full; do
		if [ -n "$full" ]; then
			exec {deaf}>&-
			wait "$deaf_pid"
			deaf -full "$BATS_TEST_TMPDIR/busfull"
		fi
		for signal in TERM INT; do
			OUT=$BATS_TEST_TMPDIR/out
			set -m
			DBUS_SYSTEM_BUS_ADDRESS=unix:path=$BATS_TEST_TMPDIR/bus$full unshare -m --propagation private sh -c \
				'mount --bind "$1" /run/systemd/system 2>/dev/null || { mount -t tmpfs none /run && mkdir -p /run/systemd/system; }
				shift; exec env --default-signal "$@"' sh "$BATS_TEST_TMPDIR/run/systemd/system" \
				"$RUNG" --root "$STATE" --systemd-cgroup create -b "$BUNDLE" "$ID" </dev/null >"$OUT" 2>&1 3>&- &
			pid=$!
			set +m
			ends "$signal" 'systemd'
			nothing_left
		done
	done
}
