package criu

import (
	"encoding/binary"
	"errors"
)

// message is an encoded protobuf message. Its methods append the few kinds of fields that CRIU's requests have
// (protobuf.dev, "Encoding").
type message []byte

const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func (m *message) number(field int, n int64) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|wireVarint)
	*m = binary.AppendUvarint(*m, uint64(n)) // a negative int32 takes ten bytes
}

// flag appends a boolean if it is true. It leaves false out, because false is CRIU's default for every flag.
func (m *message) flag(field int, on bool) {
	if on {
		m.number(field, 1)
	}
}

func (m *message) bytes(field int, data []byte) {
	*m = binary.AppendUvarint(*m, uint64(field)<<3|wireBytes)
	*m = binary.AppendUvarint(*m, uint64(len(data)))
	*m = append(*m, data...)
}

// text appends a string unless it is empty.
func (m *message) text(field int, s string) {
	if s != "" {
		m.bytes(field, []byte(s))
	}
}

// value is the value of a received field: a number or bytes.
type value struct {
	number int64
	bytes  []byte
}

var errMessage = errors.New("criu sent a malformed message")

// fields decodes a message. If a field occurs more than once, the last one counts.
func fields(data []byte) (map[int]value, error) {
	out := map[int]value{}
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, errMessage
		}
		data = data[n:]
		v, size := decode(int(key&7), data)
		if size < 0 || size > len(data) {
			return nil, errMessage
		}
		out[int(key>>3)] = v
		data = data[size:]
	}
	return out, nil
}

// decode returns a field's value and its size in bytes. The size is negative if the field is malformed.
func decode(wire int, data []byte) (value, int) {
	switch wire {
	case wireVarint:
		n, size := binary.Uvarint(data)
		if size <= 0 {
			return value{}, -1
		}
		return value{number: int64(n)}, size
	case wireBytes:
		n, size := binary.Uvarint(data)
		if size <= 0 || n > uint64(len(data)-size) {
			return value{}, -1
		}
		return value{bytes: data[size : size+int(n)]}, size + int(n)
	case wireFixed32:
		return value{}, 4
	case wireFixed64:
		return value{}, 8
	}
	return value{}, -1
}
