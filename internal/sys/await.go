package sys

import (
	"context"
	"os"

	"golang.org/x/sys/unix"
)

// AwaitReadable waits until a file is readable: a pidfd, when its process has ended. If ctx ends
// before, the result is the error of ctx.
func AwaitReadable(ctx context.Context, file *os.File) error {
	wake, err := NewWaker(ctx)
	if err != nil {
		return err
	}
	defer wake.Close()
	for ctx.Err() == nil {
		fds := wake.with(unix.PollFd{Fd: int32(file.Fd()), Events: unix.POLLIN})
		if _, err := unix.Ppoll(fds, nil, nil); err != nil && err != unix.EINTR {
			return os.NewSyscallError("ppoll", err)
		}
		if fds[0].Revents != 0 {
			return nil
		}
	}
	return ctx.Err()
}

// Waker ends a wait for descriptors when a context ends. A nil Waker never does.
type Waker struct {
	event int // eventfd
	stop  func() bool
}

// NewWaker returns the Waker of a context: nil if the context never ends. The caller closes it.
func NewWaker(ctx context.Context) (*Waker, error) {
	if ctx.Done() == nil {
		return nil, nil
	}
	event, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("eventfd2", err)
	}
	rung := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(rung)
		_, _ = unix.Write(event, []byte{1, 0, 0, 0, 0, 0, 0, 1}) // not zero in either byte order
	})
	return &Waker{event, func() bool {
		if !stop() {
			<-rung // the eventfd must not be closed before it was written to
		}
		return true
	}}, nil
}

// with adds the Waker's descriptor to those that are waited for.
func (w *Waker) with(fds ...unix.PollFd) []unix.PollFd {
	if w == nil {
		return fds
	}
	return append(fds, unix.PollFd{Fd: int32(w.event), Events: unix.POLLIN})
}

// Close ends the Waker.
func (w *Waker) Close() {
	if w != nil {
		w.stop()
		unix.Close(w.event)
	}
}
