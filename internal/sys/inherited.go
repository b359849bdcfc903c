package sys

import "golang.org/x/sys/unix"

// Inherited reports whether a descriptor was open when this program started and is to pass
// on: everything that Go opens itself is close-on-exec.
func Inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}
