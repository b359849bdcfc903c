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

// NamespaceKind returns the CLONE_NEW* flag of an open namespace (ioctl_ns(2), NS_GET_NSTYPE, Linux 4.11). The error is a
// syscall.Errno: ENOTTY of a file that is no namespace.
func NamespaceKind(file *os.File) (uint64, error) {
	const getType = 0xb703 // NS_GET_NSTYPE
	kind, err := unix.IoctlRetInt(int(file.Fd()), getType)
	return uint64(kind), err
}
