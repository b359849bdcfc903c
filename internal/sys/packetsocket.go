package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// PacketPair returns two connected sockets that keep message boundaries (SOCK_SEQPACKET).
func PacketPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "sync"), os.NewFile(uintptr(fds[1]), "sync"), nil
}

// Shutdown ends what waits for a message of the socket, in any goroutine (shutdown(2)).
func Shutdown(sock *os.File) { _ = unix.Shutdown(int(sock.Fd()), unix.SHUT_RDWR) }

// StreamPair returns two connected stream sockets.
func StreamPair() (a, b *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "pair"), os.NewFile(uintptr(fds[1]), "pair"), nil
}

// SendMessage sends one message with descriptors.
func SendMessage(sock *os.File, data []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(int(sock.Fd()), data, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return os.NewSyscallError("sendmsg", err)
		}
	}
}

// ReceiveMessage reads one message into data, and the descriptors that came with it.
// At the end of the stream n is 0.
func ReceiveMessage(sock *os.File, data []byte) (n int, files []*os.File, err error) {
	var control [128]byte
	var oob int
	for {
		n, oob, _, _, err = unix.Recvmsg(int(sock.Fd()), data, control[:], unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:oob])
	if err != nil {
		return n, nil, err
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return n, files, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return n, files, nil
}

// Listen makes a unix stream socket at name in dir. Only its owner may connect. The address goes
// through dir's descriptor, because a path in an address may have at most 107 bytes.
func Listen(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), name)
	if err := unix.Fchmod(fd, 0o600); err != nil { // bind(2) makes the file with this mode, less the umask
		file.Close()
		return nil, os.NewSyscallError("fchmod", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: FDPath(dir) + "/" + name}); err != nil {
		file.Close()
		return nil, &os.PathError{Op: "bind", Path: dir.Name() + "/" + name, Err: err}
	}
	if err := unix.Listen(fd, 16); err != nil {
		file.Close()
		return nil, os.NewSyscallError("listen", err)
	}
	return file, nil
}

// Connect connects to the unix stream socket at name in dir.
func Connect(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: FDPath(dir) + "/" + name}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	return os.NewFile(uintptr(fd), name), nil
}
