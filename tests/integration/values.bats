#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2030,SC2031,SC2153 # expanded by jq; variables of bats and helpers
# Values that stay: every limit is set by create, changed by update, and read back from its file after each of these: changes of
# each other limit, daemon-reload, daemon-reexec and a restart of the bus, changes from outside (a write to the file, `systemctl
# set-property`), and a refused update. `make values` runs this in several machines and writes docs/values.md from the lines
# "# value" of the output, which $VALUES asks for.

load helpers

setup() {
	needs_root
	setup_bundle
	DRIVER=cgroupfs
	RESULTS=()
}

rung() {
	if [ "$DRIVER" = systemd ]; then
		"$RUNG" --root "$STATE" --systemd-cgroup "$@" 3>&-
	else
		"$RUNG" --root "$STATE" "$@" 3>&-
	fi
}

# ---- the limits -----------------------------------------------------------------------------------------------------

# One line for a limit: its name, its v1 controller, its file, three values as the file shows them, the JSON of create and update
# with VALUE for the value, or a word that make_json knows, and systemd's property with VALUE, where `systemctl set-property` takes it. "|" parts them.
fields_v2() {
	cat <<-'END'
		memory.limit|memory|memory.max|67108864|83886080|100663296|{"memory": {"limit": VALUE, "swap": SUM}}|MemoryMax=VALUE
		memory.swap|memory|memory.swap.max|33554432|33554432|33554432|{}|
		memory.reservation|memory|memory.low|8388608|12582912|4194304|{"memory": {"reservation": VALUE}}|MemoryLow=VALUE
		cpu.shares|cpu|cpu.weight|59|29|100|{"cpu": {"shares": SHARES}}|CPUWeight=VALUE
		cpu.quota and period|cpu|cpu.max|50000 100000|30000 50000|80000 200000|{"cpu": {"quota": FIRST, "period": SECOND}}|
		cpu.burst|cpu|cpu.max.burst|10000|20000|5000|{"cpu": {"burst": VALUE}}|
		cpu.cpus|cpuset|cpuset.cpus|0|LAST|0|{"cpu": {"cpus": "VALUE"}}|AllowedCPUs=VALUE
		cpu.mems|cpuset|cpuset.mems|0|0|0|{"cpu": {"mems": "VALUE"}}|AllowedMemoryNodes=VALUE
		pids.limit|pids|pids.max|20|30|40|{"pids": {"limit": VALUE}}|TasksMax=VALUE
		blockIO.weight|blkio|io.weight|default 102|default 910|default 1920|{"blockIO": {"weight": WEIGHT}}|
		blockIO.throttle|blkio|io.max|DEVICE rbps=1048576 wbps=2097152 riops=300 wiops=400|DEVICE rbps=1048577 wbps=2097153 riops=301 wiops=401|DEVICE rbps=1048578 wbps=2097154 riops=302 wiops=402|THROTTLE|
		hugepageLimits|hugetlb|hugetlb.2MB.max|0|2097152|4194304|{"hugepageLimits": [{"pageSize": "2MB", "limit": VALUE}]}|
	END
}

