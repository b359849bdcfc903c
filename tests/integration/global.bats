#!/usr/bin/env bats
# shellcheck disable=SC2030,SC2031,SC2154 # variables of bats and helpers, scripts for inner shells
# The options that all commands share, the log, and wrong usage.

load helpers
load commands

setup() {
	setup_bundle
	LOG=$BATS_TEST_TMPDIR/log
}

# The log must have exactly one record of the level, and its message must contain the text.
logged_json() { # TEXT
	[ "$(wc -l <"$LOG")" = 1 ] || fail "not one line: $(cat "$LOG")"
	jq -e --arg text "$1" '(keys == ["level", "msg", "time"]) and .level == "error" and (.msg | contains($text))
		and (.time | fromdateiso8601? // (.time | test("^[0-9]{4}-[0-9-]+T[0-9:]+[+-][0-9:]+$")))' "$LOG" || fail "$(cat "$LOG")"
}

# bats test_tags=user
@test "--root: where the state is" {
	create_container
	[ -f "$STATE/$ID/state.json" ]
	run -0 "$RUNG" --root="$STATE" state "$ID"
	run -1 "$RUNG" --root "$STATE.other" state "$ID"
	mentions 'container does not exist'
}

# bats test_tags=user
@test "--root: a relative one is below the current directory" {
	cd "$BATS_TEST_TMPDIR"
	"$RUNG" --root state create -b "$BUNDLE" "$ID" </dev/null >output 2>&1 3>&-
	[ -f "$STATE/$ID/state.json" ]
	run -0 rung state "$ID"
}

# bats test_tags=user
@test "--root: the state is for its owner alone" {
	create_container
	[ "$(stat -c %a "$STATE")" = 700 ]
	[ "$(stat -c %a "$STATE/$ID/state.json")" = 600 ]
}

# bats test_tags=user-only
@test "--root: below XDG_RUNTIME_DIR unless told otherwise, and sticky" {
	create_container
	rung delete "$ID"
	"$RUNG" list -q
	[ "$(stat -c %a "$XDG_RUNTIME_DIR/rung")" = 1700 ]
}

# bats test_tags=user
@test "errors: on stderr, as text, without --log" {
	run -1 --separate-stderr rung state "$ID"
	says ''
	[[ $stderr =~ ^time=\"20[^\"]+\"\ level=error\ msg=\"container\ does\ not\ exist:\ .*\"$ ]]
}

# bats test_tags=user
@test "--log: the error is in the file, and plain on stderr" {
	run -1 --separate-stderr rung --log "$LOG" state "$ID"
	[[ $stderr == 'container does not exist: '* ]]
	[[ $(cat "$LOG") =~ ^time=\"20[^\"]+\"\ level=error\ msg=\"container\ does\ not\ exist:\ .*\"$ ]]
}

# bats test_tags=user
@test "--log --log-format json: one object with level, msg and time" {
	run -1 rung --log "$LOG" --log-format json state "$ID"
	logged_json "container does not exist: $ID in $STATE"
}

@test "--log-format json without --log" {
	run -1 --separate-stderr rung --log-format json state "$ID"
	jq -e '.level == "error" and (.msg | startswith("container does not exist: "))' <<<"$stderr"
}

# bats test_tags=user
@test "--log: what is wrong with the command line is in the log too" {
	run -1 rung --log "$LOG" --log-format json state --no-such-flag "$ID"
	logged_json 'flag provided but not defined: -no-such-flag'
}

@test "--log: also with a global option that does not exist" {
	run -1 rung --log "$LOG" --log-format json --no-such-flag state "$ID"
	logged_json 'flag provided but not defined: -no-such-flag'
	rm "$LOG"
	run -1 rung --log="$LOG" --log-format=json --no-such-flag state "$ID"
	logged_json 'flag provided but not defined: -no-such-flag'
}

@test "--log: a file that has the name of an option" {
	run -1 rung --log log state --no-such-flag
	[ "$(grep -c 'flag provided but not defined: -no-such-flag' log)" = 1 ]
	[ ! -e state ]
}

@test "--log: also with a wrong value, and the wrong number of arguments" {
	run -1 rung --log "$LOG" --log-format json run --preserve-fds many "$ID"
	logged_json many
	rm "$LOG"
	run -1 rung --log "$LOG" --log-format json state
	logged_json 'requires exactly 1 argument(s)'
	rm "$LOG"
	run -1 rung --log "$LOG" --log-format json --rootless maybe list
	logged_json --rootless
}

@test "--log: is added to" {
	run -1 rung --log "$LOG" state "$ID"
	run -1 rung --log "$LOG" state "$ID"
	[ "$(wc -l <"$LOG")" = 2 ]
}

@test "--log: one that cannot be written is said, and the error is on stderr" {
	[ -c /dev/full ] || skip 'needs /dev/full'
	run -1 "$RUNG" --root "$STATE" --log /dev/full state "$ID"
	mentions 'rung: write to the log (--log): write /dev/full: no space left on device' 'container does not exist'
}

@test "--log: one that cannot be opened is an error" {
	run -1 rung --log /no/such/dir/log list
	mentions /no/such/dir/log 'no such file or directory'
}

@test "--log-format: an unknown one is an error" {
	run -1 rung --log-format yaml list
	mentions 'invalid log-format: yaml'
}

# bats test_tags=user
@test "--log: a message with quotes and newlines stays one record" {
	config '.process.cwd = "a\"b\n\u0001ü"'
	run -1 rung --log "$LOG" --log-format json run "$ID"
	logged_json process.cwd
	rm "$LOG"
	run -1 rung --log "$LOG" run "$ID"
	[ "$(wc -l <"$LOG")" = 1 ]
}

# bats test_tags=user
@test "--debug: messages of that level, and only then" {
	process true
	run -0 rung --debug run "$ID"
	mentions level=debug
	run -0 rung run "$ID"
	says ''
	run -0 rung --debug --log "$LOG" --log-format json run "$ID"
	says ''
	jq -e '.level == "debug"' "$LOG"
}

# bats test_tags=user
@test "--debug: an error shows the plan around the op" {
	process true
	add_mount '{"destination": "/mnt", "type": "no-such-type", "source": "none"}'
	run -1 rung --debug run "$ID"
	mentions 'mounts[' no-such-type FSOPEN '=>'
}

# bats test_tags=user
@test "--trace: the time of each op" {
	process true
	run -0 rung --debug --trace run "$ID"
	mentions CHDIR EXEC
}

# bats test_tags=user
@test "--trace: op, field, start and length are members of the JSON log" {
	process true
	run -0 rung --log "$BATS_TEST_TMPDIR/log" --log-format json --trace run "$ID"
	jq -se 'map(select(.msg | startswith("trace: "))) | length > 50
		and all(.level == "info" and (.op | test("^[A-Z_]+$")) and (.start | type == "number") and (.field | type == "string"))
		and (map(select(.op != "EXEC")) | all(.length >= 0)) and (map(.start) | . == sort)
		and ([.[] | select(.op == "PIVOT_ROOT")][0].field == "root.path")' "$BATS_TEST_TMPDIR/log"
	run -0 rung --log "$BATS_TEST_TMPDIR/text" --trace run "$ID"
	grep -q 'trace: .* PIVOT_ROOT .*# root.path: enter the root file system"$' "$BATS_TEST_TMPDIR/text"
}

# An event of the viewer's format has a name, a phase and microseconds; one that is complete (X) has a duration.
# bats test_tags=user
@test "--trace-file: parent and stage as two tracks of the Trace Event Format, also of a container that fails" {
	local file=$BATS_TEST_TMPDIR/trace.json
	process echo out
	run -0 rung --trace-file "$file" run "$ID"
	says out
	jq -e '.displayTimeUnit == "ms" and (.traceEvents
		| ([.[] | select(.ph == "M" and .name == "thread_name") | .args.name] == ["parent", "stage"])
		and (map(select(.ph == "X")) | length > 60 and all(.ts > 0 and .dur >= 0 and (.tid == 1 or .tid == 2) and .cat != null))
		and any(.tid == 1 and .cat == "wait" and .name == "wait for the stage")
		and any(.tid == 1 and .cat == "work" and .name == "start the stage")
		and any(.tid == 2 and .cat == "wait" and .name == "SYNC")
		and any(.tid == 2 and .cat == "work" and .name == "PIVOT_ROOT" and .args.field == "root.path")
		and ([.[] | select(.name == "EXEC")] | length == 1 and .[0].ph == "i"))' "$file"
	# Both tracks have the same clock: the stage begins after the parent has begun to start it.
	jq -e '.traceEvents | ([.[] | select(.tid == 2 and .ph == "X") | .ts] | min) > ([.[] | select(.name == "start the stage") | .ts] | min)' "$file"
	config '.linux.sysctl = {"fs.mqueue.none": "1"}'
	run rung --trace-file "$file" run "$ID"
	[ "$status" -eq 1 ]
	jq -e '.traceEvents[-1].name == "WRITE" or any(.traceEvents[]; .tid == 2 and .name == "WRITE" and .args.field == "linux.sysctl[fs.mqueue.none]")' "$file"
	run rung --trace-file "$BATS_TEST_TMPDIR/no/such/file" run "$ID"
	[ "$status" -eq 1 ]
	mentions '--trace-file: open '
	[ -z "$(rung list -q)" ]
}

@test "--trace-file: of exec too" {
	needs_root
	start_sleeper
	run -0 rung --trace-file "$BATS_TEST_TMPDIR/trace.json" exec "$ID" true
	jq -e '.traceEvents | any(.tid == 2 and .name == "SETNS") and any(.tid == 1 and .name == "look at the host and compile")' "$BATS_TEST_TMPDIR/trace.json"
}

# bats test_tags=user
@test "-v, --version: the lines that engines read" {
	run -0 rung --version
	[[ ${lines[0]} =~ ^rung\ version\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	local name
	for name in spec go libseccomp; do
		grep -qE "^$name: ?[a-z]*[0-9]+\.[0-9]+" <<<"$output"
	done
	local version=$output
	run -0 rung -v
	says "$version"
}

# nerdctl wants exactly "runc version X" and "name: value" after it; go-runc the first line and "commit: " and "spec: ".
# bats test_tags=user
@test "--version: by the name of runc or crun, the first line is that runtime's" {
	local name flag line
	for name in runc crun; do
		ln -s "$RUNG" "$BATS_TEST_TMPDIR/$name"
		run -0 "$BATS_TEST_TMPDIR/$name" --version
		[[ ${lines[0]} =~ ^$name\ version\ [0-9]+\.[0-9]+\.[0-9]+[^\ ]*$ ]]
		grep -qE '^runtime: rung [0-9]' <<<"$output"
		grep -qE '^spec: [0-9]' <<<"$output"
	done
	run -0 "$BATS_TEST_TMPDIR/runc" --version
	for line in "${lines[@]:1}"; do
		[[ $line == *': '* ]] || fail "$line"
	done
	for flag in -v -V; do
		run -0 "$BATS_TEST_TMPDIR/crun" $flag
		grep -q '^+SYSTEMD .*+SECCOMP.*+CRIU' <<<"$output"
	done
}

# bats test_tags=user
@test "-h, --help, help" {
	run -0 rung --help
	mentions USAGE: COMMANDS: create --log-format
	local help=$output
	run -0 rung -h
	says "$help"
	run -0 rung help
	says "$help"
	run -0 rung
	says "$help"
}

@test "help: of each command, with its flags" {
	local command
	for command in $(commands_of_help); do
		run -0 rung "$command" --help
		mentions "rung $command" USAGE:
		local long=$output
		run -0 rung "$command" -h
		says "$long"
		run -0 rung help "$command"
		mentions "rung $command"
	done
}

# The option parser would add the subcommands help and h to each command.
# bats test_tags=user
@test "containers called help and h" {
	local id
	process sleep 1000
	for id in help h; do
		rung run -d "$id" </dev/null >/dev/null 2>&1
		[ "$(status_of "$id")" = running ]
		run -0 rung exec "$id" echo inside
		says inside
		run -0 rung kill "$id" KILL
		says ''
		wait_until 5 stopped "$id"
		run -0 rung delete -f "$id"
		says ''
		run -1 rung state "$id"
	done
}

@test "help: of a command with a container's id behind it" {
	local command
	for command in $(commands_of_help); do
		run -0 rung "$command" --help
		local help=$output
		run -0 rung "$command" --help web
		says "$help"
		run -0 rung "$command" -h help
		says "$help"
	done
	run -3 rung help web
	mentions "No help topic for 'web'"
}

@test "a global option behind the command counts too" {
	start_sleeper
	"$RUNG" state --root "$STATE" "$ID" | jq -e '.status == "running"'
	[ "$("$RUNG" list -q --root "$STATE")" = "$ID" ]
	run -1 "$RUNG" list --root /
	mentions 'Option --root argument should not be set to /'
	run -1 rung state --log "$LOG" --log-format json nobody
	logged_json "container does not exist: nobody in $STATE"
	run -1 rung state --log-format xml "$ID"
	mentions 'invalid log-format: xml'
	"$RUNG" --root "$STATE" exec "$ID" echo --root /nonexistent --log "$BATS_TEST_TMPDIR/not-a-log" >out
	[ "$(cat out)" = "--root /nonexistent --log $BATS_TEST_TMPDIR/not-a-log" ]
	[ ! -e "$BATS_TEST_TMPDIR/not-a-log" ]
	cd /
	run -1 "$RUNG" list --root ''
	mentions 'Option --root argument should not be set to /'
}

@test "--root: not the root of the file system" {
	run -1 "$RUNG" --root / list
	mentions 'Option --root argument should not be set to /'
	cd /
	run -1 "$RUNG" --root . list
	run -1 "$RUNG" --root '' list
}

# ARGUMENT... with a wrong option prints these words and the log line on stderr, and the help on standard output.
refused() { # MESSAGE ARGUMENT...
	local message=$1
	shift
	run -1 --separate-stderr "$RUNG" "$@"
	[[ $output == NAME:$'\n'*rung* && $output == *'GLOBAL OPTIONS:'* && $output != *'Incorrect Usage'* ]] || fail "$*: $output"
	[ "${stderr_lines[0]}" = "Incorrect Usage: $message" ] || fail "$*: $stderr"
	[[ ${stderr_lines[1]} == time=*" level=error msg="* && ${#stderr_lines[@]} = 2 ]] || fail "$*: $stderr"
	[[ ${stderr_lines[1]//\\/} == *"msg=\"$message\"" ]] || fail "$*: $stderr"
}

@test "an option that is wrong: runc's words and the message on stderr, the help on standard output" {
	refused 'flag provided but not defined: -no-such-flag' run --no-such-flag x
	refused 'flag provided but not defined: -no-such-flag' --no-such-flag list
	refused 'flag needs an argument: --bundle' run --bundle
	refused 'flag needs an argument: -b' run -b
	refused 'flag needs an argument: --log' --log
	refused 'flag needs an argument: --log' list --log
	refused 'invalid value "perhaps" for flag -debug: parse error' --debug=perhaps list
	refused 'invalid value "perhaps" for flag -detach: parse error' run --detach=perhaps x
	refused 'invalid value "many" for flag -preserve-fds: strconv.ParseInt: parsing "many": invalid syntax' run --preserve-fds many x
	refused 'invalid value "5" for flag -interval: time: missing unit in duration "5"' events --interval 5 x
	refused 'flag provided but not defined: -qf' list -qf json
}

@test "a wrong number of arguments: the help on standard output, the message on stderr" {
	local command
	for command in checkpoint create delete events exec kill pause ps restore resume run start state update; do
		run -1 --separate-stderr "$RUNG" "$command"
		[[ $output == 'Incorrect Usage.'*NAME:*"rung $command"* ]] || fail "$command: $output"
		[[ ${#stderr_lines[@]} = 1 && $stderr == *"\\\"$command\\\" requires "*' argument(s)"' ]] || fail "$command: $stderr"
	done
}

@test "an unknown command" {
	run -3 rung --log "$LOG" --log-format json no-such-command
	logged_json no-such-command
}

@test "--systemd-cgroup: a clear no without systemd" {
	[ ! -d /run/systemd/system ] || skip "needs a machine without systemd"
	process true
	run -1 rung --systemd-cgroup run "$ID"
	mentions "systemd not running on this host, cannot use systemd cgroups manager"
	[ ! -e "$STATE/$ID" ]
	run -0 rung --systemd-cgroup list # a command that makes no container needs no systemd
}

@test "--rootless: true, false, auto, and nothing else" {
	process true
	local value
	for value in true false auto; do
		run -0 rung --rootless "$value" run "$ID"
		run -0 rung --rootless="$value" list
	done
	run -1 rung --rootless maybe list
	mentions --rootless maybe
}

@test "--rootless: auto in upper or lower case, and every form of true and false, as with runc" {
	local value
	mkdir "$STATE"
	for value in AUTO Auto '' TRUE T 1 t FALSE F 0 f; do
		run -0 rung --rootless "$value" list
	done
	run -1 rung --rootless tRUE list
}

@test "--root: XDG_RUNTIME_DIR is not for the host's root, not even /run" {
	needs_root
	cp "$RUNG" "$BATS_TEST_TMPDIR/rung" # the tree may be below /run
	# shellcheck disable=SC2016 # expanded by the inner shell
	run -0 unshare -m --propagation private sh -c 'mount -t tmpfs none /run && XDG_RUNTIME_DIR=/run "$0" list -q; ls /run' "$BATS_TEST_TMPDIR/rung"
	says ''
}

@test "an option without its value" {
	run -1 rung --root
	mentions 'flag needs an argument: --root'
}

@test "init: is for rung's own use" {
	run ! rung init
	run -1 "$RUNG" init 3 3>&-
	run -1 "$RUNG" init 99
	mentions init
}

@test "a name of the program that is not rung" {
	process echo hello
	ln -s "$RUNG" "$BATS_TEST_TMPDIR/runc"
	run -0 "$BATS_TEST_TMPDIR/runc" --root "$STATE" run "$ID"
	says hello
}

@test "stdin, stdout or stderr closed by the caller" {
	process true
	"$RUNG" --root "$STATE" run "$ID" 0<&- 3>&-
	"$RUNG" --root "$STATE" run "$ID" 1>&- 3>&-
	"$RUNG" --root "$STATE" run "$ID" 0<&- 1>&- 2>&- 3>&-
}

# The Go runtime opens files before main, also /proc/self/cgroup: rung keeps it from that by RLIMIT_NOFILE (nsenter/settings.c).
@test "the Go runtime does not look for rung's cgroup" {
	needs_command strace
	run -0 strace -f -qq -e trace=openat,open "$RUNG" --version
	run -0 awk '/= [0-9]+$/ { print }' <<<"$output"
	says ''
}

# The filter of an old engine around rung may not know openat2(2), and rung has no other way to resolve paths.
@test "errors: openat2 that is blocked is named" {
	needs_root
	own_rootfs
	cp "$RUNG" "$ROOTFS/rung"
	mkdir -p "$ROOTFS/inner/rootfs"
	cp config.json "$ROOTFS/inner/config.json"
	local errno
	for errno in 1 38; do
		config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["openat2"], action: "SCMP_ACT_ERRNO", errnoRet: $e}]}
			| .process.capabilities[] = ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_DAC_OVERRIDE", "CAP_AUDIT_WRITE",
				"CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_NET_ADMIN", "CAP_MKNOD"] | del(.process.capabilities.inheritable)
			| (.mounts[] | select(.type == "cgroup")).options = ["rw"]' --argjson e $errno
		process /rung --root /inner/state run -b /inner inner
		run_container
		[ "$status" -eq 1 ]
		mentions '(rung needs openat2(2) to ' 'a seccomp filter that rung itself runs under denies it)'
	done
}

# bats test_tags=user
@test "called as runc, rung uses that name in its help, its errors and --version" {
	ln -s "$RUNG" "$BATS_TEST_TMPDIR/runc"
	RUNG=$BATS_TEST_TMPDIR/runc
	run -0 rung --help
	[ "${lines[1]}" = '   runc - Open Container Initiative runtime' ]
	run -0 rung exec --help
	[[ ${lines[1]} == '   runc exec '* ]]
	config '.root.path = "/no/such"'
	run -1 rung run -b "$BUNDLE" "$ID"
	mentions 'runc run failed: '
	run -1 rung create -b "$BUNDLE" "$ID"
	mentions 'runc create failed: '
	run -0 rung --version
	[[ ${lines[0]} == 'runc version '* ]]
}
