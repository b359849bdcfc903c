# shellcheck shell=bash
# shellcheck disable=SC2016,SC2120,SC2154 # expanded by jq; tests pass the flags; `run` sets status, output, lines
# What the integration tests share. A test gets a bundle in $BUNDLE, a container id in $ID and a state
# directory of its own in $STATE; after it, nothing of its containers may be left: no process, cgroup, mount or state.
#
# $RUNG is the binary, $RUNG_TEST_COMMANDS the directory of the programs of tests/cmd, $RUNG_SOURCE the tree.

bats_require_minimum_version 1.5.0
umask 022 # containers with other ids use what a test makes

: "${RUNG_SOURCE:=$(dirname "$(dirname "$BATS_TEST_DIRNAME")")}"
: "${RUNG:=$RUNG_SOURCE/rung}"
: "${RUNG_TEST_COMMANDS:=$RUNG_SOURCE/build/tests}"

# shellcheck source=tests/assert.bash
. "$RUNG_SOURCE/tests/assert.bash"

setup() {
	setup_bundle
}

teardown() {
	teardown_containers
}

# ---- the bundle -----------------------------------------------------------------------------------------------------

# One root file system for all tests of a run. Containers see it read-only; who writes takes own_rootfs.
shared_rootfs() {
	printf '%s\n' "$BATS_RUN_TMPDIR/rootfs"
}

# The starter configuration of `rung spec`, without a terminal: made once, edited by each test.
make_shared() {
	local dir=$BATS_RUN_TMPDIR/spec
	[ ! -e "$BATS_RUN_TMPDIR/base.json" ] || return 0
	"$RUNG_SOURCE/scripts/busybox-rootfs.sh" "$BATS_RUN_TMPDIR/rootfs"
	chmod 0755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/rootfs"
	mkdir -p "$dir"
	(cd "$dir" && if is_root; then "$RUNG" spec; else "$RUNG" spec --rootless; fi)
	jq --arg rootfs "$BATS_RUN_TMPDIR/rootfs" '.process.terminal = false | .process.args = ["true"]
		| .root.path = $rootfs | .root.readonly = true' "$dir/config.json" >"$BATS_RUN_TMPDIR/base.json"
}

# Makes $BUNDLE with the base configuration on the shared root file system.
setup_bundle() {
	trace_only_the_test
	make_shared
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	STATE=$BATS_TEST_TMPDIR/state
	ID=bats-$$-$BATS_SUITE_TEST_NUMBER
	mkdir "$BUNDLE"
	printf '%s\n' "$(<"$BATS_RUN_TMPDIR/base.json")" >"$BUNDLE/config.json"
	chmod 0755 "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR" "$BUNDLE"
	cd "$BUNDLE" || return
}

# bats notes each command, for the report of a failure; for helpers that took a fifth of the user time. What is traced stays
# so: the test, which bats calls after setup from 1.11 on, and the functions by which bats stops to trace at a failure.
trace_only_the_test() {
	! declare -ft "$BATS_TEST_NAME" bats_error_trap bats_check_status_from_trap 2>/dev/null || set +T
}

# Gives the bundle a root file system that the test and its container may write to: $ROOTFS.
own_rootfs() {
	ROOTFS=$BUNDLE/rootfs
	cp -a "$(shared_rootfs)" "$ROOTFS"
	config '.root = {path: "rootfs", readonly: false}'
}

# Edits config.json: config FILTER [OPTION OF JQ...].
config() {
	local filter=$1 edited
	shift
	edited=$(jq "$filter" "$BUNDLE/config.json" "$@") || return
	printf '%s\n' "$edited" >"$BUNDLE/config.json"
}

# A namespace of its own, if the base configuration has none of that type (it has one for cgroups on v2).
add_namespace() { # TYPE
	config '.linux.namespaces |= (. + [{type: $type}] | unique_by(.type))' --arg type "$1"
}

# The host's namespace of that type.
no_namespace() { # TYPE
	config 'del(.linux.namespaces[] | select(.type == $type))' --arg type "$1"
}

# process PROGRAM [ARGUMENT...]
process() {
	config '.process.args = $ARGS.positional' --args -- "$@"
}

# Maps a container's ids 0 and up to host ids that are nobody's; for a plain user to those that it was granted.
map_ids() { # [HOST ID] [SIZE]
	config '.linux.namespaces += [{type: "user"}] | .linux.namespaces |= unique_by(.type)
		| .linux.uidMappings = [{containerID: 0, hostID: $uid, size: $size}]
		| .linux.gidMappings = [{containerID: 0, hostID: $gid, size: $size}]' \
		--argjson uid "${1:-$(first_subid /etc/subuid)}" --argjson gid "${1:-$(first_subid /etc/subgid)}" --argjson size "${2:-65536}"
}

