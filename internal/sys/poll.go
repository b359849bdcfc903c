package sys

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Readable reports whether a read of the socket would not wait.
func Readable(sock *os.File) bool {
	fds := []unix.PollFd{{Fd: int32(sock.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n > 0 || err != nil
}

// WaitReadable waits for at most timeout milliseconds (-1: for ever), or until ctx ends, and returns the index of the
// first file that can be read without waiting or is at its end; -1 if there is none.
func WaitReadable(ctx context.Context, timeout int, files ...*os.File) (int, error) {
	fds := make([]unix.PollFd, len(files))
	for i, f := range files {
		fds[i] = unix.PollFd{Fd: int32(f.Fd()), Events: unix.POLLIN}
	}
	wake, err := NewWaker(ctx)
	if err != nil {
		return -1, err
	}
	defer wake.Close()
	fds = wake.with(fds...)
	end := time.Now().Add(time.Duration(timeout) * time.Millisecond)
	for {
		left := timeout
		if timeout >= 0 {
			left = max(0, int(time.Until(end)/time.Millisecond))
		}
		_, err := unix.Poll(fds, left)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, os.NewSyscallError("poll", err)
		}
		for i := range files {
			if fds[i].Revents != 0 {
				return i, nil
			}
		}
		return -1, nil
	}
}

// MonotonicNanoseconds is the time of CLOCK_MONOTONIC, in which the stage stores its times; 0 if a filter denies it.
func MonotonicNanoseconds() uint64 {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return 0
	}
	return uint64(now.Nano())
}
