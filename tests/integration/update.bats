#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq
# rung update: limits of a running container.

load helpers

setup() {
	needs_root
	setup_bundle
}

# limit V1-CONTROLLER V1-FILE V2-FILE: prints the current limit
limit() {
	if is_v2; then
		cgroup_value '' "$3"
	else
		cgroup_value "$1" "$2"
	fi
}

memory_limit() { limit memory memory.limit_in_bytes memory.max; }
swap_limit() { limit memory memory.memsw.limit_in_bytes memory.swap.max; }
pids_limit() { limit pids pids.max pids.max; }

# Starts a sleeper with known limits.
start_limited() {
	config '.linux.resources += {memory: {limit: 33554432, reservation: 25165824}, pids: {limit: 20}, cpu: {shares: 100, quota: 500000, period: 1000000}}'
	start_sleeper
}

update() {
	run rung update "$@" "$ID"
	[ "$status" -eq 0 ] || fail "update $*: $output"
	says ''
}

@test "update: memory, with units" {
	start_limited
	update --memory 67108864
	[ "$(memory_limit)" = 67108864 ]
	update --memory 50M
	[ "$(memory_limit)" = 52428800 ]
	update --memory-reservation 30m
	[ "$(limit memory memory.soft_limit_in_bytes memory.low)" = 31457280 ]
	[ "$(memory_limit)" = 52428800 ] # a limit that is not named stays
}

# v1 limits the sum of memory and swap, v2 limits swap alone.
@test "update: memory and swap in either direction" {
	start_limited
	swap_limit >/dev/null || skip "needs swap accounting"
	update --memory 64m --memory-swap 96m
	[ "$(memory_limit)" = 67108864 ]
	if is_v2; then [ "$(swap_limit)" = 33554432 ]; else [ "$(swap_limit)" = 100663296 ]; fi
	update --memory 32m --memory-swap 48m
	[ "$(memory_limit)" = 33554432 ]
	if is_v2; then [ "$(swap_limit)" = 16777216 ]; else [ "$(swap_limit)" = 50331648 ]; fi
	update --memory 128m --memory-swap -1
	[ "$(memory_limit)" = 134217728 ]
	[ "$(swap_limit)" = max ] || [ "$(swap_limit)" -gt 1000000000000 ]
	update --memory -1
	[ "$(memory_limit)" = max ] || [ "$(memory_limit)" -gt 1000000000000 ]
	[ "$(swap_limit)" = max ] || [ "$(swap_limit)" -gt 1000000000000 ]
}

@test "update: a refused update changes nothing, and sets no limit that was not set" {
	start_sleeper
	run -1 rung update --memory 100m --cpu-quota 50000 --pids-limit 20 --cpuset-cpus 9999 "$ID"
	mentions linux.resources.cpu.cpus
	[ "$(memory_limit)" = max ] || [ "$(memory_limit)" -gt 1000000000000 ]
	[ "$(pids_limit)" = max ]
	[[ "$(limit cpu cpu.cfs_quota_us cpu.max)" =~ ^(-1|max\ 100000)$ ]]
}

# The limit of the sum on v1 does not change.
@test "update: memory alone leaves the sum of memory and swap alone" {
	config '.linux.resources += {memory: {limit: 33554432, swap: 100663296}}'
	start_sleeper
	limit memory memory.memsw.limit_in_bytes memory.swap.max >/dev/null || skip "needs swap accounting"
	update --memory 64m
	if is_v2; then
		[ "$(cgroup_value '' memory.swap.max)" = 33554432 ]
	else
		[ "$(cgroup_value memory memory.memsw.limit_in_bytes)" = 100663296 ]
	fi
	run -1 rung update --memory 128m "$ID"
	mentions linux.resources.memory
	[ "$(memory_limit)" = 67108864 ]
}

@test "update: Intel RDT that is not there, and nothing is changed" {
	[ ! -e /sys/fs/resctrl/info ] || skip "needs a machine without Intel RDT"
	start_limited
	run -1 rung update --memory 64m --l3-cache-schema L3:0=ff "$ID"
	mentions 'l3 cache schema is not enabled'
	[ "$(memory_limit)" = 33554432 ]
}

@test "update: pids" {
	start_limited
	update --pids-limit 10
	[ "$(pids_limit)" = 10 ]
	update --pids-limit -1
	[ "$(pids_limit)" = max ]
	update --pids-limit 0
	[ "$(pids_limit)" = 1 ] # as with create: 0 is written as 1, which has the same effect
	[ "$(memory_limit)" = 33554432 ]
}

