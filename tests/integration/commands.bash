# shellcheck shell=bash
# What only the tests of the commands share; load it after helpers.

# A process that is gone, or only waits to be reaped.
dead() { # PID
	! grep -qs '^State:.[^ZX]' "/proc/$1/status"
}
