// notify plays both ends of sd_notify(3) for tests: the service manager, and the program that reports
// that it is ready.
//
//	notify manager SOCKET     prints received messages and answers BARRIER=1, until it is killed
//	notify send TEXT          sends TEXT to $NOTIFY_SOCKET; \n in it is a new line
//	notify lines              sends each line of its input, over one connection
package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
)

func main() {
	var err error
	switch {
	case len(os.Args) == 3 && os.Args[1] == "manager":
		err = manager(os.Args[2])
	case len(os.Args) == 3 && os.Args[1] == "send":
		err = send(os.Getenv("NOTIFY_SOCKET"), strings.ReplaceAll(os.Args[2], `\n`, "\n"))
	case len(os.Args) == 2 && os.Args[1] == "lines":
		err = sendLines(os.Getenv("NOTIFY_SOCKET"))
	default:
		err = fmt.Errorf("usage: notify manager SOCKET | notify send TEXT | notify lines")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notify:", err)
		os.Exit(1)
	}
}

func send(socket, text string) error {
	conn, err := dial(socket)
	if err != nil {
		return err
	}
	_, err = conn.Write([]byte(text))
	return err
}

func sendLines(socket string) error {
	conn, err := dial(socket)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if _, err := conn.Write(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

func dial(socket string) (*net.UnixConn, error) {
	return net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
}

func manager(socket string) error {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	text, control := make([]byte, 4096), make([]byte, 128)
	for {
		n, oob, _, _, err := conn.ReadMsgUnix(text, control)
		if err != nil {
			return err
		}
		fmt.Println(strings.TrimSpace(string(text[:n])))
		if err := closeReceived(control[:oob]); err != nil {
			return err
		}
	}
}

// closeReceived answers a barrier by closing the received pipe, whose end the sender sees.
func closeReceived(control []byte) error {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return err
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return err
		}
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
	return nil
}
