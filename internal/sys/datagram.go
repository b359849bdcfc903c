package sys

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ListenDatagram makes a unix datagram socket at name in dir, which everybody may write to.
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

// DialDatagram connects to the unix datagram socket at path; "@" begins an abstract name.
func DialDatagram(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := connectUnix(fd, path); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// WaitReadable returns the index of the first file that can be read without waiting, or has
// ended; -1 after timeout milliseconds (-1: never).
func WaitReadable(timeout int, files ...*os.File) (int, error) {
	fds := make([]unix.PollFd, len(files))
	for i, f := range files {
		fds[i] = unix.PollFd{Fd: int32(f.Fd()), Events: unix.POLLIN}
	}
	end := time.Now().Add(time.Duration(timeout) * time.Millisecond)
	for {
		left := timeout
		if timeout >= 0 {
			left = max(0, int(time.Until(end)/time.Millisecond))
		}
		_, err := unix.Poll(fds, left)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, os.NewSyscallError("poll", err)
		}
		for i := range fds {
			if fds[i].Revents != 0 {
				return i, nil
			}
		}
		return -1, nil
	}
}
