package nsenter

// #include "early.h"
import "C"

// Early returns the process, the socket and the eventfd of the stage that was spawned before the Go
// runtime started, for launch.Launcher.UseEarly. pid is 0 if there is none.
func Early() (pid, sync, wakeup int) {
	return int(C.rung_early_pid), int(C.rung_early_sync), int(C.rung_early_wakeup)
}
