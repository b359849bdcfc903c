package bundle

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

//go:generate go run ./gen

// decoder reads the JSON of well-formed configurations some ten times faster than
// encoding/json, which builds its tables anew in every process. It handles what engines
// write; anything unusual (an unknown member, a wrong type, a syntax error, an odd escape)
// makes it give up, and encoding/json decides. So it needs to be right only where it says
// that it is done; FuzzDecode holds the two against each other.
type decoder struct {
	raw     []byte
	at      int
	failed  bool
	objects int // in lists, so far
	crowded bool
}

// maxObjects bounds the objects in all lists together: as many as a plan has ops. A mount takes
// 40 times the memory of the three bytes that it can be written in.
const maxObjects = 16384

// giveUp leaves the rest to encoding/json: every later step does nothing.
func (d *decoder) giveUp() {
	d.failed = true
	d.at = len(d.raw)
}

// object counts one in a list.
func (d *decoder) object() {
	if d.objects++; d.objects > maxObjects {
		d.crowded = true
		d.giveUp()
	}
}

// peek returns the next byte that is no white space, or 0.
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

// done reports whether all was read, and nothing follows.
func (d *decoder) done() bool { return d.peek() == 0 && d.at == len(d.raw) && !d.failed }

func (d *decoder) literal(word string) bool {
	if d.peek() != word[0] || len(d.raw)-d.at < len(word) || string(d.raw[d.at:d.at+len(word)]) != word {
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

// text reads a string. One with an escape is given to encoding/json alone.
func (d *decoder) text() string {
	d.expect('"')
	start := d.at
	for ; d.at < len(d.raw); d.at++ {
		switch c := d.raw[d.at]; {
		case c == '"':
			s := d.raw[start:d.at]
			d.at++
			if !utf8.Valid(s) {
				d.giveUp()
			}
			return string(s)
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
	if d.at >= len(d.raw) || json.Unmarshal(d.raw[start-1:d.at+1], &s) != nil {
		d.giveUp()
		return ""
	}
	d.at++
	return s
}

// number reads an integer in its plain form.
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
	return string(d.raw[start:d.at])
}

// isNumber finds fractions and exponents.
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
