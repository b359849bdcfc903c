package main

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// stderr is the standard error of rung. A reader that has gone is an error of the write. With os.Stderr Go ends the program
// then, and a container would run on without its rung.
var stderr io.Writer = standardError{}

type standardError struct{}

// Write waits for room if the file does not block, as os.File does.
func (standardError) Write(p []byte) (written int, err error) {
	for written < len(p) {
		n, err := unix.Write(syscall.Stderr, p[written:])
		written += max(n, 0)
		switch {
		case err == nil || errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(syscall.Stderr), Events: unix.POLLOUT}}, -1)
		default:
			return written, fmt.Errorf("write to standard error: %w", err)
		}
	}
	return written, nil
}
