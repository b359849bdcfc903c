#!/usr/bin/env bash
# Runs runtimes on hosts that lack something. A case is a mount namespace with a broken host, a seccomp filter, or limits. In each
# case a runtime runs a container, and creates, starts, enters, kills and deletes another one. A program in the container must see
# the same as on an undisturbed host.
#
#   matrix.sh [--check] [--only REGEX] NAME=RUNTIME...
#
# With --check no container is made: the verdict is what "check" says of the bundle, "starts" or the first need that is not met, with
# what to do.
#
# Prints a tab-separated line for each case and runtime: case, NAME, and "works", or the failed step with its message, or what
# differs or is left behind. MATRIX_SAID=DIR keeps the whole message of each failed step, in DIR/CASE/NAME. Needs root, jq, a static
# busybox, and the programs of "make test-commands" in $RUNG_TEST_COMMANDS.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../../scripts/lib.sh"

: "${RUNG_TEST_COMMANDS:=$repo/build/tests}"
calls='memfd_create clone3 openat2 mount_setattr fsopen fsconfig fsmount move_mount open_tree close_range pidfd_open
	pidfd_send_signal pidfd_getfd statx seccomp keyctl'

list_cases() {
	local call errno
	for call in $calls; do
		for errno in EPERM ENOSYS; do
			echo "$call $errno"
		done
	done
	cat <<-END
		root noexec
		null missing
		null plain-file
		nofile 20
		stack 16
		as 300000
		fsize 0
		nproc 1
		memory 1M
		memory 2M
		memory 4M
		proc empty
		proc read-only
		proc hidepid
		cgroup read-only
		cgroup empty
		cgroup no-memory
		setns EPERM
		pivot_root EPERM
		unshare EPERM
		state full
		state read-only
		root empty
		root incomplete
		capability sys_admin
		capability setgid
		capability setpcap
		pids 3
		namespaces mnt
		namespaces net
		proc covered
		proc foreign
	END
}

# ---- the hosts: each function changes what the rest of this process sees, or prints the command's prefix ------------------

prefix=() # the words in front of the runtime's command lines

break_host() { # CASE ARGUMENT
	case $1 in
	root) break_root "$2" ;;
	state) break_state "$2" ;;
	capability) prefix=(setpriv --bounding-set "-$2" --inh-caps "-$2") ;;
	null) break_null "$2" ;;
	nofile) prefix=(bash -c 'ulimit -n "$0" && exec "$@"' "$2") ;;
	stack) prefix=(bash -c 'ulimit -S -s "$0" && exec "$@"' "$2") ;;
	as) prefix=(bash -c 'ulimit -S -v "$0" && exec "$@"' "$2") ;;
	# Messages go through a pipe, because the limit is for files too.
	fsize) prefix=(bash -c 'exec 2> >(exec cat >&2) && ulimit -S -f "$0" && exec "$@"' "$2") ;;
	nproc) prefix=(bash -c 'ulimit -S -u "$0" && exec "$@"' "$2") ;;
	memory) prefix=("${in_cgroup[@]}" "$(small_cgroup memory memory.limit_in_bytes memory.max "$2")") ;;
	pids) prefix=("${in_cgroup[@]}" "$(small_cgroup pids pids.max pids.max "$2")") ;;
	namespaces)
		in_user_namespace
		# The limits of this namespace are nobody else's.
		prefix+=(bash -c 'echo 0 >"/proc/sys/user/max_$0_namespaces" && exec "$@"' "$2")
		;;
	proc) break_proc "$2" ;;
	cgroup) break_cgroup "$2" ;;
	*) prefix=("$RUNG_TEST_COMMANDS/blocked" "$1" "$2") ;;
	esac
}

break_root() { # noexec|empty|incomplete
	case $1 in
	noexec) mount --bind -o noexec "$work/rootfs" "$work/rootfs" && mount -o remount,bind,noexec "$work/rootfs" ;;
	empty) mount -t tmpfs none "$work/rootfs" ;;
	incomplete) # it has the program and no mount points, and none can be made
		mkdir "$work/bare"
		mount -t tmpfs none "$work/bare"
		cp "$work/rootfs/snapshot" "$work/bare/"
		mount -o remount,ro "$work/bare"
		mount --move "$work/bare" "$work/rootfs"
		rmdir "$work/bare"
		;;
	esac
}

break_state() { # full|read-only
	mount -t tmpfs -o size=4k none "$work/state-$name"
	case $1 in
	full) head -c 4096 /dev/zero >"$work/state-$name/full" ;;
	read-only) mount -o remount,ro "$work/state-$name" ;;
	esac
}

