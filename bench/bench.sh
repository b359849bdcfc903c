#!/usr/bin/env bash
# Measures rung, Debian's crun and runc, and the floor below all of them (bench/floor.c), in one run on one machine.
#
#   bench.sh [run] [lifecycle] [exec] [state] [memory] [limit] [mounts]        default: all
#
# mounts is beside the newest crun that the machine's registries have (scripts/peers.sh).
#
#   RUNG=./rung   the binary to measure               ROUNDS=5   rounds; each measures every runtime once
#   RUNS=60       runs for each runtime in a round    WARMUP=5   unmeasured runs before them
#   OUT=FILE      the report                     default: bench/report.md
#
# Needs root. On a machine with cgroup v1 or hybrid the runtimes see pure v1: this script covers the unified hierarchy in a
# mount namespace of its own, because Debian's crun does not recognise a hybrid machine.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"

rounds=${ROUNDS:-5} runs=${RUNS:-60} warmup=${WARMUP:-5}
rung=$(readlink -f "${RUNG:-$repo/rung}")
out=$(readlink -m "${OUT:-$repo/bench/report.md}")
runtimes=(rung crun runc)

[ "$(id -u)" = 0 ] || die 'needs root'
[ -x "$rung" ] || die "$rung is missing: make"
if [ -z "${BENCH_INSIDE:-}" ]; then
	"$repo/scripts/install-deps.sh" bench
	BENCH_INSIDE=1 exec unshare --mount --propagation private "$0" "$@"
fi

work=$(mktemp -d /tmp/rung-bench.XXXXXX)
bundle=$work/bundle
held=() # containers that run while exec and state are measured

clean() {
	local runtime
	for runtime in "${held[@]}"; do
		"$(binary "$runtime")" --root "$work/$runtime" delete --force "held-$runtime" >/dev/null 2>&1 || true
	done
	rm -rf --one-file-system "$work"
}
trap clean EXIT

binary() {
	if [ "$1" = rung ]; then echo "$rung"; else command -v "$1"; fi
}

wants() { # MEASUREMENT: whether the caller asked for it
	local asked
	for asked in "${measurements[@]}"; do
		[ "$asked" != "$1" ] || return 0
	done
	return 1
}

# ---- bundles ----------------------------------------------------------------------------------------------------

# Makes one bundle for all runtimes: runc's default configuration, a program that ends at once, and a version of the
# specification that all of them accept.
make_bundles() {
	"$repo/scripts/busybox-rootfs.sh" "$bundle/rootfs"
	(cd "$bundle" && runc spec)
	edit "$bundle" '.ociVersion = "1.0.2" | .process.terminal = false | .process.args = ["/bin/true"]'
	derive held '.process.args = ["/bin/sleep", "100000"]'
	derive limited .
}

derive() { # NAME FILTER: makes another bundle with the same root filesystem
	mkdir -p "$work/$1"
	jq --arg root "$bundle/rootfs" '.root.path = $root' "$bundle/config.json" >"$work/$1/config.json"
	edit "$work/$1" "$2"
}

edit() {
	jq "$2" "$1/config.json" >"$1/config.json.new"
	mv "$1/config.json.new" "$1/config.json"
}

hold_containers() {
	local runtime
	for runtime in "${runtimes[@]}"; do
		"$(binary "$runtime")" --root "$work/$runtime" run --detach --bundle "$work/held" "held-$runtime" </dev/null >/dev/null 2>&1 ||
			die "$runtime can not start the container to exec into"
		held+=("$runtime")
	done
}

# ---- time -------------------------------------------------------------------------------------------------------

command_for() { # MEASUREMENT RUNTIME
	local runtime
	[ "$2" = floor ] || runtime="$(binary "$2") --root $work/$2"
	case $1,$2 in
	run,floor) echo "$work/floor $bundle/rootfs /bin/true" ;;
	run,*) echo "$runtime run --bundle $bundle bench" ;;
	lifecycle,*) echo "$work/lifecycle $bundle bench $runtime" ;;
	exec,*) echo "$runtime exec held-$2 /bin/true" ;;
	state,*) echo "$runtime state held-$2" ;;
	esac
}

