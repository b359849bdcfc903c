#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # variables of bats and helpers, of jq, and of shells in containers
# --systemd-cgroup: the container's cgroup is a transient scope of systemd, which knows the limits. They are the same in the files
# and in `systemctl show`, and a reload or a restart of systemd changes none of them. A plain user's scope is one of the user's own
# systemd.

load helpers

setup() {
	[ -d /run/systemd/system ] || skip "needs systemd"
	if ! is_root; then
		[ -S "${XDG_RUNTIME_DIR:-/none}/bus" ] || skip "needs a systemd user manager"
		[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs cgroup v2"
	fi
	setup_bundle
	SLICE=rungtest-inner.slice
	UNIT=t-$ID.scope
	config '.linux.cgroupsPath = $path' --arg path "$SLICE:t:$ID"
}

rung() {
	"$RUNG" --root "$STATE" --systemd-cgroup "$@" 3>&-
}

ctl() {
	if is_root; then systemctl "$@"; else systemctl --user "$@"; fi
}

needs_v2() {
	[ -e /sys/fs/cgroup/cgroup.controllers ] || skip "needs cgroup v2"
}

needs_delegated() { # CONTROLLER
	is_root || grep -qw "$1" "/sys/fs/cgroup$(ctl show --property ControlGroup --value)/cgroup.controllers" ||
		skip "needs the controller $1, delegated to the user"
}

# has: the unit and the cgroup must have these values. NAME=VALUE is a property, NAME:VALUE a file.
has() {
	local pair got want shown
	shown=$(ctl show "$UNIT")
	for pair; do
		if [[ $pair =~ ^[a-z][a-z.0-9]*: ]]; then
			got=$(cgroup_value "" "${pair%%:*}") want=${pair#*:}
		else
			got=$(sed -n "s/^${pair%%=*}=//p" <<<"$shown") want=${pair#*=}
		fi
		[ "$got" = "$want" ] || fail "${pair%%[=:]*} is '$got' instead of '$want'"
	done
}

# keeps: has, now and after a reload of systemd's configuration.
keeps() {
	has "$@"
	ctl daemon-reload
	has "$@"
}

# endures: keeps, also after systemd has executed itself again.
endures() {
	keeps "$@"
	ctl daemon-reexec
	has "$@"
}

systemd_version() {
	systemctl --version | awk 'NR == 1 { print $2 }'
}

limited() { # FILTER OF linux.resources
	needs_v2
	config ".linux.resources |= ((. // {}) | $1)"
	start_sleeper
}

updated() { # FLAG...
	run -0 rung update "$@" "$ID"
}

# ---- the unit -------------------------------------------------------------------------------------------------------

# bats test_tags=user, vm
@test "systemd: a scope in its slice, and nothing of it after delete" {
	start_sleeper
	has "Slice=$SLICE" Delegate=yes "Description=libcontainer container $ID" ActiveState=active DefaultDependencies=no
	[[ $(cat "/proc/$(init_pid)/cgroup") == *"/rungtest.slice/$SLICE/$UNIT"* ]]
	rung delete --force "$ID"
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

# bats test_tags=user
@test "systemd: without a cgroupsPath it is runc-ID.scope of the default slice" {
	config 'del(.linux.cgroupsPath)'
	UNIT=runc-$ID.scope
	start_sleeper
	if is_root; then has Slice=system.slice; else has Slice=user.slice; fi
}

# bats test_tags=user
@test "systemd: run, and the program's end is the unit's" {
	no_namespace cgroup
	inside 'cat /proc/self/cgroup'
	mentions "$UNIT"
	rung delete --force "$ID" || true
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

# bats test_tags=user, vm
@test "systemd: exec enters the scope" {
	start_sleeper
	rung exec -d "$ID" sleep 1000 </dev/null >/dev/null 2>&1
	[ "$(wc -l <"$(cgroup_path "$(main_hierarchy)")/cgroup.procs")" -eq 2 ]
}

main_hierarchy() {
	[ -e /sys/fs/cgroup/cgroup.controllers ] || echo name=systemd
}

# bats test_tags=user
@test "systemd: pause, resume, kill" {
	start_sleeper
	rung pause "$ID"
	[ "$(status_of)" = paused ]
	rung resume "$ID"
	[ "$(status_of)" = running ]
	rung kill "$ID" KILL
	wait_until 10 stopped
	rung delete "$ID"
}

# bats test_tags=user
@test "systemd: a private cgroup namespace begins at the scope" {
	needs_v2
	add_namespace cgroup
	inside 'cat /proc/self/cgroup'
	says 0::/
}

@test "systemd: with ids of its own" {
	needs_root
	map_ids
	start_sleeper
	[[ $(cat "/proc/$(init_pid)/cgroup") == *"/$UNIT"* ]]
}

# bats test_tags=user
@test "systemd: annotations set properties of the unit" {
	config '.annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.CollectMode": $mode}' \
		--arg mode "'inactive-or-failed'"
	start_sleeper
	keeps TimeoutStopUSec=7s CollectMode=inactive-or-failed
}

# ---- what is refused ------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "systemd: annotations that are no properties" {
	config '.annotations = {"org.systemd.property.ExecStop1": "5"}'
	refused org.systemd.property.ExecStop1 "contains non-alphabetic character"
	config '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
	refused org.systemd.property.TimeoutStopUSec=soon
	config '.annotations = {"org.systemd.property.NoSuchProperty": "5"}'
	refused "unable to start unit" "$UNIT" NoSuchProperty
}

# bats test_tags=user
@test "systemd: a cgroupsPath of another form" {
	config '.linux.cgroupsPath = "/a/path"'
	refused "expected cgroupsPath to be of format" slice:prefix:name linux.cgroupsPath
	config '.linux.cgroupsPath = "no/slice.slice:a:b"'
	refused "invalid slice name: no/slice.slice"
}

# https://github.com/opencontainers/runc/pull/3780
# bats test_tags=user
@test "systemd: a unit of that name that belongs to somebody else" {
	local flag=--system words="container's cgroup is not empty"
	is_root || flag=--user
	is_v2 || words='unable to start unit' # on v1 such a scope is only in systemd's own hierarchy
	systemd-run --quiet $flag --scope --slice="$SLICE" --unit="$UNIT" sleep 1000 3>&- &
	wait_until 10 ctl --quiet is-active "$UNIT"
	refused "$words" "$UNIT"
	ctl --quiet is-active "$UNIT"
	config '.linux.cgroupsPath |= sub("^rungtest-inner"; "rungtest-other")'
	refused "unable to start unit" "Unit $UNIT was already loaded"
	ctl --quiet is-active "$UNIT"
	ctl stop "$UNIT"
}

# https://github.com/opencontainers/runc/issues/3932
# bats test_tags=user
@test "systemd: a failed unit of that name is reset, and delete removes it" {
	local n
	config '.annotations = {"org.systemd.property.RuntimeMaxUSec": "uint64 3000000", "org.systemd.property.TimeoutStopUSec": "uint64 1000000"}'
	process sleep 1000
	for n in 1 2; do
		rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		wait_until 30 ctl --quiet is-failed "$UNIT"
		stopped
		if [ "$n" = 1 ]; then
			run -0 rung delete "$ID"
			[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
		fi
	done
	rung run -d -b "$BUNDLE" "$ID-2" </dev/null >/dev/null 2>&1
	rung delete --force "$ID-2"
}

# bats test_tags=user
@test "systemd: a memory limit that is too small" {
	needs_v2
	needs_delegated memory
	config '.linux.resources.memory = {limit: 4096, swap: 4096}'
	run_container
	[ "$status" -eq 1 ]
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

# bats test_tags=user-only
@test "systemd: a user without a bus" {
	export DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere
	refused "failed to connect to dbus" /nowhere
	DBUS_SESSION_BUS_ADDRESS="" XDG_RUNTIME_DIR="" refused DBUS_SESSION_BUS_ADDRESS
}

@test "systemd: root needs no bus" {
	needs_root
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nowhere
	start_sleeper
	has ActiveState=active
	run rung delete --force "$ID"
	[ "$status" -eq 0 ]
	[ -z "$output" ] || fail "$output"
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

# ---- limits: create, update, reload, reexec -------------------------------------------------------------------------

# bats test_tags=user, vm
@test "systemd: memory" {
	needs_delegated memory
	limited '.memory = {limit: 33554432, swap: 67108864, reservation: 16777216}'
	keeps MemoryMax=33554432 MemoryLow=16777216 MemorySwapMax=33554432 \
		memory.max:33554432 memory.low:16777216 memory.swap.max:33554432
	updated --memory-swap 33554432
	has MemoryMax=33554432 MemorySwapMax=0 memory.max:33554432 memory.swap.max:0
	updated --memory -1
	has MemoryMax=infinity MemorySwapMax=infinity memory.max:max memory.swap.max:max
	updated --memory 67108864 --memory-swap 100663296 --memory-reservation 33554432
	endures MemoryMax=67108864 MemoryLow=33554432 MemorySwapMax=33554432 \
		memory.max:67108864 memory.low:33554432 memory.swap.max:33554432
}

# bats test_tags=user
@test "systemd: pids" {
	needs_delegated pids
	limited '.pids.limit = 20'
	keeps TasksMax=20 pids.max:20
	updated --pids-limit 0
	has TasksMax=1 pids.max:1
	updated --pids-limit -1
	has TasksMax=infinity pids.max:max
	updated --pids-limit 30
	endures TasksMax=30 pids.max:30
}

# bats test_tags=user
@test "systemd: CPU shares" {
	needs_delegated cpu
	limited '.cpu.shares = 512'
	keeps CPUWeight=59 cpu.weight:59
	updated --cpu-share 1024
	endures CPUWeight=100 cpu.weight:100
}

# https://github.com/kubernetes/kubernetes/issues/129357
# bats test_tags=user, vm
@test "systemd: CPU quota and period, in whole percents" {
	needs_delegated cpu
	limited '.cpu = {quota: 12345, period: 100000}'
	keeps CPUQuotaPerSecUSec=130ms CPUQuotaPeriodUSec=100ms "cpu.max:13000 100000"
	updated --cpu-quota 50000
	has CPUQuotaPerSecUSec=500ms CPUQuotaPeriodUSec=100ms "cpu.max:50000 100000"
	updated --cpu-period 200000
	has CPUQuotaPerSecUSec=250ms CPUQuotaPeriodUSec=200ms "cpu.max:50000 200000"
	updated --cpu-quota -1
	has CPUQuotaPerSecUSec=infinity "cpu.max:max 200000"
	updated --cpu-quota 3333 --cpu-period 10000
	endures CPUQuotaPerSecUSec=340ms CPUQuotaPeriodUSec=10ms "cpu.max:3400 10000"
}

# bats test_tags=user, smp
@test "systemd: CPUs and memory nodes" {
	needs_delegated cpuset
	needs_two_cpus
	limited '.cpu = {cpus: "0, 1", mems: "0"}'
	keeps AllowedCPUs=0-1 AllowedMemoryNodes=0 cpuset.cpus:0-1 cpuset.mems:0
	updated --cpuset-cpus 1
	endures AllowedCPUs=1 AllowedMemoryNodes=0 cpuset.cpus:1 cpuset.mems:0
}

# bats test_tags=user
@test "systemd: idle" {
	needs_delegated cpu
	[ "$(systemd_version)" -ge 252 ] || skip "needs systemd 252"
	limited '.cpu = {idle: 1, shares: 512}'
	keeps CPUWeight=idle cpu.idle:1
	updated --cpu-idle 0
	has CPUWeight=100 cpu.idle:0 cpu.weight:100
	updated --cpu-idle 1
	has CPUWeight=idle cpu.idle:1
	updated --cpu-idle 0 --cpu-share 512
	endures CPUWeight=59 cpu.idle:0 cpu.weight:59
}

@test "systemd: block I/O" {
	needs_root
	needs_v2
	local device first="IOWeight=1920 io.weight:default_1920" second="IOWeight=910 io.weight:default_910"
	device=$(cat /sys/block/*/dev | head -1)
	[ -n "$device" ] || skip "needs a block device"
	limited ".blockIO = {weight: 200, throttleReadBpsDevice: [{major: ${device%:*}, minor: ${device#*:}, rate: 1048576}]}"
	if [ -e "$(cgroup_path "")/io.bfq.weight" ]; then
		first="IOWeight=1200 io.bfq.weight:default_200" second="IOWeight=100 io.bfq.weight:default_100"
	fi
	keeps "${first% *}" "$(tr _ ' ' <<<"${first#* }")" \
		"io.max:$device rbps=1048576 wbps=max riops=max wiops=max" "IOReadBandwidthMax=/dev/block/$device 1048576"
	updated --blkio-weight 100
	endures "${second% *}" "$(tr _ ' ' <<<"${second#* }")" "io.max:$device rbps=1048576 wbps=max riops=max wiops=max"
}

# bats test_tags=user
@test "systemd: files of v2 that have a property" {
	needs_delegated memory
	needs_delegated cpu
	limited '.unified = {"memory.high": "33554432", "memory.min": "4194304", "memory.max": "67108864", "pids.max": "20",
		"cpu.weight": "42", "cpu.max": "12345 100000", "memory.oom.group": "1"}'
	has memory.oom.group:1
	updated --memory-reservation 1048576
	has memory.oom.group:1
	if [ "$(systemd_version)" -ge 253 ]; then keeps memory.oom.group:1 OOMPolicy=kill; fi # before, a scope has no such property
	keeps MemoryHigh=33554432 MemoryMin=4194304 MemoryMax=67108864 TasksMax=20 CPUWeight=42 CPUQuotaPerSecUSec=130ms \
		memory.high:33554432 memory.min:4194304 memory.max:67108864 pids.max:20 cpu.weight:42 "cpu.max:13000 100000"
	updated -r - <<<'{"unified": {"memory.high": "max", "cpu.max": "54321 200000", "pids.max": "30"}}'
	endures MemoryHigh=infinity TasksMax=30 CPUQuotaPerSecUSec=280ms memory.high:max "cpu.max:56000 200000" pids.max:30
}

# bats test_tags=user, vm
@test "systemd: a refused update keeps what systemctl set-property has set" {
	needs_delegated memory
	limited '.memory.limit = 33554432'
	ctl set-property --runtime "$UNIT" MemoryMax=200M
	has MemoryMax=209715200 memory.max:209715200
	run -1 rung update --cpuset-cpus 9999 "$ID"
	has MemoryMax=209715200 memory.max:209715200
	run -1 rung update --memory 64m --cpuset-cpus 9999 "$ID"
	endures MemoryMax=209715200 memory.max:209715200
	run -1 rung update -r - "$ID" <<<'{"memory": {"limit": 67108864}, "unified": {"no.such.file": "1"}}'
	keeps MemoryMax=209715200 memory.max:209715200
}

# bats test_tags=user, vm
@test "systemd: an old CPU quota does not come back with a period" {
	needs_delegated cpu
	limited '.cpu = {quota: 50000, period: 100000}'
	updated -r - <<<'{"unified": {"cpu.max": "max"}}'
	has CPUQuotaPerSecUSec=infinity "cpu.max:max 100000"
	updated --cpu-period 200000
	has CPUQuotaPerSecUSec=infinity "cpu.max:max 200000"
	ctl daemon-reload # systemd writes no period without a quota
	updated --cpu-quota 50000
	keeps CPUQuotaPerSecUSec=250ms CPUQuotaPeriodUSec=200ms "cpu.max:50000 200000"
}

# bats test_tags=user
@test "systemd: more levels of slices than a path can have" {
	config '.linux.cgroupsPath = ([range(62) | "a"] | join("-")) + ".slice:t:x"'
	refused linux.cgroupsPath 'has 62 levels' 4095
}

# https://github.com/NVIDIA/nvidia-container-toolkit/issues/48: devices were lost at a reload.
@test "systemd: device rules stay in force" {
	needs_root
	needs_v2
	local rules
	config '.process.capabilities |= map_values(. + ["CAP_MKNOD"] | unique)'
	# systemd cannot express the second list.
	for rules in '[{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}]' \
		'[{allow: true, access: "rwm"}, {allow: false, type: "c", major: 1, minor: 1, access: "r"}]'; do
		config ".linux.resources.devices = $rules"
		start_sleeper
		can_use_devices
		ctl daemon-reload
		can_use_devices
		updated --pids-limit 50
		can_use_devices
		ctl set-property --runtime "$UNIT" TasksMax=60
		can_use_devices
		ctl daemon-reexec
		can_use_devices
		rung delete --force "$ID"
	done
}

# kmsg is allowed, mem is not.
can_use_devices() {
	exec_in sh -c 'rm -f /dev/k /dev/m; mknod /dev/k c 1 11 && mknod /dev/m c 1 1 && dd if=/dev/k of=/dev/null bs=8192 count=1 2>&1 >/dev/null
		echo >/dev/null && ! dd if=/dev/m of=/dev/null bs=1 count=1 2>&1 | grep "not permitted" && exit 9; exit 0'
	[ "$status" -eq 0 ] || fail "status $status: $output"
	[[ $output != *k:* ]] || fail "$output"
}

# On v1 systemd denies all devices at every update, and then allows one after the other.
# bats test_tags=vm
@test "systemd: an update does not take the devices from a running container" {
	process sh -c 'while :; do echo >/dev/null || echo bad; done'
	rung run -d -b "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
	local i
	for i in {20..34}; do
		updated --pids-limit "$i"
	done
	[ "$(status_of)" = running ]
	[ ! -s "$BATS_TEST_TMPDIR/out" ] || fail "$(sort "$BATS_TEST_TMPDIR/out" | uniq -c)"
	rung pause "$ID"
	updated --pids-limit 40
	[ "$(status_of)" = paused ]
}

# ---- checkpoint and restore -----------------------------------------------------------------------------------------

# CRIU saves no file of the host, so the standard streams are /dev/null.
start_saved() {
	needs_root
	needs_command criu
	criu check >/dev/null 2>&1 || skip "needs a CRIU that works on this kernel (criu check)"
	process tail -f /dev/null # sleep of busybox 1.37 and newer ends when CRIU wakes it up
	rung run -d -b "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
}

checkpoint() { # [FLAG...]
	rung checkpoint --image-path "$BATS_TEST_TMPDIR/image" "$@" "$ID"
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

restore() { # [FLAG...]
	run rung restore -d -b "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/image" "$@" "$ID" </dev/null
}

# bats test_tags=vm
@test "systemd: a restored container is in its scope again, with the limits that it had" {
	needs_v2
	config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 20}, cpu: {shares: 512, quota: 20000, period: 100000}}
		| .annotations = {"org.systemd.property.TimeoutStopSec": "7"}'
	start_saved
	checkpoint
	restore
	[ "$status" -eq 0 ] || fail "$output"
	[[ $(cat "/proc/$(init_pid)/cgroup") == "0::/rungtest.slice/$SLICE/$UNIT" ]]
	[ "$(cat "$(cgroup_path '')/cgroup.procs")" = "$(init_pid)" ]
	endures "Slice=$SLICE" Delegate=yes ActiveState=active TimeoutStopUSec=7s \
		MemoryMax=67108864 TasksMax=20 CPUQuotaPerSecUSec=200ms \
		memory.max:67108864 pids.max:20 "cpu.max:20000 100000"
	exec_in cat /proc/self/cgroup
	says 0::/
	updated --pids-limit 30
	has TasksMax=30 pids.max:30
	checkpoint
	restore
	[ "$status" -eq 0 ] || fail "$output"
	has ActiveState=active TasksMax=20 pids.max:20
	rung delete --force "$ID"
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
}

# bats test_tags=vm
@test "systemd: restored into a unit of another name, or without a unit" {
	needs_v2
	start_saved
	checkpoint --manage-cgroups-mode ignore
	UNIT=t-$ID-other.scope
	config '.linux.cgroupsPath += "-other" | .hooks = {createRuntime: [{path: "/bin/false"}]}'
	restore --manage-cgroups-mode ignore
	[ "$status" -eq 1 ]
	mentions createRuntime
	[ "$(ctl show --property LoadState --value "$UNIT")" = not-found ]
	config 'del(.hooks)'
	restore --manage-cgroups-mode ignore
	[ "$status" -eq 0 ] || fail "$output"
	has "Slice=$SLICE" ActiveState=active
	[[ $(cat "/proc/$(init_pid)/cgroup") == *"/$SLICE/$UNIT" ]]
	exec_in true
	[ "$status" -eq 0 ] || fail "$output"
}

# ---- many -----------------------------------------------------------------------------------------------------------

# https://github.com/opencontainers/runc/issues/3904
@test "systemd: fifty containers at once" {
	needs_root
	local i pids=()
	process sleep 1000
	config '.linux.cgroupsPath = ""'
	for i in $(seq 50); do
		rung run -d -b "$BUNDLE" "$ID-$i" </dev/null >"$BATS_TEST_TMPDIR/out-$i" 2>&1 &
		pids+=($!)
	done
	for i in $(seq 50); do
		wait "${pids[i - 1]}" || fail "container $i: $(cat "$BATS_TEST_TMPDIR/out-$i")"
	done
	[ "$(ctl list-units --no-legend "runc-$ID-*.scope" | grep -c running)" -eq 50 ]
	pids=()
	for i in $(seq 50); do
		rung delete --force "$ID-$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(ctl list-units --all --no-legend "runc-$ID-*.scope" | wc -l)" -eq 0 ]
}

# ---- v1 -------------------------------------------------------------------------------------------------------------

@test "systemd: limits on v1" {
	needs_root
	needs_v1_controller memory
	needs_v1_controller pids
	config '.linux.resources = {memory: {limit: 33554432}, cpu: {shares: 512, quota: 12345, period: 100000}, pids: {limit: 20}}'
	start_sleeper
	v1_has() {
		[ "$(cgroup_value memory memory.limit_in_bytes)" = "$1" ]
		[ "$(cgroup_value cpu cpu.shares)" = "$2" ]
		[ "$(cgroup_value cpu cpu.cfs_quota_us)" = "$3" ]
		[ "$(cgroup_value pids pids.max)" = "$4" ]
	}
	has MemoryLimit=33554432 CPUShares=512 CPUQuotaPerSecUSec=130ms TasksMax=20
	v1_has 33554432 512 13000 20
	ctl daemon-reload
	v1_has 33554432 512 13000 20
	updated --memory 67108864 --cpu-share 1024 --cpu-quota 50000 --pids-limit 30
	has MemoryLimit=67108864 CPUShares=1024 CPUQuotaPerSecUSec=500ms TasksMax=30
	v1_has 67108864 1024 50000 30
	ctl daemon-reload
	ctl daemon-reexec
	v1_has 67108864 1024 50000 30
	exec_in sh -c 'echo >/dev/null'
	[ "$status" -eq 0 ]
}