break_null() { # missing|plain-file
	local name minor
	mkdir -p "$work/dev"
	mount -t tmpfs none "$work/dev"
	while read -r name minor; do mknod -m 666 "$work/dev/$name" c 1 "$minor"; done <<-END
		full 7
		random 8
		urandom 9
		zero 5
	END
	mknod -m 666 "$work/dev/tty" c 5 0
	ln -s /proc/self/fd "$work/dev/fd"
	[ "$1" = missing ] || echo plain >"$work/dev/null"
	mount --move "$work/dev" /dev
}

break_proc() { # empty|read-only|hidepid|covered|foreign
	case $1 in
	empty) mount -t tmpfs none /proc ;;
	read-only) mount -o remount,bind,ro /proc ;;
	hidepid) mount -t proc -o hidepid=invisible proc /proc ;;
	covered) # a user namespace may not see what is below
		mount -t tmpfs none /proc/irq
		in_user_namespace
		;;
	foreign) unshare --pid --fork mount -t proc proc /proc ;; # of processes that have ended
	esac
}

break_cgroup() { # read-only|empty|no-memory
	local hierarchy
	case $1 in
	empty) mount -t tmpfs none /sys/fs/cgroup ;;
	no-memory) umount /sys/fs/cgroup/memory ;;
	read-only)
		while read -r hierarchy; do
			! mountpoint -q "$hierarchy" || mount -o remount,bind,ro "$hierarchy" # others are covered
		done < <(findmnt -n -r -o TARGET -t cgroup,cgroup2 | sort -u)
		;;
	esac
}

# Puts the runtime into a user namespace in which every id is itself, and which has no right over the mounts of here.
in_user_namespace() {
	local holder
	unshare --user sleep 1000 &
	holder=$!
	until [ "$(readlink "/proc/$holder/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.01; done
	echo '0 0 4294967295' >"/proc/$holder/uid_map"
	echo '0 0 4294967295' >"/proc/$holder/gid_map"
	exec 9<"/proc/$holder/ns/user"
	kill "$holder"
	prefix=(bash -c 'exec nsenter --user=/proc/self/fd/9 --setuid 0 --setgid 0 bash -c "exec 9<&-; exec \"\$@\"" - "$@"' -)
}

# shellcheck disable=SC2016 # expanded by the inner shell
in_cgroup=(bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"')

# Makes a cgroup with a limit, and prints its path.
small_cgroup() { # CONTROLLER FILE-OF-V1 FILE-OF-V2 VALUE
	local dir=/sys/fs/cgroup/$1/small-$$ file=$2
	if [ ! -d "/sys/fs/cgroup/$1" ]; then dir=/sys/fs/cgroup/small-$$ file=$3; fi
	mkdir -p "$dir"
	echo "$4" >"$dir/$file"
	echo "$dir"
}

# ---- the container --------------------------------------------------------------------------------------------------------

make_bundles() {
	local how
	"$repo/scripts/busybox-rootfs.sh" "$work/rootfs"
	mkdir "$work/rootfs/masked" "$work/rootfs/data" "$work/data"
	echo 'not to be seen' >"$work/rootfs/masked/file"
	echo bound >"$work/data/file"
	cp "${RUNG_TEST_COMMANDS:-$repo/build/tests}/snapshot" "$work/rootfs/"
	chmod 0755 "$work" "$work/data"
	for how in once stay; do
		mkdir "$work/$how"
		(cd "$work/$how" && "${runtimes[0]#*=}" spec)
		configure "$how" <"$work/$how/config.json" >"$work/$how/new"
		mv "$work/$how/new" "$work/$how/config.json"
	done
}

# Makes a configuration with one of each setting that could get lost without an error.
configure() { # once|stay
	# shellcheck disable=SC2016 # expanded by jq
	jq --arg how "$1" --arg work "$work" --arg id "$id" '
		.process.terminal = false | .process.args = ["/snapshot", $how, "/masked/file", "/proc/keys", "/data/file"]
		| .root = {path: ($work + "/rootfs"), readonly: true}
		| .process.user = {uid: 1000, gid: 1000, additionalGids: [10, 20], umask: 23}
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 200, hard: 300}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
			{type: "RLIMIT_STACK", soft: 4194304, hard: 8388608}, {type: "RLIMIT_FSIZE", soft: 1048576, hard: 1048576},
			{type: "RLIMIT_NPROC", soft: 500, hard: 500}, {type: "RLIMIT_AS", soft: "none", hard: "none"}]
		| .process.oomScoreAdj = 500
		| .linux.maskedPaths += ["/masked"]
		| .mounts += [{destination: "/data", type: "bind", source: ($work + "/data"), options: ["rbind", "ro", "nosuid", "nodev", "noexec"]}]
		| .linux.cgroupsPath = "/" + $id
		| .linux.resources.memory = {limit: 268435456} | .linux.resources.pids = {limit: 40}
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
			syscalls: [{names: ["sched_get_priority_max"], action: "SCMP_ACT_ERRNO", errnoRet: 77}]}' |
		sed 's/"none"/18446744073709551615/' # jq 1.6 would round the number
}