# The runtimes take turns in every round, and each round begins with another one. So a machine that gets warm or busy is
# slower for all of them.
time_all() { # MEASUREMENT RUNTIME...
	local measurement=$1 round runtime
	shift
	for ((round = 0; round < rounds; round++)); do
		for runtime in "$@"; do
			hyperfine --shell=none --style=none --warmup "$warmup" --runs "$runs" \
				--export-json "$work/$measurement.$runtime.$round.json" \
				"$(command_for "$measurement" "$runtime")" >/dev/null 2>"$work/err" ||
				die "$measurement with $runtime: $(cat "$work/err")"
		done
		set -- "${@:2}" "$1"
	done
}

# Prints a quantile of the times in milliseconds. The quartiles show the noise.
quantile() { # MEASUREMENT RUNTIME 0..1
	jq -rs --argjson q "$3" '[.[].results[].times[]] | sort | .[(length - 1) * $q | floor] * 1000' \
		"$work/$1.$2".*.json
}

ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

time_table() { # MEASUREMENT RUNTIME...
	local measurement=$1 runtime median crun floor=
	shift
	crun=$(quantile "$measurement" crun 0.5)
	[ "$1" != floor ] || floor=$(quantile "$measurement" floor 0.5)
	for runtime; do
		median=$(quantile "$measurement" "$runtime" 0.5)
		printf '| %s | %s | %.2f | %.2f to %.2f | %s | %s |\n' "$measurement" "$runtime" "$median" \
			"$(quantile "$measurement" "$runtime" 0.25)" "$(quantile "$measurement" "$runtime" 0.75)" \
			"${floor:+$(ratio "$median" "$floor")}" "$(ratio "$median" "$crun")"
	done
}

measure_times() {
	local measurement with
	for measurement in run lifecycle exec state; do
		wants $measurement || continue
		with=("${runtimes[@]}")
		[ $measurement != run ] || with=(floor "${runtimes[@]}")
		echo "measuring $measurement" >&2
		time_all $measurement "${with[@]}"
		time_table $measurement "${with[@]}" >>"$work/times.md"
	done
}

# ---- mounts -----------------------------------------------------------------------------------------------------

mount_counts=(0 50 250 1000 5000)

# Prints the path of the binary for the table of mounts.
mounts_binary() { # RUNTIME
	if [ "$1" = crun ]; then "$repo/scripts/peers.sh" crun; else binary "$1"; fi
}

# A bundle with that many mounts more than the default ones. The limit of open files is the caller's: crun keeps a descriptor
# for each mount.
derive_mounts() { # KIND COUNT
	local mount='{type: "bind", source: "/usr", options: ["bind", "ro"]}'
	[ "$1" = bind ] || mount='{type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"]}'
	derive "mounts-$1-$2" "del(.process.rlimits) | .mounts += [range($2) | {destination: \"/m/\\(.)\"} + $mount]"
}

# The runtimes take turns run by run: with 5 000 mounts a round of many runs would take minutes.
time_mounts() { # KIND COUNT RUNTIME...
	local bundle=$work/mounts-$1-$2 name=$1-$2 i runtime start end
	shift 2
	for ((i = -1; i < rounds * 3; i++)); do
		for runtime in "$@"; do
			start=$EPOCHREALTIME
			"${mounts_program[$runtime]}" --root "$work/$runtime" run --bundle "$bundle" bench </dev/null >/dev/null 2>"$work/err" || {
				echo - >"$work/mounts.$name.$runtime"
				continue
			}
			end=$EPOCHREALTIME
			[ $i -lt 0 ] || echo $((${end/./} - ${start/./})) >>"$work/mounts.$name.$runtime"
		done
		set -- "${@:2}" "$1"
	done
}

# Prints the median of the times of a runtime in milliseconds, or "-" if it does not start so many.
mounts_median() { # NAME RUNTIME
	sort -n "$work/mounts.$1.$2" | awk '{ at[NR] = $1 } END { if (at[1] == "-") print "-"; else printf "%.1f\n", at[int((NR + 1) / 2)] / 1000 }'
}

