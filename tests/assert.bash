# shellcheck shell=bash
# shellcheck disable=SC2154 # `run` sets output
# Assertions about output, for all bats tests.

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# The output of the last `run`, or of the case, must be exactly TEXT.
says() { # TEXT
	[ "$output" = "$1" ] || fail "expected: $1"$'\n'"got: $output"
}

# The output must contain every TEXT.
mentions() { # TEXT...
	local text
	for text; do
		[[ $output == *"$text"* ]] || fail "no '$text' in: $output"
	done
}
