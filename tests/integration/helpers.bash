# shellcheck shell=bash
# shellcheck disable=SC2016,SC2120,SC2154 # expanded by jq; tests pass the flags; `run` sets status, output, lines
# Functions for the integration tests. A test has a bundle in $BUNDLE, a container id in $ID and a state directory of its own in
# $STATE. After the test no process, cgroup, mount or state of its containers may be left.
#
# $RUNG is the binary, $RUNG_TEST_COMMANDS the directory with the programs of tests/cmd, and $RUNG_SOURCE the tree.

bats_require_minimum_version 1.5.0
umask 022 # so that containers with other ids can use the files of a test

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

# Prints the root file system that all tests of a run share. It is read-only in containers; a test that writes uses own_rootfs.
shared_rootfs() {
	printf '%s\n' "$BATS_RUN_TMPDIR/rootfs"
}

# Makes the base configuration once: that of `rung spec`, without a terminal. Each test edits a copy.
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

# Stops bats from recording the commands of helpers for the report of a failure, which takes a fifth of the user time. It still
# records the test itself, which bats since 1.11 calls after setup, and the functions that end the recording at a failure.
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

# Adds a namespace of that type if the base configuration has none (on v2 it has a cgroup namespace).
add_namespace() { # TYPE
	config '.linux.namespaces |= (. + [{type: $type}] | unique_by(.type))' --arg type "$1"
}

# Removes the namespace of that type, so that the container uses the host's.
no_namespace() { # TYPE
	config 'del(.linux.namespaces[] | select(.type == $type))' --arg type "$1"
}

# process PROGRAM [ARGUMENT...]
process() {
	config '.process.args = $ARGS.positional' --args -- "$@"
}

# Maps the container's ids from 0 on to unused host ids, or for a plain user to the ids that the user was granted.
map_ids() { # [HOST ID] [SIZE]
	config '.linux.namespaces += [{type: "user"}] | .linux.namespaces |= unique_by(.type)
		| .linux.uidMappings = [{containerID: 0, hostID: $uid, size: $size}]
		| .linux.gidMappings = [{containerID: 0, hostID: $gid, size: $size}]' \
		--argjson uid "${1:-$(first_subid /etc/subuid)}" --argjson gid "${1:-$(first_subid /etc/subgid)}" --argjson size "${2:-65536}"
}

# Prints the first id that a file grants this user. Root needs no grant.
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

# Runs the bundle with flags for `rung run`. Sets $status, $output and $lines.
run_container() { # [FLAG...]
	run rung run -b "$BUNDLE" "$@" "$ID"
}

# Runs a script in a container. It must succeed.
inside() { # SCRIPT
	process sh -c "$1"
	run_container
	[ "$status" -eq 0 ] || fail "status $status: $output"
}

# Runs the bundle, which must fail with status 1 and one line that contains every TEXT.
refused() { # TEXT...
	local text
	run_container
	[ "$status" -eq 1 ] || fail "status $status instead of 1: $output"
	[ "${#lines[@]}" -eq 1 ] || fail "not one line: $output"
	for text; do
		[[ $output == *"$text"* ]] || fail "no '$text' in: $output"
	done
}

# Creates a container. It must not keep descriptors of bats open, so its output goes to the file $OUTPUT.
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

# wait_until SECONDS COMMAND...: waits until a command succeeds. After the time it ends the test, also where set -e does not work.
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

# Becomes a program with no descriptors but the standard streams and the named ones: only_with '9 40' PROGRAM... 9<file 40<file.
# bats and its callers have others open.
only_with() { # DESCRIPTORS PROGRAM...
	local fd keep=" $1 "
	shift
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		[ "$fd" -lt 3 ] || [[ $keep == *" $fd "* ]] || eval "exec $fd>&-"
	done
	exec "$@"
}

# ---- requirements: a skip names the missing one ---------------------------------------------------------------------

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

# Skips the test without a v1 controller, such as memory.
needs_v1_controller() { # NAME
	[ -n "$(v1_mount "$1")" ] || skip "needs the cgroup v1 controller $1"
}

v1_mount() { # CONTROLLER
	awk -v name="$1" '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup" && "," $(i + 3) "," ~ "," name ",") { print $5; exit } }' \
		/proc/self/mountinfo
}

# Tests that call this are also tagged smp: the machine of tests/vm has two CPUs for these tests only.
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

in_other_namespace() { # KIND PID
	[ "$(readlink "/proc/$2/ns/$1")" != "$(readlink "/proc/self/ns/$1")" ]
}

# ---- cgroups on the host --------------------------------------------------------------------------------------------

# Whether the machine has only the unified hierarchy.
is_v2() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]
}

