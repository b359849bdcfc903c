package sys

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// DialStream connects to the unix stream socket at a path, or of an abstract name ("@name").
// While the listener's queue is full it waits, for at most d. The descriptor is a number, since an
// os.File would be put into Go's poller. Errors are bare errnos; EAGAIN means that d is over.
func DialStream(path string, d time.Duration) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	limit := unix.NsecToTimeval(int64(d))
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err == nil {
		err = connect(fd, path)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func connect(fd int, path string) error {
	for {
		err := unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		if err != unix.EINTR {
			return err
		}
	}
}

// SendStream sends all of data before the deadline, else its error is os.ErrDeadlineExceeded.
func SendStream(fd int, data []byte, deadline time.Time) error {
	for len(data) > 0 {
		n, err := unix.SendmsgN(fd, data, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch err {
		case nil:
			data = data[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if err := waitStream(fd, unix.POLLOUT, deadline); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// ReceiveStream reads what is there, and waits for something until the deadline, when its error is
// os.ErrDeadlineExceeded. At the end of the stream n is 0.
func ReceiveStream(fd int, data []byte, deadline time.Time) (n int, err error) {
	for {
		n, _, err := unix.Recvfrom(fd, data, unix.MSG_DONTWAIT)
		switch err {
		case nil:
			return n, nil
		case unix.EINTR:
		case unix.EAGAIN:
			if err := waitStream(fd, unix.POLLIN, deadline); err != nil {
				return 0, err
			}
		default:
			return 0, err
		}
	}
}

func waitStream(fd int, events int16, deadline time.Time) error {
	left := time.Until(deadline)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	timeout := unix.NsecToTimespec(int64(left))
	_, err := unix.Ppoll([]unix.PollFd{{Fd: int32(fd), Events: events}}, &timeout, nil)
	if err == unix.EINTR {
		return nil
	}
	return err
}

// PeerPid returns the process at the other end of a unix socket: that which listened (unix(7),
// SO_PEERCRED); 0 for one of another PID namespace.
func PeerPid(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}
