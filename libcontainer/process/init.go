// Package process signals, watches and limits processes by their PIDs. A PID alone names no
// process for long: the kernel gives it to another one when the first has ended. So a container's
// first process is known by its start time too, and a signal goes through a pidfd.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

// ErrNotRunning is the error of an operation on a container whose init has ended.
var ErrNotRunning = errors.New("container not running")

// NotRunning is ErrNotRunning for errors.Is, in the words that runc has for it elsewhere.
type NotRunning string

func (e NotRunning) Error() string { return string(e) }

// Is reports whether the target is ErrNotRunning.
func (e NotRunning) Is(target error) bool { return target == ErrNotRunning }

// HasStopped is ErrNotRunning of a start, in runc's words.
const HasStopped NotRunning = "cannot start a container that has stopped"

// endTimeout is how long Kill waits for a killed process.
const endTimeout = 10 * time.Second

// Init is the first process of a container.
type Init struct {
	Container string // the container's id, for messages
	Pid       int    // 0 until the process exists
	StartTime uint64 // in clock ticks since boot
}

// Alive reports whether the process is there and no zombie. After an error the answer is not
// known: a caller must not take it for "stopped", because it deletes containers that have stopped.
func (i Init) Alive() (bool, error) {
	if i.Pid == 0 {
		return false, nil
	}
	stat, err := sys.ReadProcessStat(i.Pid)
	if err != nil {
		if sys.Ended(i.Pid, err) {
			return false, nil
		}
		return false, fmt.Errorf("is process %d of container %s alive: %w", i.Pid, i.Container, err)
	}
	return stat.StartTime == i.StartTime && stat.State != 'Z' && stat.State != 'X', nil
}

// Signal sends a signal. The error is ErrNotRunning if the process has ended.
func (i Init) Signal(sig syscall.Signal) error {
	if i.Pid == 0 {
		return ErrNotRunning
	}
	pidfd, err := sys.PidfdOpen(i.Pid)
	if sys.Ended(i.Pid, err) {
		return ErrNotRunning
	}
	if err != nil {
		return cmp.Or(sys.CheckProc(), err)
	}
	defer pidfd.Close()
	// After the open: if the PID is another process's by now, then the pidfd is of that process.
	alive, err := i.Alive()
	if err != nil {
		return err
	}
	if !alive {
		return ErrNotRunning
	}
	err = sys.PidfdSignal(pidfd, sig)
	if errors.Is(err, syscall.ESRCH) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send signal %d to the container's init: %w", int(sig), err)
	}
	return nil
}

// Kill sends SIGKILL and waits until the process has ended. thaw is called in between: a process
// in a frozen v1 cgroup does not die. It is no error if the process has ended before.
func (i Init) Kill(ctx context.Context, thaw func()) error {
	pidfd, err := sys.PidfdOpen(i.Pid)
	if err != nil {
		return i.unlessEnded(err)
	}
	defer pidfd.Close()
	if err := i.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	thaw()
	ended, err := i.awaitEnd(ctx, pidfd)
	if err == nil && !ended {
		return errors.New("container init still running")
	}
	return err
}

// AwaitEnding waits for the end of a process that has been killed, or that is exiting, and reports
// whether it has ended. It does not wait for any other process. The kernel takes a moment for the
// end, and a caller that kills and deletes has nothing else to wait for.
func (i Init) AwaitEnding(ctx context.Context) (bool, error) {
	pidfd, err := sys.PidfdOpen(i.Pid)
	if err != nil {
		return sys.Ended(i.Pid, err), i.unlessEnded(err)
	}
	defer pidfd.Close()
	for look := range endingLooks {
		if look > 0 {
			time.Sleep(endingPause)
		}
		killed, errKilled := sys.Killed(i.Pid) // before the stat: what is no more in the set is in the flags, or soon
		stat, err := sys.ReadProcessStat(i.Pid)
		switch err = cmp.Or(err, errKilled); {
		case err != nil:
			return sys.Ended(i.Pid, err), i.unlessEnded(err)
		case stat.StartTime != i.StartTime:
			return true, nil
		case killed || stat.Exiting:
			return i.awaitEnd(ctx, pidfd)
		}
	}
	return false, nil
}

// After cgroup.kill there is a moment in which nothing tells that the process is ending, so AwaitEnding looks more than once.
const (
	endingLooks = 3
	endingPause = time.Millisecond
)

// awaitEnd waits for the end of the process, and reports whether it came in time.
func (i Init) awaitEnd(ctx context.Context, pidfd *os.File) (bool, error) {
	limited, done := context.WithTimeout(ctx, endTimeout)
	defer done()
	err := sys.AwaitReadable(limited, pidfd)
	switch {
	case ctx.Err() != nil && err != nil:
		return false, waits.Ended(ctx, fmt.Sprintf("the end of process %d", i.Pid))
	case errors.Is(err, context.DeadlineExceeded):
		return false, nil
	}
	return err == nil, err
}

// OrStopped returns the error of an operation on the container, or stopped if the process has ended meanwhile, or is ending:
// then that is why, whatever the operation met.
func (i Init) OrStopped(err, stopped error) error {
	if err == nil || i.Pid == 0 || errors.Is(err, ErrNotRunning) || errors.Is(err, context.Canceled) {
		return err
	}
	if ended, errEnd := i.AwaitEnding(context.Background()); errEnd != nil || !ended {
		return err
	}
	return stopped
}

// unlessEnded returns err, or nil if the process has ended.
func (i Init) unlessEnded(err error) error {
	if sys.Ended(i.Pid, err) {
		return nil
	}
	return cmp.Or(sys.CheckProc(), err)
}
