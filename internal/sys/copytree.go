package sys

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CopyTree copies the regular files, directories and symbolic links of one directory into another, with
// owners, modes and times, and gives the target the attributes of the source. Every step is made by descriptors
// of the two directories: no link and no rename leads out of them, and no device or FIFO is opened.
func CopyTree(from, to *os.File) error {
	names, err := from.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyEntry(from, to, name); err != nil {
			return &os.PathError{Op: "copy", Path: name, Err: err}
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(from.Fd()), &st); err != nil {
		return err
	}
	return setAttributes(to, &st)
}

func copyEntry(from, to *os.File, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return copyDirectory(from, to, name)
	case unix.S_IFLNK:
		return copyLink(from, to, name, &st)
	case unix.S_IFREG:
		return copyRegular(from, to, name)
	}
	return nil // sockets, pipes and devices are no content of an image's directory
}

func copyDirectory(from, to *os.File, name string) error {
	if err := unix.Mkdirat(int(to.Fd()), name, 0o700); err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY
	source, err := openBelow(from, name, flags, 0)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := openBelow(to, name, flags, 0)
	if err != nil {
		return err
	}
	defer target.Close()
	return CopyTree(source, target)
}

func copyLink(from, to *os.File, name string, st *unix.Stat_t) error {
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(from.Fd()), name, target)
	if err != nil {
		return err
	}
	if err := unix.Symlinkat(string(target[:n]), int(to.Fd()), name); err != nil {
		return err
	}
	return unix.Fchownat(int(to.Fd()), name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

// copyRegular looks at what it has opened before it opens it for reading: a name may be swapped for that of a FIFO,
// whose open would wait, or of a device.
func copyRegular(from, to *os.File, name string) error {
	found, err := openBelow(from, name, unix.O_PATH, 0)
	if err != nil {
		return err
	}
	defer found.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(found.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return unix.EAGAIN
	}
	source, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(found.Fd())))
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := openBelow(to, name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return setAttributes(target, &st)
}

func openBelow(dir *os.File, name string, flags int, mode uint32) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// setAttributes sets owner, mode and times, whatever the umask is; the mode after the owner, a change of which
// clears set-id bits.
func setAttributes(file *os.File, st *unix.Stat_t) error {
	fd := int(file.Fd())
	if err := unix.Fchown(fd, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	if err := unix.Fchmod(fd, st.Mode&0o7777); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	return unix.UtimesNanoAt(unix.AT_FDCWD, FDPath(file), times, 0)
}