@test "update: cpu shares, quota and period, alone and together" {
	needs_controller cpu
	start_limited
	update --cpu-share 200
	[ "$(limit cpu cpu.shares cpu.weight)" = "$(is_v2 && echo 29 || echo 200)" ]
	update --cpu-period 900000 --cpu-quota 600000
	[ "$(cpu_quota)" = '600000 900000' ]
	update --cpu-quota 500000
	update --cpu-period 800000
	[ "$(cpu_quota)" = '500000 800000' ]
	update --cpu-quota -1
	[ "$(cpu_quota)" = "$(is_v2 && echo max || echo -1) 800000" ]
	update --cpu-quota 500000 --cpu-burst 100000
	[ "$(limit cpu cpu.cfs_burst_us cpu.max.burst)" = 100000 ]
	update --cpu-idle 1
	[ "$(limit cpu cpu.idle cpu.idle)" = 1 ]
	update --cpu-idle 0
	[ "$(limit cpu cpu.idle cpu.idle)" = 0 ]
}

# Prints quota and period in the form of v2.
cpu_quota() {
	if is_v2; then
		cgroup_value cpu cpu.max
	else
		echo "$(cgroup_value cpu cpu.cfs_quota_us) $(cgroup_value cpu cpu.cfs_period_us)"
	fi
}

# bats test_tags=smp
@test "update: cpuset" {
	needs_two_cpus
	start_sleeper
	update --cpuset-cpus 1 --cpuset-mems 0
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 1 ]
	grep -qP '^Cpus_allowed_list:\t1$' "/proc/$(init_pid)/status"
}

@test "update -r, --resources: a file, and standard input" {
	start_limited
	echo '{"memory": {"limit": 41943040}, "pids": {"limit": 30}}' >limits.json
	update -r limits.json
	[ "$(memory_limit) $(pids_limit)" = '41943040 30' ]
	run rung update --resources - "$ID" <<<'{"pids": {"limit": 31}}'
	[ "$status" -eq 0 ]
	[ "$(memory_limit) $(pids_limit)" = '41943040 31' ]
	run rung update -r - --memory 64m "$ID" <<<'{"pids": {"limit": 32}}'
	[ "$(memory_limit) $(pids_limit)" = '41943040 32' ] # the other options are ignored
	mkfifo "$BATS_TEST_TMPDIR/open"
	exec {open}<>"$BATS_TEST_TMPDIR/open" # its writer stays
	echo '{"pids": {"limit": 33}}' >&"$open"
	run -0 timeout 20 "$RUNG" --root "$STATE" update -r - "$ID" <&"$open"
	exec {open}>&-
	[ "$(memory_limit) $(pids_limit)" = '41943040 33' ]
}

@test "update -r: block devices and huge pages" {
	local device
	needs_controller blkio
	device=$(lsblk -dno MAJ:MIN 2>/dev/null | head -1 | tr -d ' ')
	[ -n "$device" ] || skip "needs a block device"
	start_sleeper
	run rung update -r - "$ID" < <(jq -n --arg d "$device" '($d | split(":") | map(tonumber)) as [$major, $minor]
		| {blockIO: {throttleReadBpsDevice: [{major: $major, minor: $minor, rate: 1048576}]}}')
	[ "$status" -eq 0 ]
	if is_v2; then
		[ "$(cgroup_value blkio io.max)" = "$device rbps=1048576 wbps=max riops=max wiops=max" ]
	else
		[ "$(cgroup_value blkio blkio.throttle.read_bps_device)" = "$device 1048576" ]
	fi
}

# The forms of lib/bitmap-str.c in the kernel.
# bats test_tags=smp
@test "update: lists of CPUs in every form that the kernel takes" {
	needs_two_cpus
	local text last
	start_sleeper
	last=$(($(nproc --all) - 1))
	for text in all N 0-N "0 1" 0-1:1/2 all:1/2; do
		run -0 rung update --cpuset-cpus "$text" "$ID"
		case $text in
		all | 0-N) [ "$(limit cpuset cpuset.cpus cpuset.cpus)" = "0-$last" ] ;;
		N) [ "$(limit cpuset cpuset.cpus cpuset.cpus)" = "$last" ] ;;
		"0 1") [ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0-1 ] ;;
		0-1:1/2) [ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ] ;;
		esac
	done
	run -1 rung update --cpuset-cpus 0-1:3/2 "$ID"
	mentions 'linux.resources.cpu.cpus' 'a pattern is USED/GROUP'
}

@test "update: devices stay as they are" {
	needs_v1_controller devices
	local before
	start_sleeper
	before=$(cgroup_value devices devices.list)
	update --pids-limit 11
	run rung update -r - "$ID" <<<'{"devices": [{"allow": true, "access": "rwm"}]}'
	[ "$status" -eq 0 ]
	[ "$(cgroup_value devices devices.list)" = "$before" ]
}

