package sys

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Stat is stat(2) without the allocations of os.Stat.
func Stat(path string) (*syscall.Stat_t, error) {
	st := new(syscall.Stat_t)
	for {
		err := syscall.Stat(path, st)
		switch err {
		case nil:
			return st, nil
		case syscall.EINTR:
			continue
		}
		return nil, &os.PathError{Op: "stat", Path: path, Err: err}
	}
}

// BinaryIdentity is a text that no other program has: device, inode, size and time of the
// file that this process executes.
func BinaryIdentity() (string, error) {
	st, err := Stat("/proc/self/exe")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d:%d:%d:%d.%09d", st.Dev, st.Ino, st.Size, st.Ctim.Sec, st.Ctim.Nsec), nil
}

// Exists reports whether there is something at path for this process. An error is no answer to that.
func Exists(path string) (bool, error) {
	_, err := Stat(path)
	if err == nil {
		return true, nil
	}
	return false, UnlessAbsent(err)
}

// ReadSmall reads a file of the kernel that gives all it has in one read of 4 KiB.
func ReadSmall(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var buf [4096]byte
	n, err := unix.Read(fd, buf[:])
	if err != nil {
		return "", &os.PathError{Op: "read", Path: path, Err: err}
	}
	return string(buf[:n]), nil
}

// IsProc reports whether path is on a proc file system.
func IsProc(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// OpenPath opens a descriptor that only names path (O_PATH).
func OpenPath(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenInRoot opens path as a process whose root is root would, without magic links
// (openat2(2), Linux 5.6). The error is a syscall.Errno.
func OpenInRoot(root *os.File, path string, flags int) (*os.File, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(int(root.Fd()), path, &how)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), path), nil
		case unix.EINTR, unix.EAGAIN: // a rename or mount raced with the lookup
			continue
		}
		return nil, err
	}
}

// Openat2Hint is what may be behind EPERM and ENOSYS of openat2(2).
const Openat2Hint = "openat2(2) may be blocked by the seccomp filter that rung itself is under: an old one of a container engine"

// StatInRoot is stat(2) of a path below root. The error is a syscall.Errno.
func StatInRoot(root *os.File, path string) (*syscall.Stat_t, error) {
	file, err := OpenInRoot(root, path, unix.O_PATH)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	st := new(syscall.Stat_t)
	if err := syscall.Fstat(int(file.Fd()), st); err != nil {
		return nil, err
	}
	return st, nil
}

// readTimeout bounds the time that a file of a container may take to be read: its file system may be served by
// a program of its owner.
const readTimeout = 10 * time.Second

// ReadInRoot returns at most limit bytes of a regular file below root, and nothing where there is none, or one that rung
// may not read. Whatever the path names is looked at before it is opened: a device node acts when it is opened, a FIFO waits.
// No more is read than the size that the file has: those of the kernel, which may wait for an event (/proc/kmsg), have 0.
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
		if n == 0 { // it has become shorter
			break
		}
		data = data[:len(data)+n]
	}
	return data, nil
}

// UnlessAbsent drops the errors that say that there is no such file for this process.
func UnlessAbsent(err error) error {
	for _, absent := range [...]unix.Errno{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EACCES, unix.ENXIO} {
		if errors.Is(err, absent) {
			return nil
		}
	}
	return err
}

// OpenForReading opens a file for reading.
func OpenForReading(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Dup returns another descriptor of the same open file.
func Dup(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// WriteFile makes or empties a file and writes data to it. Unlike os.WriteFile it does not
// ask the poller of the Go runtime about the file.
func WriteFile(path string, data []byte, mode uint32) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC, mode)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			unix.Close(fd)
			return SizeLimited(&os.PathError{Op: "write", Path: path, Err: err})
		}
		data = data[n:]
	}
	if err := unix.Close(fd); err != nil {
		return &os.PathError{Op: "close", Path: path, Err: err}
	}
	return nil
}

// ReplaceFile writes a file whole, or leaves the old one.
func ReplaceFile(path string, data []byte, mode uint32) error {
	if err := WriteFile(path+".new", data, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Exchange swaps two names at once (renameat2(2), Linux 3.15). The error is a syscall.Errno.
func Exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

// OpenDirectory opens a directory, for its lock.
func OpenDirectory(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Deleted reports whether an open directory was removed: it has no name any more.
func Deleted(dir *os.File) (bool, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(dir.Fd()), &st); err != nil {
		return false, &os.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	return st.Nlink == 0, nil
}

// ReadFile reads a whole file. Unlike os.ReadFile it does not ask the poller of the Go
// runtime about the file.
func ReadFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	data := make([]byte, 0, 16*1024)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return data, nil
		}
		data = data[:len(data)+n]
	}
}

// MountFlags returns the ST_* flags of the mount that path is on, and whether that is of a
// proc file system (statfs(2)).
func MountFlags(path string) (proc bool, flags uint64, err error) {
	var fs unix.Statfs_t
	if err := ignoringEINTR(func() error { return unix.Statfs(path, &fs) }); err != nil {
		return false, 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	const known = unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV | unix.ST_NOEXEC | unix.ST_NOATIME | unix.ST_NODIRATIME | unix.ST_RELATIME
	return fs.Type == unix.PROC_SUPER_MAGIC, uint64(fs.Flags) & known, nil
}

func ignoringEINTR(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// FilesystemType returns the magic number of the file system that a descriptor is on (statfs(2)),
// 0 where the kernel does not say.
func FilesystemType(file *os.File) uint32 {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(file.Fd()), &fs) != nil {
		return 0
	}
	return uint32(fs.Type)
}