# The first id that a file grants this user; root needs no grant.
first_subid() { # FILE
	if is_root; then
		echo 100000
	else
		awk -F: -v user="$(id -un)" '$1 == user { print $2; exit }' "$1"
	fi
}

add_mount() { # JSON
	config '.mounts += [$mount]' --argjson mount "$1"
}

# ---- rung -----------------------------------------------------------------------------------------------------------

rung() {
	"$RUNG" --root "$STATE" "$@" 3>&-
}

# Runs the bundle, with flags of `rung run`: fills $status, $output and $lines.
run_container() { # [FLAG...]
	run rung run -b "$BUNDLE" "$@" "$ID"
}

# Runs a script in a container, which must succeed.
inside() { # SCRIPT
	process sh -c "$1"
	run_container
	[ "$status" -eq 0 ] || fail "status $status: $output"
}

# Runs the bundle, which must fail with rung's own status and one line that has all of the texts.
refused() { # TEXT...
	local text
	run_container
	[ "$status" -eq 1 ] || fail "status $status instead of 1: $output"
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	for text; do
		[[ $output == *"$text"* ]] || fail "no '$text' in: $output"
	done
}

# A detached container must not hold the runner's descriptors. Its output is in the file $OUTPUT.
create_container() { # [FLAG...]
	OUTPUT=$BATS_TEST_TMPDIR/output
	rung create -b "$BUNDLE" "$@" "$ID" </dev/null >"$OUTPUT" 2>&1 || {
		local code=$?
		cat "$OUTPUT"
		return $code
	}
}

start_container() { # [FLAG OF CREATE...]
	create_container "$@"
	rung start "$ID"
}

# Starts a container that sleeps until it is killed.
start_sleeper() { # [FLAG OF CREATE...]
	process sleep 1000
	start_container "$@"
}

exec_in() { # PROGRAM [ARGUMENT...]
	run rung exec "$ID" "$@"
}

init_pid() { # [ID]
	rung state "${1:-$ID}" | jq -r .pid
}

status_of() { # [ID]
	rung state "${1:-$ID}" | jq -r .status
}

# Waits until a condition holds: wait_until SECONDS COMMAND... It ends also where the shell does not end at a failure.
wait_until() {
	local tries=$(($1 * 20))
	shift
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || fail "waited in vain for: $*" || return
		sleep 0.05
	done
}

stopped() {
	[ "$(status_of "$@")" = stopped ]
}

# ---- requirements: a skip names what is missing ---------------------------------------------------------------------

is_root() {
	[ "$EUID" -eq 0 ]
}

needs_root() {
	is_root || skip "needs root"
}

needs_command() { # NAME
	command -v "$1" >/dev/null || skip "needs $1"
}

needs_capability() { # NAME
	local number
	number=$(capability_number "$1")
	(((0x$(sed -n 's/^CapEff:\s*//p' /proc/self/status) >> number) & 1)) || skip "needs $1"
}

capability_number() { # NAME
	case $1 in
	CAP_SYS_ADMIN) echo 21 ;;
	CAP_SYS_NICE) echo 23 ;;
	CAP_SYS_RESOURCE) echo 24 ;;
	CAP_MKNOD) echo 27 ;;
	*) fail "capability_number: $1" ;;
	esac
}

# The directory of a v1 controller, such as /sys/fs/cgroup/memory.
needs_v1_controller() { # NAME
	[ -n "$(v1_mount "$1")" ] || skip "needs the cgroup v1 controller $1"
}

v1_mount() { # CONTROLLER
	awk -v name="$1" '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup" && "," $(i + 3) "," ~ "," name ",") { print $5; exit } }' \
		/proc/self/mountinfo
}

# Its tests are tagged smp too: the machine of tests/vm has two for these only.
needs_two_cpus() {
	[ "$(nproc --all)" -ge 2 ] || skip "needs two CPUs"
}

needs_kernel() { # VERSION
	at_least "$1" || skip "needs Linux $1"
}

at_least() { # VERSION OF LINUX
	[ "$(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1)" = "$1" ]
}

needs_subids() {
	is_root || grep -q "^$(id -un):" /etc/subuid || skip "needs subordinate ids in /etc/subuid"
	is_root || needs_command newuidmap
}

# ---- cgroups, as the host sees them ---------------------------------------------------------------------------------

# The machine has the unified hierarchy and no other.
is_v2() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]
}

# A controller by its v1 name, on whichever hierarchy this machine has it.
needs_controller() { # NAME
	has_controller "$1" || skip "needs the cgroup controller $1"
}

has_controller() { # NAME
	local name=$1
	is_v2 || {
		[ -n "$(v1_mount "$name")" ]
		return
	}
	case $name in
	freezer | devices) return 0 ;;
	blkio) name=io ;;
	cpuacct) name=cpu ;;
	esac
	grep -qw "$name" "$(available_controllers)"
}

