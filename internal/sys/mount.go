package sys

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FDPath names an open descriptor by a path of this process.
func FDPath(file *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(file.Fd())) }

// Option is one parameter of a file system; without a value it is a flag.
type Option struct{ Key, Value string }

// NewMount makes a detached mount of a new file system (fsopen(2), Linux 5.2).
func NewMount(fstype string, attrs int, options ...Option) (*os.File, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("fsopen "+fstype, err)
	}
	defer unix.Close(fs)
	for _, o := range options {
		if o.Value == "" {
			err = unix.FsconfigSetFlag(fs, o.Key)
		} else {
			err = unix.FsconfigSetString(fs, o.Key, o.Value)
		}
		if err != nil {
			return nil, os.NewSyscallError("fsconfig "+o.Key, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, os.NewSyscallError("fsconfig create "+fstype, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return nil, os.NewSyscallError("fsmount "+fstype, err)
	}
	return os.NewFile(uintptr(fd), fstype), nil
}

// CloneTree returns a detached clone of the mount, or of all mounts, at path (open_tree(2)).
func CloneTree(path string, recursive bool) (*os.File, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, flags)
	if err != nil {
		return nil, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// MountID names the mount that a descriptor is on, for as long as the machine runs; before Linux
// 6.8 a later mount may get the same name (statx(2), STATX_MNT_ID_UNIQUE).
func MountID(file *os.File) (string, error) {
	const unique = 0x4000 // STATX_MNT_ID_UNIQUE
	var st unix.Statx_t
	if err := unix.Statx(int(file.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID|unique, &st); err != nil {
		return "", os.NewSyscallError("statx", err)
	}
	return strconv.FormatUint(st.Mnt_id, 10), nil
}

// Detach takes a mount and all below it away from a path, whoever still uses it (umount2(2)).
func Detach(path string) error {
	return os.NewSyscallError("umount2", unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
}

// SelinuxEnabled reports whether SELinux is there and has a policy: without one every process
// is "kernel".
func SelinuxEnabled() (bool, error) {
	magic, err := FsMagic("/sys/fs/selinux")
	if err != nil || uint32(magic) != unix.SELINUX_MAGIC {
		return false, UnlessAbsent(err)
	}
	current, err := ReadSmall("/proc/self/attr/current")
	return err == nil && strings.TrimRight(current, "\x00\n") != "kernel", UnlessAbsent(err)
}
