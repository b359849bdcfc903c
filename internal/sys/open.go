package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// OpenPath opens path with O_PATH.
func OpenPath(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenForReading opens a file for reading. It does not wait for the writer of a FIFO.
func OpenForReading(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// OpenDirectory opens a directory for reading, so that it can be locked.
func OpenDirectory(path string) (*os.File, error) { return openDirectory(path, 0) }

// OpenOwnDirectory is OpenDirectory for a directory that rung has made. A link in its place is ENOTDIR: what it leads to is not
// rung's to change.
func OpenOwnDirectory(path string) (*os.File, error) { return openDirectory(path, unix.O_NOFOLLOW) }

func openDirectory(path string, flags int) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Replace makes file, under its number, the open file of other.
func Replace(file, other *os.File) error {
	return os.NewSyscallError("dup3", unix.Dup3(int(other.Fd()), int(file.Fd()), unix.O_CLOEXEC))
}

// OpenToAppend opens a file of the host to add to it, and makes it with mode 0600 if it is missing. A FIFO that nobody reads is
// ENXIO: an open that waits for a reader could wait for ever.
func OpenToAppend(path string) (*os.File, error) {
	const flags = unix.O_CREAT | unix.O_APPEND | unix.O_WRONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0o600)
	if err == nil {
		if err = unix.SetNonblock(fd, false); err != nil {
			unix.Close(fd)
		}
	}
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
