package systemd

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
)

// encoder writes values in the machine's byte order. Its buffer must begin at a multiple of eight bytes of the message,
// because alignment counts from the start of the message (D-Bus Specification, "Marshaling").
type encoder struct{ buf []byte }

func (e *encoder) align(n int) {
	for len(e.buf)%n != 0 {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) uint16(v uint16) {
	e.align(2)
	e.buf = binary.NativeEndian.AppendUint16(e.buf, v)
}

func (e *encoder) uint32(v uint32) {
	e.align(4)
	e.buf = binary.NativeEndian.AppendUint32(e.buf, v)
}

func (e *encoder) uint64(v uint64) {
	e.align(8)
	e.buf = binary.NativeEndian.AppendUint64(e.buf, v)
}

func (e *encoder) signature(s string) {
	e.buf = append(append(append(e.buf, byte(len(s))), s...), 0)
}

func (b Bool) encode(e *encoder) {
	var v uint32
	if b {
		v = 1
	}
	e.uint32(v)
}

func (b Byte) encode(e *encoder)     { e.buf = append(e.buf, byte(b)) }
func (v Int16) encode(e *encoder)    { e.uint16(uint16(v)) }
func (v Uint16) encode(e *encoder)   { e.uint16(uint16(v)) }
func (v Int32) encode(e *encoder)    { e.uint32(uint32(v)) }
func (v Uint32) encode(e *encoder)   { e.uint32(uint32(v)) }
func (v Int64) encode(e *encoder)    { e.uint64(uint64(v)) }
func (v Uint64) encode(e *encoder)   { e.uint64(uint64(v)) }
func (v Double) encode(e *encoder)   { e.uint64(math.Float64bits(float64(v))) }
func (s TypeName) encode(e *encoder) { e.signature(string(s)) }

func (s ObjectPath) encode(e *encoder) { String(s).encode(e) }

func (s String) encode(e *encoder) {
	e.uint32(uint32(len(s)))
	e.buf = append(append(e.buf, s...), 0)
}

func (v Variant) encode(e *encoder) {
	e.signature(v.Value.kind())
	v.Value.encode(e)
}

func (s Struct) encode(e *encoder) {
	e.align(8)
	for _, v := range s {
		v.encode(e)
	}
}

func (p Entry) encode(e *encoder) { Struct{p.Key, p.Value}.encode(e) }

// encode writes the length and the items. The length does not include the padding before the first item.
func (a Array) encode(e *encoder) {
	e.uint32(0)
	lengthPos := len(e.buf) - 4
	e.align(alignment(a.Elem[0]))
	start := len(e.buf)
	for _, v := range a.Items {
		v.encode(e)
	}
	binary.NativeEndian.PutUint32(e.buf[lengthPos:], uint32(len(e.buf)-start))
}

func alignment(kind byte) int {
	switch kind {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

var errMalformed = errors.New("malformed message on the bus")

// decoder reads messages of systemd and of the bus, which may have another byte order. After malformed data it sets bad
// and returns zero values.
type decoder struct {
	buf   []byte
	pos   int
	order binary.ByteOrder
	bad   bool
}

// take skips padding up to a multiple of align and returns the next n bytes.
func (d *decoder) take(align, n int) []byte {
	start := (d.pos + align - 1) / align * align
	if d.bad || n < 0 || start+n > len(d.buf) {
		d.bad = true
		return make([]byte, 8)
	}
	d.pos = start + n
	return d.buf[start : start+n]
}

func (d *decoder) uint32() uint32 { return d.order.Uint32(d.take(4, 4)) }

func (d *decoder) uint64() uint64 { return d.order.Uint64(d.take(8, 8)) }

func (d *decoder) string() string {
	n := int(d.uint32())
	if d.bad || n > len(d.buf) {
		d.bad = true
		return ""
	}
	s := string(d.take(1, n+1))
	return strings.TrimSuffix(s, "\x00")
}

func (d *decoder) signature() string {
	n := int(d.take(1, 1)[0])
	return strings.TrimSuffix(string(d.take(1, n+1)), "\x00")
}

// variantString reads a variant that must hold a string.
func (d *decoder) variantString() (string, error) {
	if kind := d.signature(); kind != "s" && kind != "o" {
		return "", errMalformed
	}
	s := d.string()
	if d.bad {
		return "", errMalformed
	}
	return s, nil
}

// variantUint64 reads a variant that must hold a number of the type "t".
func (d *decoder) variantUint64() (uint64, error) {
	if d.signature() != "t" {
		return 0, errMalformed
	}
	v := d.uint64()
	if d.bad {
		return 0, errMalformed
	}
	return v, nil
}
