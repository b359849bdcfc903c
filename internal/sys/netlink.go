package sys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
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

// OpenNetlink makes a socket in the network namespace ns, or in rung's own if ns is nil. A socket
// stays in the namespace that it was made in.
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
		return nil, os.NewSyscallError("setns", errBack) // the thread stays locked, so that it ends with its goroutine
	}
	runtime.UnlockOSThread()
	return n, err
}

func newNetlink() (*Netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// These add the kernel's text to an error (Linux 4.12), without a copy of the request. Without them only the text is lost.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return &Netlink{fd: fd}, nil
}

// NetlinkError is a refusal by the kernel: its errno, and its text if it gave one.
type NetlinkError struct {
	Errno syscall.Errno
	Text  string
}

func (e *NetlinkError) Error() string {
	if e.Text == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%v (%s)", e.Errno, strings.TrimSuffix(e.Text, "."))
}

// Unwrap returns the errno.
func (e *NetlinkError) Unwrap() error { return e.Errno }

// Close closes the socket.
func (n *Netlink) Close() { unix.Close(n.fd) }

// Do sends one request and returns the messages of the kernel's answer. A refusal is a
// *NetlinkError. A request with NLM_F_DUMP gets any number of messages, or EINTR if the list
// changed while it was read. A request with NLM_F_ACK gets none.
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
	interrupted := false
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
			interrupted = interrupted || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				if interrupted {
					return nil, syscall.EINTR
				}
				return out, netlinkError(m)
			case unix.NLMSG_ERROR:
				return out, netlinkError(m)
			}
			out = append(out, m)
		}
		if !untilDone {
			return out, nil
		}
	}
}

// netlinkError reads struct nlmsgerr: 0 is an acknowledgement, or the end of a list.
func netlinkError(m syscall.NetlinkMessage) error {
	if len(m.Data) < 4 {
		return errors.New("netlink: an error without a number")
	}
	errno := syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
	if errno == 0 {
		return nil
	}
	return &NetlinkError{Errno: errno, Text: netlinkText(m)}
}

// netlinkText returns the kernel's text for an error: an attribute after the errno and the request's header.
func netlinkText(m syscall.NetlinkMessage) string {
	const start = 4 + unix.SizeofNlMsghdr
	if m.Header.Flags&unix.NLM_F_ACK_TLVS == 0 || len(m.Data) < start {
		return ""
	}
	for rest := m.Data[start:]; len(rest) >= unix.SizeofNlAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofNlAttr || size > len(rest) {
			return ""
		}
		if binary.NativeEndian.Uint16(rest[2:]) == unix.NLMSGERR_ATTR_MSG {
			return strings.TrimRight(string(rest[unix.SizeofNlAttr:size]), "\x00")
		}
		rest = rest[min((size+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1), len(rest)):]
	}
	return ""
}
