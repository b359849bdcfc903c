package sys

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Ring wakes the process that waits for an eventfd (eventfd(2)), if possible on another processor.
func Ring(wakeup *os.File) {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(int(wakeup.Fd()), one[:])
}
