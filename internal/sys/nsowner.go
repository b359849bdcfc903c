package sys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// OwnedBy reports whether the namespace at a path belongs to the user namespace at another path (ioctl_ns(2), NS_GET_USERNS,
// Linux 4.9). A namespace whose owner this process may not see belongs to another.
func OwnedBy(namespace, user string) (bool, error) {
	const getUserNS = 0xb701 // NS_GET_USERNS
	file, err := OpenForReading(namespace)
	if err != nil {
		return false, err
	}
	defer file.Close()
	fd, err := unix.IoctlRetInt(int(file.Fd()), getUserNS)
	if errors.Is(err, unix.EPERM) {
		return false, nil
	}
	if err != nil {
		return false, os.NewSyscallError("ioctl NS_GET_USERNS", err)
	}
	defer unix.Close(fd)
	var owner, wanted unix.Stat_t
	if err := unix.Fstat(fd, &owner); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	if err := unix.Stat(user, &wanted); err != nil {
		return false, &os.PathError{Op: "stat", Path: user, Err: err}
	}
	return owner.Dev == wanted.Dev && owner.Ino == wanted.Ino, nil
}
