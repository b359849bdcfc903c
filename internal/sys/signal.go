package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// SignalName returns the name of a signal, such as "SIGTERM".
func SignalName(s syscall.Signal) string { return unix.SignalName(s) }

// SignalNumber returns the signal with a name such as "SIGTERM"; 0 if there is none.
func SignalNumber(name string) syscall.Signal { return unix.SignalNum(name) }

// KillGroup sends SIGKILL to all processes of the process group pgid. It returns
// nil if the group has no processes any more.
func KillGroup(pgid int) error {
	if err := unix.Kill(-pgid, unix.SIGKILL); err != unix.ESRCH {
		return err
	}
	return nil
}

// SignalPipe returns a pipe that a signal handler can write to without waiting. The ends are
// numbers, because an os.File would be registered with Go's poller.
func SignalPipe() (r, w int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, os.NewSyscallError("pipe2", err)
	}
	return fds[0], fds[1], os.NewSyscallError("fcntl", unix.SetNonblock(fds[1], true))
}

// ErrnoSymbol returns the symbol of an errno, such as "ENOENT".
func ErrnoSymbol(errno syscall.Errno) string { return unix.ErrnoName(errno) }