fields_v1() {
	cat <<-'END'
		memory.limit|memory|memory.limit_in_bytes|67108864|83886080|100663296|{"memory": {"limit": VALUE}}|MemoryLimit=VALUE
		memory.swap|memory|memory.memsw.limit_in_bytes|134217728|142606336|150994944|{"memory": {"swap": VALUE}}|
		memory.reservation|memory|memory.soft_limit_in_bytes|8388608|12582912|4194304|{"memory": {"reservation": VALUE}}|
		memory.swappiness|memory|memory.swappiness|10|20|30|{"memory": {"swappiness": VALUE}}|
		cpu.shares|cpu|cpu.shares|512|200|100|{"cpu": {"shares": VALUE}}|CPUShares=VALUE
		cpu.period|cpu|cpu.cfs_period_us|100000|50000|200000|{"cpu": {"period": VALUE, "quota": HALF}}|
		cpu.quota|cpu|cpu.cfs_quota_us|50000|30000|70000|{"cpu": {"quota": VALUE}}|
		cpu.burst|cpu|cpu.cfs_burst_us|10000|20000|5000|{"cpu": {"burst": VALUE}}|
		cpu.cpus|cpuset|cpuset.cpus|0|LAST|0|{"cpu": {"cpus": "VALUE"}}|
		cpu.mems|cpuset|cpuset.mems|0|0|0|{"cpu": {"mems": "VALUE"}}|
		pids.limit|pids|pids.max|20|30|40|{"pids": {"limit": VALUE}}|TasksMax=VALUE
		blockIO.weight|blkio|blkio.bfq.weight|20|100|200|{"blockIO": {"weight": VALUE}}|
		blockIO.throttleReadBpsDevice|blkio|blkio.throttle.read_bps_device|DEVICE 1048576|DEVICE 1048577|DEVICE 1048578|THROTTLE|
		blockIO.throttleWriteBpsDevice|blkio|blkio.throttle.write_bps_device|DEVICE 1048576|DEVICE 1048577|DEVICE 1048578|THROTTLE|
		blockIO.throttleReadIOPSDevice|blkio|blkio.throttle.read_iops_device|DEVICE 300|DEVICE 301|DEVICE 302|THROTTLE|
		blockIO.throttleWriteIOPSDevice|blkio|blkio.throttle.write_iops_device|DEVICE 300|DEVICE 301|DEVICE 302|THROTTLE|
		hugepageLimits|hugetlb|hugetlb.2MB.limit_in_bytes|0|2097152|4194304|{"hugepageLimits": [{"pageSize": "2MB", "limit": VALUE}]}|
		network.classID|net_cls|net_cls.classid|1|2|3|{"network": {"classID": VALUE}}|
	END
}

# The keys of linux.resources.unified: the file, three values, and the property.
unified() {
	local file values property
	while IFS='|' read -r file values property; do
		echo "unified[$file]|memory|$file|${values//;/|}|{\"unified\": {\"$file\": \"VALUE\"}}|$property"
	done <<-'END'
		memory.min|4194304;8388608;2097152|MemoryMin=VALUE
		memory.low|8388608;12582912;4194304|MemoryLow=VALUE
		memory.high|50331648;58720256;62914560|MemoryHigh=VALUE
		memory.max|67108864;83886080;100663296|MemoryMax=VALUE
		memory.swap.high|50331648;58720256;62914560|
		memory.swap.max|67108864;83886080;100663296|MemorySwapMax=VALUE
		memory.zswap.max|4194304;8388608;2097152|
		memory.zswap.writeback|0;1;0|
		memory.oom.group|1;0;1|
		cpu.weight|42;50;61|CPUWeight=VALUE
		cpu.max|50000 100000;30000 50000;80000 200000|
		cpu.max.burst|10000;20000;5000|
		cpu.uclamp.min|10.00;20.00;5.00|
		cpu.uclamp.max|90.00;80.00;70.00|
		cpuset.cpus|0;LAST;0|AllowedCPUs=VALUE
		cpuset.mems|0;0;0|AllowedMemoryNodes=VALUE
		pids.max|20;30;40|TasksMax=VALUE
		io.weight|default 102;default 910;default 1920|
		io.bfq.weight|default 102;default 910;default 700|
		io.max|DEVICE rbps=1048576 wbps=max riops=300 wiops=max;DEVICE rbps=1048577 wbps=max riops=301 wiops=max;DEVICE rbps=1048578 wbps=max riops=302 wiops=max|
		io.latency|DEVICE target=75000;DEVICE target=50000;DEVICE target=25000|
		io.prio.class|promote-to-rt;restrict-to-be;idle|
		hugetlb.2MB.max|0;2097152;4194304|
		hugetlb.2MB.rsvd.max|0;2097152;4194304|
		cgroup.max.depth|5;6;7|
		cgroup.max.descendants|50;60;70|
		cgroup.pressure|0;1;0|
	END
}

# These do not go together with a weight.
unified_idle() {
	echo 'cpu.idle|cpu|cpu.idle|1|0|1|{"cpu": {"idle": VALUE}}|'
}

