package console

import (
	"fmt"
	"os"

	"rung/internal/sys"
)

// DialSocket connects to the socket of --console-socket, over which the other
// side will get the pty's master.
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

// SendFD sends fd, called name, over a unix socket.
func SendFD(socket *os.File, name string, fd int) error {
	return sys.SendFD(socket, name, fd)
}

// RecvFD receives what SendFD has sent; the file has the name that was given to
// SendFD. More or less than one descriptor is an error.
func RecvFD(socket *os.File) (*os.File, error) {
	return sys.RecvFD(socket)
}
