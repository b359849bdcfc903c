#!/usr/bin/env bash
# Runs bats on one file after the other, each in a session of its own, with TAP on stdout and a line for each file on stderr. A
# file that has not ended after BATS_FILE_SECONDS (default 900) is a failure that names its last test and prints the processes
# of the machine, so that a test that hangs is seen and does not hold up the others.
#
#   bats-files.sh [OPTION OF BATS]... FILE.bats...
set -uo pipefail

: "${BATS_FILE_SECONDS:=900}"
options=() files=()
for word; do
	if [[ $word = *.bats ]]; then files+=("$word"); else options+=("$word"); fi
done
output=$(mktemp) running='' watch=''
trap 'rm -f "$output"' EXIT
trap '[ -z "$running" ] || kill -- "-$running" "$watch"; exit 143' INT TERM

# bash starts a background command with SIGINT ignored, and so may the caller have started this script. Tests interrupt rung.
start() { # FILE
	env --default-signal setsid bats --formatter tap "${options[@]}" "$1" >"$output" 2>&1 </dev/null &
	running=$!
	(
		trap 'kill "$sleep"; exit' TERM
		sleep "$BATS_FILE_SECONDS" &
		sleep=$!
		wait "$sleep"
		echo "$1 did not end in $BATS_FILE_SECONDS s" >>"$output.late"
		ps -eo pid,ppid,stat,wchan:24,etimes,args --forest >&2
		kill -- "-$running"
		sleep 5
		kill -KILL -- "-$running"
	) &
	watch=$!
}

failed=0
for file in "${files[@]}"; do
	started=$SECONDS
	start "$file"
	wait "$running"
	status=$?
	pid=$running running=''
	kill "$watch" 2>/dev/null
	wait "$watch" 2>/dev/null
	cat "$output"
	if [ -e "$output.late" ]; then
		kill -KILL -- "-$pid" 2>/dev/null
		printf 'not ok 0 %s, after: %s\n' "$(cat "$output.late")" "$(grep -E '^(not )?ok ' "$output" | tail -n 1)"
		rm -f "$output.late"
	fi
	[ $status = 0 ] || failed=1
	printf '%s: %d tests, %d failed, %d s\n' "$file" "$(grep -cE '^(not )?ok ' "$output")" "$(grep -c '^not ok ' "$output")" \
		$((SECONDS - started)) >&2
done
exit $failed
