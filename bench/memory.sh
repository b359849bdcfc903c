#!/usr/bin/env bash
# Measures the memory of the runtimes and the smallest limit that a container starts with, and prints a table in Markdown.
# bench.sh runs it in a mount namespace of its own, with the cgroup view that the machine has.
#
#   memory.sh VIEW WORK memory|limit...
set -euo pipefail

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/lib.sh"
# shellcheck source=bench/lib.sh
. "$repo/bench/lib.sh"

view=$1 work=$2
shift 2
parts=" $* "

runtime() { # NAME WORD...: executes a command of a runtime
	local name=$1
	shift
	"$work/bin/$name" --root "$work/state/$name/root" "$@" </dev/null >/dev/null 2>&1
}

# Prints the largest resident set of any process of a command, in KiB: the median of nine runs.
peak_rss() { # COMMAND...
	local i
	for i in 1 2 3 4 5 6 7 8 9; do
		/usr/bin/time --format %M --output "$work/rss" "$@" >/dev/null 2>&1 </dev/null || die "$*: failed"
		cat "$work/rss"
	done | sort -n | sed -n 5p
}

# Prints the peak of the memory that the kernel has charged to a container when it waits for start, in KiB.
charged() { # NAME
	local pid file peak
	runtime "$1" create --pid-file "$work/pid" --bundle "$work/limited" bench || die "$1 create failed"
	pid=$(cat "$work/pid")
	file=$(sed -n 's#^[0-9]*:memory:\(.*\)#/sys/fs/cgroup/memory\1/memory.max_usage_in_bytes#p' "/proc/$pid/cgroup")
	[ -n "$file" ] || file=$(sed -n 's#^0::\(.*\)#/sys/fs/cgroup\1/memory.peak#p' "/proc/$pid/cgroup")
	peak=$(cat "$file" 2>/dev/null || echo 0)
	runtime "$1" delete --force bench
	if [ "$peak" = 0 ]; then echo '?'; else echo $((peak / 1024)); fi
}

starts_within() { # NAME KIB: whether five of five runs succeed
	local i
	derive "$work" limited ".linux.resources.memory.limit = $2 * 1024"
	for i in 1 2 3 4 5; do
		timeout 10 "$work/bin/$1" --root "$work/state/$1/root" run --bundle "$work/limited" "limit$i" >/dev/null 2>&1 </dev/null || {
			runtime "$1" delete --force "limit$i" || true
			return 1
		}
	done
}

# Prints the smallest memory limit. It bisects between 64 KiB and 32 MiB in pages of 4 KiB.
smallest_limit() { # NAME
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

measure() { # NAME
	local root=$work/state/$1/root charge=- rss=- exec_rss=- limit=-
	echo "$view: the memory of $1" >&2
	if [[ $parts == *" memory "* ]]; then
		derive "$work" limited .
		runtime "$1" run --detach --bundle "$work/held" held || die "$1 can not start the container to exec into"
		rss=$(peak_rss "$work/bin/$1" --root "$root" run --bundle "$work/bundle" bench)
		exec_rss=$(peak_rss "$work/bin/$1" --root "$root" exec held /bin/true)
		charge=$(charged "$1")
		runtime "$1" delete --force held
	fi
	[[ $parts != *" limit "* ]] || limit=$(smallest_limit "$1")
	printf '| %s | %s | %s | %s | %s | %s |\n' "$1" "$rss" "$exec_rss" "$charge" "$limit" \
		$(($(stat -Lc %s "$work/bin/$1") / 1024))
}

enter_view "$view"
make_state "$work"
for name in "${names[@]}"; do
	measure "$name"
done
