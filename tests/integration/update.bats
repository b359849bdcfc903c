#!/usr/bin/env bats
# shellcheck disable=SC2016 # expanded by jq
# rung update: limits of a container that runs.

load helpers

setup() {
	needs_root
	setup_bundle
}

# limit V1-CONTROLLER V1-FILE V2-FILE: what is in force
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

# The file of pids.max of a sleeper whose limits are known.
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
	[ "$(memory_limit)" = 52428800 ] # what is not named stays
}

# v1 limits the sum of memory and swap, v2 swap itself.
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

@test "update: one that is refused changes nothing, where there was no limit either" {
	start_sleeper
	run -1 rung update --memory 100m --cpu-quota 50000 --pids-limit 20 --cpuset-cpus 9999 "$ID"
	mentions linux.resources.cpu.cpus
	[ "$(memory_limit)" = max ] || [ "$(memory_limit)" -gt 1000000000000 ]
	[ "$(pids_limit)" = max ]
	[[ "$(limit cpu cpu.cfs_quota_us cpu.max)" =~ ^(-1|max\ 100000)$ ]]
}

# v1 has a limit of the sum, which stays what it is.
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
	[ "$(pids_limit)" = 1 ] # as by create: one process, the same as none more
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

# Quota and period, as v2 writes them.
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
	[ "$(memory_limit) $(pids_limit)" = '41943040 32' ] # the file counts alone
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

@test "update: kernel memory is told to be ignored" {
	start_sleeper
	local option
	for option in --kernel-memory --kernel-memory-tcp; do
		run rung update "$option" 16m "$ID"
		[ "$status" -eq 0 ]
		mentions 'level=warning' kernel
	done
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
	run -1 rung update --blkio-weight 5 "$ID"
	mentions 'linux.resources.blockIO.weight: 5'
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
	mentions --resources
	run -1 rung update -r - "$ID" <<<'{"memory": {"limit": "1G"}}'
	mentions --resources
	run -1 rung update --l3-cache-schema 'L3:0=f' "$ID"
	mentions 'Intel RDT/CAT: l3 cache schema is not enabled'
	run -1 rung update --mem-bw-schema 'MB:0=50' "$ID"
	mentions 'Intel RDT/MBA: memory bandwidth schema is not enabled'
	rung kill "$ID" KILL
	wait_until 5 stopped
	run -1 rung update --pids-limit 5 "$ID"
	mentions 'container not running'
}
