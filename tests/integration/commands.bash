# shellcheck shell=bash
# What only the tests of the commands share; load it after helpers.

# The names of all commands, from the help.
commands_of_help() {
	"$RUNG" --help | sed -n '/^COMMANDS:/,/^$/s/^   \([a-z]\+\).*/\1/p' | grep -v '^help$'
}

# A process that is gone, or only waits to be reaped.
dead() { # PID
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}