measure_mounts() {
	local -A mounts_program median
	local kind count runtime line
	ulimit -n "$(ulimit -Hn)"
	for runtime in "${runtimes[@]}"; do
		mounts_program[$runtime]=$(mounts_binary "$runtime")
	done
	crun_of_mounts=$("${mounts_program[crun]}" --version | head -n 1)
	for kind in bind tmpfs; do
		for count in "${mount_counts[@]}"; do
			echo "measuring $count mounts of kind $kind" >&2
			derive_mounts "$kind" "$count"
			time_mounts "$kind" "$count" "${runtimes[@]}"
			line="| $kind | $count |"
			for runtime in "${runtimes[@]}"; do
				median[$runtime]=$(mounts_median "$kind-$count" "$runtime")
				line+=" ${median[$runtime]} |"
			done
			if [ "${median[crun]}" = - ]; then line+=' - |'; else line+=" $(ratio "${median[rung]}" "${median[crun]}") |"; fi
			echo "$line" >>"$work/mounts.md"
		done
	done
}

# ---- memory -----------------------------------------------------------------------------------------------------

# Prints the largest resident set of any process of a command, in KiB: the median of nine runs.
peak_rss() { # COMMAND...
	local i
	for i in 1 2 3 4 5 6 7 8 9; do
		/usr/bin/time --format %M --output "$work/rss" "$@" >/dev/null 2>&1 </dev/null || die "$*: failed"
		cat "$work/rss"
	done | sort -n | sed -n 5p
}

# Prints the peak of the memory that the kernel has charged to a container when it waits for start, in KiB.
charged() { # RUNTIME
	local runtime pid file peak
	runtime=$(binary "$1")
	"$runtime" --root "$work/$1" create --pid-file "$work/pid" --bundle "$work/limited" bench </dev/null >/dev/null 2>&1 ||
		die "$1 create failed"
	pid=$(cat "$work/pid")
	file=$(sed -n 's#^[0-9]*:memory:\(.*\)#/sys/fs/cgroup/memory\1/memory.max_usage_in_bytes#p' "/proc/$pid/cgroup")
	[ -n "$file" ] || file=$(sed -n 's#^0::\(.*\)#/sys/fs/cgroup\1/memory.peak#p' "/proc/$pid/cgroup")
	peak=$(cat "$file" 2>/dev/null || echo 0)
	"$runtime" --root "$work/$1" delete --force bench >/dev/null
	if [ "$peak" = 0 ]; then echo '?'; else echo $((peak / 1024)); fi
}

starts_within() { # RUNTIME KIB: whether five of five runs succeed
	local i
	edit "$work/limited" ".linux.resources.memory.limit = $2 * 1024"
	for i in 1 2 3 4 5; do
		timeout 10 "$(binary "$1")" --root "$work/$1" run --bundle "$work/limited" "limit$i" >/dev/null 2>&1 </dev/null || {
			"$(binary "$1")" --root "$work/$1" delete --force "limit$i" >/dev/null 2>&1 || true
			return 1
		}
	done
}

# Prints the smallest memory limit. It bisects between 64 KiB and 32 MiB in pages of 4 KiB.
smallest_limit() { # RUNTIME
	local low=15 high=8192 middle # in pages: low fails (or is out of range), high works
	starts_within "$1" $((high * 4)) || {
		echo 'more than 32768'
		return
	}
	while ((high - low > 1)); do
		middle=$(((low + high) / 2))
		if starts_within "$1" $((middle * 4)); then high=$middle; else low=$middle; fi
	done
	echo $((high * 4))
}

