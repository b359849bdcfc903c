// Command seccompagent is an agent for SCMP_ACT_NOTIFY, as config-linux.md describes it. It listens
// on a unix socket, and prints each container process state that comes with a listener as one line of
// JSON. It answers the notifications of the listener so:
//
//   - chmod, fchmod and fchmodat fail with ENOMEDIUM
//   - mkdir and mkdirat succeed without being made
//   - all other calls continue
//
// usage: seccompagent SOCKET
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func main() {
	if len(os.Args) != 2 {
		quit(fmt.Errorf("usage: seccompagent SOCKET"))
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: os.Args[1]})
	if err != nil {
		quit(err)
	}
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			quit(err)
		}
		fd, err := accept(conn)
		if err != nil {
			quit(err)
		}
		go serve(fd)
	}
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, "seccompagent:", err)
	os.Exit(1)
}

// accept receives the state and the listener in one message.
func accept(conn *net.UnixConn) (int, error) {
	defer conn.Close()
	data, rights := make([]byte, 4096), make([]byte, 64)
	n, oob, _, _, err := conn.ReadMsgUnix(data, rights)
	if err != nil {
		return -1, err
	}
	var state specs.ContainerProcessState
	if err := json.Unmarshal(data[:n], &state); err != nil {
		return -1, fmt.Errorf("the state: %w", err)
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:oob])
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("%d control messages instead of 1: %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != len(state.Fds) {
		return -1, fmt.Errorf("%d descriptors for %q: %w", len(fds), state.Fds, err)
	}
	fmt.Printf("%s\n", data[:n])
	return fds[0], nil
}

// notification is struct seccomp_notif, response struct seccomp_notif_resp (seccomp_unotify(2)).
type notification struct {
	id     uint64
	pid    uint32
	flags  uint32
	number int32
	arch   uint32
	_      uint64
	args   [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

const (
	ioctlReceive = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlSend    = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	goOn         = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// The numbers on x86-64 of the system calls that the tests ask about.
const (
	mkdir     = 83
	chmod     = 90
	fchmod    = 91
	mkdirat   = 258
	fchmodat  = 268
	fchmodat2 = 452
)

func serve(fd int) {
	for {
		var asked notification
		switch err := ioctl(fd, ioctlReceive, unsafe.Pointer(&asked)); err {
		case 0:
		case syscall.EINTR:
			continue
		case syscall.ENOENT: // the caller was killed in the meantime
			if hungUp(fd) {
				return
			}
			continue
		default:
			quit(fmt.Errorf("receive a notification: %w", err))
		}
		answer := response{id: asked.id}
		switch asked.number {
		case chmod, fchmod, fchmodat, fchmodat2:
			answer.errno = -int32(syscall.ENOMEDIUM)
		case mkdir, mkdirat:
		default:
			answer.flags = goOn
		}
		_ = ioctl(fd, ioctlSend, unsafe.Pointer(&answer))
	}
}

// hungUp waits for the next notification. It returns true if none can come, because no process has
// the filter any more.
func hungUp(fd int) bool {
	const pollIn, pollHup = 1, 16
	wait := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollIn, 0}
	_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&wait)), 1, 0, 0, 0, 0)
	return wait.revents&pollHup != 0
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(argument))
	return errno
}