@test "update: a created and a paused container" {
	config '.linux.resources.pids.limit = 20'
	process sleep 1000
	create_container
	update --pids-limit 21
	[ "$(pids_limit)" = 21 ]
	rung start "$ID"
	rung pause "$ID"
	update --pids-limit 22 --memory 64m
	[ "$(pids_limit)" = 22 ]
	[ "$(status_of)" = paused ]
	rung resume "$ID"
}

@test "update: after a value that the kernel refuses the old ones are in force" {
	start_limited
	run -1 rung update --memory 48m --cpuset-cpus 1000 "$ID"
	mentions linux.resources.cpu.cpus
	[ "$(memory_limit)" = 33554432 ]
	update --pids-limit 25
	run -1 rung update -r - "$ID" <<<'{"memory": {"limit": 50331648}, "pids": {"limit": 26}, "unified": {"no.such.file": "1"}}'
	[ "$(memory_limit) $(pids_limit)" = '33554432 25' ]
}

# outside V1-CONTROLLER V1-FILE V2-FILE VALUE: sets a limit as somebody else would, by its file.
outside() {
	if is_v2; then
		echo "$4" >"$(cgroup_path '')/$3"
	else
		echo "$4" >"$(cgroup_path "$1")/$2"
	fi
}

# Limits that were raised by somebody else were set back to those that rung remembered, and the container was killed.
@test "update: a refused update sets again what it has changed, and not what somebody else has set" {
	needs_controller cpu
	start_limited
	outside memory memory.limit_in_bytes memory.max 209715200
	outside pids pids.max pids.max 55
	outside cpu cpu.shares cpu.weight 300
	run -1 rung update --cpuset-cpus 9999 "$ID"
	mentions linux.resources.cpu.cpus
	[[ $output != *'old limits'* ]] || fail "$output"
	[ "$(memory_limit) $(pids_limit) $(limit cpu cpu.shares cpu.weight)" = '209715200 55 300' ]
	run -1 rung update --memory 64m --cpu-share 500 --cpu-idle 1 --cpu-quota 40000 --cpuset-cpus 9999 "$ID"
	mentions linux.resources.cpu.cpus
	[[ $output != *'old limits'* ]] || fail "$output"
	[ "$(memory_limit) $(pids_limit) $(limit cpu cpu.shares cpu.weight)" = '209715200 55 300' ]
	[ "$(limit cpu cpu.idle cpu.idle)" = 0 ]
	[ "$(cpu_quota)" = '500000 1000000' ]
	run -1 rung update -r - "$ID" <<<'{"pids": {"limit": 66}, "unified": {"no.such.file": "1"}}'
	[ "$(pids_limit)" = 55 ]
	update --pids-limit 77
	[ "$(memory_limit) $(pids_limit)" = '209715200 77' ]
}

