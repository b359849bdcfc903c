#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq, or by the shell in the container
# linux.cgroupsPath and linux.resources with the file system driver: cgroups are made, entered and removed, limits are read back
# inside and on the host, and processes are killed. A v1 test needs the controller on v1, a v2 test on the unified hierarchy.

load helpers

setup() {
	setup_bundle
	needs_root
}

# reads CONTROLLER [FILE WANT]... [v2 [FILE WANT]...]: each FILE of the container's cgroup must contain WANT, in the container and on
# the host. The first pairs are for v1.
reads() {
	local controller=$1 file want
	shift
	of_this_mode "$@"
	set -- "${pairs[@]}"
	while [ $# -gt 0 ]; do
		file=$1 want=$2
		shift 2
		run cgroup_value "$controller" "$file"
		[ "$output" = "$want" ] || fail "$file on the host: $output"
		exec_in cat "$(inner_cgroup "$controller")/$file"
		[ "$output" = "$want" ] || fail "$file inside: $output"
	done
}

# of_this_mode puts the arguments before the word "v2" into the array $pairs, or on a v2 machine those after it.
of_this_mode() {
	local word v2=
	pairs=()
	for word; do
		if [ "$word" = v2 ]; then
			v2=yes
		elif is_v2; then
			[ -z "$v2" ] || pairs+=("$word")
		else
			[ -n "$v2" ] || pairs+=("$word")
		fi
	done
}

# limit CONTROLLER FILTER FILES...: creates a container with these resources, and checks the files.
limit() {
	local controller=$1
	needs_controller "$controller"
	config ".linux.resources += $2"
	shift 2
	start_sleeper
	reads "$controller" "$@"
}

# update_to FILTER: changes the resources of the container.
update_to() {
	jq -n "$1" >"$BATS_TEST_TMPDIR/resources.json"
	run -0 rung update -r "$BATS_TEST_TMPDIR/resources.json" "$ID"
}

# Lists the processes in the container's cgroup.
processes() {
	cat "$(cgroup_path freezer)/cgroup.procs"
}

# ---- the path -------------------------------------------------------------------------------------------------------

@test "the container is in a cgroup of each hierarchy, and that is gone after it" {
	start_sleeper
	local path pid
	pid=$(init_pid)
	while read -r path; do
		grep -qx "$pid" "$path/cgroup.procs" || fail "not in $path"
	done < <(jq -r '.cgroupPaths | map(.) | unique[]' "$STATE/$ID/state.json")
	[ "$(jq '.cgroupPaths | length' "$STATE/$ID/state.json")" -ge 1 ]
	# every hierarchy of the machine is among them
	[ "$(grep -c "$ID" "/proc/$pid/cgroup")" -eq "$(grep -c . /proc/self/cgroup)" ]
	rung delete --force "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

@test "no cgroupsPath: the id, at rung's own cgroup" {
	needs_controller pids
	start_sleeper
	[ "$(cgroup_path pids)" = "$(default_cgroup pids "$ID")" ]
}

@test "an absolute cgroupsPath starts at the mount point, and its parents stay" {
	needs_controller pids
	config '.linux.cgroupsPath = $p' --arg p "/$ID-parent/$ID"
	start_sleeper
	[ "$(cgroup_path pids)" = "$(hierarchy_of pids)/$ID-parent/$ID" ]
	rung delete --force "$ID"
	[ ! -e "$(hierarchy_of pids)/$ID-parent/$ID" ]
	cgroups_at "*/$ID-parent" | xargs rmdir
}

@test "a relative cgroupsPath starts at rung's own cgroup" {
	needs_controller pids
	config '.linux.cgroupsPath = $p' --arg p "$ID-relative"
	start_sleeper
	[ "$(cgroup_path pids)" = "$(default_cgroup pids "$ID-relative")" ]
}

@test "a cgroupsPath cannot leave the hierarchy" {
	config '.linux.cgroupsPath = $p' --arg p "/../../../$ID-out"
	start_sleeper
	local path
	while read -r path; do
		[[ $path == /sys/fs/cgroup/*"$ID-out" && $path != *..* ]] || fail "$path"
	done < <(jq -r '.cgroupPaths | map(.) | unique[]' "$STATE/$ID/state.json")
}

@test "a cgroup that is there already, with a process in it" {
	needs_controller pids
	local there
	there=$(hierarchy_of pids)/$ID-there
	mkdir "$there"
	sleep 1000 3>&- &
	local pid=$!
	echo $pid >"$there/cgroup.procs"
	config '.linux.cgroupsPath = $p' --arg p "/$ID-there"
	process true
	run_container
	local survived=
	kill $pid && survived=yes
	wait $pid || true
	rmdir "$there" 2>/dev/null || true
	# as runc: a cgroup in use is no cgroup for a new container
	[ "$status" -eq 1 ]
	mentions linux.cgroupsPath
	[ "$survived" = yes ]
}

@test "exec enters the cgroup of a container with a cgroup namespace" {
	config '.linux.namespaces |= map(select(.type != "cgroup")) + [{type: "cgroup"}]'
	start_sleeper
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 100
	diff <(sort "/proc/$(init_pid)/cgroup") <(sort "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
	exec_in readlink /proc/self/ns/cgroup
	[ "$output" = "$(readlink "/proc/$(init_pid)/ns/cgroup")" ]
}

@test "exec enters the cgroup" {
	config '.linux.namespaces |= map(select(.type != "cgroup"))'
	start_sleeper
	exec_in cat /proc/self/cgroup
	[ "$(grep -c "$ID" <<<"$output")" -eq "${#lines[@]}" ]
}

# ---- the limits -----------------------------------------------------------------------------------------------------

# bats test_tags=vm
@test "memory: limit, reservation" {
	limit memory '{memory: {limit: 41943040, reservation: 20971520}}' \
		memory.limit_in_bytes 41943040 memory.soft_limit_in_bytes 20971520 v2 memory.max 41943040 memory.low 20971520
	update_to '{memory: {limit: 62914560, reservation: 31457280}}'
	reads memory memory.limit_in_bytes 62914560 memory.soft_limit_in_bytes 31457280 v2 memory.max 62914560 memory.low 31457280
}

@test "memory: swappiness is set on v1, and refused on v2, which has none" {
	needs_controller memory
	if is_v2; then
		config '.linux.resources.memory.swappiness = 33'
		refused linux.resources.memory.swappiness
		return
	fi
	limit memory '{memory: {swappiness: 33}}' memory.swappiness 33
	update_to '{memory: {swappiness: 44}}'
	reads memory memory.swappiness 44
}

needs_swap_accounting() {
	local file=memory.memsw.limit_in_bytes probe has=
	needs_controller memory
	! is_v2 || file=memory.swap.max
	probe=$(hierarchy_of memory)/$ID-probe
	mkdir "$probe"
	[ ! -e "$probe/$file" ] || has=yes
	rmdir "$probe"
	[ "$has" = yes ] || skip "needs swap accounting"
}

@test "memory: swap is memory and swap" {
	needs_swap_accounting
	limit memory '{memory: {limit: 41943040, swap: 83886080}}' memory.memsw.limit_in_bytes 83886080 v2 memory.swap.max 41943040
	update_to '{memory: {limit: 41943040, swap: 62914560}}'
	reads memory memory.memsw.limit_in_bytes 62914560 v2 memory.max 41943040 memory.swap.max 20971520
	update_to '{memory: {swap: -1}}'
	reads memory memory.limit_in_bytes 41943040 v2 memory.max 41943040 memory.swap.max max
}

@test "memory: -1 is no limit" {
	needs_controller memory
	local none=max
	is_v2 || none=$(cat "$(v1_mount memory)/memory.limit_in_bytes")
	limit memory '{memory: {limit: -1}}' memory.limit_in_bytes "$none" v2 memory.max max
	update_to '{memory: {limit: 41943040}}'
	reads memory memory.limit_in_bytes 41943040 v2 memory.max 41943040
	update_to '{memory: {limit: -1}}'
	reads memory memory.limit_in_bytes "$none" v2 memory.max max
}

@test "memory: disableOOMKiller is set on v1, and refused on v2" {
	needs_controller memory
	if is_v2; then
		config '.linux.resources.memory = {limit: 41943040, disableOOMKiller: true}'
		refused linux.resources.memory.disableOOMKiller
		return
	fi
	limit memory '{memory: {limit: 41943040, disableOOMKiller: true}}' memory.limit_in_bytes 41943040
	grep -qx 'oom_kill_disable 1' "$(cgroup_path memory)/memory.oom_control"
}

@test "memory: the limit is in force" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 16777216}'
	if [ "$(wc -l </proc/swaps)" -gt 1 ]; then # otherwise the memory could be swapped out
		is_v2 || [ -e "$(v1_mount memory)/memory.memsw.limit_in_bytes" ] || skip "needs swap accounting, or no swap"
		config '.linux.resources.memory.swap = 16777216'
	fi
	process sh -c 'echo started; head -c 67108864 /dev/zero | tail -c 67108864 | wc -c'
	run_container
	[ "${lines[0]}" = started ]
	[[ $output != *67108864* ]]
}

# The kernel has no such limit any more; runc ignores it too.
@test "memory: kernel is left out, with a warning" {
	config '.linux.resources.memory = {kernel: 10485760}'
	inside true
	mentions linux.resources.memory.kernel
}

@test "memory: kernelTCP on v1, by update too" {
	needs_v1_controller memory
	local file
	config '.linux.resources.memory = {kernelTCP: 10485760}'
	start_sleeper
	file=$(cgroup_path memory)/memory.kmem.tcp.limit_in_bytes
	[ "$(cat "$file")" = 10485760 ]
	update_to '{memory: {kernelTCP: 20971520}}'
	[ "$(cat "$file")" = 20971520 ]
	run -0 rung update --kernel-memory-tcp -1 "$ID"
	says ''
	[ "$(cat "$file")" -gt 1000000000000 ]
}

@test "memory: kernelTCP on v2 is left out, with a warning" {
	[ ! -e /sys/fs/cgroup/memory/memory.kmem.tcp.limit_in_bytes ] || skip "needs pure cgroup v2"
	config '.linux.resources.memory = {kernelTCP: 10485760}'
	inside true
	mentions linux.resources.memory.kernelTCP
}

# bats test_tags=vm
@test "pids: limit, in force" {
	limit pids '{pids: {limit: 5}}' pids.max 5 v2 pids.max 5
	exec_in sh -c 'for i in 1 2 3 4 5 6; do sleep 0.3 & done; true'
	mentions 'Resource temporarily unavailable' || mentions "can't fork"
	update_to '{pids: {limit: 7}}'
	reads pids pids.max 7 v2 pids.max 7
}

# runc until 1.4 took 0 for no limit.
# rung writes 0 as 1, because systemd accepts no 0.
@test "pids: 0 is a limit, a negative one is none" {
	needs_controller pids
	local none
	for none in -1 -5; do
		config '.linux.resources.pids = {limit: $none}' --argjson none "$none"
		start_sleeper
		[ "$(cgroup_value pids pids.max)" = max ]
		rung delete --force "$ID"
	done
	config '.linux.resources.pids = {limit: 0}'
	create_container
	[ "$(cgroup_value pids pids.max)" = 1 ]
	rung delete --force "$ID"
	# Podman 4.3 writes this for --pids-limit -1
	config '.ociVersion = "1.0.2-dev"'
	start_sleeper
	[ "$(cgroup_value pids pids.max)" = max ]
}

# bats test_tags=vm
@test "cpu: shares, quota, period" {
	limit cpu '{cpu: {shares: 512, quota: 20000, period: 50000}}' \
		cpu.shares 512 cpu.cfs_quota_us 20000 cpu.cfs_period_us 50000 v2 cpu.weight 59 cpu.max '20000 50000'
	update_to '{cpu: {shares: 2048, quota: 30000}}'
	reads cpu cpu.shares 2048 cpu.cfs_quota_us 30000 cpu.cfs_period_us 50000 v2 cpu.weight 174 cpu.max '30000 50000'
	update_to '{cpu: {period: 60000}}'
	reads cpu cpu.cfs_quota_us 30000 cpu.cfs_period_us 60000 v2 cpu.max '30000 60000'
}

@test "cpu: 0 is unset, as Moby means it, and a negative quota is none" {
	limit cpu '{cpu: {shares: 0, quota: 0, period: 0}}' \
		cpu.shares 1024 cpu.cfs_quota_us -1 cpu.cfs_period_us 100000 v2 cpu.weight 100 cpu.max 'max 100000'
	update_to '{cpu: {quota: 50000}}'
	reads cpu cpu.cfs_quota_us 50000 v2 cpu.max '50000 100000'
	update_to '{cpu: {quota: -1}}'
	reads cpu cpu.cfs_quota_us -1 v2 cpu.max 'max 100000'
	update_to '{cpu: {quota: 50000}}'
	update_to '{cpu: {quota: -9999}}' # test_cpu_quota_negative_value_default_set of youki's contest
	reads cpu cpu.cfs_quota_us -1 v2 cpu.max 'max 100000'
	rung delete --force "$ID"
	limit cpu '{cpu: {quota: -1}}' cpu.cfs_quota_us -1 v2 cpu.max 'max 100000'
	rung delete --force "$ID"
	limit cpu '{cpu: {quota: -9999}}' cpu.cfs_quota_us -1 v2 cpu.max 'max 100000'
}

@test "cpu: burst and idle" {
	needs_controller cpu
	local probe file=cpu.cfs_burst_us has=
	! is_v2 || file=cpu.max.burst
	probe=$(hierarchy_of cpu)/$ID-probe
	mkdir "$probe"
	[ ! -e "$probe/$file" ] || has=yes
	rmdir "$probe"
	[ "$has" = yes ] || skip "needs $file (Linux 5.14)"
	limit cpu '{cpu: {quota: 20000, period: 50000, burst: 10000}}' cpu.cfs_burst_us 10000 v2 cpu.max.burst 10000
	update_to '{cpu: {burst: 5000}}'
	reads cpu cpu.cfs_burst_us 5000 v2 cpu.max.burst 5000
	rung delete --force "$ID"
	config 'del(.linux.resources.cpu)'
	limit cpu '{cpu: {idle: 1}}' cpu.idle 1 v2 cpu.idle 1
	update_to '{cpu: {idle: 0}}'
	reads cpu cpu.idle 0 v2 cpu.idle 0
}

@test "cpu: real-time runtime and period" {
	needs_v1_controller cpu
	needs_realtime_share
	limit cpu '{cpu: {realtimePeriod: 1000000, realtimeRuntime: 5000}}' cpu.rt_period_us 1000000 cpu.rt_runtime_us 5000
}

# bats test_tags=smp
@test "cpuset: cpus and mems" {
	limit cpuset '{cpu: {cpus: "0", mems: "0"}}' cpuset.cpus 0 cpuset.mems 0 v2 cpuset.cpus 0 cpuset.mems 0
	exec_in sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status
	says 0
	[ "$(sed -n 's/^Cpus_allowed_list:\s*//p' "/proc/$(init_pid)/status")" = 0 ]
	needs_two_cpus
	update_to '{cpu: {cpus: "0, 1,"}}' # the kernel and runc accept this form
	reads cpuset cpuset.cpus 0-1 v2 cpuset.cpus 0-1
}

@test "cpuset: without cpus those of the parent" {
	needs_controller cpuset
	if is_v2; then
		limit cpuset '{}' v2 cpuset.cpus '' cpuset.cpus.effective "$(cat /sys/fs/cgroup/cpuset.cpus.effective)"
	else
		limit cpuset '{}' cpuset.cpus "$(cat "$(v1_mount cpuset)/cpuset.cpus")" cpuset.mems "$(cat "$(v1_mount cpuset)/cpuset.mems")"
	fi
}

# A new v1 cpuset is empty, and the kernel admits no process to it.
@test "cpuset: each new parent of a cgroupsPath gets its own parent's" {
	needs_v1_controller cpuset
	config '.linux.cgroupsPath = $p' --arg p "/$ID-a/b/c"
	limit cpuset '{}' cpuset.cpus "$(cat "$(v1_mount cpuset)/cpuset.cpus")"
	[ "$(cat "$(v1_mount cpuset)/$ID-a/b/cpuset.mems")" = "$(cat "$(v1_mount cpuset)/cpuset.mems")" ]
	rung delete --force "$ID"
	cgroups_at "*/$ID-a*" | xargs rmdir
}

# cgroup-v2.rst, Threads: every cgroup below a threaded one must be made threaded, level by level, and has no cgroup.kill.
@test "threaded: a container below a threaded cgroup" {
	local top
	top=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
	[ -n "$top" ] || skip "needs the unified hierarchy"
	top=$top/$ID-domain
	mkdir -p "$top/x"
	echo threaded >"$top/x/cgroup.type"
	config '.linux.cgroupsPath = $p | .linux.namespaces |= map(select(.type != "pid")) | .linux.resources = {}' --arg p "/$ID-domain/a/b"
	process sh -c 'sleep 1000 & sleep 1000'
	start_container
	[ "$(cat "$top/a/cgroup.type" "$top/a/b/cgroup.type")" = $'threaded\nthreaded' ]
	rung delete --force "$ID"
	[ ! -e "$top/a/b" ]
	cgroups_at "*/$ID-domain*" | xargs rmdir
}

# Prints MAJOR:MINOR of a whole disk that may be opened.
block_device() {
	local number
	for number in /sys/block/*/dev; do
		[[ $number == *loop* || $number == *ram* ]] && continue
		cat "$number"
		return
	done
}

# bats test_tags=vm
@test "blkio: throttling" {
	local device
	device=$(block_device)
	[ -n "$device" ] || skip "needs a block device"
	local major=${device%:*} minor=${device#*:}
	config '.linux.resources.blockIO = {
		throttleReadBpsDevice: [{major: $a, minor: $b, rate: 1048576}], throttleWriteBpsDevice: [{major: $a, minor: $b, rate: 2097152}],
		throttleReadIOPSDevice: [{major: $a, minor: $b, rate: 300}], throttleWriteIOPSDevice: [{major: $a, minor: $b, rate: 400}]}' \
		--argjson a "$major" --argjson b "$minor"
	limit blkio '{}' blkio.throttle.read_bps_device "$device 1048576" blkio.throttle.write_bps_device "$device 2097152" \
		blkio.throttle.read_iops_device "$device 300" blkio.throttle.write_iops_device "$device 400" \
		v2 io.max "$device rbps=1048576 wbps=2097152 riops=300 wiops=400"
	update_to "{blockIO: {throttleReadBpsDevice: [{major: $major, minor: $minor, rate: 0}], throttleWriteIOPSDevice: [{major: $major, minor: $minor, rate: 500}]}}"
	reads blkio blkio.throttle.read_bps_device '' blkio.throttle.write_iops_device "$device 500" \
		v2 io.max "$device rbps=max wbps=2097152 riops=300 wiops=500"
}

@test "blkio: weight" {
	needs_controller blkio
	local probe file=
	probe=$(hierarchy_of blkio)/$ID-probe
	mkdir "$probe"
	for file in blkio.weight blkio.bfq.weight io.bfq.weight io.weight none; do [ ! -e "$probe/$file" ] || break; done
	rmdir "$probe"
	[ "$file" != none ] || skip "needs an I/O scheduler with weights"
	config '.linux.resources.blockIO = {weight: 300}'
	start_sleeper
	case $file in
	io.weight) [ "$(cgroup_value blkio "$file")" = 'default 2930' ] ;;
	*) [[ $(cgroup_value blkio "$file") == *300* ]] ;;
	esac
	update_to '{blockIO: {weight: 1000}}'
	[[ $(cgroup_value blkio "$file") == *1000* ]] # as io.weight 10000
}

@test "hugepageLimits" {
	needs_controller hugetlb
	[ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] || skip "needs huge pages of 2 MiB"
	limit hugetlb '{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}' \
		hugetlb.2MB.limit_in_bytes 4194304 v2 hugetlb.2MB.max 4194304
	update_to '{hugepageLimits: [{pageSize: "2MB", limit: 8388608}]}'
	reads hugetlb hugetlb.2MB.limit_in_bytes 8388608 v2 hugetlb.2MB.max 8388608
	config '.linux.resources = {hugepageLimits: [{pageSize: "3MB", limit: 0}]}'
	run -1 rung explain
	mentions 'linux.resources.hugepageLimits[0]: write hugetlb.3MB.max: no such file or directory (the sizes of huge pages here are '
	refused 'linux.resources.hugepageLimits[0]' 'hugetlb.3MB.' '(the sizes of huge pages here are '
}

@test "network: classID is set on v1, and refused on v2" {
	if is_v2; then
		config '.linux.resources.network = {classID: 1048577}'
		refused linux.resources.network
		return
	fi
	needs_v1_controller net_cls
	limit net_cls '{network: {classID: 1048577}}' net_cls.classid 1048577
}

# ---- devices --------------------------------------------------------------------------------------------------------

# GHSA-g54h-m393-cpwq: no device is allowed by default, even if the list does not begin with a deny rule.
@test "devices: only the default ones, whatever the list begins with" {
	needs_v1_controller devices
	config '.linux.resources.devices = []'
	start_sleeper
	[[ $(cgroup_value devices devices.list) != *'a *:* rwm'* ]]
	rung delete --force "$ID"
	config 'del(.linux.resources.devices)'
	start_sleeper
	[[ $(cgroup_value devices devices.list) != *'a *:* rwm'* ]]
	exec_in cat /sys/fs/cgroup/devices/devices.list
	mentions 'c 1:3 rwm' 'c 1:8 rwm' 'c 5:2 rwm' 'c 136:* rwm'
}

# Prints MAJOR:MINOR of a block device that may be opened.
disk() {
	local node
	for node in /dev/loop0 /dev/vda /dev/sda; do
		(: <"$node") 2>/dev/null || continue
		stat -c '%Hr:%Lr' "$node"
		return
	done
}

# Gives the container a node for it. Sets $major and $minor.
with_disk() {
	major=$(disk)
	[ -n "$major" ] || skip "needs a block device that may be opened"
	minor=${major#*:} major=${major%:*}
	config '.linux.devices = [{path: "/dev/disk", type: "b", major: $a, minor: $b}]' --argjson a "$major" --argjson b "$minor"
}

@test "devices: rules are in force" {
	needs_controller devices
	local major minor
	with_disk
	config '.linux.resources.devices = [{allow: false, access: "rwm"}]'
	# as in runc, a node in linux.devices gives no right to open it
	process sh -c '(: </dev/disk && echo opened) 2>&1; (: >>/dev/disk && echo opened) 2>&1; true'
	run_container
	[[ ${lines[0]} == *'Operation not permitted' && ${lines[1]} == *'Operation not permitted' ]] || fail "$output"
	config '.linux.resources.devices += [{allow: true, type: "b", major: $a, minor: $b, access: "r"}]' \
		--argjson a "$major" --argjson b "$minor"
	run_container
	[[ ${lines[0]} == opened && ${lines[1]} == *'Operation not permitted' ]] || fail "$output"
}

# v1 cannot express this, see below.
# bats test_tags=vm
@test "devices: an exception from a rule on all minor numbers, for exec too" {
	is_v2 || skip "needs cgroup v2"
	local major minor
	with_disk
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "b", major: $a, access: "rw"},
		{allow: false, type: "b", major: $a, minor: $b, access: "w"}]' --argjson a "$major" --argjson b "$minor"
	start_sleeper
	exec_in sh -c '(: </dev/disk && echo opened) 2>&1; (: >>/dev/disk && echo opened) 2>&1; true'
	[[ ${lines[0]} == opened && ${lines[1]} == *'Operation not permitted' ]] || fail "$output"
	# an update without devices does not change the rules
	update_to '{pids: {limit: 20}}'
	exec_in sh -c '(: >>/dev/disk && echo opened) 2>&1; true'
	[[ $output == *'Operation not permitted' ]] || fail "$output"
}

@test "devices: the order of the rules counts, and access is by its letters" {
	needs_v1_controller devices
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, access: "rw"},
		{allow: true, type: "c", major: 11, minor: 7, access: "rwm"}, {allow: false, type: "c", major: 11, minor: 7, access: "w"}]'
	start_sleeper
	run cgroup_value devices devices.list
	mentions 'c 10:* rw' 'b *:* m' 'c 11:7 rm'
	rung delete --force "$ID"
	# a rule that the v1 controller cannot express is an error, and not left out
	config '.linux.resources.devices += [{allow: false, type: "c", major: 10, minor: 200, access: "w"}]'
	refused linux.resources.devices
}

@test "devices: all allowed" {
	needs_controller devices
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	start_sleeper
	is_v2 || [ "$(cgroup_value devices devices.list)" = 'a *:* rwm' ]
	rung delete --force "$ID"
	local major minor
	with_disk
	inside ': </dev/disk && echo opened'
	says opened
}

# ---- unified --------------------------------------------------------------------------------------------------------

@test "unified is refused where the hierarchy is v1, with the field" {
	! is_v2 || skip "needs a machine with v1 hierarchies"
	config '.linux.resources.unified = {"memory.high": "10000000"}'
	refused linux.resources.unified
}

# bats test_tags=vm
@test "unified and limits on cgroup v2" {
	is_v2 || skip "needs a machine with the unified hierarchy only"
	config '.linux.resources += {unified: {"memory.high": "41943040"}, pids: {limit: 77}, memory: {limit: 83886080}}'
	start_sleeper
	[ "$(cgroup_value '' memory.high)" = 41943040 ]
	[ "$(cgroup_value '' memory.max)" = 83886080 ]
	[ "$(cgroup_value '' pids.max)" = 77 ]
	exec_in cat /sys/fs/cgroup/memory.high
	says 41943040
	update_to '{unified: {"memory.high": "62914560", "pids.max": "78"}}'
	reads '' v2 memory.high 62914560 pids.max 78 memory.max 83886080
}

# ---- what is refused ------------------------------------------------------------------------------------------------

@test "a value that the kernel refuses: the field, the file and the errno; nothing is left" {
	needs_controller cpuset
	needs_controller cpu
	config '.linux.resources.cpu = {cpus: "4000"}'
	refused linux.resources.cpu.cpus
	config '.linux.resources.cpu = {quota: 10}'
	refused linux.resources.cpu 'invalid argument'
	[ -z "$(cgroups_at "*$ID*")" ]
}

@test "a resource whose controller is missing is refused with the field" {
	[ -z "$(v1_mount net_cls)" ] || skip "needs a machine without the net_cls controller"
	config '.linux.resources = {network: {classID: 1048577}}'
	refused linux.resources.network net_cls
}

# ---- the end --------------------------------------------------------------------------------------------------------

# bats test_tags=vm
@test "kill without a PID namespace ends all processes" {
	no_namespace pid
	process sh -c 'sleep 1000 & setsid sleep 1000 & exec sleep 1000'
	start_container
	wait_until 5 all_three
	rung kill "$ID" KILL
	wait_until 5 stopped
	wait_until 5 empty_cgroup
}

all_three() {
	[ "$(processes | wc -l)" -eq 3 ]
}

empty_cgroup() {
	[ -z "$(processes)" ]
}

@test "delete ends what init has left behind" {
	no_namespace pid
	process sh -c 'setsid sleep 1000 & sleep 0.2'
	start_container
	wait_until 5 stopped
	[ -n "$(processes)" ]
	rung delete "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

@test "delete removes cgroups that the container has made" {
	needs_controller pids
	config '.linux.namespaces |= (. + [{type: "cgroup"}] | unique_by(.type)) | (.mounts[] | select(.type == "cgroup")).options = ["rw"]'
	process sh -c 'mkdir -p $1/a/b $2/c && echo $$ >$1/a/b/cgroup.procs && echo made && exec sleep 1000' sh "$(inner_cgroup pids)" "$(inner_cgroup freezer)"
	start_container
	wait_until 5 grep -q made "$OUTPUT"
	rung delete --force "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

@test "delete --force of a frozen container" {
	needs_controller freezer
	start_sleeper
	freeze_cgroup
	local before=$SECONDS
	timeout 20 "$RUNG" --root "$STATE" delete --force "$ID"
	((SECONDS - before < 5))
}

# Makes a sub-cgroup for the freezer in the container's cgroup, with a process, and freezes it.
freeze_below() { # NAME
	local top
	top=$(cgroup_path "$(is_v2 || echo freezer)")
	mkdir -p "$top/$1"
	rung exec -d --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	cat "$BATS_TEST_TMPDIR/pid" >"$top/$1/cgroup.procs"
	if is_v2; then echo 1 >"$top/$1/cgroup.freeze"; else echo FROZEN >"$top/$1/freezer.state"; fi
}

# https://github.com/opencontainers/runc/issues/2105
@test "delete --force and kill end a container with a frozen cgroup below its own" {
	needs_controller freezer
	local verb
	for verb in delete kill kill-host; do
		[ $verb != kill-host ] || no_namespace pid
		start_sleeper
		freeze_below sub/deep
		if [ $verb = delete ]; then
			timeout 20 "$RUNG" --root "$STATE" delete --force "$ID"
		else
			rung kill "$ID" KILL
			wait_until 10 stopped
			rung delete "$ID"
		fi
		[ -z "$(cgroups_at "*$ID*")" ]
	done
}

# https://github.com/kubernetes/kubernetes/issues/104280
@test "a frozen cgroup above the container's: killed where the kernel can, else named" {
	needs_controller freezer
	local top verb before
	config '.linux.cgroupsPath = $p' --arg p "/$ID-above/c"
	for verb in delete kill; do
		start_sleeper
		top=$(dirname "$(cgroup_path "$(is_v2 || echo freezer)")")
		if is_v2; then echo 1 >"$top/cgroup.freeze"; else echo FROZEN >"$top/freezer.state"; fi
		before=$SECONDS
		if [ $verb = delete ]; then
			run rung delete --force "$ID"
		else
			run rung kill "$ID" KILL
		fi
		((SECONDS - before < 8))
		if is_v2; then
			[ "$status" -eq 0 ]
			says ''
			echo 0 >"$top/cgroup.freeze"
		else
			[ "$status" -eq "$([ $verb = kill ] && echo 0 || echo 1)" ] || fail "$status: $output"
			mentions "$top" FROZEN
			echo THAWED >"$top/freezer.state"
		fi
		if [ -d "$STATE/$ID" ]; then
			wait_until 10 stopped # the signal was sent all the same
			rung delete "$ID"
		fi
	done
	cgroups_at "*/$ID-above*" | xargs rmdir
}

@test "v1: a process that somebody has moved to a frozen cgroup elsewhere: named" {
	needs_v1_controller freezer
	local elsewhere before
	elsewhere=/sys/fs/cgroup/freezer/$ID-elsewhere
	mkdir "$elsewhere"
	start_sleeper
	init_pid >"$elsewhere/cgroup.procs"
	echo FROZEN >"$elsewhere/freezer.state"
	before=$SECONDS
	run rung delete --force "$ID"
	echo THAWED >"$elsewhere/freezer.state"
	[ "$status" -eq 1 ]
	((SECONDS - before < 8))
	mentions "$elsewhere" FROZEN "process "
	wait_until 10 stopped # the signal was sent all the same
	rung delete "$ID"
	rmdir "$elsewhere"
}

@test "unified: what is the runtime's is refused, with the key" {
	local key
	for key in cgroup.procs cgroup.threads cgroup.kill cgroup.freeze cgroup.type cgroup.subtree_control; do
		# 0 does no harm where it is written.
		config '.linux.resources.unified = {($k): "0"}' --arg k "$key"
		refused "linux.resources.unified[$key]" 'only the runtime writes this file'
	done
	config 'del(.linux.resources.unified)'
	start_sleeper
	run -1 rung update -r - "$ID" <<<'{"unified": {"cgroup.procs": "0"}}'
	mentions 'linux.resources.unified[cgroup.procs]'
	[ -n "$(findmnt -nt cgroup2)" ] || skip "needs the unified hierarchy"
	update_to '{unified: {"cgroup.max.depth": "5", "cgroup.max.descendants": "7"}}'
	[ "$(cgroup_value '' cgroup.max.depth) $(cgroup_value '' cgroup.max.descendants)" = '5 7' ]
}

@test "a value that the kernel takes or ignores is none to refuse" {
	config '.linux.resources += {memory: {useHierarchy: false}, network: {classID: 0, priorities: []}, rdma: {}, cpu: {cpus: "all"}}'
	start_sleeper
	[ "$(cgroup_value cpuset cpuset.cpus)" = "$(is_v2 && cat /sys/fs/cgroup/cpuset.cpus.effective || cat "$(v1_mount cpuset)/cpuset.cpus")" ]
	update_to '{memory: {useHierarchy: false}, cpu: {cpus: "N"}}'
}

@test "threaded: a limit that a threaded tree has no controller for" {
	is_v2 || skip "needs cgroup v2"
	local top=/sys/fs/cgroup/$ID-domain
	mkdir -p "$top/x"
	echo threaded >"$top/x/cgroup.type"
	config '.linux.cgroupsPath = $p | .linux.resources = {memory: {limit: 33554432}}' --arg p "/$ID-domain/a"
	refused linux.resources.memory "$top" 'it is in a threaded tree'
	cgroups_at "*/$ID-domain*" | xargs rmdir
}

@test "a container whose cgroup somebody has removed can be deleted" {
	process true
	create_container
	rung kill "$ID" KILL
	wait_until 5 stopped
	local path
	while read -r path; do rmdir "$path"; done < <(jq -r '.cgroupPaths | map(.) | unique[]' "$STATE/$ID/state.json")
	rung delete "$ID"
}

# ---- other views ----------------------------------------------------------------------------------------------------

# Hides the unified hierarchy in a mount namespace of its own.
@test "with v1 hierarchies only" {
	[ -d /sys/fs/cgroup/unified ] || skip "needs a machine with v1 hierarchies and the unified one"
	export RUNG STATE BUNDLE ID
	config '.linux.resources += {pids: {limit: 9}, memory: {limit: 41943040}}'
	process sh -c 'cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/memory/memory.limit_in_bytes; ls /sys/fs/cgroup | grep -c unified || true'
	# shellcheck disable=SC2016
	run unshare --mount --propagation private bash -c 'mount -t tmpfs hidden /sys/fs/cgroup/unified &&
		"$RUNG" --root "$STATE" run -b "$BUNDLE" "$ID" 3>&- && cat /sys/fs/cgroup/unified/* 2>/dev/null; true'
	says $'9\n41943040\n0'
}

# As with cgroup_no_v1=freezer,memory on the kernel's command line.
@test "hybrid: a controller and the freezer are on the unified hierarchy, the others on v1" {
	local unified=/sys/fs/cgroup/unified
	grep -qsw memory $unified/cgroup.controllers || skip "needs a hybrid machine with the memory controller on v2"
	[ -z "$(v1_mount freezer)" ] || skip "needs a hybrid machine without the v1 freezer"
	config '.linux.resources += {memory: {limit: 41943040}, pids: {limit: 9}}'
	start_sleeper
	[ "$(cat "$(cgroup_path '')/memory.max") $(cgroup_value pids pids.max)" = '41943040 9' ]
	[[ $(cgroup_path pids) == /sys/fs/cgroup/pids/* && $(cgroup_path '') == "$unified"/* ]]
	run -0 rung update --memory 62914560 "$ID"
	[ "$(cat "$(cgroup_path '')/memory.max")" = 62914560 ]
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	[ "$(cat "$(cgroup_path '')/cgroup.freeze")" = 1 ]
	rung kill "$ID" KILL
	wait_until 5 stopped
	rung delete "$ID"
	[ -z "$(cgroups_at "*$ID*")" ]
}

# Engines expect a container in systemd's named hierarchy, and in no other.
@test "v1: a named hierarchy that is not systemd's is left alone" {
	[ -d /usr/local/lib/vm ] || skip "needs the machine of tests/vm"
	! is_v2 || skip "needs a machine with v1 hierarchies"
	local named=$BATS_TEST_TMPDIR/named pid
	mkdir "$named"
	mount -t cgroup -o none,name=rungtest none "$named"
	start_sleeper
	pid=$(init_pid)
	grep -qx '[0-9]*:name=rungtest:/' "/proc/$pid/cgroup"
	grep -q "^[0-9]*:name=systemd:.*$ID" "/proc/$pid/cgroup"
	run -0 rung exec "$ID" true
	[ -z "$(find "$named" -mindepth 1 -type d)" ]
	rung delete --force "$ID"
	umount "$named"
}
