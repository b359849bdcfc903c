package plan

import (
	"encoding/binary"
	"fmt"
)

var native = binary.NativeEndian

// Marshal returns the bytes that the stage reads: header, ops, blob (ops.h).
// The byte order is the machine's.
func (p *Plan) Marshal() ([]byte, error) {
	const textOfOp = 24 // a guess, in bytes
	ops := HeaderSize + OpSize*len(p.Ops)
	m := marshaller{out: make([]byte, ops, ops+textOfOp*len(p.Ops)), blob: ops, shared: map[string]uint32{}}
	for i := range p.Ops {
		m.op(HeaderSize+OpSize*i, &p.Ops[i])
	}
	m.out = append(m.out, 0)
	size := m.size()
	if size > MaxBlob {
		return nil, fmt.Errorf("plan: strings of %d bytes, more than %d MiB", size, MaxBlob>>20)
	}
	native.PutUint64(m.out[0:], PlanMagic)
	native.PutUint32(m.out[8:], StageIdentity)
	native.PutUint32(m.out[12:], uint32(len(p.Ops)))
	native.PutUint32(m.out[16:], uint32(p.Slots))
	native.PutUint32(m.out[20:], uint32(p.Inherited))
	native.PutUint32(m.out[24:], uint32(size))
	return m.out, nil
}

type marshaller struct {
	out    []byte
	blob   int               // where the blob begins in out
	shared map[string]uint32 // offsets of the strings in the blob, so that each is stored once
}

// size returns the length of the blob.
func (m *marshaller) size() int { return len(m.out) - m.blob }

// op writes an op at an offset of out.
func (m *marshaller) op(at int, op *Op) {
	var offsets [3]uint32
	for i, kind := range op.Code.signature().strings {
		offsets[i] = m.operand(kind, op, i) // may move out
	}
	out := m.out[at : at+OpSize]
	var flags uint16
	if op.SkipIfDone > 0 {
		flags |= SkipIfOk
		native.PutUint32(out[20:], uint32(op.SkipIfDone-1))
	}
	if op.IfSlots {
		flags |= SkipIfEmpty
	}
	native.PutUint16(out[0:], uint16(op.Code))
	native.PutUint16(out[2:], flags)
	copy(out[4:], op.OK[:])
	for i, slot := range op.Slots {
		native.PutUint32(out[8+4*i:], uint32(slot))
	}
	for i, n := range op.Ints {
		native.PutUint64(out[24+8*i:], n)
	}
	for i, offset := range offsets {
		native.PutUint32(out[56+4*i:], offset)
	}
}

func (m *marshaller) operand(kind rune, op *Op, i int) uint32 {
	switch kind {
	case '-':
		return 0
	case 'v':
		return m.list(op.list(i))
	}
	return m.text(op.Text[i])
}

// align makes the length of the blob a multiple of n.
func (m *marshaller) align(n int) {
	for m.size()%n != 0 {
		m.out = append(m.out, 0)
	}
}

func (m *marshaller) text(s string) uint32 {
	if offset, ok := m.shared[s]; ok {
		return offset
	}
	m.align(8) // bytes may be an array of 64-bit words
	m.out = append(m.out, 0, 0, 0, 0)
	offset := uint32(m.size())
	m.out = native.AppendUint32(m.out, uint32(len(s)))
	m.out = append(append(m.out, s...), 0)
	m.shared[s] = offset
	return offset
}

// list stores a vector of its own for each operand, even of the same strings: the stage relocates it in place.
func (m *marshaller) list(l []string) uint32 {
	offsets := make([]uint32, len(l))
	for i, s := range l {
		offsets[i] = m.text(s)
	}
	m.align(8)
	at := uint32(m.size())
	m.out = native.AppendUint64(m.out, uint64(len(l)))
	for _, o := range offsets {
		m.out = native.AppendUint64(m.out, uint64(o))
	}
	m.out = native.AppendUint64(m.out, 0)
	return at
}
