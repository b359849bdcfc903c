#!/usr/bin/env bash
# Measures rung, Debian's crun and runc, the newest crun and runc that can be had (scripts/peers.sh), and the floor below all of
# them (bench/floor.c), in one run on one machine, in both cgroup views.
#
#   bench.sh [PART...]       default: all; about a quarter of an hour on a quiet machine
#
#   run, lifecycle, verbs, exec, state, version   one at a time       load      run, lifecycle and exec, 2, 16 and 50 at once
#   spaced    run, 50 ms after the end of the one before, with and without a cgroup namespace
#   pods      pairs of containers that share namespaces               host      with 0, 500 and 2 000 mounts on the host
#   present   beside 100 and 1 000 containers                         mounts    with up to 5 000 mounts in the container
#   trace     what the stage of rung does, and where it waits
#   memory    peaks, and what a container is charged with             limit     the smallest memory limit
#
#   RUNG=./rung   the binary to measure          ROUNDS=80    rounds; run, exec and state have twice as many, slow work has fewer
#   OUT=FILE      the report: bench/report.md    SAMPLES=FILE where the samples are to stay (view.sh has their format)
#   VIEWS="v1 v2" the cgroup views               CROWDS="100 1000"   the numbers of containers for "present"
#   MOUNTS="0 50 250 1000 5000"   the numbers of mounts for "mounts"
#
# Needs root. Everything happens in private mount namespaces: the roots of the runtimes are on a tmpfs there.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"
# shellcheck source=bench/lib.sh
. "$repo/bench/lib.sh"

export ROUNDS=${ROUNDS:-80}
rung=$(readlink -f "${RUNG:-$repo/rung}")
out=$(readlink -m "${OUT:-$repo/bench/report.md}")
in_views=(run spaced lifecycle verbs exec state version trace load pods host present)
known=("${in_views[@]}" mounts memory limit)

