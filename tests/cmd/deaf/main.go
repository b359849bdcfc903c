// Command deaf listens on a unix stream socket and never answers.
//
//	deaf SOCKET        takes connections, and neither reads nor writes
//	deaf -full SOCKET  takes no connection: the queue of the listener is full
//
// It prints a line when it is ready, and ends with its standard input.
package main

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

func main() {
	full := len(os.Args) == 3 && os.Args[1] == "-full"
	if !full && len(os.Args) != 2 {
		fail(fmt.Errorf("usage: deaf [-full] SOCKET"))
	}
	address := &syscall.SockaddrUnix{Name: os.Args[len(os.Args)-1]}
	listener := socket(0)
	check(syscall.Bind(listener, address))
	backlog := 16
	if full {
		backlog = 0
	}
	check(syscall.Listen(listener, backlog))
	for full {
		err := syscall.Connect(socket(syscall.SOCK_NONBLOCK), address)
		if err == syscall.EAGAIN {
			break
		}
		check(err)
	}
	fmt.Println("deaf")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func socket(flags int) int {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|flags, 0)
	check(err)
	return fd
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "deaf:", err)
	os.Exit(1)
}
