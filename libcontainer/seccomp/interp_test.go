package seccomp

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// call is struct seccomp_data without the instruction pointer.
type call struct {
	nr   uint32
	arch uint32
	args [6]uint64
}

func (c call) bytes() []byte {
	b := binary.NativeEndian.AppendUint32(nil, c.nr)
	b = binary.NativeEndian.AppendUint32(b, c.arch)
	b = binary.NativeEndian.AppendUint64(b, 0)
	for _, a := range c.args {
		b = binary.NativeEndian.AppendUint64(b, a)
	}
	return b
}

// run interprets a filter as the kernel does. It returns the SECCOMP_RET_* value and how many instructions it executed.
func run(filter []byte, c call) (result uint32, steps int, err error) {
	var acc uint32
	var mem [16]uint32
	data := c.bytes()
	for pc := 0; ; pc++ {
		if (pc+1)*instructionSize > len(filter) {
			return 0, steps, fmt.Errorf("ran off the end at %d", pc)
		}
		raw := filter[pc*instructionSize:]
		code := binary.NativeEndian.Uint16(raw)
		jt, jf := int(raw[2]), int(raw[3])
		k := binary.NativeEndian.Uint32(raw[4:])
		steps++
		var taken bool
		switch code {
		case 0x20: // ld [k]
			acc = binary.NativeEndian.Uint32(data[k:])
			continue
		case 0x00: // ld #k
			acc = k
			continue
		case 0x60: // ld M[k]
			acc = mem[k]
			continue
		case 0x02: // st M[k]
			mem[k] = acc
			continue
		case 0x54: // and #k
			acc &= k
			continue
		case 0x05: // ja
			pc += int(k)
			continue
		case 0x06: // ret
			return k, steps, nil
		case 0x15:
			taken = acc == k
		case 0x25:
			taken = acc > k
		case 0x35:
			taken = acc >= k
		case 0x45:
			taken = acc&k != 0
		default:
			return 0, steps, fmt.Errorf("unknown instruction %#x at %d", code, pc)
		}
		if taken {
			pc += jt
		} else {
			pc += jf
		}
	}
}

const (
	retKillProcess = 0x80000000
	retKillThread  = 0x00000000
	retTrap        = 0x00030000
	retErrno       = 0x00050000
	retNotify      = 0x7fc00000
	retTrace       = 0x7ff00000
	retLog         = 0x7ffc0000
	retAllow       = 0x7fff0000
)

const (
	auditI386  = 0x40000003
	auditARM   = 0x40000028
	auditARM64 = 0xc00000b7
	auditS390X = 0x80000016
)

// expect runs one call and compares the result.
func expect(t *testing.T, p *Program, what string, c call, want uint32) {
	t.Helper()
	got, _, err := run(p.Filter, c)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if got != want {
		t.Errorf("%s: got %#x, want %#x", what, got, want)
	}
}
