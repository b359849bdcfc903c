package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// PidfdOpen returns a descriptor of a process (Linux 5.3).
func PidfdOpen(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, refused("pidfd_open", err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// PidfdSignal sends a signal to the process of a pidfd.
func PidfdSignal(pidfd *os.File, sig syscall.Signal) error {
	return refused("pidfd_send_signal", unix.PidfdSendSignal(int(pidfd.Fd()), sig, nil, 0))
}

// PidfdWait waits until the process of a pidfd has ended, at most timeout milliseconds
// (-1: for ever), and reports whether it has.
func PidfdWait(pidfd *os.File, timeout int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, timeout)
		if err == unix.EINTR {
			continue
		}
		return n > 0, os.NewSyscallError("poll", err)
	}
}

// CopyFD returns a copy of descriptor fd of another process (pidfd_getfd(2), Linux 5.6). It
// needs the right to trace that process.
func CopyFD(pid, fd int) (*os.File, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, refused("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	copied, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return nil, refused("pidfd_getfd", err)
	}
	return os.NewFile(uintptr(copied), "copy"), nil
}
