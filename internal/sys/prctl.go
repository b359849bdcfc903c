package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// KeepOwnRights clears the user bits of the umask, so that rung can use the files that it makes. umask(2) fails only if a
// filter denies it.
func KeepOwnRights() error {
	mask := unix.Umask(0o077)
	if mask < 0 || unix.Umask(mask&^0o700) < 0 {
		return errors.New("umask: a seccomp filter that rung itself runs under denies it")
	}
	return nil
}

// SetSubreaper makes this process the parent of orphaned descendants (prctl(2)).
func SetSubreaper() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}
