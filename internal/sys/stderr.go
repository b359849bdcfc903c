package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// StandardError is the standard error of this program. A reader that has gone is an error of the write. With os.Stderr Go ends
// the program then, and a container would run on without its rung.
type StandardError struct{}

// Write waits for room if the file does not block, as os.File does.
func (StandardError) Write(p []byte) (written int, err error) {
	const stderr = 2
	for written < len(p) {
		n, err := unix.Write(stderr, p[written:])
		written += max(n, 0)
		switch err { //nolint:errorlint // of write(2) itself
		case nil, unix.EINTR:
		case unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: stderr, Events: unix.POLLOUT}}, -1)
		default:
			return written, &os.PathError{Op: "write", Path: "standard error", Err: err}
		}
	}
	return written, nil
}
