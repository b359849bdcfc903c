package nsenter

// #include "early.h"
import "C"

import "os"

// ForgetSettings removes the setting of the Go runtime from the environment that was put there before it started
// (settings.c). main calls it first, so that no other program gets it.
func ForgetSettings() {
	if C.rung_set_processors != 0 {
		os.Unsetenv("GOMAXPROCS")
	}
}

// StartMonitor starts the monitor of the Go runtime, which begins late (settings.c). It is called before several goroutines work of
// which one may be in a system call for long: with one processor the others do not run until the monitor has seen that.
func StartMonitor() { C.rung_start_monitor() }
