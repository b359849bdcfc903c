package systemd

import "encoding/binary"

// Types of messages, and the header fields that rung uses (D-Bus Specification, "Message Format").
const (
	methodCall   = 1
	methodReturn = 2
	errorReply   = 3
	signal       = 4

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8

	fixedHeader = 16
	// maxMessage bounds how much is read for one message. systemd's answers are far smaller.
	maxMessage = 1 << 20
)

// call is a method call.
type call struct {
	to, path, iface, method string
	args                    []Value
}

func (c *call) encode(serial uint32) []byte {
	body := encoder{}
	for _, v := range c.args {
		v.encode(&body)
	}
	e := encoder{buf: []byte{endianness(), methodCall, 0, 1}}
	e.uint32(uint32(len(body.buf)))
	e.uint32(serial)
	field := func(code int, v Value) Value { return Struct{Byte(code), Variant{v}} }
	fields := Array{Elem: "(yv)", Items: []Value{
		field(fieldPath, ObjectPath(c.path)), field(fieldInterface, String(c.iface)),
		field(fieldMember, String(c.method)), field(fieldDestination, String(c.to)),
	}}
	if len(c.args) > 0 {
		fields.Items = append(fields.Items, field(fieldSignature, TypeName(signatureOf(c.args))))
	}
	fields.encode(&e)
	e.align(8)
	return append(e.buf, body.buf...)
}

func endianness() byte {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return 'l'
	}
	return 'B'
}

// message is a message that was received.
type message struct {
	kind      byte
	reply     uint32 // serial of the call that it answers
	member    string
	errorName string
	signature string
	body      decoder
}

// parseMessage parses the message at the front of data, which has n bytes. m is nil if the message is not complete yet.
func parseMessage(data []byte) (m *message, n int, err error) {
	if len(data) < fixedHeader {
		return nil, 0, nil
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if data[0] == 'B' {
		order = binary.BigEndian
	} else if data[0] != 'l' {
		return nil, 0, errMalformed
	}
	length, fields := order.Uint32(data[4:]), order.Uint32(data[12:])
	if length > maxMessage || fields > maxMessage {
		return nil, 0, errMalformed
	}
	start := (fixedHeader + int(fields) + 7) / 8 * 8
	n = start + int(length)
	if len(data) < n {
		return nil, 0, nil
	}
	m = &message{kind: data[1], body: decoder{buf: data[start:n], order: order}}
	header := decoder{buf: data[:fixedHeader+int(fields)], pos: fixedHeader, order: order}
	for header.pos < len(header.buf) && !header.bad {
		m.field(&header)
	}
	if header.bad {
		return nil, 0, errMalformed
	}
	return m, n, nil
}

func (m *message) field(d *decoder) {
	code := d.take(8, 1)[0]
	switch d.signature() {
	case "s", "o":
		s := d.string()
		switch code {
		case fieldMember:
			m.member = s
		case fieldErrorName:
			m.errorName = s
		}
	case "g":
		if s := d.signature(); code == fieldSignature {
			m.signature = s
		}
	case "u":
		if v := d.uint32(); code == fieldReplySerial {
			m.reply = v
		}
	default:
		d.bad = true // no header field has another type
	}
}