@test "update: a refused update sets the rates of block devices again" {
	local device before=
	needs_controller blkio
	device=$(lsblk -dno MAJ:MIN 2>/dev/null | head -1 | tr -d ' ')
	[ -n "$device" ] || skip "needs a block device"
	# What the kernel refuses is written after the rates.
	local refused='unified: {"no.such.file": "1"}' field='unified[no.such.file]'
	if ! is_v2; then
		needs_controller net_prio
		refused='network: {priorities: [{name: "no-such-device", priority: 1}]}' field=linux.resources.network.priorities
	fi
	rate() { jq -n --arg d "$device" --argjson rate "$1" '($d | split(":") | map(tonumber)) as [$major, $minor]
		| {blockIO: {throttleReadBpsDevice: [{major: $major, minor: $minor, rate: $rate}]}, '"$refused}"; }
	start_sleeper
	for _ in none somebody; do
		run -1 rung update -r - "$ID" < <(rate 1048576)
		mentions "$field"
		[ "$(limit blkio blkio.throttle.read_bps_device io.max)" = "$before" ]
		before="$device 4096"
		if is_v2; then before="$device rbps=4096 wbps=max riops=max wiops=max"; fi
		outside blkio blkio.throttle.read_bps_device io.max "$device $(is_v2 && echo rbps=)4096"
	done
}

# An old quota does not come back with a period.
@test "update: a period leaves the quota that somebody else has set" {
	needs_controller cpu
	start_limited
	outside cpu cpu.cfs_quota_us cpu.max "$(is_v2 && echo max || echo -1)"
	update --cpu-period 200000
	[ "$(cpu_quota)" = "$(is_v2 && echo max || echo -1) 200000" ]
}

@test "update: memory alone leaves the swap that somebody else has set" {
	is_v2 || skip "needs cgroup v2"
	config '.linux.resources += {memory: {limit: 33554432, swap: 100663296}}'
	start_sleeper
	outside '' '' memory.swap.max 8388608
	update --memory 64m
	[ "$(memory_limit) $(cgroup_value '' memory.swap.max)" = '67108864 8388608' ]
}

@test "update: a quota below the burst is named" {
	needs_controller cpu
	config '.linux.resources += {cpu: {quota: 50000, period: 100000, burst: 40000}}'
	start_sleeper
	run -1 rung update --cpu-quota 30000 "$ID"
	mentions linux.resources.cpu.quota 'the quota of 30000 is below the burst in force, 40000'
	update --cpu-quota 30000 --cpu-burst 20000
	[ "$(cpu_quota) $(limit cpu cpu.cfs_burst_us cpu.max.burst)" = '30000 100000 20000' ]
}

@test "update: a limit outlives the older file of linux.resources.unified that it stands for" {
	is_v2 || skip "needs cgroup v2"
	config '.linux.resources.unified = {"pids.max": "20"}'
	start_sleeper
	update --pids-limit 30
	run -1 rung update -r - "$ID" <<<'{"unified": {"no.such.file": "1"}}'
	[ "$(pids_limit)" = 30 ]
}

@test "update: checkBeforeUpdate" {
	start_limited
	run -1 rung update -r - "$ID" <<<'{"memory": {"limit": 4096, "swap": 4096, "checkBeforeUpdate": true}}'
	mentions linux.resources.memory
	[ "$(memory_limit)" = 33554432 ]
}

@test "update: a warning says that kernel memory is ignored" {
	start_sleeper
	run rung update --kernel-memory 16m "$ID"
	[ "$status" -eq 0 ]
	mentions 'level=warning' kernel
	run rung update --help
	[[ $output != *kernel-memory* ]]
}

@test "update: weight of block I/O" {
	needs_v1_controller blkio
	start_sleeper
	local file
	file=$(cgroup_path blkio)/blkio.bfq.weight
	[ -e "$file" ] || file=$(cgroup_path blkio)/blkio.weight
	[ -e "$file" ] || skip "needs weights of the cgroup v1 controller blkio"
	update --blkio-weight 510
	[ "$(cat "$file")" = 510 ]
	update --blkio-weight 9 # below 10, the specification's least; the kernel's is 1
	[ "$(cat "$file")" = 9 ]
	update --blkio-weight 510
	run -1 rung update --blkio-weight 1001 "$ID"
	mentions 'linux.resources.blockIO.weight: 1001'
	run -1 rung update --blkio-weight 70000 "$ID"
	mentions 'invalid value for blkio-weight'
	[ "$(cat "$file")" = 510 ]
}

@test "update: real-time" {
	needs_v1_controller cpu
	start_sleeper
	[ -e "$(cgroup_path cpu)/cpu.rt_runtime_us" ] || skip "needs real-time group scheduling (CONFIG_RT_GROUP_SCHED)"
	update --cpu-rt-period 900000
	[ "$(cgroup_value cpu cpu.rt_period_us)" = 900000 ]
	[ "$(cat "$(dirname "$(cgroup_path cpu)")/cpu.rt_runtime_us")" -gt 100 ] || skip "needs real-time run time in the parent cgroup"
	update --cpu-rt-runtime 100
	[ "$(cgroup_value cpu cpu.rt_runtime_us)" = 100 ]
}

@test "update: what is wrong is said" {
	start_sleeper
	run -1 rung update
	mentions 'requires exactly 1 argument'
	run -1 rung update no-such-container
	mentions 'container does not exist'
	run -1 rung update --memory lots "$ID"
	mentions 'invalid value for memory'
	run -1 rung update --cpu-share -5 "$ID"
	mentions 'invalid value for cpu-share'
	run -1 rung update --cpu-quota 1.5 "$ID"
	mentions 'invalid value for cpu-quota'
	run -1 rung update -r /no/such/file "$ID"
	mentions 'no such file or directory'
	run -1 rung update -r - "$ID" <<<'{"memory": '
	mentions '--resources -: line 2, column 1: unexpected end of JSON input'
	run -1 rung update -r - "$ID" <<<'{"memory": {"limit": "1G"}}'
	mentions '--resources -: memory.limit: a JSON string does not fit here, need a whole number of 64 bits'
	run -1 rung update -r - "$ID" <<<'[]'
	mentions '--resources -: a JSON array does not fit here, need an object'
	run -1 rung update -r - "$ID" </dev/null
	mentions '--resources -: line 1, column 1: unexpected end of JSON input'
	run -1 rung update --l3-cache-schema 'L3:0=f' "$ID"
	mentions 'Intel RDT/CAT: l3 cache schema is not enabled'
	run -1 rung update --mem-bw-schema 'MB:0=50' "$ID"
	mentions 'Intel RDT/MBA: memory bandwidth schema is not enabled'
	rung kill "$ID" KILL
	wait_until 5 stopped
	run -1 rung update --pids-limit 5 "$ID"
	mentions 'container not running'
}
