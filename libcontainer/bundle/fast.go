package bundle

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

//go:generate go run ./gen

// decoder reads the JSON of well-formed configurations about ten times faster than
// encoding/json, which builds its tables anew in every process. It handles the JSON that
// engines write. At anything unusual (an unknown member, a wrong type, a syntax error, an
// odd escape) it gives up, and encoding/json decides. So its result counts only if it is
// done; FuzzDecode compares the two.
//
// The strings of the result are parts of raw, not copies: a configuration of thousands of mounts has tens of thousands of them.
type decoder struct {
	raw     string
	at      int // offset of the next byte
	failed  bool
	objects int  // number of objects in lists so far
	crowded bool // there are more of them than maxObjects
}

// maxObjects is the highest number of objects in all lists of a document together. A mount can be written in three bytes and takes
// 40 times that in memory. But one that makes sense has at least 30 bytes.
func maxObjects(raw string) int {
	const always, bytesOfOne = 16384, 24
	return always + len(raw)/bytesOfOne
}

// giveUp leaves the document to encoding/json: every later step does nothing.
func (d *decoder) giveUp() {
	d.failed = true
	d.at = len(d.raw)
}

// object counts an object in a list, and gives up if there are too many.
func (d *decoder) object() {
	if d.objects++; d.objects > maxObjects(d.raw) {
		d.crowded = true
		d.giveUp()
	}
}

// peek returns the next byte that is not white space, or 0 at the end.
func (d *decoder) peek() byte {
	for d.at < len(d.raw) {
		switch c := d.raw[d.at]; c {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) expect(c byte) {
	if d.peek() != c {
		d.giveUp()
		return
	}
	d.at++
}

// done reports whether the decoder has read the whole document and nothing follows.
func (d *decoder) done() bool { return d.peek() == 0 && d.at == len(d.raw) && !d.failed }

func (d *decoder) literal(word string) bool {
	if d.peek() != word[0] || len(d.raw)-d.at < len(word) || d.raw[d.at:d.at+len(word)] != word {
		return false
	}
	d.at += len(word)
	return true
}

func (d *decoder) null() bool { return d.literal("null") }

func (d *decoder) boolean() bool {
	if d.literal("true") {
		return true
	}
	if !d.literal("false") {
		d.giveUp()
	}
	return false
}

// member moves to the next member of an object, and reports whether there is one.
func (d *decoder) member(first bool) bool { return d.next(first, '{', '}') }

// element moves to the next element of an array, and reports whether there is one.
func (d *decoder) element(first bool) bool { return d.next(first, '[', ']') }

func (d *decoder) next(first bool, begin, end byte) bool {
	if first {
		d.expect(begin)
		if d.peek() == end {
			d.at++
			return false
		}
		return !d.failed
	}
	switch d.peek() {
	case ',':
		d.at++
		return true
	case end:
		d.at++
	default:
		d.giveUp()
	}
	return false
}

func (d *decoder) key() string {
	key := d.text()
	d.expect(':')
	return key
}

// text reads a string. encoding/json decodes a string with an escape.
func (d *decoder) text() string {
	d.expect('"')
	start := d.at
	for ; d.at < len(d.raw); d.at++ {
		switch c := d.raw[d.at]; {
		case c == '"':
			s := d.raw[start:d.at]
			d.at++
			if !utf8.ValidString(s) {
				d.giveUp()
			}
			return s
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			d.giveUp()
			return ""
		}
	}
	d.giveUp()
	return ""
}

func (d *decoder) escaped(start int) (s string) {
	for d.at < len(d.raw) && d.raw[d.at] != '"' {
		if d.raw[d.at] == '\\' {
			d.at++
		}
		d.at++
	}
	if d.at >= len(d.raw) || json.Unmarshal([]byte(d.raw[start-1:d.at+1]), &s) != nil {
		d.giveUp()
		return ""
	}
	d.at++
	return s
}

// grown doubles the room of a full list: append grows long lists by a quarter, and copies them more often.
func grown[T any](list []T) []T {
	if len(list) < cap(list) {
		return list
	}
	return slices.Grow(list, len(list))
}

// number reads an integer without a fraction or an exponent.
func (d *decoder) number() string {
	d.peek()
	start := d.at
	if d.at < len(d.raw) && d.raw[d.at] == '-' {
		d.at++
	}
	digits := d.at
	for d.at < len(d.raw) && d.raw[d.at] >= '0' && d.raw[d.at] <= '9' {
		d.at++
	}
	if d.at == digits || d.raw[digits] == '0' && d.at-digits > 1 || d.at < len(d.raw) && isNumber(d.raw[d.at]) {
		d.giveUp()
		return "0"
	}
	return d.raw[start:d.at]
}

// isNumber reports whether a byte continues a number with a fraction or an exponent.
func isNumber(c byte) bool { return c == '.' || c == 'e' || c == 'E' || c == '-' || c == '+' }

func (d *decoder) integer(bits int) int64 {
	n, err := strconv.ParseInt(d.number(), 10, bits)
	if err != nil {
		d.giveUp()
	}
	return n
}

func (d *decoder) unsigned(bits int) uint64 {
	n, err := strconv.ParseUint(d.number(), 10, bits)
	if err != nil {
		d.giveUp()
	}
	return n
}
