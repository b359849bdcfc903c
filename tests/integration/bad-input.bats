#!/usr/bin/env bats
# shellcheck disable=SC2016,SC2154,SC2238 # variables of bats and helpers, scripts for inner shells
# Broken configurations: rung exits with 1, prints one line that names the field, logs the same line, and leaves nothing behind.

load helpers
# shellcheck source=tests/messages/tables.bash
. "$RUNG_SOURCE/tests/messages/tables.bash"

# Runs rung in namespaces without other processes and mounts, which show what it leaves behind. rung is process 2 there, so that
# processes that outlive it still exist after its end.
setup() {
	setup_bundle
	LOG=$BATS_TEST_TMPDIR/log
	GROUP=bad-$$-$BATS_SUITE_TEST_NUMBER
	# A plain user may not make a cgroup by name.
	! is_root || config '.linux.cgroupsPath = $path' --arg path "/$GROUP"
	# shellcheck disable=SC2016 # expanded by the inner shell
	IN_NAMESPACES=(unshare --pid --fork --mount-proc --mount --propagation private bash -c '
		cp /proc/self/mountinfo "$BUNDLE/mounts.before"
		"$@" </dev/null
		status=$?
		cp /proc/self/mountinfo "$BUNDLE/mounts.after"
		for pid in /proc/[0-9]*; do
			case ${pid#/proc/} in 1 | $BASHPID) ;; *) cat "$pid/comm" ;; esac
		done >"$BUNDLE/processes"
		exit $status' in-namespaces)
	export BUNDLE
	if ! is_root; then
		IN_NAMESPACES=()
	fi
}

# broken FIELD FILTER [OPTION OF JQ...]: rung must refuse the configuration that FILTER makes, and name FIELD. explain refuses it too.
broken() {
	config "${@:2}"
	refused_whole "$1"
	explained_as_refused "$1"
	checked_as_refused "$1"
}

# known_by_doing FIELD FILTER [OPTION OF JQ...]: broken for what nobody knows who does not do it.
known_by_doing() {
	config "${@:2}"
	refused_whole "$1"
	run -0 rung explain -b "$BUNDLE" --run "$ID"
}

explained_as_refused() { # TEXT
	run rung explain -b "$BUNDLE" --run "$ID"
	[ "$status" -eq 1 ] || fail "explain: status $status"
	[ "${#lines[@]}" -eq 1 ] || fail "explain: not one line: $output"
	[[ $output == *"$1"* ]] || fail "explain does not name $1: $output"
}

checked_as_refused() { # TEXT
	run rung check -b "$BUNDLE" "$ID"
	[ "$status" -eq 1 ] || fail "check: status $status: $output"
	[[ $output == *"$1"* ]] || fail "check does not name $1: $output"
}

refused_whole() { # TEXT
	run --separate-stderr "${IN_NAMESPACES[@]}" "$RUNG" --root "$STATE" --log "$LOG" --log-format json run -b "$BUNDLE" "$ID" 3>&-
	[ "$status" -eq 1 ] || fail "status $status: $output $stderr"
	says ''
	# shellcheck disable=SC2154 # set by run
	[ "${#stderr_lines[@]}" -eq 1 ] || fail "not one line: $stderr"
	[[ $stderr == *"$1"* ]] || fail "does not name $1: $stderr"
	local logged
	logged=$(jq -r 'select(.level == "error") | .msg' "$LOG")
	[ "${logged% }" = "${stderr% }" ] || fail "the log: $(cat "$LOG")"
	nothing_left
	judged "$stderr"
}

# judged MESSAGE: if the test has a row in the table of configurations, the message must name its cause and its cure, and nothing of the
# program's inside.
judged() {
	CASE=${BATS_TEST_DESCRIPTION#bad input: } MESSAGE=$1
	each_row "$RUNG_SOURCE/tests/messages/configurations" judge_this
}

judge_this() {
	[ "${row[name]}" = "$CASE" ] || return 0
	local missing inside
	missing=$(missing_texts "${row[says]}" "$MESSAGE")
	[ -z "$missing" ] || fail "does not say $missing: $MESSAGE" || return
	has "${row[cause]}" "$MESSAGE" || fail "no cause: $MESSAGE" || return
	[ -z "${row[cure]:-}" ] || has "${row[cure]}" "$MESSAGE" || fail "no cure: $MESSAGE" || return
	inside=$(internals_of "$MESSAGE") || true
	[ -z "$inside" ] || fail "tells of the inside: $inside"
}

nothing_left() {
	[ ! -e "$STATE/$ID" ] || fail "state: $(ls "$STATE/$ID")" || return
	[ -z "$(cgroups_at "*/$GROUP")" ] || fail "a cgroup is left" || return
	is_root || return 0
	[ ! -s processes ] || fail "processes: $(cat processes)" || return
	diff mounts.before mounts.after
}

@test "bad input: the check itself finds what is left behind" {
	needs_root
	# shellcheck disable=SC2016 # expanded by the inner shell
	"${IN_NAMESPACES[@]}" bash -c 'sleep 5 >/dev/null 2>&1 & mount -t tmpfs none /mnt' 3>&-
	grep -qx sleep processes
	run -1 diff mounts.before mounts.after
	# each of the two alone
	mv mounts.after mounts.more
	mv processes processes.more
	cp mounts.before mounts.after
	: >processes
	nothing_left
	mkdir -p "$STATE/$ID"
	run -1 nothing_left
	mentions state:
	rmdir "$STATE/$ID"
	cp processes.more processes
	run -1 nothing_left
	mentions processes:
	: >processes
	cp mounts.more mounts.after
	run -1 nothing_left
	mentions /mnt
}

@test "bad input: each of the 94 configurations of the table is a test, and a message without cause, cure or field is noticed" {
	local names=$BATS_TEST_TMPDIR/names said='process.cwd: must be an absolute path'
	sed -n 's/^name: //p' "$RUNG_SOURCE/tests/messages/configurations" >"$names"
	[ "$(sort -u "$names" | wc -l)" -eq 94 ]
	while IFS= read -r name; do grep -qxF "@test \"bad input: $name\" {" "$BATS_TEST_FILENAME"; done <"$names"
	BATS_TEST_DESCRIPTION='bad input: process.cwd is relative'
	judged "$said"
	run -1 judged 'must be an absolute path'
	run -1 judged 'process.cwd: is wrong'
	run -1 judged "$said, 0xc000123450"
}

@test "bad input: the unchanged configuration runs" {
	process echo good
	run -0 "${IN_NAMESPACES[@]}" "$RUNG" --root "$STATE" run "$ID" 3>&-
	says good
	nothing_left
}

# ---- the document ---------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "bad input: no config.json" {
	rm config.json
	refused_whole config.json
}

# bats test_tags=user
@test "bad input: an empty config.json" {
	: >config.json
	refused_whole config.json
}

# bats test_tags=user
@test "bad input: no JSON" {
	printf '{\n  "ociVersion": "1.0.0",\n  oops\n}\n' >config.json
	refused_whole 'config.json: line 3'
}

@test "bad input: a config.json that is cut off" {
	head -c 700 config.json >cut
	mv cut config.json
	refused_whole config.json
}

@test "bad input: more than one document" {
	echo '{}' >>config.json
	refused_whole config.json
}

@test "bad input: null" {
	echo 'null' >config.json
	refused_whole config.json
}

@test "bad input: a list" {
	echo '[]' >config.json
	refused_whole config.json
}

@test "bad input: config.json is a directory" {
	rm config.json
	mkdir config.json
	refused_whole config.json
}

# ---- root and process -----------------------------------------------------------------------------------------------

# bats test_tags=user
@test "bad input: ociVersion" {
	broken ociVersion 'del(.ociVersion)'
}

@test "bad input: ociVersion of another major version" {
	broken ociVersion '.ociVersion = "7.0.0"'
}

@test "bad input: ociVersion that is no version" {
	broken ociVersion '.ociVersion = "one"'
}

# bats test_tags=user
@test "bad input: no root" {
	broken root 'del(.root)'
}

# bats test_tags=user
@test "bad input: root.path is missing on the host" {
	broken root.path '.root.path = "/no/such/rootfs"'
}

@test "bad input: root.path is empty" {
	broken root.path '.root.path = ""'
}

@test "bad input: root.path is a file" {
	broken root.path '.root.path = "/etc/passwd"'
}

@test "bad input: root.path of the wrong type" {
	broken root.path '.root.path = 7'
}

@test "bad input: root.readonly of the wrong type" {
	broken root.readonly '.root.readonly = "yes"'
}

# bats test_tags=user
@test "bad input: no process" {
	broken process 'del(.process)'
}

@test "bad input: process.terminal of the wrong type" {
	broken process.terminal '.process.terminal = "no"'
}

@test "bad input: process.args is empty" {
	broken process.args '.process.args = []'
}

@test "bad input: process.args of the wrong type" {
	broken process.args '.process.args = "sh -c true"'
}

@test "bad input: process.args with a number" {
	broken 'process.args[1]' '.process.args = ["sh", 1]'
}

# bats test_tags=user
@test "bad input: process.cwd is relative" {
	broken process.cwd '.process.cwd = "tmp"'
}

@test "bad input: process.cwd is missing" {
	broken process.cwd 'del(.process.cwd)'
}

@test "bad input: process.cwd is a file" {
	broken process.cwd '.process.cwd = "/etc/passwd"'
}

@test "bad input: process.env without a value" {
	broken 'process.env[2]' '.process.env += ["NOVALUE"]'
}

@test "bad input: process.user.uid is negative" {
	broken process.user.uid '.process.user.uid = -1'
}

@test "bad input: process.user.uid over 32 bits" {
	broken process.user.uid '.process.user.uid = 4294967296'
}

@test "bad input: process.user.gid of the wrong type" {
	broken process.user.gid '.process.user.gid = "wheel"'
}

@test "bad input: process.user.additionalGids" {
	broken 'process.user.additionalGids[0]' '.process.user.additionalGids = [4294967295]'
}

@test "bad input: process.user.umask" {
	broken process.user.umask '.process.user.umask = 4096'
}

@test "bad input: process.rlimits of an unknown type" {
	broken 'process.rlimits[0].type' '.process.rlimits[0].type = "RLIMIT_COFFEE"'
}

@test "bad input: process.rlimits given twice" {
	broken 'process.rlimits[1].type' '.process.rlimits += .process.rlimits'
}

@test "bad input: process.rlimits with soft above hard" {
	broken 'process.rlimits[0].soft' '.process.rlimits[0].soft = 4096 | .process.rlimits[0].hard = 1024'
}

@test "bad input: process.oomScoreAdj" {
	broken process.oomScoreAdj '.process.oomScoreAdj = 1001'
}

@test "bad input: process.capabilities of the wrong type" {
	broken process.capabilities.bounding '.process.capabilities.bounding = "CAP_KILL"'
}

@test "bad input: process.scheduler.policy" {
	broken process.scheduler.policy '.process.scheduler = {policy: "SCHED_MAGIC"}'
}

@test "bad input: process.ioPriority.class" {
	broken process.ioPriority.class '.process.ioPriority = {class: "IOPRIO_CLASS_NONE_SUCH", priority: 1}'
}

@test "bad input: process.apparmorProfile without AppArmor" {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || skip "needs a kernel without AppArmor"
	broken process.apparmorProfile '.process.apparmorProfile = "no-such-profile"'
}

# bats test_tags=user
@test "bad input: a program that does not exist" {
	broken 'executable file not found' '.process.args = ["no-such-program"]'
}

# ---- names and mounts -----------------------------------------------------------------------------------------------

@test "bad input: hostname without a uts namespace" {
	broken hostname '.linux.namespaces |= map(select(.type != "uts"))'
}

@test "bad input: hostname that is too long" {
	broken hostname '.hostname = ("x" * 65)'
}

@test "bad input: domainname without a uts namespace" {
	broken domainname 'del(.hostname) | .domainname = "example.org" | .linux.namespaces |= map(select(.type != "uts"))'
}

# bats test_tags=user
@test "bad input: a mount of a missing source" {
	broken "mounts[$(jq '.mounts | length' config.json)].source" \
		'.mounts += [{destination: "/mnt", type: "bind", source: "/no/such/source", options: ["rbind"]}]'
}

@test "bad input: a mount without a destination" {
	broken 'mounts[0].destination' '.mounts[0].destination = ""'
}

@test "bad input: a mount of an unknown file system" {
	broken 'mounts[0]' '.mounts = [{destination: "/mnt", type: "no-such-fs", source: "none"}]'
}

@test "bad input: a mount with an option that its file system does not know" {
	broken 'mounts[0]' '.mounts = [{destination: "/mnt", type: "tmpfs", source: "none", options: ["no-such-option"]}]'
}

@test "bad input: a bind mount with options of a file system" {
	broken 'mounts[0].options' '.mounts = [{destination: "/mnt", source: "/tmp", options: ["bind", "size=1m"]}]'
}

@test "bad input: mounts of the wrong type" {
	broken mounts '.mounts = {destination: "/mnt"}'
}

@test "bad input: mount options of the wrong type" {
	broken 'mounts[0].options' '.mounts[0].options = "ro"'
}

@test "bad input: a mount inside of /proc" {
	broken 'mounts[7]' '.mounts += [{destination: "/proc/self/environ", source: "/etc/passwd", options: ["bind"]}]'
}

@test "bad input: an idmapped mount without mappings" {
	broken 'mounts[0]' '.mounts = [{destination: "/mnt", source: "/tmp", options: ["bind", "idmap"]}]'
}

@test "bad input: hooks of the wrong type" {
	broken hooks.prestart '.hooks.prestart = "true"'
}

@test "bad input: hooks with a relative path" {
	broken 'hooks.prestart[0].path' '.hooks.prestart = [{path: "true"}]'
}

@test "bad input: hooks with a timeout of zero" {
	broken 'hooks.poststop[0].timeout' '.hooks.poststop = [{path: "/bin/true", timeout: 0}]'
}

@test "bad input: a hook that does not exist" {
	broken 'hooks.createRuntime[0]' '.hooks.createRuntime = [{path: "/no/such/hook"}]'
}

@test "bad input: a hook that fails" {
	known_by_doing 'hooks.createContainer[0]' '.hooks.createContainer = [{path: "/bin/false"}]'
}

@test "bad input: a hook of the start that fails" {
	known_by_doing 'hooks.startContainer[0]' '.hooks.startContainer = [{path: "/bin/false"}]'
}

@test "bad input: annotations of the wrong type" {
	broken annotations '.annotations = {"number": 7}'
}

# ---- linux ----------------------------------------------------------------------------------------------------------

# bats test_tags=user
@test "bad input: an unknown namespace" {
	broken 'linux.namespaces[0].type' '.linux.namespaces[0].type = "dream"'
}

# bats test_tags=user
@test "bad input: a namespace given twice" {
	broken 'linux.namespaces[' '.linux.namespaces += [{type: "pid"}]'
}

@test "bad input: a namespace by a missing path" {
	broken 'linux.namespaces[0]' '.linux.namespaces[0] = {type: "ipc", path: "/no/such/namespace"}
		| .linux.namespaces |= unique_by(.type) | .linux.namespaces |= sort_by(.type != "ipc")'
}

@test "bad input: a namespace by a relative path" {
	broken 'linux.namespaces[0].path' '.linux.namespaces[0].path = "proc/self/ns/pid"'
}

@test "bad input: a namespace by the path of another kind" {
	broken 'linux.namespaces' '(.linux.namespaces[] | select(.type == "network")).path = "/proc/self/ns/uts"'
}

@test "bad input: a namespace by the path of a file" {
	broken 'linux.namespaces' '(.linux.namespaces[] | select(.type == "network")).path = "/etc/passwd"'
}

@test "bad input: mappings without a user namespace" {
	broken linux.uidMappings '.linux.uidMappings = [{containerID: 0, hostID: 1000, size: 1}]'
}

@test "bad input: a user namespace without mappings" {
	broken linux.uidMappings '.linux.namespaces += [{type: "user"}] | del(.linux.uidMappings, .linux.gidMappings)'
}

@test "bad input: mappings that overlap" {
	broken 'linux.gidMappings[1].containerID' '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 10}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 10}, {containerID: 5, hostID: 200000, size: 10}]'
}

@test "bad input: a user that the mappings do not have" {
	broken process.user.uid '.linux.namespaces += [{type: "user"}] | .process.user.uid = 70000
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

@test "bad input: time offsets without a time namespace" {
	broken linux.timeOffsets '.linux.timeOffsets = {monotonic: {secs: 1}}'
}

@test "bad input: a device of an unknown type" {
	broken 'linux.devices[0].type' '.linux.devices = [{path: "/dev/x", type: "q", major: 1, minor: 3}]'
}

@test "bad input: a device with a relative path" {
	broken 'linux.devices[0].path' '.linux.devices = [{path: "dev/x", type: "c", major: 1, minor: 3}]'
}

@test "bad input: a sysctl of the host" {
	broken 'linux.sysctl[kernel.panic]' '.linux.sysctl = {"kernel.panic": "1"}'
}

@test "bad input: a sysctl that does not exist" {
	broken 'linux.sysctl[net.ipv4.no_such_sysctl]' '.linux.sysctl = {"net.ipv4.no_such_sysctl": "1"}'
}

@test "bad input: a sysctl with a value that the kernel refuses" {
	known_by_doing 'linux.sysctl[net.ipv4.ip_forward]' '.linux.sysctl = {"net.ipv4.ip_forward": "perhaps"}'
}

@test "bad input: a relative masked path" {
	broken 'linux.maskedPaths[0]' '.linux.maskedPaths = ["proc/kcore"]'
}

@test "bad input: linux.rootfsPropagation" {
	broken linux.rootfsPropagation '.linux.rootfsPropagation = "sideways"'
}

@test "bad input: linux.personality.domain" {
	broken linux.personality.domain '.linux.personality = {domain: "VMS"}'
}

@test "bad input: an unknown seccomp action" {
	broken 'linux.seccomp.defaultAction' '.linux.seccomp = {defaultAction: "SCMP_ACT_LAUGH"}'
}

@test "bad input: an unknown seccomp architecture" {
	broken 'linux.seccomp.architectures[0]' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_VAX"]}'
}

@test "bad input: an unknown seccomp operator" {
	broken 'linux.seccomp.syscalls[0].args[0].op' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{names: ["read"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 1, op: "SCMP_CMP_ALMOST"}]}]}'
}

