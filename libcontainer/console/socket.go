package console

import (
	"fmt"
	"os"

	"rung/internal/sys"
)

// DialSocket connects to the socket of --console-socket, which the pty's master is sent over. The caller closes the file.
// The path may be longer than the limit of connect.
func DialSocket(path string) (*os.File, error) {
	if path == "" {
		return nil, fmt.Errorf("--console-socket: the path is empty")
	}
	f, err := sys.DialUnix(path)
	if err != nil {
		return nil, fmt.Errorf("--console-socket %s: %w", path, err)
	}
	return f, nil
}

// SendFD sends fd with a name over a unix socket. The name must not be empty.
func SendFD(socket *os.File, name string, fd int) error {
	return sys.SendFD(socket, name, fd)
}

// RecvFD receives a descriptor that SendFD has sent. The file has the name of SendFD. The caller closes it. More or less
// than one descriptor is an error.
func RecvFD(socket *os.File) (*os.File, error) {
	return sys.RecvFD(socket)
}