measure_memory() {
	local runtime limit charge rss exec_rss
	for runtime in "${runtimes[@]}"; do
		echo "measuring the memory of $runtime" >&2
		edit "$work/limited" 'del(.linux.resources.memory)'
		charge=- rss=- exec_rss=- limit=-
		if wants memory; then
			rss=$(peak_rss "$(binary "$runtime")" --root "$work/$runtime" run --bundle "$bundle" bench)
			exec_rss=$(peak_rss "$(binary "$runtime")" --root "$work/$runtime" exec "held-$runtime" /bin/true)
			charge=$(charged "$runtime")
		fi
		! wants limit || limit=$(smallest_limit "$runtime")
		printf '| %s | %s | %s | %s | %s | %s |\n' "$runtime" "$rss" "$exec_rss" "$charge" "$limit" \
			$(($(stat -Lc %s "$(binary "$runtime")") / 1024)) >>"$work/memory.md"
	done
}

# ---- the report ---------------------------------------------------------------------------------------------------

facts() {
	local runtime
	echo "- processor: $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | sort -u | head -n 1), $(nproc) cores"
	echo "- kernel: $(uname -r), cgroup view: $(view)"
	echo "- system: $(. /etc/os-release && echo "$PRETTY_NAME")"
	for runtime in "${runtimes[@]}"; do
		echo "- $runtime: $("$(binary "$runtime")" --version | head -n 1)"
	done
	echo "- $(hyperfine --version), $rounds rounds of $runs runs after $warmup for warming up, runtimes taking turns"
}

view() {
	case $(stat -fc %T /sys/fs/cgroup) in
	cgroup2fs) echo 'pure v2' ;;
	*) echo 'pure v1, in a private mount namespace' ;;
	esac
}

report() {
	echo '# rung, crun and runc side by side'
	echo
	echo "Written by \`make bench\` ($(date -u +%Y-%m-%d))."
	echo
	facts
	if [ -s "$work/times.md" ]; then
		cat <<-'TEXT'

			## Time

			`run` runs `/bin/true` with the default configuration and busybox. `lifecycle` creates, starts and deletes the
			same container, and deletes it after its process has been reaped. `exec` runs `/bin/true` in a running container,
			and `state` asks about a running container. `floor` makes only the system calls that every `run` needs.

			| what | runtime | median, ms | quartiles, ms | ratio to floor | ratio to crun |
			|---|---|---:|---:|---:|---:|
		TEXT
		cat "$work/times.md"
	fi
	if [ -s "$work/mounts.md" ]; then
		cat <<-TEXT

			## Mounts

			\`run\` of \`/bin/true\` with that many mounts beside the default ones: binds of \`/usr\`, or tmpfs. Medians of
			$((rounds * 3)) runs in ms, the runtimes taking turns. The crun of this table is $crun_of_mounts.

			| kind | mounts | rung | crun | runc | rung to crun |
			|---|---:|---:|---:|---:|---:|
		TEXT
		cat "$work/mounts.md"
	fi
	if [ -s "$work/memory.md" ]; then
		cat <<-'TEXT'

			## Memory

			In KiB. Peak is the largest resident set of any process of the command (median of 9). Charged is the peak of the
			memory that the container's cgroup was charged with until the end of create. Smallest limit is the smallest
			`memory.limit` with which five of five runs of `/bin/true` succeeded, found by bisection from 64 in steps of 4.

			| runtime | peak of run | peak of exec | charged at create | smallest limit | binary |
			|---|---:|---:|---:|---:|---:|
		TEXT
		cat "$work/memory.md"
	fi
}

measurements=("$@")
[ $# -gt 0 ] || measurements=(run lifecycle exec state memory limit mounts)
for asked in "${measurements[@]}"; do
	case $asked in
	run | lifecycle | exec | state | memory | limit | mounts) ;;
	*) die "unknown measurement: $asked" ;;
	esac
done

if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] && [ -d /sys/fs/cgroup/unified ]; then
	mount -t tmpfs none /sys/fs/cgroup/unified
fi
for program in floor lifecycle; do
	cc -O2 -static -o "$work/$program" "$repo/bench/$program.c"
done
make_bundles
if wants exec || wants state || wants memory; then hold_containers; fi
measure_times
if wants memory || wants limit; then measure_memory; fi
if wants mounts; then measure_mounts; fi
report >"$out"
cat "$out"
