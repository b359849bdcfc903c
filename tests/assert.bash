# shellcheck shell=bash
# shellcheck disable=SC2154 # `run` sets output
# What a test may say of an output, of every kind of bats tests.

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# The output of the last `run`, or of the case, is exactly this.
says() { # TEXT
	[ "$output" = "$1" ] || fail "expected: $1"$'\n'"got: $output"
}

# It has all of these.
mentions() { # TEXT...
	local text
	for text; do
		[[ $output == *"$text"* ]] || fail "no '$text' in: $output"
	done
}
