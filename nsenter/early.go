package nsenter

// #include "early.h"
import "C"

// Early returns the process, the socket and the eventfd of the hands that were spawned before the Go
// runtime started, for libcontainer.UseEarlyHands; pid is 0 where there are none.
func Early() (pid, sync, bell int) {
	return int(C.rung_early_pid), int(C.rung_early_sync), int(C.rung_early_bell)
}
