#!/usr/bin/env bash
# Measures everything that depends on the cgroup view, in one view. bench.sh runs it in a mount namespace of its own.
#
#   view.sh v1|v2 WORK PART...
#
# WORK has the bundles, the programs and drive (bench.sh makes them). Each line of WORK/samples that this script adds is
# VIEW HOST COUNT and a line of drive. bench.sh has the names of the parts and the environment.
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"
# shellcheck source=bench/lib.sh
. "$repo/bench/lib.sh"

view=$1 work=$2
shift 2
parts=("$@")
held=0 # containers of each runtime that run

wants() { # PART
	[[ " ${parts[*]} " == *" $1 "* ]]
}

programs() { # NAME...: prints what drive takes
	local name
	for name; do
		printf '%s=%s\n' "$name" "$work/bin/$name"
	done
}

# Adds the samples of one kind of work. The number of rounds is a share of ROUNDS.
measure() { # HOST COUNT ROUNDS WORK NAME...
	local host=$1 count=$2 count_of_rounds=$3 what=$4 with
	shift 4
	[ "$count_of_rounds" -ge 2 ] || count_of_rounds=2
	mapfile -t with < <(programs "$@")
	echo "$view: $what, host: $host, at once: $count" >&2
	"$work/bin/drive" -n "$count" -r "$count_of_rounds" -w 2 -p "${pause:-0}" "$what" "$work" "${with[@]}" 2>"$work/err" >"$work/lines" ||
		die "$what on $view: $(tail -n 5 "$work/err")"
	sed "s/^/$view $host $count /" "$work/lines" >>"$work/samples"
}

# Leaves out a runtime that does not start a container here at all: Debian's crun on v2 without CAP_SYS_RESOURCE. The report says
# so, and has "-" in its place.
leave_out_unusable() {
	local name usable=()
	for name in "${names[@]}"; do
		if "$work/bin/drive" run "$work" "$name=$work/bin/$name" >/dev/null 2>"$work/err"; then
			usable+=("$name")
		else
			echo "- $name does not run on $view here: $(tail -n 2 "$work/err" | head -n 1)" >>"$work/notes"
		fi
	done
	names=("${usable[@]}")
}

# ---- containers that are there in the meantime --------------------------------------------------------------------

hold() { # COUNT: of each runtime
	local name
	[ "$held" != "$1" ] || return 0
	drop
	held=$1
	for name in "${names[@]}"; do
		"$work/bin/drive" -n "$1" -j 2 hold "$work" "$name=$work/bin/$name" >/dev/null 2>"$work/err" ||
			die "$name can not start $1 containers: $(tail -n 5 "$work/err")"
	done
}

drop() {
	local name
	[ "$held" != 0 ] || return 0
	for name in "${names[@]}"; do
		"$work/bin/drive" -n "$held" -j 2 drop "$work" "$name=$work/bin/$name" >/dev/null 2>&1 || warn "$name left containers behind"
	done
	held=0
}

# ---- the parts ------------------------------------------------------------------------------------------------------

one_at_a_time() {
	local part
	for part in run lifecycle verbs exec state; do
		wants $part || continue
		case $part in
		run)
			measure plain 1 $((ROUNDS * 2)) run floor "${names[@]}"
			measure plain 1 "$ROUNDS" run-private "${names[@]}"
			;;
		exec | state) hold 1 && measure plain 1 $((ROUNDS * 2)) $part "${names[@]}" ;;
		*) measure plain 1 "$ROUNDS" $part "${names[@]}" ;;
		esac
	done
	! wants version || measure plain 1 $((ROUNDS * 2)) version empty "${names[@]}"
}

now_and_then() {
	local what
	for what in run run-private; do
		pause=50 measure spaced 1 $((ROUNDS / 2)) $what floor "${names[@]}"
	done
}

many_at_a_time() {
	local what count
	hold 1
	for what in run lifecycle exec; do
		for count in 2 16 50; do
			case $what in
			run) measure plain $count $((ROUNDS / (2 + count / 5))) run floor "${names[@]}" ;;
			*) measure plain $count $((ROUNDS / (2 + count / 5))) $what "${names[@]}" ;;
			esac
		done
	done
}

pods() {
	measure plain 1 $((ROUNDS / 2)) pod "${names[@]}"
	measure plain 16 $((ROUNDS / 10)) pod "${names[@]}"
}

# The mounts are in the mount namespace that the runtimes begin in, as those of other containers are on a node.
many_mounts() {
	local count what i=0
	hold 1
	mkdir -p "$work/host"
	mount -t tmpfs none "$work/host"
	for count in 0 500 2000; do
		for (( ; i < count; i++)); do
			mkdir "$work/host/$i"
			mount --bind "$work/bundle/rootfs/etc" "$work/host/$i"
		done
		for what in run exec state; do
			measure "$count-mounts" 1 $((ROUNDS / 3)) $what "${names[@]}"
		done
	done
	umount --lazy "$work/host"
}

many_containers() {
	local count
	for count in ${CROWDS:-100 1000}; do
		hold "$count"
		measure "$count-containers" 1 $((ROUNDS / 3)) run "${names[@]}"
		measure "$count-containers" 1 $((ROUNDS / 3)) state "${names[@]}"
		measure "$count-containers" 1 $((ROUNDS / 4)) list "${names[@]}"
	done
}

# Where the stage's time goes and where it waits for rung: a table in WORK/trace.md. The order of two runs is that of the lines.
trace() {
	local i
	echo "$view: rung --trace" >&2
	for ((i = 0; i < ROUNDS; i++)); do
		"$work/bin/rung" --root "$work/state/rung/root" --trace run --bundle "$work/bundle" bench </dev/null 2>&1
	done | awk -f "$repo/bench/trace.awk" -v view="$view" -v most=14 >>"$work/trace.md"
}

enter_view "$view"
make_state "$work"
leave_out_unusable
trap drop EXIT
one_at_a_time
! wants spaced || now_and_then
! wants load || many_at_a_time
! wants trace || trace
! wants pods || pods
! wants host || many_mounts
! wants present || many_containers