@test "bad input: a seccomp rule without names" {
	broken 'linux.seccomp.syscalls[0].names' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{action: "SCMP_ACT_ERRNO"}]}'
}

@test "bad input: an unknown seccomp flag" {
	broken 'linux.seccomp.flags[0]' '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_NOPE"],
		syscalls: [{names: ["read"], action: "SCMP_ACT_LOG"}]}'
}

# ---- linux.resources ------------------------------------------------------------------------------------------------

@test "bad input: memory.limit of the wrong type" {
	broken linux.resources.memory.limit '.linux.resources.memory.limit = "64M"'
}

@test "bad input: memory.limit below zero" {
	broken linux.resources.memory.limit '.linux.resources.memory.limit = -2'
}

@test "bad input: memory.swap below the limit" {
	broken linux.resources.memory.swap '.linux.resources.memory = {limit: 67108864, swap: 33554432}'
}

@test "bad input: memory.limit that nothing can start in" {
	needs_root
	needs_controller memory
	broken linux.resources.memory.limit '.linux.resources.memory.limit = 4096'
}

@test "bad input: cpu.quota that the kernel refuses" {
	needs_root
	needs_controller cpu
	broken linux.resources.cpu.quota '.linux.resources.cpu = {quota: 1, period: 100000}'
}