# Removes numbers that the kernel chose, names of the trial, and the outer filter from a snapshot.
plain() { # ID
	sed -E "s/$1/ID/g; s/^(\/proc\/self\/mountinfo )[0-9]+ [0-9]+ [0-9:]+ /\1/; s/(shared|master|propagate_from):[0-9]+/\1/g
		s/^(\/proc\/self\/mountinfo )[^ ]+ (\/proc\/[^ ]+) rw.*/\1mask \2/
		s/\b0:[0-9]+\b/0:*/g; s/(pipe|socket):\[[0-9]+\]/\1/; s/\[[0-9]{9,}\]/[]/; s/^(status (Seccomp_filters|NSpid):).*/\1/" 2>/dev/null
}

# ---- the steps ------------------------------------------------------------------------------------------------------------

runtime() { # ARGUMENT...
	timeout 20 "${prefix[@]}" "$program" --root "$work/state-$name" "$@" <"$work/stdin"
}

# Runs one step. If it fails, step prints its name and message.
step() { # NAME COMMAND...
	local step=$1 code=0
	shift
	"$@" 2>"$work/said" || code=$?
	[ $code != 0 ] || return 0
	sleep 0.1 # the message may still be in a pipe
	# What this shell says of a killed command is not the runtime's.
	[ -z "${MATRIX_SAID:-}" ] || sed '/^[^ ]*matrix\.sh: line [0-9]*: /d' "$work/said" >"$MATRIX_SAID/$name"
	printf '%s: %s\n' "$step" "$(message $code)"
	return 1
}

message() { # STATUS
	local text lines
	text=$(grep -v '^$' "$work/said" | sed -E 's/^time="[^"]*" level=[a-z]+ msg="(.*)"$/\1/; s/\\"/"/g
		s/^.*: line [0-9]+: +[0-9]+ (.*[a-z]) *timeout 20 .*/\1/' || true)
	lines=$(grep -c . <<<"$text" || true)
	case $1 in
	124) echo 'hangs for 20 s' && return ;;
	137) echo 'killed: there is not enough memory' && return ;;
	esac
	if grep -qE '^(goroutine |panic: |fatal error: |SIG[A-Z]+: )|runtime error' <<<"$text"; then
		echo "a trace of Go's: $(head -n 1 <<<"$text")"
	elif [ "$lines" = 0 ]; then
		echo "status $1 without a word"
	else
		[ "$lines" = 1 ] || printf '(%s lines) ' "$lines"
		tail -n 1 <<<"$text" | sed "s|$work|DIR|g; s/$id/ID/g"
	fi
}

snapshot_of() { # FILE COMMAND...
	local file=$1 code=0
	shift
	"$@" >"$file" || code=$?
	return $code
}

same() { # STEP FILE
	plain "$id" <"$2" >"$2.plain"
	cmp -s "$2.plain" "$work/wanted-$name-$1" && return
	printf '%s: the container differs: %s\n' "$1" "$(diff "$work/wanted-$name-$1" "$2.plain" | sed -n 's/^[<>]/&/p' | head -n 4 | tr '\n' ' ')"
	return 1
}

ended() {
	local tries=100
	until runtime state "$id" 2>"$work/said" | grep -q '"status": "stopped"'; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.05
	done
}

all_steps() {
	step run snapshot_of "$work/out" runtime run -b "$work/once" "$id" && same run "$work/out" || return 1
	step create snapshot_of "$work/stay-out" runtime create -b "$work/stay" "$id" || return 1
	step start runtime start "$id" || return 1
	step exec snapshot_of "$work/out" runtime exec --user 1000:1000 "$id" /snapshot once /masked/file /data/file && same exec "$work/out" || return 1
	step kill runtime kill "$id" KILL || return 1
	step state ended || return 1
	step delete runtime delete "$id"
}

# Prints what check says of the bundle.
checked() {
	local code=0 report
	report=$(runtime check --format json -b "$work/once" 2>"$work/said") || code=$?
	if [ -z "$report" ]; then
		printf 'check: %s\n' "$(message $code)"
		return
	fi
	[ "$code" = "$(jq 'if .starts then 0 else 1 end' <<<"$report")" ] || printf 'status %s; ' $code
	jq -r --arg work "$work" '[.needs[] | select(.required and (.state == "missing" or .state == "restricted"))]
		| if . == [] then "starts" else .[0] | "\(.state): \(.name): \(.found // "") => \(.who): \(.do)" end
		| gsub($work; "DIR")' <<<"$report"
}

