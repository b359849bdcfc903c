package sys

import (
	"fmt"
	"os"
	"sync/atomic"
)

// ownProc is set when CheckProc has found nothing wrong: a list of 1 000 containers asks 1 000 times.
var ownProc atomic.Bool

// CheckProc returns an error if /proc is a proc file system of another PID namespace than this process's, as in the program of
// unshare --pid without a new /proc: /proc/PID is then another process than that of kill(2).
func CheckProc() error {
	if ownProc.Load() {
		return nil
	}
	self, err := os.Readlink("/proc/self")
	if err == nil && self != itoa(os.Getpid()) {
		return fmt.Errorf("the proc file system at /proc is of another PID namespace: there rung is process %s, and by getpid(2) %d", self, os.Getpid())
	}
	ownProc.Store(true) // also if there is no proc file system, or one that does not know rung: InUserNamespace tells it
	return nil
}