# What rung can hand down: root has all, a user what the cgroup above his own was given.
available_controllers() {
	if is_root; then
		echo /sys/fs/cgroup/cgroup.controllers
	else
		echo "/sys/fs/cgroup$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")/cgroup.controllers"
	fi
}

# Directory of the container's files of a v1 controller, or of the unified hierarchy: for "", and where the controller
# is not on v1.
cgroup_path() { # CONTROLLER [ID]
	jq -r --arg c "$1" '.cgroupPaths | .[$c] // .[""] // empty' "$STATE/${2:-$ID}/state.json"
}

cgroup_value() { # CONTROLLER FILE [ID]
	cat "$(cgroup_path "$1" "${3:-$ID}")/$2"
}

# Directory, in the container, of what cgroup_path names on the host.
inner_cgroup() { # CONTROLLER
	if is_v2; then
		echo /sys/fs/cgroup
	else
		echo "/sys/fs/cgroup/$1"
	fi
}

# The cgroup of a new container without a path, or with a relative one: below rung's own on v1, beside it on v2, where a
# cgroup with processes hands nothing down.
default_cgroup() { # CONTROLLER NAME
	if is_v2; then
		readlink -m "/sys/fs/cgroup/$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")/$2"
	else
		readlink -m "$(v1_mount "$1")/$(sed -n "s/^[0-9]*:$1://p" /proc/self/cgroup)/$2"
	fi
}

# A cgroup of v1 for real-time processes: below one that has no such time to give there is none.
needs_realtime_share() {
	local probe ok=
	probe=$(v1_mount cpu)/$ID-probe
	mkdir "$probe"
	[ ! -e "$probe/cpu.rt_runtime_us" ] || { echo 1000 >"$probe/cpu.rt_runtime_us" && ok=yes; } 2>/dev/null || true
	rmdir "$probe"
	[ "$ok" = yes ] || skip "needs real-time group scheduling that a cgroup may have a share of"
}

# The top of the hierarchy that has a controller.
hierarchy_of() { # CONTROLLER
	if is_v2; then
		echo /sys/fs/cgroup
	else
		v1_mount "$1"
	fi
}

# Cgroups by their paths, the inner before the outer. Those of others may vanish while find reads them.
cgroups_at() { # PATTERN
	find /sys/fs/cgroup -depth -type d -path "$1" 2>/dev/null || true
}

# Freezes the container by its cgroup, without rung.
freeze_cgroup() {
	if is_v2; then
		echo 1 >"$(cgroup_path '')/cgroup.freeze"
	else
		echo FROZEN >"$(cgroup_path freezer)/freezer.state"
	fi
}

thaw_cgroup() {
	if is_v2; then
		echo 0 >"$(cgroup_path '')/cgroup.freeze"
	else
		echo THAWED >"$(cgroup_path freezer)/freezer.state"
	fi
}

# ---- the end --------------------------------------------------------------------------------------------------------

teardown_containers() {
	local id left=0
	[ -n "${STATE:-}" ] || return 0
	cd /
	for id in "$STATE"/*/; do
		[ -d "$id" ] || continue
		id=${id%/}
		rung delete --force "${id##*/}" || left=1
	done
	no_leftovers || left=1
	return $left
}

# Tells what is left of this test's containers, and takes it away so that no later test suffers.
no_leftovers() {
	local found kind what pid left=0
	found=$(leftovers) || return
	[ -n "$found" ] || return 0
	while IFS=$'\t' read -r kind what; do
		pid=${what%%$'\t'*}
		case $kind in
		process)
			sleep 0.1
			[ -d "/proc/$pid" ] || continue # it was about to end
			kill -KILL "$pid" || true
			;;
		cgroup) remove_cgroup "$what" ;;
		mount) detach "$what" ;;
		rootfs) rm -r "$what" ;;
		esac
		echo "left behind: $kind $what"
		left=1
	done <<<"$found"
	return $left
}

# One line each: processes, cgroups, mounts, state, and files in /dev of the shared root file system, where a container
# whose /dev is no mount would make its nodes.
leftovers() {
	GOMAXPROCS=1 "$RUNG_TEST_COMMANDS/leftovers" -run "$BATS_RUN_TMPDIR" -test "$BATS_TEST_TMPDIR" -id "$ID" -state "$STATE" -shell $$
}

# bats removes the directory of the run: what is mounted there must not go with it.
detach() { # LINE OF MOUNTINFO
	local -a fields
	read -ra fields <<<"$1"
	umount -l "$(printf %b "${fields[4]}")" || true # the fifth is the place (proc_pid_mountinfo(5)), escaped
}

remove_cgroup() { # PATH
	local pid
	while read -r pid; do
		kill -KILL "$pid"
	done <"$1/cgroup.procs"
	rmdir "$1" 2>/dev/null || { sleep 0.2 && rmdir "$1"; }
}
