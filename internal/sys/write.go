package sys

import (
	"cmp"
	"os"

	"golang.org/x/sys/unix"
)

// WriteFile makes or empties a file and writes data to it. Unlike os.WriteFile it does not
// register the file with the poller of the Go runtime.
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

// ReplaceFile writes path.new and renames it to path. If it fails, the old file stays.
func ReplaceFile(path string, data []byte, mode uint32) error {
	if err := WriteFile(path+".new", data, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// WriteAt writes data at that offset of a file, which it makes with mode 0600 if it is missing. It follows no symbolic link.
func WriteAt(path string, data []byte, offset int64) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if n, err := unix.Pwrite(fd, data, offset); err != nil || n < len(data) {
		return SizeLimited(&os.PathError{Op: "write", Path: path, Err: cmp.Or(err, error(unix.ENOSPC))})
	}
	return nil
}

// Exchange swaps two names at once (renameat2(2), Linux 3.15). The error is a syscall.Errno.
func Exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
