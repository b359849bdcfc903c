package sys

import (
	"fmt"
	"os"
	"sync"
)

// CheckProc returns an error if /proc is a proc file system of another PID namespace than this process's, as in the program of
// unshare --pid without a new /proc: /proc/PID is then another process than that of kill(2). It asks the kernel once.
var CheckProc = sync.OnceValue(func() error {
	self, err := os.Readlink("/proc/self")
	if self == itoa(os.Getpid()) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("the proc file system at /proc is of another PID namespace: there rung is process %s, and by getpid(2) %d", self, os.Getpid())
	}
	return nil // no proc file system, or one that does not know rung: InUserNamespace tells it
})
