package netdev

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// link is the part of struct ifinfomsg that rung uses.
type link struct {
	index int32
	up    bool
}

// ifinfo encodes struct ifinfomsg (rtnetlink(7)).
func ifinfo(index int32, flags, change uint32) []byte {
	out := make([]byte, syscall.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(out[4:], uint32(index))
	binary.NativeEndian.PutUint32(out[8:], flags)
	binary.NativeEndian.PutUint32(out[12:], change)
	return out
}

// attribute appends a struct rtattr, padded to 4 bytes.
func attribute(message []byte, kind uint16, value []byte) []byte {
	message = binary.NativeEndian.AppendUint16(message, uint16(syscall.SizeofRtAttr+len(value)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = append(message, value...)
	for len(message)%syscall.RTA_ALIGNTO != 0 {
		message = append(message, 0)
	}
	return message
}

func zeroTerminated(s string) []byte { return append([]byte(s), 0) }

// find looks a device up by its name. It returns ENODEV if there is none.
func find(n *sys.Netlink, name string) (link, error) {
	request := attribute(ifinfo(0, 0, 0), syscall.IFLA_IFNAME, zeroTerminated(name))
	answers, err := n.Do(syscall.RTM_GETLINK, 0, request)
	if err != nil {
		return link{}, err
	}
	if len(answers) == 0 || len(answers[0].Data) < syscall.SizeofIfInfomsg {
		return link{}, syscall.ENODEV
	}
	data := answers[0].Data
	return link{
		index: int32(binary.NativeEndian.Uint32(data[4:])),
		up:    binary.NativeEndian.Uint32(data[8:])&syscall.IFF_UP != 0,
	}, nil
}

// send moves a device to another namespace and renames it there. It uses one request for both, because the new name may
// be taken in the old namespace. The kernel takes the device down for the move.
func send(from *sys.Netlink, index int32, name string, to *os.File) error {
	fd := binary.NativeEndian.AppendUint32(nil, uint32(to.Fd()))
	request := attribute(ifinfo(index, 0, 0), syscall.IFLA_IFNAME, zeroTerminated(name))
	request = attribute(request, sys.IFLA_NET_NS_FD, fd)
	_, err := from.Do(syscall.RTM_NEWLINK, syscall.NLM_F_ACK, request)
	return err
}

func setUp(n *sys.Netlink, index int32) error {
	_, err := n.Do(syscall.RTM_NEWLINK, syscall.NLM_F_ACK, ifinfo(index, syscall.IFF_UP, syscall.IFF_UP))
	return err
}

// address is an RTM_NEWADDR message from the kernel. addAddress sends it with another index, so that broadcast and peer
// addresses, metric and flags stay the same.
type address struct {
	message []byte // struct ifaddrmsg and attributes
	text    netip.Addr
	prefix  uint8
	label   string // begins with the name of the device (ip-address(8)); "" in the IPv6 family
}

func (a address) String() string { return netip.PrefixFrom(a.text, int(a.prefix)).String() }

// addresses returns the addresses of a device that must move with it: permanent addresses of global scope.
func addresses(n *sys.Netlink, index int32) ([]address, error) {
	answers, err := dump(n)
	if err != nil {
		return nil, err
	}
	var out []address
	for i := range answers {
		m := &answers[i]
		if len(m.Data) < syscall.SizeofIfAddrmsg || int32(binary.NativeEndian.Uint32(m.Data[4:])) != index {
			continue
		}
		a, keep, err := parseAddress(m)
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, a)
		}
	}
	return out, nil
}

func parseAddress(m *syscall.NetlinkMessage) (a address, keep bool, err error) {
	attributes, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return a, false, err
	}
	scope, flags := m.Data[3], uint32(m.Data[2])
	a = address{message: append([]byte(nil), m.Data[:syscall.SizeofIfAddrmsg]...), prefix: m.Data[1]}
	for _, attr := range attributes {
		switch attr.Attr.Type {
		case syscall.IFA_CACHEINFO: // times that hold only for this moment
			continue
		case syscall.IFA_LABEL:
			a.label = strings.TrimRight(string(attr.Value), "\x00")
			continue
		case sys.IFA_FLAGS:
			flags = binary.NativeEndian.Uint32(attr.Value)
			continue
		case syscall.IFA_ADDRESS, syscall.IFA_LOCAL:
			a.text, _ = netip.AddrFromSlice(attr.Value)
		}
		a.message = attribute(a.message, attr.Attr.Type, attr.Value)
	}
	a.message = attribute(a.message, sys.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, flags))
	return a, flags&sys.IFA_F_PERMANENT != 0 && scope == sys.RT_SCOPE_UNIVERSE, nil
}

// dumpTries bounds how often dump reads the list again when it changed during the read (EINTR).
const dumpTries = 10

func dump(n *sys.Netlink) (answers []syscall.NetlinkMessage, err error) {
	for range dumpTries {
		answers, err = n.Do(syscall.RTM_GETADDR, syscall.NLM_F_DUMP, make([]byte, syscall.SizeofIfAddrmsg))
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	return answers, err
}

// relabel returns an address's label after the device from is renamed to to. It returns "" if the label gets too long,
// and the kernel then uses the name of the device.
func relabel(label, from, to string) string {
	rest, ok := strings.CutPrefix(label, from)
	switch {
	case !ok:
		return label
	case len(to)+len(rest) >= syscall.IFNAMSIZ:
		return ""
	}
	return to + rest
}

func addAddress(n *sys.Netlink, index int32, a address, label string) error {
	message := append([]byte(nil), a.message...)
	binary.NativeEndian.PutUint32(message[4:], uint32(index))
	if label != "" {
		message = attribute(message, syscall.IFA_LABEL, zeroTerminated(label))
	}
	_, err := n.Do(syscall.RTM_NEWADDR, syscall.NLM_F_ACK|syscall.NLM_F_CREATE|syscall.NLM_F_EXCL, message)
	return err
}
