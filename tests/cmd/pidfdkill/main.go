// pidfdkill is the receiver for --pidfd-socket in tests. It listens on a unix socket, receives one
// pidfd, waits for the end of stdin, and sends a signal to the process of the pidfd.
//
//	pidfdkill SIGNAL SOCKET
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
)

// sysPidfdSendSignal has the same number on all architectures (Linux 5.1).
const sysPidfdSendSignal = 424

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pidfdkill:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: pidfdkill SIGNAL SOCKET")
	}
	signal, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	pidfd, err := receive(args[1])
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	_, _, errno := syscall.Syscall6(sysPidfdSendSignal, uintptr(pidfd), uintptr(signal), 0, 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("pidfd_send_signal: %w", errno)
	}
	return nil
}

// receive waits for one connection and one message.
func receive(path string) (int, error) {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return -1, err
	}
	defer listener.Close()
	conn, err := listener.AcceptUnix()
	if err != nil {
		return -1, err
	}
	defer conn.Close()
	name, control := make([]byte, 64), make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, control)
	if err != nil {
		return -1, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil {
		return -1, err
	}
	if len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages came instead of one", len(messages))
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return -1, err
	}
	if len(fds) != 1 {
		return -1, fmt.Errorf("%d descriptors came instead of one", len(fds))
	}
	return fds[0], nil
}
