package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Netlink is a socket of rtnetlink(7) in one network namespace.
type Netlink struct {
	fd  int
	seq uint32
}

// Constants of rtnetlink(7) that package syscall does not have.
const (
	IFLA_NET_NS_FD    = unix.IFLA_NET_NS_FD
	RT_SCOPE_UNIVERSE = unix.RT_SCOPE_UNIVERSE
	IFA_FLAGS         = unix.IFA_FLAGS
	IFA_F_PERMANENT   = unix.IFA_F_PERMANENT
)

// OpenNetlink makes a socket in the network namespace ns, or in rung's own where ns is nil. A
// socket stays in the namespace that it was made in.
func OpenNetlink(ns *os.File) (*Netlink, error) {
	if ns == nil {
		return newNetlink()
	}
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	defer own.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return nil, os.NewSyscallError("setns", err)
	}
	n, err := newNetlink()
	if errBack := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); errBack != nil {
		return nil, os.NewSyscallError("setns", errBack) // the thread stays locked, and ends with its goroutine
	}
	runtime.UnlockOSThread()
	return n, err
}

func newNetlink() (*Netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return &Netlink{fd: fd}, nil
}

// Close gives up the socket.
func (n *Netlink) Close() { unix.Close(n.fd) }

// Do sends one request and returns what the kernel answers: its messages, and the errno of a
// refusal as a syscall.Errno. A request with NLM_F_DUMP has any number of answers, one with
// NLM_F_ACK ends with none.
func (n *Netlink) Do(kind, flags uint16, payload []byte) ([]syscall.NetlinkMessage, error) {
	n.seq++
	request := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(payload))
	binary.NativeEndian.PutUint32(request[0:], uint32(unix.SizeofNlMsghdr+len(payload)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(request[8:], n.seq)
	if err := unix.Sendto(n.fd, append(request, payload...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	return n.answers(flags&(unix.NLM_F_ACK|unix.NLM_F_DUMP) != 0)
}

func (n *Netlink) answers(untilDone bool) (out []syscall.NetlinkMessage, err error) {
	buffer := make([]byte, 1<<16)
	for {
		size, _, err := unix.Recvfrom(n.fd, buffer, unix.MSG_TRUNC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if size > len(buffer) {
			return nil, fmt.Errorf("netlink: a message of %d bytes", size)
		}
		messages, err := syscall.ParseNetlinkMessage(append([]byte(nil), buffer[:size]...))
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return out, nil
			case unix.NLMSG_ERROR:
				return out, netlinkError(m.Data)
			}
			out = append(out, m)
		}
		if !untilDone {
			return out, nil
		}
	}
}

// netlinkError reads struct nlmsgerr: 0 is an acknowledgement.
func netlinkError(data []byte) error {
	if len(data) < 4 {
		return errors.New("netlink: an error without a number")
	}
	if errno := -int32(binary.NativeEndian.Uint32(data)); errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}