leftovers() {
	local found
	found=$({
		find "$work/state-$name" -mindepth 1 -maxdepth 1 -name "$id" -printf 'state %p '
		find /sys/fs/cgroup -depth -fstype cgroup -type d -name "*$id*" -printf 'cgroup %p '
		grep -l -a -F "$work/rootfs" /proc/[0-9]*/mountinfo | grep -v "/proc/$$/" | sed 's/.*/a process that has its mounts /' | head -n 1
		grep -F "$work/" /proc/self/mountinfo | sed 's/.*/mount /'
	} 2>/dev/null || true)
	[ -z "$found" ] || printf 'left behind: %s\n' "$found"
}

# Takes the snapshots of an undisturbed host that each trial must match.
undisturbed() {
	runtime run -b "$work/once" "$id" >"$work/out" 2>"$work/said" && plain "$id" <"$work/out" >"$work/wanted-$name-run" &&
		runtime create -b "$work/stay" "$id" >"$work/stay-out" 2>"$work/said" && runtime start "$id" &&
		runtime exec --user 1000:1000 "$id" /snapshot once /masked/file /data/file >"$work/out" 2>"$work/said" &&
		plain "$id" <"$work/out" >"$work/wanted-$name-exec" && runtime delete --force "$id"
}

# Makes the directory for the messages of a case, and prints its path.
said_in() { # CASE
	mkdir -p "$MATRIX_SAID/$1"
	printf '%s\n' "$MATRIX_SAID/$1"
}

# Runs one case. The checks for leftovers and the clean-up run on the undisturbed host.
trial() { # CASE ARGUMENT
	local verdict left inner
	verdict=$(MATRIX_SAID=${MATRIX_SAID:+$(said_in "$*")} unshare --mount --propagation private "$0" --inside "$work" "$name" "$program" "$id" "$@" 2>"$work/shell") || true
	[ ! -s "$work/shell" ] || verdict+=" ($(tail -n 1 "$work/shell"))"
	inner=$(cat "$work/inner")
	prefix=()
	if [ "$MATRIX_STEPS" = all_steps ]; then # check has made nothing
		runtime delete --force "$id" >"$work/cleaning" 2>&1 || true
		wait_gone
	fi
	left=$(leftovers)
	printf '%s\t%s\t%s\n' "$*" "$name" "${verdict:-works}${left:+; $left}"
	rmdir /sys/fs/cgroup/{,memory/,pids/}"small-$inner" 2>/dev/null || true
	# What one runtime has left is not the next one's.
	[ -z "$left" ] || find /sys/fs/cgroup -depth -type d -name "*$id*" -exec rmdir {} + 2>/dev/null || true
}

wait_gone() {
	local tries=40
	until [ -z "$(leftovers)" ] || [ $((tries -= 1)) = 0 ]; do sleep 0.05; done
}

# ---- the end --------------------------------------------------------------------------------------------------------------

if [ "${1:-}" = --inside ]; then
	work=$2 name=$3 program=$4 id=$5
	echo $$ >"$work/inner"
	shift 5
	break_host "$@"
	"$MATRIX_STEPS"
	exit
fi

only=.
export MATRIX_STEPS=${MATRIX_STEPS:-all_steps}
if [ "${1:-}" = --check ]; then
	MATRIX_STEPS=checked
	shift
fi
if [ "${1:-}" = --only ]; then
	only=$2
	shift 2
fi
runtimes=("$@")
[ $# -gt 0 ] || die 'usage: matrix.sh [--only REGEX] NAME=RUNTIME...'
[ -x "$RUNG_TEST_COMMANDS/blocked" ] || die "no $RUNG_TEST_COMMANDS/blocked: make test-commands"

# crun refuses a hybrid layout, so on a hybrid machine all runtimes get pure v1.
if [ -z "${MATRIX_PRIVATE:-}" ]; then
	MATRIX_PRIVATE=yes exec unshare --mount --propagation private "$0" --only "$only" "${runtimes[@]}"
fi
pure_v1

work=$(mktemp -d)
id=matrix-$$
: >"$work/stdin"
trap 'rm -rf --one-file-system "$work"' EXIT
make_bundles
for named in "${runtimes[@]}"; do
	name=${named%%=*} program=${named#*=} prefix=()
	undisturbed || die "$name does not work on a host as it is: $(tail -n 1 "$work/said")"
done
list_cases | { grep -E "$only" || true; } | while read -r -a case; do
	for named in "${runtimes[@]}"; do
		name=${named%%=*} program=${named#*=}
		trial "${case[@]}"
	done
done
