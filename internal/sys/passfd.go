package sys

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// nameMax is the longest text that comes with a descriptor, in bytes.
const nameMax = 4096

// SendFD sends fd over a unix socket, with name as the message.
func SendFD(socket *os.File, name string, fd int) error {
	if name == "" || len(name) >= nameMax {
		return fmt.Errorf("send fd: name of %d bytes", len(name))
	}
	for {
		err := unix.Sendmsg(int(socket.Fd()), []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return os.NewSyscallError("sendmsg", err)
		}
	}
}

// RecvFD receives a message with exactly one descriptor over a unix socket. The text
// of the message becomes the file's name. The file is close-on-exec.
func RecvFD(socket *os.File) (*os.File, error) {
	name := make([]byte, nameMax)
	// There is room for more than one descriptor, so that a second one is seen and closed.
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, flags, err := recvmsg(int(socket.Fd()), name, oob)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	fds, err := rights(oob[:oobn])
	switch {
	case err != nil:
	case n == 0 && len(fds) == 0:
		err = errors.New("receive fd: the other side has closed the socket")
	case len(fds) != 1 || flags&unix.MSG_CTRUNC != 0:
		err = fmt.Errorf("receive fd: need one descriptor, got %d", len(fds))
	case n == nameMax || flags&unix.MSG_TRUNC != 0:
		err = errors.New("receive fd: the name is too long")
	}
	if err != nil {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), string(name[:n])), nil
}

func recvmsg(fd int, data, oob []byte) (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = unix.Recvmsg(fd, data, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, oobn, flags, err
		}
	}
}

// rights returns all descriptors in oob. With an error it returns those that it found before.
func rights(oob []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	var fds []int
	for i := range messages {
		if messages[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		more, e := unix.ParseUnixRights(&messages[i])
		fds = append(fds, more...)
		err = errors.Join(err, e)
	}
	return fds, err
}

// BlockingDup duplicates f into a file that is not registered with Go's poller. Its
// reads and writes return EAGAIN if another process makes the file non-blocking.
func BlockingDup(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
