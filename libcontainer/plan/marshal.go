package plan

import (
	"encoding/binary"
	"fmt"
)

const (
	headerSize = 32
	opSize     = 64
)

var native = binary.NativeEndian

// Marshal returns the bytes that the hands read: header, ops, blob (ops.h).
// The byte order is the machine's.
func (p *Plan) Marshal() ([]byte, error) {
	m := marshaller{shared: make(map[string]uint32, 2*len(p.Ops))}
	records := make([]byte, headerSize+opSize*len(p.Ops))
	for i := range p.Ops {
		m.op(records[headerSize+opSize*i:], &p.Ops[i])
	}
	m.blob = append(m.blob, 0)
	if len(m.blob) > 1<<27 {
		return nil, fmt.Errorf("plan: strings of %d bytes, more than 128 MiB", len(m.blob))
	}
	native.PutUint64(records[0:], PlanMagic)
	native.PutUint32(records[8:], StageIdentity)
	native.PutUint32(records[12:], uint32(len(p.Ops)))
	native.PutUint32(records[16:], MaxSlots)
	native.PutUint32(records[20:], uint32(p.Inherited))
	native.PutUint32(records[24:], uint32(len(m.blob)))
	return append(records, m.blob...), nil
}

type marshaller struct {
	blob   []byte
	shared map[string]uint32 // offsets of strings that are in the blob already
}

func (m *marshaller) op(out []byte, op *Op) {
	var flags uint16
	if op.SkipIfDone > 0 {
		flags |= SkipIfOk
		native.PutUint16(out[14:], uint16(op.SkipIfDone-1))
	}
	if op.IfSlots {
		flags |= SkipIfEmpty
	}
	native.PutUint16(out[0:], uint16(op.Code))
	native.PutUint16(out[2:], flags)
	for i, errno := range op.OK {
		out[4+i] = byte(errno)
	}
	for i, slot := range op.Slots {
		native.PutUint16(out[8+2*i:], uint16(slot))
	}
	for i, n := range op.Ints {
		native.PutUint64(out[16+8*i:], n)
	}
	for i, kind := range op.Code.signature().strings {
		native.PutUint32(out[48+4*i:], m.operand(kind, op, i))
	}
}

func (m *marshaller) operand(kind rune, op *Op, i int) uint32 {
	switch kind {
	case '-':
		return 0
	case 'v':
		return m.list(op.Lists[i])
	}
	return m.text(op.Text[i])
}

func (m *marshaller) align(n int) {
	for len(m.blob)%n != 0 {
		m.blob = append(m.blob, 0)
	}
}

func (m *marshaller) text(s string) uint32 {
	if offset, ok := m.shared[s]; ok {
		return offset
	}
	m.align(8) // bytes may be an array of 64-bit words
	m.blob = append(m.blob, 0, 0, 0, 0)
	offset := uint32(len(m.blob))
	m.blob = native.AppendUint32(m.blob, uint32(len(s)))
	m.blob = append(append(m.blob, s...), 0)
	m.shared[s] = offset
	return offset
}

func (m *marshaller) list(l []string) uint32 {
	offsets := make([]uint32, len(l))
	for i, s := range l {
		offsets[i] = m.text(s)
	}
	m.align(8)
	at := uint32(len(m.blob))
	m.blob = native.AppendUint64(m.blob, uint64(len(l)))
	for _, o := range offsets {
		m.blob = native.AppendUint64(m.blob, uint64(o))
	}
	m.blob = native.AppendUint64(m.blob, 0)
	return at
}
