#!/usr/bin/env bash
# Measures `run` with up to 5 000 mounts in the container, and prints a table in Markdown. bench.sh runs it in a mount namespace
# of its own, with the cgroup view that the machine has.
#
#   mounts.sh VIEW WORK
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"
# shellcheck source=bench/lib.sh
. "$repo/bench/lib.sh"

view=$1 work=$2
read -ra counts <<<"${MOUNTS:-0 50 250 1000 5000}"
runs=$((ROUNDS / 7))
[ "$runs" -ge 3 ] || runs=3

# A bundle with that many mounts more than the default ones. The limit of open files is the caller's: crun keeps a descriptor
# for each mount.
derive_mounts() { # KIND COUNT
	local mount='{type: "bind", source: "/usr", options: ["bind", "ro"]}'
	[ "$1" = bind ] || mount='{type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev"]}'
	derive "$work" mounts "del(.process.rlimits) | .mounts += [range($2) | {destination: \"/m/\\(.)\"} + $mount]"
}

# The runtimes take turns run by run: with 5 000 mounts a round of many runs would take minutes.
time_mounts() { # KIND COUNT NAME...
	local row=$1-$2 i name start end
	shift 2
	for ((i = -1; i < runs; i++)); do
		for name; do
			start=$EPOCHREALTIME
			"$work/bin/$name" --root "$work/state/$name/root" run --bundle "$work/mounts" bench </dev/null >/dev/null 2>"$work/err" || {
				echo - >"$work/mounts/$row.$name"
				continue
			}
			end=$EPOCHREALTIME
			[ $i -lt 0 ] || echo $((${end/./} - ${start/./})) >>"$work/mounts/$row.$name"
		done
		set -- "${@:2}" "$1"
	done
}

# Prints the median of the times of a runtime in milliseconds, or "-" if it does not start so many.
median() { # ROW NAME
	sort -n "$work/mounts/$1.$2" | awk '{ at[NR] = $1 }
		END { if (at[1] == "-") print "-"; else printf "%.1f\n", at[int((NR + 1) / 2)] / 1000 }'
}

print_row() { # KIND COUNT
	local -A medians
	local name line="| $1 | $2 |"
	for name in "${names[@]}"; do
		medians[$name]=$(median "$1-$2" "$name")
		line+=" ${medians[$name]} |"
	done
	if [ "${medians[crun]}" = - ]; then line+=' - |'; else line+=" $(ratio "${medians[rung]}" "${medians[crun]}") |"; fi
	echo "$line"
}

enter_view "$view"
make_state "$work"
ulimit -n "$(ulimit -Hn)"
for kind in bind tmpfs; do
	for count in "${counts[@]}"; do
		echo "$view: run with $count mounts of kind $kind" >&2
		derive_mounts "$kind" "$count"
		time_mounts "$kind" "$count" "${names[@]}"
		print_row "$kind" "$count"
	done
done
