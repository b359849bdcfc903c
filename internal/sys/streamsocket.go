package sys

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// DialStream connects to the unix stream socket at a path; "@name" is an abstract name. It waits
// for at most d while the listener's queue is full. The descriptor is a number, because an os.File
// would be registered with Go's poller. Errors are bare errnos; EAGAIN means that d is over.
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

// ShutdownStream ends what waits for data of the socket, in any goroutine (shutdown(2)).
func ShutdownStream(fd int) { _ = unix.Shutdown(fd, unix.SHUT_RDWR) }

// SendStream sends all of data. The error is os.ErrDeadlineExceeded if the deadline passes before.
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

// ReceiveStream reads the data that is available. If there is none, it waits until the deadline and
// then returns os.ErrDeadlineExceeded. At the end of the stream n is 0.
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

// PeerPid returns the PID of the process that listened at the other end of a unix socket (unix(7),
// SO_PEERCRED); 0 for a process outside of this PID namespace.
func PeerPid(fd int) (int, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}
