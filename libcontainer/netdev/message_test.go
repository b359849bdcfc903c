package netdev

import (
	"encoding/binary"
	"syscall"
	"testing"

	"rung/internal/sys"
)

// message returns an address as the kernel lists it.
func message(flags, scope uint8, attrs ...[]byte) *syscall.NetlinkMessage {
	data := []byte{syscall.AF_INET, 24, flags, scope, 7, 0, 0, 0}
	for _, a := range attrs {
		data = append(data, a...)
	}
	return &syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: syscall.RTM_NEWADDR}, Data: data}
}

func flagsAttribute(flags uint32) []byte {
	return attribute(nil, sys.IFA_FLAGS, binary.NativeEndian.AppendUint32(nil, flags))
}

// config-linux.md, "Network Devices": permanent addresses of global scope move with the device.
func TestAddressesThatMove(t *testing.T) {
	for _, c := range []struct {
		name    string
		message *syscall.NetlinkMessage
		moves   bool
	}{
		{"permanent and global", message(sys.IFA_F_PERMANENT, 0), true},
		{"leased", message(0, 0), false},
		{"of the link", message(sys.IFA_F_PERMANENT, syscall.RT_SCOPE_LINK), false},
		{"the attribute counts: permanent", message(0, 0, flagsAttribute(sys.IFA_F_PERMANENT)), true},
		{"the attribute counts: leased", message(sys.IFA_F_PERMANENT, 0, flagsAttribute(0x200)), false},
	} {
		if _, moves, err := parseAddress(c.message); err != nil || moves != c.moves {
			t.Errorf("%s: moves %v, error %v", c.name, moves, err)
		}
	}
}

func TestAddressText(t *testing.T) {
	a, _, err := parseAddress(message(0, 0, attribute(nil, syscall.IFA_LOCAL, []byte{10, 7, 0, 2})))
	if err != nil || a.String() != "10.7.0.2/24" {
		t.Errorf("%s, error %v", a, err)
	}
}

func TestRelabel(t *testing.T) {
	for _, c := range []struct{ label, from, to, want string }{
		{"eth0", "eth0", "uplink", "uplink"},
		{"other", "eth0", "uplink", "other"},
		{"", "eth0", "uplink", ""},
		{"eth0:a", "eth0", "a23456789012345", ""},
		{"eth0:a", "eth0", "a234567890123", "a234567890123:a"},
	} {
		if got := relabel(c.label, c.from, c.to); got != c.want {
			t.Errorf("%q of %s as %s: %q", c.label, c.from, c.to, got)
		}
	}
}
