package sys

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Inherited reports whether this program inherited a descriptor and would pass it on: it is open
// and not close-on-exec. Every descriptor that Go opens is close-on-exec.
func Inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}

// LastInherited returns the highest descriptor below limit that this program inherited, 0 if it inherited none from 3 on.
func LastInherited(limit int) (last int, err error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && n > max(last, 2) && n < limit && Inherited(n) {
			last = n
		}
	}
	return last, nil
}

// Writable reports whether a descriptor can be written to. It also makes the descriptor
// close-on-exec, so that the programs that rung spawns do not get it.
func Writable(fd int) (bool, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return false, os.NewSyscallError("fcntl", err)
	}
	unix.CloseOnExec(fd)
	return flags&unix.O_ACCMODE != unix.O_RDONLY, nil
}

// WriteZero writes one zero byte to a descriptor and closes it.
func WriteZero(fd int) error {
	_, err := unix.Write(fd, []byte{0})
	unix.Close(fd)
	return os.NewSyscallError("write", err)
}
