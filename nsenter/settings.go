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
