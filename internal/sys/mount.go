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

// OpenPathAt opens name below dir as a descriptor that only names it (O_PATH).
func OpenPathAt(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// SelinuxEnabled reports whether SELinux is there and has a policy: without one every process
// is "kernel".
func SelinuxEnabled() bool {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/selinux", &fs) != nil || uint32(fs.Type) != unix.SELINUX_MAGIC {
		return false
	}
	current, err := ReadSmall("/proc/self/attr/current")
	return err == nil && strings.TrimRight(current, "\x00\n") != "kernel"
}