unified_nice() {
	echo 'unified[cpu.weight.nice]|cpu|cpu.weight.nice|-5|5|3|{"unified": {"cpu.weight.nice": "VALUE"}}|'
}

# What systemd does not hold, by limit and step. Everything else must stay.
lost() { # LIMIT STEP
	[ "$DRIVER" = systemd ] || return 1
	case $1/$2 in
	# OOMPolicy, by which systemd writes this file from 253 on, is for the start of a scope only. The value here is not that of the
	# start. An older systemd writes 0, which is the value here.
	'unified[memory.oom.group]/set-property, a refused update') [ "$(systemd_version)" -ge 253 ] ;;
	*) return 1 ;;
	esac
}

# ---- the trial ------------------------------------------------------------------------------------------------------

systemd_version() {
	systemctl --version | awk 'NR == 1 { print $2 }'
}

has_systemd() {
	[ -d /run/systemd/system ]
}

# Reads the lines of a table into arrays, without those that this kernel has no file for or whose value it refuses.
load_rows() { # FUNCTION OF A TABLE
	local line device last name controller file one two three json property i
	NAMES=() CONTROLLERS=() FILES=() ONE=() TWO=() THREE=() JSON=() PROPERTIES=()
	device=$(block_device)
	last=$(($(nproc --all) - 1))
	start_sleeper # a cgroup to probe
	while IFS= read -r line; do
		line=${line//DEVICE/$device}
		IFS='|' read -r name controller file one two three json property <<<"${line//LAST/$last}"
		probe "$controller" "$file" "$one" || continue
		NAMES+=("$name") CONTROLLERS+=("$controller") FILES+=("$file") ONE+=("$one") TWO+=("$two") THREE+=("$three")
		JSON+=("$json") PROPERTIES+=("$property")
	done < <("$1")
	rung delete --force "$ID"
	[ ${#NAMES[@]} -gt 0 ] || skip "needs a kernel with the limits of $1"
}

# Prints MAJOR:MINOR of a whole disk.
block_device() {
	local number
	for number in /sys/block/*/dev; do
		[[ $number == *loop* || $number == *ram* || $number == *zram* ]] || { cat "$number" && return; }
	done
	echo none
}

probe() { # CONTROLLER FILE VALUE
	local file
	file=$(cgroup_path "$1")/$2
	[ -n "$(cgroup_path "$1")" ] && [ -e "$file" ] && echo "$3" >"$file"
} 2>/dev/null

# Sets $json to the JSON for a limit and a value. No process is started, because there are many.
make_json() { # INDEX VALUE
	local value=$2
	json=${JSON[$1]}
	case $json in
	THROTTLE) throttle "${FILES[$1]}" "$value" ;;
	*SUM*) json=${json//SUM/$((value + 33554432))} ;;
	*HALF*) json=${json//HALF/$((value / 2))} ;;
	*SHARES*) json=${json//SHARES/${SHARES[value]}} ;;
	*WEIGHT*) json=${json//WEIGHT/${WEIGHTS[${value#default }]}} ;;
	*FIRST*) json=${json//FIRST/${value% *}} json=${json//SECOND/${value#* }} ;;
	esac
	json=${json//VALUE/$value}
}

# Of values of cpu.weight and io.weight, as runc converts them.
SHARES=([59]=512 [29]=200 [100]=1024)
WEIGHTS=([102]=20 [910]=100 [1920]=200)

# Sets $json to blockIO for a line of io.max, or of a v1 file.
throttle() { # FILE LINE
	local file=${1#blkio.throttle.} device=${2%% *} rates=${2#* } rate lists=
	case $file in
	read_bps*) rates=rbps=$rates ;;
	write_bps*) rates=wbps=$rates ;;
	read_iops*) rates=riops=$rates ;;
	write_iops*) rates=wiops=$rates ;;
	esac
	for rate in $rates; do
		case $rate in
		rbps=*) lists+=', "throttleReadBpsDevice"' ;;
		wbps=*) lists+=', "throttleWriteBpsDevice"' ;;
		riops=*) lists+=', "throttleReadIOPSDevice"' ;;
		wiops=*) lists+=', "throttleWriteIOPSDevice"' ;;
		esac
		lists+=": [{\"major\": ${device%:*}, \"minor\": ${device#*:}, \"rate\": ${rate#*=}}]"
	done
	json="{\"blockIO\": {${lists#, }}}"
}

# Sets $got to the content of a limit's file, without a process: there are many.
read_value() { # INDEX
	got=
	IFS= read -r -d '' got <"${PATHS[$1]}" || true
	got=${got%$'\n'}
}

find_paths() {
	local i
	PATHS=()
	for i in "${!NAMES[@]}"; do PATHS+=("$(cgroup_path "${CONTROLLERS[i]}")/${FILES[i]}"); done
}

# Compares all files with WANT. What is lost is noted and set again; what should have stayed ends the test.
check() { # STEP
	local i got bad=
	for i in "${!NAMES[@]}"; do
		read_value "$i"
		if [ "$got" = "${WANT[i]}" ]; then
			! lost "${NAMES[i]}" "$1" || bad+="${NAMES[i]}: stays after '$1', against the list in this test"$'\n'
			RESULTS+=("${NAMES[i]}|${FILES[i]}|$1|kept")
			continue
		fi
		RESULTS+=("${NAMES[i]}|${FILES[i]}|$1|$got")
		lost "${NAMES[i]}" "$1" || bad+="${NAMES[i]}: ${FILES[i]} is '$got' instead of '${WANT[i]}' after '$1'"$'\n'
		[ "${JSON[i]}" = '{}' ] || set_row "$i" "${WANT[i]}"
	done
	FAILED+=$bad
}

set_row() { # INDEX VALUE
	local json
	make_json "$1" "$2"
	run rung update -r - "$ID" <<<"$json"
	[ "$status" -eq 0 ] || fail "${NAMES[$1]} to $2: $output"
}

outside() { # INDEX VALUE
	echo "$2" >"${PATHS[$1]}"
}

refuse_an_update() {
	run -1 rung update -r - "$ID" <<<'{"pids": {"limit": 17}, "cpu": {"cpus": "9999"}}'
	[[ $output != *'old limits'* ]] || fail "$output"
}

stay() { # DRIVER TABLE
	local i json filter=.
	DRIVER=$1 FAILED=
	if [ "$DRIVER" = systemd ]; then
		UNIT=t-$ID.scope
		config '.linux.cgroupsPath = $path' --arg path "rungtest-values.slice:t:$ID"
	fi
	load_rows "$2"
	for i in "${!NAMES[@]}"; do
		make_json "$i" "${ONE[i]}"
		filter+=" * $json"
	done
	config ".linux.resources |= ((. // {}) | $filter)"
	start_sleeper
	find_paths
	WANT=("${ONE[@]}")
	check create
	for i in "${!NAMES[@]}"; do
		set_row "$i" "${TWO[i]}"
		WANT[i]=${TWO[i]}
		follow "$i"
		check "updates of others"
	done
	refuse_an_update
	check "a refused update"
	! has_systemd || endure
	changed_outside
	[ "$DRIVER" != systemd ] || set_by_property
	report
	[ -z "$FAILED" ] || fail "$FAILED"
}

# On v1 an update of the period sets the quota too.
follow() { # INDEX
	local i
	[ "${NAMES[$1]}" = cpu.period ] || return 0
	for i in "${!NAMES[@]}"; do [ "${NAMES[i]}" != cpu.quota ] || WANT[i]=$((${WANT[$1]} / 2)); done
}

endure() {
	systemctl daemon-reload
	check daemon-reload
	systemctl daemon-reexec
	check daemon-reexec
	restart_bus
	set_row 0 "${WANT[0]}"
	check "a restart of the bus"
}

restart_bus() {
	local bus=dbus.service
	! systemctl --quiet is-active dbus-broker.service || bus=dbus-broker.service
	systemctl restart "$bus"
}

# Somebody writes to the files. Updates of some limits must keep the others.
changed_outside() {
	local i
	for i in "${!NAMES[@]}"; do
		outside "$i" "${THREE[i]}"
		WANT[i]=${THREE[i]}
	done
	check "a write from outside"
	refuse_an_update
	check "a write, a refused update"
	for i in "${!NAMES[@]}"; do
		[[ ${NAMES[i]} == *pids* || ${NAMES[i]} == *memory.low* || ${NAMES[i]} == *reservation* || ${NAMES[i]} == *cpu*weight* ||
			${NAMES[i]} == *shares* || ${NAMES[i]} == *io.weight* || ${NAMES[i]} == *IO.weight* || ${NAMES[i]} == *mems* ]] || continue
		set_row "$i" "${THREE[i]}"
	done
	check "a write, updates of others"
	! has_systemd || written_and_reloaded
}

# What a reload makes of a value that somebody has written is not rung's matter: it is noted for the page.
written_and_reloaded() {
	local i got
	for i in "${!NAMES[@]}"; do outside "$i" "${TWO[i]}"; done
	systemctl daemon-reload
	for i in "${!NAMES[@]}"; do
		read_value "$i"
		[ "$got" != "${TWO[i]}" ] || got=kept
		RESULTS+=("${NAMES[i]}|${FILES[i]}|a write, daemon-reload|$got")
		outside "$i" "${TWO[i]}"
		WANT[i]=${TWO[i]}
	done
}

set_by_property() {
	local i
	for i in "${!NAMES[@]}"; do
		set_row "$i" "${TWO[i]}" # systemd knows it too
		WANT[i]=${TWO[i]}
	done
	for i in "${!NAMES[@]}"; do
		[ -n "${PROPERTIES[i]}" ] || continue
		systemctl set-property --runtime "$UNIT" "${PROPERTIES[i]//VALUE/${ONE[i]}}"
		WANT[i]=${ONE[i]}
	done
	refuse_an_update
	check "set-property, a refused update"
	set_row "$((${#NAMES[@]} - 1))" "${WANT[-1]}"
	systemctl daemon-reload
	check "set-property, daemon-reload"
}

# Prints one line for each limit and step, for docs/values.md.
report() {
	local line machine version=-
	[ -n "${VALUES:-}" ] || return 0
	! has_systemd || version=$(systemd_version)
	if is_v2; then machine=v2; else machine=v1; fi
	printf '%s\n' "${RESULTS[@]}" | awk -F'|' '!seen[$1 "|" $3] || $4 != "kept" { value[$1 "|" $2 "|" $3] = $4 } { if (!seen[$1 "|" $3]++) order[n++] = $1 "|" $2 "|" $3 }
		END { for (i = 0; i < n; i++) print order[i] "|" value[order[i]] }' | while IFS= read -r line; do
		echo "# value|$machine|$version|$DRIVER|$line" >&3
	done
}

@test "values: the members of linux.resources, without systemd" {
	if is_v2; then stay cgroupfs fields_v2; else stay cgroupfs fields_v1; fi
}

# bats test_tags=vm
@test "values: the keys of unified, without systemd" {
	is_v2 || skip "needs cgroup v2"
	stay cgroupfs unified
}

@test "values: idle, without systemd" {
	is_v2 || skip "needs cgroup v2"
	stay cgroupfs unified_idle
}

# bats test_tags=vm
@test "values: the members of linux.resources, by systemd" {
	has_systemd || skip "needs systemd"
	if is_v2; then stay systemd fields_v2; else stay systemd fields_v1; fi
}

# bats test_tags=vm
@test "values: the keys of unified, by systemd" {
	has_systemd || skip "needs systemd"
	is_v2 || skip "needs cgroup v2"
	stay systemd unified
}

# bats test_tags=vm
@test "values: idle and nice, by systemd" {
	has_systemd || skip "needs systemd"
	is_v2 || skip "needs cgroup v2"
	stay systemd unified_idle
	rung delete --force "$ID"
	config '.linux.resources = {}'
	stay systemd unified_nice
}
