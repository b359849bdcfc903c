package sys

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// unixPathMax is the longest path in sockaddr_un.sun_path, in bytes without the
// final NUL.
const unixPathMax = 107

// DialUnix connects to the unix stream socket at path; "@name" is an abstract name
// (unix(7)). The path may be longer than sun_path.
func DialUnix(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := connectUnix(fd, path); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

func connectUnix(fd int, path string) error {
	if len(path) > unixPathMax && path[0] != '@' {
		at, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("open", err)
		}
		defer unix.Close(at) //nolint:errcheck // Nothing was written.
		path = fmt.Sprintf("/proc/self/fd/%d", at)
	}
	return os.NewSyscallError("connect", connect(fd, path))
}

// connect returns a bare errno.
func connect(fd int, path string) error {
	return ignoringEINTR(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) })
}
