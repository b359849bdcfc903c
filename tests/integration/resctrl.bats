#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq
# linux.intelRdt (config-linux.md, "IntelRdt"), on a file system that behaves as the kernel's (tests/cmd/resctrl), because few
# machines have the hardware. The rung of these tests is linked to look for it there, and otherwise the same.

load helpers

RDT=/run/rung-test-resctrl

setup() {
	needs_root
	[ -c /dev/fuse ] || skip "needs /dev/fuse"
	setup_bundle
	RUNG=$RUNG_TEST_COMMANDS/rung-resctrl
	mkdir -p "$RDT"
	"$RUNG_TEST_COMMANDS/resctrl" "$RDT" 3>&- >/dev/null &
	wait_until 10 test -e "$RDT/schemata"
}

teardown() {
	local left=0
	teardown_containers || left=1
	! mountpoint -q "$RDT" || umount "$RDT" || left=1
	wait
	[ ! -d "$RDT" ] || rmdir "$RDT" || left=1
	return $left
}

rdt() { # JSON
	config '.linux.intelRdt = $rdt' --argjson rdt "$1"
}

tasks_of() { # GROUP
	tr '\n' ' ' <"$RDT/$1/tasks"
}

no_group() { # NAME
	[ ! -e "$RDT/$1" ] || fail "there is a group $1"
}

@test "a group of the container's own, which ends with it" {
	rdt '{"l3CacheSchema": "L3:0=7f0;1=1f", "memBwSchema": "MB:0=20;1=70"}'
	start_sleeper
	[ "$(tasks_of "$ID")" = "$(init_pid) " ]
	[ "$(cat "$RDT/$ID/schemata")" = $'    MB:0= 20;1= 70\n    L3:0=7f0;1=01f' ]
	rung delete --force "$ID"
	no_group "$ID"
}

@test "the process is in the group before it runs, and exec joins" {
	rdt '{}'
	process sleep 1000
	create_container
	[ "$(tasks_of "$ID")" = "$(init_pid) " ]
	rung start "$ID"
	rung exec -d --pid-file pid "$ID" sleep 1000
	[ "$(tasks_of "$ID")" = "$(init_pid) $(cat pid) " ]
}

@test "a class with schemata: made if it is missing, and kept" {
	rdt '{"closID": "gold", "schemata": ["L3:0=f", "MB:1=30"]}'
	start_sleeper
	[ "$(tasks_of gold)" = "$(init_pid) " ]
	[ "$(cat "$RDT/gold/schemata")" = $'    MB:0=100;1= 30\n    L3:0=00f;1=7ff' ]
	rung delete --force "$ID"
	[ -d "$RDT/gold" ]
	no_group "$ID"
}

# "The runtimes MUST write l3CacheSchema first and memBwSchema last"; schemata after them
@test "schemata are written last" {
	rdt '{"l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20", "schemata": ["L3:0=ff", "MB:0=50"]}'
	start_sleeper
	[ "$(cat "$RDT/$ID/schemata")" = $'    MB:0= 50;1=100\n    L3:0=0ff;1=7ff' ]
}

# runc#3832: without schemata rung joins the class and writes nothing
@test "a class without schemata is joined, and must be there" {
	mkdir "$RDT/silver"
	echo 'L3:0=3' >"$RDT/silver/schemata"
	rdt '{"closID": "silver"}'
	start_sleeper
	[ "$(tasks_of silver)" = "$(init_pid) " ]
	[[ $(cat "$RDT/silver/schemata") == *L3:0=003* ]]
	rung delete --force "$ID"
	[ -d "$RDT/silver" ]
	rdt '{"closID": "bronze"}'
	refused linux.intelRdt.closID "$RDT/bronze must exist" 'no such file or directory'
	no_group bronze
}

# runc#4854
@test "the class of the root" {
	rdt '{"closID": "/"}'
	start_sleeper
	[ "$(tasks_of .)" = "$(init_pid) " ]
	rung delete --force "$ID"
	[ -e "$RDT/schemata" ]
	no_group "$ID"
}

