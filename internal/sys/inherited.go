package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Inherited reports whether a descriptor was open when this program started and is to pass
// on: everything that Go opens itself is close-on-exec.
func Inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}

// Writable reports whether a descriptor of the caller's can be written to; the programs that
// this one spawns do not get it.
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
