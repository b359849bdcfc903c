package sys

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FDPath returns the path of an open descriptor in /proc/self/fd. It is valid in this process only.
func FDPath(file *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(file.Fd())) }

// Option is one parameter of a file system; without a value it is a flag.
type Option struct{ Key, Value string }

// CloneTree returns a detached clone of the mount at path (open_tree(2)). With recursive it clones
// the mounts below too.
func CloneTree(path string, recursive bool) (*os.File, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, flags)
	if err != nil {
		return nil, withCause("open_tree", &os.PathError{Op: "open_tree", Path: path, Err: err})
	}
	return os.NewFile(uintptr(fd), path), nil
}

// MountID returns the id of the mount that a descriptor is on. It is unique until the next boot;
// before Linux 6.8 a later mount may get the same id (statx(2), STATX_MNT_ID_UNIQUE).
func MountID(file *os.File) (string, error) {
	const unique = 0x4000 // STATX_MNT_ID_UNIQUE
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID|unique, &st); err != nil {
		return "", refused("statx", err)
	}
	return strconv.FormatUint(st.Mnt_id, 10), nil
}

// Detach unmounts the mount at path with the mounts below it, even if it is in use (umount2(2),
// MNT_DETACH). It does not follow a link at path.
func Detach(path string) error {
	return os.NewSyscallError("umount2", unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
}

// SelinuxEnabled reports whether SELinux is enabled and has a policy: without a policy the label of
// every process is "kernel".
func SelinuxEnabled() (bool, error) {
	magic, err := FsMagic("/sys/fs/selinux")
	if err != nil || uint32(magic) != unix.SELINUX_MAGIC {
		return false, UnlessAbsent(err)
	}
	current, err := ReadSmall("/proc/self/attr/current")
	return err == nil && strings.TrimRight(current, "\x00\n") != "kernel", UnlessAbsent(err)
}

// AppArmorEnabled reports whether AppArmor is enabled (its module parameter).
func AppArmorEnabled() (bool, error) {
	text, err := ReadSmall("/sys/module/apparmor/parameters/enabled")
	return strings.HasPrefix(text, "Y"), UnlessAbsent(err)
}