# Skips the test without a controller, which has its v1 name here. It may be on any hierarchy.
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

# Prints the controllers that rung can enable: all for root, and for a user those of the parent of the user's cgroup.
available_controllers() {
	if is_root; then
		echo /sys/fs/cgroup/cgroup.controllers
	else
		echo "/sys/fs/cgroup$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")/cgroup.controllers"
	fi
}

# Prints the directory of the container's cgroup for a v1 controller. For "", or if the controller is not on v1, it is the directory
# in the unified hierarchy.
cgroup_path() { # CONTROLLER [ID]
	jq -r --arg c "$1" '.cgroupPaths | .[$c] // .[""] // empty' "$STATE/${2:-$ID}/state.json"
}

cgroup_value() { # CONTROLLER FILE [ID]
	cat "$(cgroup_path "$1" "${3:-$ID}")/$2"
}

# Prints the path in the container of the directory that cgroup_path prints.
inner_cgroup() { # CONTROLLER
	if is_v2; then
		echo /sys/fs/cgroup
	else
		echo "/sys/fs/cgroup/$1"
	fi
}

# Prints the cgroup of a new container without a path or with a relative one. On v1 it is below rung's own cgroup. On v2 it is a
# sibling, because a cgroup with processes cannot enable controllers for children.
default_cgroup() { # CONTROLLER NAME
	if is_v2; then
		readlink -m "/sys/fs/cgroup/$(dirname "$(sed -n 's/^0:://p' /proc/self/cgroup)")/$2"
	else
		readlink -m "$(v1_mount "$1")/$(sed -n "s/^[0-9]*:$1://p" /proc/self/cgroup)/$2"
	fi
}

# Skips the test if a v1 cgroup cannot have real-time processes, because its parent has no real-time budget.
needs_realtime_share() {
	local probe ok=
	probe=$(v1_mount cpu)/$ID-probe
	mkdir "$probe"
	[ ! -e "$probe/cpu.rt_runtime_us" ] || { echo 1000 >"$probe/cpu.rt_runtime_us" && ok=yes; } 2>/dev/null || true
	rmdir "$probe"
	[ "$ok" = yes ] || skip "needs real-time group scheduling that a cgroup may have a share of"
}

# Prints the mountpoint of the hierarchy with a controller.
hierarchy_of() { # CONTROLLER
	if is_v2; then
		echo /sys/fs/cgroup
	else
		v1_mount "$1"
	fi
}

# Prints the cgroups whose paths match, children first. Cgroups of others may vanish while find reads them.
cgroups_at() { # PATTERN
	find /sys/fs/cgroup -depth -type d -path "$1" 2>/dev/null || true
}

# Freezes the container through its cgroup, without rung.
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

# Prints what is left of this test's containers, and removes it, so that it does not disturb later tests.
no_leftovers() {
	local found kind what pid left=0
	found=$(leftovers) || return
	[ -n "$found" ] || return 0
	while IFS=$'\t' read -r kind what; do
		pid=${what%%$'\t'*}
		case $kind in
		process)
			sleep 0.1
			[ -d "/proc/$pid" ] || continue # it has ended in the meantime
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

# Prints leftovers, one a line: processes, cgroups, mounts, state, and files in /dev of the shared root file system, where a
# container without a mount on /dev makes its nodes.
leftovers() {
	GOMAXPROCS=1 "$RUNG_TEST_COMMANDS/leftovers" -run "$BATS_RUN_TMPDIR" -test "$BATS_TEST_TMPDIR" -id "$ID" -state "$STATE" -shell $$
}

# Unmounts a leftover: bats removes the directory of the run, and must not remove files below a mount.
detach() { # LINE OF MOUNTINFO
	local -a fields
	read -ra fields <<<"$1"
	umount -l "$(printf %b "${fields[4]}")" || true # field 5 is the escaped mountpoint (proc_pid_mountinfo(5))
}

remove_cgroup() { # PATH
	local pid
	while read -r pid; do
		kill -KILL "$pid"
	done <"$1/cgroup.procs"
	rmdir "$1" 2>/dev/null || { sleep 0.2 && rmdir "$1"; }
}

# Runs a command of rung's that must ask for the monitor of Go's runtime, and not get it because the time for that is over
# (nsenter/settings.c).
with_monitor() { # COMMAND...
	needs_command strace
	local calls=$BATS_TEST_TMPDIR/futexes
	strace -f -qq --seccomp-bpf -e trace=futex -o "$calls" "$@"
	awk '/tv_nsec=250000000/ { monitor = $1 } $1 == monitor && / = [-0-9]/ { asked = !/ETIMEDOUT/; exit } END { exit !asked }' "$calls" ||
		fail "no monitor: $(cat "$calls")"
}
