package sys

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// OpenInRoot opens path as a process would whose root directory is root. It does not follow magic
// links (openat2(2), Linux 5.6).
func OpenInRoot(root *os.File, path string, flags int) (*os.File, error) {
	fd, err := openInRoot(root, path, flags)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func openInRoot(root *os.File, path string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(root.Fd()), path, &how)
		switch err {
		case nil:
			return fd, nil
		case unix.EINTR, unix.EAGAIN: // a rename or mount raced with the lookup
			continue
		}
		return -1, withCause("openat2", err)
	}
}

// ModeAt returns the mode and the owner of a name in a directory. It does not follow a link there.
func ModeAt(dir *os.File, name string) (mode, uid, gid uint32, err error) {
	var st unix.Stat_t
	err = ignoringEINTR(func() error { return unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st.Mode, st.Uid, st.Gid, err
}

// LinkText returns what a symbolic link says that is open with O_PATH and O_NOFOLLOW, or "" if the file is none.
func LinkText(link *os.File) string {
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(link.Fd()), "", text)
	if err != nil || n == len(text) {
		return ""
	}
	return string(text[:n])
}

// StatInRoot is stat(2) of a path below root.
func StatInRoot(root *os.File, path string) (*syscall.Stat_t, error) {
	fd, err := openInRoot(root, path, unix.O_PATH)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	st := new(syscall.Stat_t)
	if err := syscall.Fstat(fd, st); err != nil {
		return nil, err
	}
	return st, nil
}

// readTimeout is how long the read of a container's file may take: a program of the container's owner may serve the file
// system and not answer.
const readTimeout = 10 * time.Second

// ReadInRoot returns at most limit bytes of a regular file below root, and nothing if there is no such file or rung may not
// read it. It checks the type before it opens the file: an open of a device node has effects, and an open of a FIFO waits.
// It reads no more than the size of the file: kernel files whose read may wait (/proc/kmsg) have size 0.
func ReadInRoot(root *os.File, path string, limit int64) ([]byte, error) {
	type answer struct {
		data []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		data, err := readInRoot(root, path, limit)
		answers <- answer{data, err}
	}()
	timeout := time.NewTimer(readTimeout)
	defer timeout.Stop()
	select {
	case a := <-answers:
		return a.data, a.err
	case <-timeout.C:
		return nil, unix.ETIMEDOUT
	}
}

func readInRoot(root *os.File, path string, limit int64) ([]byte, error) {
	found, err := OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return nil, UnlessAbsent(err)
	}
	defer found.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(found.Fd()), &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size <= 0 {
		return nil, nil
	}
	fd, err := unix.Open(FDPath(found), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, UnlessAbsent(err)
	}
	defer unix.Close(fd)
	data := make([]byte, 0, min(st.Size, limit))
	for len(data) < cap(data) {
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 { // the file became shorter
			break
		}
		data = data[:len(data)+n]
	}
	return data, nil
}
