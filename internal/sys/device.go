package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Mknodat makes a file of a type and mode, whatever the umask is, and gives it to its owner.
func Mknodat(dir *os.File, name string, mode uint32, device uint64, uid, gid int) error {
	fd := int(dir.Fd())
	err := unix.Mknodat(fd, name, mode, int(device))
	if err == nil {
		err = unix.Fchownat(fd, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
	}
	if err == nil {
		err = unix.Fchmodat(fd, name, mode&0o7777, 0)
	}
	return os.NewSyscallError("mknodat", err)
}

// AllowDevices lets the devices of a detached mount be opened: /run is often mounted nodev.
func AllowDevices(tree *os.File) error {
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NODEV}
	return os.NewSyscallError("mount_setattr", unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &attr))
}
