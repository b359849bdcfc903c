package process

import (
	"context"
	"errors"
	"os"
	"syscall"

	"rung/internal/sys"
)

// Child is a process that this program started in a container. It is a child of this program, which
// has to reap it: by Wait, or in its own way (wait4(2)). A Child is not safe for use by several
// goroutines at a time.
type Child struct {
	Pid int // in this program's PID namespace

	pidfd *os.File
}

// Pidfd returns a descriptor of the process (pidfd_open(2)), which belongs to the Child. It is
// opened by the first call, which must come before the process is reaped.
func (c *Child) Pidfd() (*os.File, error) {
	if c.pidfd != nil {
		return c.pidfd, nil
	}
	pidfd, err := sys.PidfdOpen(c.Pid)
	if err == nil {
		c.pidfd = pidfd
	}
	return pidfd, err
}

// Signal sends a signal. The error is ErrNotRunning if the process has ended.
func (c *Child) Signal(sig syscall.Signal) error {
	pidfd, err := c.Pidfd()
	if err == nil {
		err = sys.PidfdSignal(pidfd, sig)
	}
	if errors.Is(err, syscall.ESRCH) {
		return ErrNotRunning
	}
	return err
}

// Wait waits until the process has ended, reaps it, and returns its status. If ctx ends before, Wait
// returns the error of ctx, and the process runs on.
func (c *Child) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	if ctx.Done() != nil {
		pidfd, err := c.Pidfd()
		if err != nil {
			return 0, err
		}
		if err := sys.AwaitReadable(ctx, pidfd); err != nil {
			return 0, err
		}
	}
	return sys.Wait(c.Pid)
}

// Close closes the descriptor that Pidfd has opened. The process runs on.
func (c *Child) Close() {
	if c.pidfd != nil {
		c.pidfd.Close()
		c.pidfd = nil
	}
}