[ "$(id -u)" = 0 ] || die 'needs root'
[ -x "$rung" ] || die "$rung is missing: make"
parts=("$@")
[ $# -gt 0 ] || parts=("${known[@]}")
for part in "${parts[@]}"; do
	[[ " ${known[*]} " == *" $part "* ]] || die "unknown part: $part (there are: ${known[*]})"
done
"$repo/scripts/install-deps.sh" bench

work=$(mktemp -d /tmp/rung-bench.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
samples=$work/samples

wanted() { # PART...: prints those that were asked for
	local part
	for part; do
		[[ " ${parts[*]} " != *" $part "* ]] || echo "$part"
	done
}

# ---- what is measured -------------------------------------------------------------------------------------------

# The runtimes are executed by links with the names of the tables.
collect_programs() {
	local crun runc program
	mkdir "$work/bin"
	crun=$("$repo/scripts/peers.sh" crun)
	runc=$("$repo/scripts/peers.sh" runc)
	ln -s "$rung" "$work/bin/rung"
	ln -s "$crun" "$work/bin/crun"
	ln -s "$runc" "$work/bin/runc"
	ln -s "$(command -v crun)" "$work/bin/crun-debian"
	ln -s "$(command -v runc)" "$work/bin/runc-debian"
	for program in floor drive; do
		cc -O2 -static -o "$work/bin/$program" "$repo/bench/$program.c"
	done
	"$repo/scripts/build.sh" "$work/bin/empty" ./bench/empty
}

# Makes the bundles for all runtimes: runc's default configuration, a program that ends at once, and a version of the
# specification that all of them accept.
make_bundles() {
	local number joined='["network", "ipc", "uts"]'
	"$repo/scripts/busybox-rootfs.sh" "$work/bundle/rootfs"
	(cd "$work/bundle" && "$work/bin/runc-debian" spec)
	jq '.ociVersion = "1.0.2" | .process.terminal = false | .process.args = ["/bin/true"]' "$work/bundle/config.json" >"$work/config"
	mv "$work/config" "$work/bundle/config.json"
	derive "$work" private '.linux.namespaces |= (. + [{type: "cgroup"}] | unique_by(.type))'
	derive "$work" held '.process.args = ["/bin/sleep", "100000"]'
	derive "$work" sandbox '.process.args = ["/bin/sleep", "100000"] | .hostname = "pod"'
	for number in {0..15}; do
		derive "$work" "app-$number" "del(.hostname) | .linux.namespaces |= map(if .type | IN(${joined}[]) then
			.path = \"$work/app-$number/ns/\" + {network: \"net\", ipc: \"ipc\", uts: \"uts\"}[.type] else . end)"
	done
}

has_v1() {
	[ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]
}

measure() {
	local view own asked
	if [ -n "${VIEWS:-}" ]; then
		read -ra views <<<"$VIEWS"
	elif has_v1; then views=(v1 v2); else views=(v2); fi
	own=${views[0]}
	: >"$samples"
	mapfile -t asked < <(wanted "${in_views[@]}")
	if [ ${#asked[@]} -gt 0 ]; then
		for view in "${views[@]}"; do
			unshare --mount --propagation private "$repo/bench/view.sh" "$view" "$work" "${asked[@]}"
		done
	fi
	mapfile -t asked < <(wanted memory limit)
	[ ${#asked[@]} = 0 ] ||
		unshare --mount --propagation private "$repo/bench/memory.sh" "$own" "$work" "${asked[@]}" >"$work/memory.md"
	[ -z "$(wanted mounts)" ] ||
		unshare --mount --propagation private "$repo/bench/mounts.sh" "$own" "$work" >"$work/mounts.md"
}

# ---- the report ---------------------------------------------------------------------------------------------------

facts() {
	local name
	echo "- processor: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | sort -u | head -n 1), $(nproc) cores"
	echo "- load average at the beginning: $load"
	echo "- kernel: $(uname -r)"
	echo "- system: $(. /etc/os-release && echo "$PRETTY_NAME")"
	for name in "${names[@]}"; do
		echo "- $name: $("$work/bin/$name" --version | head -n 1)"
	done
	[ ! -s "$work/notes" ] || cat "$work/notes"
	echo "- cgroup views: ${views[*]}$(has_v1 || echo '; v1 was not measured: this machine has v2 only')"
	echo "- ROUNDS=$ROUNDS, the runtimes one after the other, in another order in each round; $minutes minutes"
}

numbers() {
	awk -f "$repo/bench/numbers.awk" "$@" "$samples"
}

ratio_of() { # ROW FIELD [UNDER]
	numbers -v what=ratio -v row="$1" -v field="$2" -v over=rung -v under="${3:-crun}"
}

median_of() { # ROW NAME FIELD
	numbers -v what=median -v row="$1" -v over="$2" -v field="$3"
}

within() { # VALUE GOAL
	if [ "$1" = - ]; then echo '?'; else awk -v a="$1" -v b="$2" 'BEGIN { print (a <= b ? "yes" : "no") }'; fi
}

# Prints what the CPU ratio would be if rung did the floor's work and nothing else, with so many commands in Go.
least() { # ROW COMMANDS FLOORS
	local view=${1%% *} empty floor crun
	empty=$(median_of "$view plain 1 version" empty cpu)
	floor=$(median_of "$view plain 1 run" floor cpu)
	crun=$(median_of "$1" crun cpu)
	case "$empty $floor $crun" in *-*) echo - && return ;; esac
	awk -v e="$empty" -v f="$floor" -v c="$crun" -v n="$2" -v m="$3" 'BEGIN { printf "%.2f", (e * n + f * m) / c }'
}

goal_row() { # TITLE ROW GOAL COMMANDS FLOORS
	local wall cpu
	wall=$(ratio_of "$2" wall) cpu=$(ratio_of "$2" cpu)
	echo "| $1 | $3 | $wall | $cpu | $(least "$2" "$4" "$5") | $(within "$wall" "$3") |"
}

count_row() { # TITLE GOAL VALUE
	echo "| $1 | $2 | $3 | | | $(within "$3" "$2") |"
}

above_empty() { # WORK
	awk -v a="$(median_of "v2 plain 1 $1" rung cpu)" -v b="$(median_of 'v2 plain 1 version' empty cpu)" \
		'BEGIN { if (a == "-" || b == "-") print "-"; else printf "%.2f", (a - b) / 1000 }'
}

goals() {
	goal_row 'run, v2' 'v2 plain 1 run' 0.72 1 1
	goal_row 'run with a cgroup namespace, v2' 'v2 plain 1 run-private' 0.72 1 1
	goal_row 'run, v1' 'v1 plain 1 run' 0.66 1 1
	goal_row 'create, start, delete, v2' 'v2 plain 1 lifecycle' 0.75 3 1
	goal_row 'exec, v2' 'v2 plain 1 exec' 0.74 1 0
	goal_row 'state, v2' 'v2 plain 1 state' 0.74 1 0
	goal_row 'run, 50 at once, v2' 'v2 plain 50 run' 0.82 1 1
	goal_row 'list of 1 000 containers, v2' 'v2 1000-containers 1 list' 1.00 1 0
	count_row 'run to floor, v2' 2.2 "$(ratio_of 'v2 plain 1 run' wall floor)"
	count_row 'page faults of `--version`' 240 "$(median_of 'v2 plain 1 version' rung faults)"
	count_row 'page faults of `state`' 240 "$(median_of 'v2 plain 1 state' rung faults)"
	count_row 'CPU of `--version` above an empty Go program, ms' 0.35 "$(above_empty version)"
	count_row 'CPU of `state` above an empty Go program, ms' 0.35 "$(above_empty state)"
}

table() { # COLUMNS WORKS HOSTS COUNTS
	local name
	printf '| view | what | time |'
	for name in $1; do printf ' %s |' "$name"; done
	printf ' rung to crun |\n|---|---|---|'
	for name in $1; do printf -- '---:|'; done
	printf -- '---:|\n'
	numbers -v what=table -v columns="$1" -v works="$2" -v hosts="$3" -v counts="$4"
}

section() { # TITLE PARTS COLUMNS WORKS HOSTS COUNTS: the text is on standard input
	local asked
	read -ra asked <<<"$2"
	[ -n "$(wanted "${asked[@]}")" ] || return 0
	printf '\n## %s\n\n' "$1"
	cat
	echo
	table "$3" "$4" "$5" "$6"
}

report() {
	local all="${names[*]}"
	printf '# rung, crun and runc side by side\n\nWritten by `make bench` (%s).\n\n' "$(date -u +%Y-%m-%d)"
	facts
	cat <<-'TEXT'

		A cell has the median and the quartiles in milliseconds for each container. Wall is the time from the first start of a command to
		the end of the last one. CPU is user and system time of every process of the tree, the container's too; it lacks what
		the kernel does later by itself. "rung to crun" is the median (and quartiles) of the ratios of the same round.

		## The goals

		Ratios are to the newest crun. "Least" is the CPU ratio that would be left if rung made the system calls of the floor and
		its commands were empty Go programs: what is to be had without leaving Go. docs/performance.md says why a goal is missed.

		| what | goal | wall, or number | CPU | least | reached |
		|---|---:|---:|---:|---:|---|
	TEXT
	goals
	section 'One at a time' 'run lifecycle verbs exec state version' "$all floor empty" \
		'(run|run-private|lifecycle|verbs|exec|state|version)(\.[a-z]+)?' plain 1 <<-'TEXT'
		`run` runs `/bin/true` with the default configuration and busybox, `run-private` with a cgroup namespace. `lifecycle` creates, starts
		and deletes the same container, and deletes it after its process has been reaped; `verbs` also asks for the state and kills. `exec`
		runs `/bin/true` in a running container, `state` asks about one. `floor` makes only the system calls that every `run` needs;
		`empty` is a static Go program with cgo that does nothing. What a container's process uses is not in the lines of single commands.
	TEXT
	report_trace
	section 'Now and then' spaced "$all floor" 'run|run-private' spaced 1 <<-'TEXT'
		The same `run`, 50 ms after the one before has ended: the kernel has come to rest. Containers of engines have a cgroup namespace
		on cgroup v2. Without one, a new mount of cgroup2 waits some 10 ms for the kernel (rung makes none).
	TEXT
	section 'Many at once' load "$all floor" 'run|lifecycle|exec' plain '2|16|50' <<-'TEXT'
		All of them are started in one moment. A time is for each container: that of all, divided by their number.
	TEXT
	section 'Pods' pods "$all" pod plain '1|16' <<-'TEXT'
		A sandbox and an app: create and start a container; create, start and delete another one, which joins its network, IPC and UTS
		namespaces; kill and delete the first.
	TEXT
	section 'Mounts on the host' host "$all" 'run|exec|state' '[0-9]+-mounts' 1 <<-'TEXT'
		With that many bind mounts in the mount namespace that the runtimes begin in.
	TEXT
	section 'Containers present' present "$all" 'run|state|list' '[0-9]+-containers' 1 <<-'TEXT'
		Each runtime has that many running containers of its own: there are five times as many.
	TEXT
	report_mounts
	report_memory
}

report_trace() {
	[ -s "$work/trace.md" ] || return 0
	cat <<-TEXT

		## From clone3 to execve

		What the stage of \`rung --trace run\` does in the container's process, and where it waits for rung: medians of $ROUNDS runs in
		microseconds. Operations of one name count together. The clock costs some of it.

		| view | operation | us |
		|---|---|---:|
	TEXT
	cat "$work/trace.md"
}

report_mounts() {
	local name
	[ -s "$work/mounts.md" ] || return 0
	cat <<-TEXT

		## Mounts in the container

		\`run\` of \`/bin/true\` with that many mounts beside the default ones: binds of \`/usr\`, or tmpfs. Medians in ms on ${views[0]}.

		| kind | mounts |$(for name in "${names[@]}"; do printf ' %s |' "$name"; done) rung to crun |
		|---|---:|$(for name in "${names[@]}"; do printf -- '---:|'; done)---:|
	TEXT
	cat "$work/mounts.md"
}

report_memory() {
	[ -s "$work/memory.md" ] || return 0
	cat <<-TEXT

		## Memory

		In KiB, on ${views[0]}. Peak is the largest resident set of any process of the command (median of 9). Charged is the peak of the
		memory that the container's cgroup was charged with until the end of create. Smallest limit is the smallest
		\`memory.limit\` with which five of five runs of \`/bin/true\` succeeded, found by bisection from 64 in steps of 4.

		| runtime | peak of run | peak of exec | charged at create | smallest limit | binary |
		|---|---:|---:|---:|---:|---:|
	TEXT
	cat "$work/memory.md"
}

load=$(cut -d' ' -f1 /proc/loadavg)
collect_programs
make_bundles
SECONDS=0
measure
minutes=$(((SECONDS + 30) / 60))
[ -z "${SAMPLES:-}" ] || cp "$samples" "$SAMPLES"
report >"$out"
cat "$out"