@test "bad input: cpu.cpus that this machine does not have" {
	needs_root
	needs_controller cpuset
	broken linux.resources.cpu.cpus '.linux.resources.cpu.cpus = "4000"'
}

@test "bad input: cpu.cpus that are no list" {
	broken linux.resources.cpu.cpus '.linux.resources.cpu.cpus = "every"'
}

@test "bad input: blockIO.weight" {
	broken linux.resources.blockIO.weight '.linux.resources.blockIO.weight = 1001'
}

@test "bad input: hugepageLimits" {
	broken 'linux.resources.hugepageLimits[0].pageSize' '.linux.resources.hugepageLimits = [{pageSize: "big", limit: 1}]'
}

@test "bad input: a device rule" {
	broken 'linux.resources.devices[0].access' '.linux.resources.devices = [{allow: true, access: "rx"}]'
}

@test "bad input: unified with a path" {
	broken 'linux.resources.unified' '.linux.resources.unified = {"../memory.max": "1"}'
}

# Without the sandbox that was asked for, the program would have more rights than it is meant to have. "explain" says so too.
@test "bad input: annotations that ask for a virtual machine or an interpreter" {
	broken 'annotations[run.oci.handler]' '.annotations["run.oci.handler"] = "krun"'
	rm "$LOG"
	broken 'annotations[krun.cpus]' '.annotations = {"krun.cpus": "2"}'
	rm "$LOG"
	broken 'annotations[module.wasm.image/variant]' '.annotations = {"module.wasm.image/variant": "compat"}'
	run -1 rung explain -b "$BUNDLE"
	mentions 'annotations[module.wasm.image/variant]'
	config '.annotations = {"module.wasm.image/variant": "compat", "io.kubernetes.cri.container-type": "sandbox"}'
	run_container
	[ "$status" -eq 0 ]
}

# ---- not the configuration ------------------------------------------------------------------------------------------

@test "bad input: a state directory that cannot be made" {
	run -1 --separate-stderr "$RUNG" --root /proc/no/such --log "$LOG" --log-format json run "$ID" 3>&-
	[[ $stderr == */proc/no* ]]
	[ "$(jq -r .msg "$LOG")" = "$stderr" ]
}
