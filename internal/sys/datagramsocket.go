package sys

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ListenDatagram makes a unix datagram socket at name in dir. Every user may write to it.
func ListenDatagram(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), name)
	path := FDPath(dir) + "/" + name
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		file.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	if err := unix.Chmod(path, 0o777); err != nil {
		file.Close()
		return nil, os.NewSyscallError("chmod", err)
	}
	return file, nil
}

// DialDatagram connects to the unix datagram socket at path; "@" begins an abstract name. A message waits for room in the
// receiver's queue for at most d; then the error is EAGAIN.
func DialDatagram(path string, d time.Duration) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	limit := unix.NsecToTimeval(int64(d))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := connectUnix(fd, path); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}
