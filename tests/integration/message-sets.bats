#!/usr/bin/env bats
# What rung says about 50 mistakes, and on hosts that lack something: the tables of tests/messages. The broken configurations are in
# bad-input.bats, and hosts that deny calls in blocked-calls.bats. "make messages" runs all of them beside runc and crun.

load helpers

setup() {
	needs_root
	RESULTS=$BATS_TEST_TMPDIR/results
	mkdir "$RESULTS"
}

teardown() {
	:
}

# tried COUNT TABLE [REGEX]: makes the mistakes of a table. Each message must name the cause and the cure and what the row says, tell
# nothing of the program's inside, and leave nothing behind.
tried() {
	"$RUNG_SOURCE/tests/messages/try.sh" --only "${3:-.}" "$RESULTS" "$2" "rung=$RUNG" 3>&-
	run "$RUNG_SOURCE/tests/messages/judge.sh" "$RESULTS" "$2" rung
	[ "$status" -eq 0 ] || fail "$output"
	[ "$(grep -c "^$2	" <<<"$output")" -eq "$1" ] || fail "not $1 cases: $output"
	local bad
	bad=$(awk -F '\t' '$1 == "wrong" || $4 == "no" || $5 == "no" || $6 != "-" || $7 != "-"' <<<"$output")
	[ -z "$bad" ] || fail "$bad"
}

@test "messages: 50 mistakes by hand" {
	tried 50 mistakes
}

@test "messages: a full or read-only state directory, an empty or incomplete root file system" {
	tried 4 hosts '^(state|root (empty|incomplete))'
}

@test "messages: a root without capabilities, and limits of namespaces" {
	tried 5 hosts '^(capability|namespaces) '
}

@test "messages: a proc file system that is covered or of others, calls that engines deny, and a controller that is not there" {
	needs_v1_controller memory
	tried 5 hosts '^(proc (covered|foreign)|setns|pivot_root|cgroup no-memory)'
}

@test "messages: the judge notices a cause, a cure and a text that are missing, the inside, and leftovers" {
	local dir=$RESULTS/mistakes/'no id'/rung
	mkdir -p "$dir"
	echo 1 >"$dir/status"
	echo ID >"$dir/left"
	echo 'panic: main.go:7' >"$dir/said"
	run -0 "$RUNG_SOURCE/tests/messages/judge.sh" "$RESULTS" mistakes rung
	[ "${lines[0]}" = $'mistakes\tno id\trung\tno\tno\tpanic: \tID\tpanic: main.go:7' ] || fail "$output"
	[[ ${lines[1]} == $'wrong\tno id\tdoes not say: '* ]]
	echo 0 >"$dir/status"
	run -0 "$RUNG_SOURCE/tests/messages/judge.sh" "$RESULTS" mistakes rung
	[[ ${lines[0]} == *$'\tworks\tworks\t'* && ${lines[1]} == *'is no error' ]]
}
