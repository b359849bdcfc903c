#!/usr/bin/env bats
# The report of bats for a failed test: helpers.bash makes bats trace only the test itself.

load helpers

# Runs a test with these lines. It must fail.
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
