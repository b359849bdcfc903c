package sys

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Mkdev returns the number of a device node.
func Mkdev(major, minor uint32) uint64 { return unix.Mkdev(major, minor) }

// DeviceNumbers returns the major and the minor number of a device.
func DeviceNumbers(device uint64) (major, minor uint32) {
	return unix.Major(device), unix.Minor(device)
}

// Mknodat makes a file of a type and mode in dir and gives it to uid and gid. The umask has no effect.
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

// AllowDevices clears nodev of a detached mount, so that its devices can be opened: /run is often
// mounted nodev.
func AllowDevices(tree *os.File) error {
	attr := unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_NODEV}
	return refused("mount_setattr", unix.MountSetattr(int(tree.Fd()), "", unix.AT_EMPTY_PATH, &attr))
}

// IsNull reports whether a file is the null device (Documentation/admin-guide/devices.txt).
func IsNull(st *syscall.Stat_t) bool {
	return st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
}
