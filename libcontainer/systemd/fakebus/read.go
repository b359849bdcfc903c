package fakebus

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
)

type reader struct {
	b   []byte
	pos int
}

func (r *reader) next(align, n int) []byte {
	for r.pos%align != 0 {
		if r.b[r.pos] != 0 {
			panic("padding is not zero")
		}
		r.pos++
	}
	r.pos += n
	return r.b[r.pos-n : r.pos]
}

func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.next(4, 4)) }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.next(8, 8)) }

func (r *reader) text(n int) string {
	b := r.next(1, n+1)
	if b[n] != 0 {
		panic("no null byte after a string")
	}
	return string(b[:n])
}

// one reads a value of the first type in a signature, and returns the rest of the signature.
func (r *reader) one(sig string) (v any, rest string) {
	rest = sig[1:]
	switch sig[0] {
	case 'y':
		return r.next(1, 1)[0], rest
	case 'b':
		return r.u32() == 1, rest
	case 'n':
		return int16(binary.LittleEndian.Uint16(r.next(2, 2))), rest
	case 'q':
		return binary.LittleEndian.Uint16(r.next(2, 2)), rest
	case 'i':
		return int32(r.u32()), rest
	case 'u':
		return r.u32(), rest
	case 'x':
		return int64(r.u64()), rest
	case 't':
		return r.u64(), rest
	case 'd':
		return math.Float64frombits(r.u64()), rest
	case 's', 'o':
		return r.text(int(r.u32())), rest
	case 'g':
		return r.text(int(r.next(1, 1)[0])), rest
	case 'v':
		inner, _ := r.one(r.text(int(r.next(1, 1)[0])))
		return inner, rest
	case 'a':
		return r.array(rest)
	case '(', '{':
		r.next(8, 0)
		out := []any{}
		for rest[0] != ')' && rest[0] != '}' {
			v, rest = r.one(rest)
			out = append(out, v)
		}
		return out, rest[1:]
	}
	panic("unknown type " + sig)
}

func (r *reader) array(elem string) (any, string) {
	length := int(r.u32())
	switch elem[0] {
	case 'x', 't', 'd', '(', '{':
		r.next(8, 0)
	}
	end := r.pos + length
	out := []any{}
	for r.pos < end {
		v, _ := r.one(elem)
		out = append(out, v)
	}
	if r.pos != end {
		panic("the length of an array is wrong")
	}
	return out, skip(elem)
}

// skip removes one type from the front of a signature.
func skip(sig string) string {
	switch sig[0] {
	case 'a':
		return skip(sig[1:])
	case '(', '{':
		rest := sig[1:]
		for rest[0] != ')' && rest[0] != '}' {
			rest = skip(rest)
		}
		return rest[1:]
	}
	return sig[1:]
}

func readCall(client net.Conn) (*Call, error) {
	head := make([]byte, 16)
	if _, err := io.ReadFull(client, head); err != nil {
		return nil, err
	}
	if head[0] != 'l' || head[1] != 1 || head[3] != 1 {
		return nil, errors.New("not a method call of a little-endian machine")
	}
	body, fields := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
	start := (16 + int(fields) + 7) / 8 * 8
	data := append(head, make([]byte, start-16+int(body))...)
	if _, err := io.ReadFull(client, data[16:]); err != nil {
		return nil, err
	}
	c := &Call{serial: binary.LittleEndian.Uint32(head[8:])}
	r := reader{b: data[:16+fields], pos: 12}
	list, _ := r.one("a(yv)")
	signature := ""
	for _, f := range list.([]any) {
		pair := f.([]any)
		switch text := pair[1].(string); pair[0].(byte) {
		case 1:
			c.Path = text
		case 2:
			c.Interface = text
		case 3:
			c.Member = text
		case 6:
			c.Destination = text
		case 8:
			signature = text
		}
	}
	r = reader{b: data[start:]}
	for signature != "" {
		var v any
		v, signature = r.one(signature)
		c.Args = append(c.Args, v)
	}
	if r.pos != len(r.b) {
		return nil, errors.New("bytes after the arguments")
	}
	return c, nil
}
