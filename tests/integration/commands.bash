# shellcheck shell=bash
# Functions for the tests of the commands. Load this file after helpers.

# Prints the names of all commands in the help.
commands_of_help() {
	"$RUNG" --help | sed -n '/^COMMANDS:/,/^$/s/^   \([a-z]\+\).*/\1/p' | grep -v '^help$'
}

# Whether a process has ended. It may still wait to be reaped.
dead() { # PID
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}