@test "a group of that name which was there is not removed" {
	mkdir "$RDT/$ID"
	rdt '{"memBwSchema": "MB:0=20"}'
	start_sleeper
	[[ $(cat "$RDT/$ID/schemata") == *'MB:0= 20'* ]]
	rung delete --force "$ID"
	[ -d "$RDT/$ID" ]
	rmdir "$RDT/$ID"
}

# "if closID directory exists, runtimes MUST compare"
@test "a class that has other schemata is refused, one that has the same joined" {
	mkdir "$RDT/gold"
	printf 'L3:0=f\nMB:0=15\n' >"$RDT/gold/schemata"
	rdt '{"closID": "gold", "l3CacheSchema": "L3:0=00f", "memBwSchema": "MB:0=15"}'
	start_sleeper
	rung delete --force "$ID"
	rdt '{"closID": "gold", "l3CacheSchema": "L3:0=1f"}'
	refused linux.intelRdt.l3CacheSchema 'L3:0=1f does not match'
	rdt '{"closID": "gold", "memBwSchema": "MB:0=30"}'
	refused linux.intelRdt.memBwSchema 'MB:0=30 does not match'
	[ "$(cat "$RDT/gold/schemata")" = $'    MB:0= 20;1=100\n    L3:0=00f;1=7ff' ]
}

@test "a monitoring group, in a class of its own or a shared one" {
	rdt '{"enableMonitoring": true}'
	start_sleeper
	[ "$(tasks_of "$ID/mon_groups/$ID")" = "$(init_pid) " ]
	rung exec -d --pid-file pid "$ID" sleep 1000
	[ "$(tasks_of "$ID/mon_groups/$ID")" = "$(init_pid) $(cat pid) " ]
	rung delete --force "$ID"
	no_group "$ID"
	mkdir "$RDT/gold"
	rdt '{"closID": "gold", "enableMonitoring": true}'
	start_sleeper
	[ "$(tasks_of "gold/mon_groups/$ID")" = "$(init_pid) " ]
	rung delete --force "$ID"
	[ -d "$RDT/gold" ]
	no_group "gold/mon_groups/$ID"
}

@test "what the kernel refuses: its reason, and nothing is left" {
	rdt '{"closID": "gold", "l3CacheSchema": "L3:0=f0f", "enableMonitoring": true}'
	refused 'linux.intelRdt: write' 'invalid argument, last_cmd_status: Unparsable or out of range: 0=f0f'
	no_group gold
	rdt '{"schemata": ["L9:0=1"]}'
	refused 'linux.intelRdt: write' "Unknown or unsupported resource name 'L9'"
	no_group "$ID"
	mkdir "$RDT/a" "$RDT/b" "$RDT/c"
	refused linux.intelRdt.closID 'no space left on device, last_cmd_status: Out of CLOSIDs'
	rmdir "$RDT/a" "$RDT/b" "$RDT/c"
}

@test "a create that fails later leaves no group" {
	rdt '{"closID": "gold", "memBwSchema": "MB:0=20", "enableMonitoring": true}'
	process /no/such/program
	refused 'no such file or directory'
	no_group gold
}

@test "a rung that was killed leaves a group that delete finds" {
	rdt '{}'
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "kill -KILL $PPID"]}]'
	run_container
	[ "$status" -ne 0 ]
	[ -d "$RDT/$ID" ]
	rung delete --force "$ID"
	no_group "$ID"
}

@test "a machine without resctrl: an error that names the field" {
	umount "$RDT"
	# shellcheck disable=SC2034 # of the helpers
	RUNG=$RUNG_SOURCE/rung
	rdt '{"memBwSchema": "MB:0=20"}'
	if [ -e /sys/fs/resctrl/schemata ]; then skip "needs a machine without resctrl"; fi
	refused linux.intelRdt 'intelRdt is specified in config, but Intel RDT is not enabled'
}

@test "names that are no class" {
	local name
	for name in . .. a/b ../a info mon_groups mon_data; do
		config '.linux.intelRdt = {closID: $n, schemata: ["MB:0=20"]}' --arg n "$name"
		refused linux.intelRdt.closID
	done
	config '.linux.intelRdt = {schemata: ["MB:0=20\nL3:0=1"]}'
	refused 'linux.intelRdt.schemata[0]' newline
	config '.linux.intelRdt = {memBwSchema: "L3:0=1"}'
	refused linux.intelRdt.memBwSchema
}
