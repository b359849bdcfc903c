#!/usr/bin/env bats
# What bats reports of a test that fails: helpers.bash has it trace the test and nothing else.

load helpers

# Runs a test of these lines, which must fail.
failing() { # LINE...
	printf '%s\n' "load '$RUNG_SOURCE/tests/integration/helpers'" '@test "fails" {' "$@" '}' >fails.bats
	run -1 env -i PATH="$PATH" RUNG="$RUNG" RUNG_SOURCE="$RUNG_SOURCE" RUNG_TEST_COMMANDS="$RUNG_TEST_COMMANDS" \
		"$BATS_ROOT/bin/bats" --formatter tap fails.bats
}

# bats test_tags=user
@test "the line where a helper fails" {
	failing 'output=one' 'says one' 'says two' 'true'
	mentions '(in test file fails.bats, line 5)' "says two' failed"
}

# bats test_tags=user
@test "the line of a command that fails" {
	failing 'true' '[ 1 = 2 ]' 'true'
	mentions '(in test file fails.bats, line 4)' "[ 1 = 2 ]' failed"
}
