package systemd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep values may lie in each other (D-Bus Specification: 32 arrays, 32
// structs).
const maxDepth = 32

// Parse reads a value in the GVariant text format, as the annotations org.systemd.property.*
// have it: `uint64 5`, `'text'`, `[1, 2]`, `@as []`, `<true>`, `(1, 'a')`, `{'k': 1}`.
func Parse(text string) (Value, error) {
	p := &parser{text: text}
	n, err := p.node(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, fmt.Errorf("%q after the value", text[p.at:])
	}
	return n.value("")
}

// node is a parsed value whose type may depend on where it stands. value makes it one of
// the type kind, or of its own where kind is "".
type node interface {
	value(kind string) (Value, error)
}

type parser struct {
	text string
	at   int
}

var errEnd = errors.New("the value ends early")

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.at]) >= 0 {
		p.at++
	}
}

// peek returns the next character that is no space, or 0.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) take(c byte) bool {
	if p.peek() == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) node(depth int) (node, error) {
	if depth > maxDepth {
		return nil, errors.New("values lie too deep in each other")
	}
	switch c := p.peek(); {
	case c == 0:
		return nil, errEnd
	case c == '[':
		items, err := p.list('[', ']', depth)
		return arrayNode(items), err
	case c == '(':
		items, err := p.list('(', ')', depth)
		return tupleNode(items), err
	case c == '{':
		return p.dict(depth)
	case c == '<':
		return p.variant(depth)
	case c == '@':
		return p.annotated(depth)
	case c == '\'' || c == '"':
		s, err := p.quoted(false)
		return stringNode(s), err
	case c == 'b' && p.at+1 < len(p.text) && (p.text[p.at+1] == '\'' || p.text[p.at+1] == '"'):
		p.at++
		s, err := p.quoted(true)
		return bytesNode(s), err
	}
	return p.word(depth)
}

// list reads items between open and end, with commas; a tuple may end with one.
func (p *parser) list(open, end byte, depth int) ([]node, error) {
	p.take(open)
	var items []node
	for !p.take(end) {
		if len(items) > 0 {
			if !p.take(',') {
				return nil, fmt.Errorf("no %q or comma", end)
			}
			if open == '(' && p.take(end) {
				break
			}
		}
		n, err := p.node(depth + 1)
		if err != nil {
			return nil, err
		}
		items = append(items, n)
	}
	return items, nil
}

func (p *parser) dict(depth int) (node, error) {
	p.take('{')
	var d dictNode
	for !p.take('}') {
		if len(d) > 0 && !p.take(',') {
			return nil, errors.New("no '}' or comma")
		}
		key, err := p.node(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.take(':') {
			return nil, errors.New("no ':' after the key of a dictionary")
		}
		value, err := p.node(depth + 1)
		if err != nil {
			return nil, err
		}
		d = append(d, [2]node{key, value})
	}
	return d, nil
}

func (p *parser) variant(depth int) (node, error) {
	p.take('<')
	n, err := p.node(depth + 1)
	if err == nil && !p.take('>') {
		err = errors.New("no '>' after a variant")
	}
	return variantNode{n}, err
}

// annotated is a value behind its type: @as [].
func (p *parser) annotated(depth int) (node, error) {
	p.take('@')
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.at]) < 0 {
		p.at++
	}
	kind := p.text[start:p.at]
	if rest, err := cutType(kind, 0); err != nil || rest != "" {
		return nil, fmt.Errorf("%q is no type", kind)
	}
	n, err := p.node(depth + 1)
	return typedNode{kind, n}, err
}

// keyword returns the type that a name before a value stands for, or "".
func keyword(word string) string {
	switch word {
	case "boolean":
		return "b"
	case "byte":
		return "y"
	case "int16":
		return "n"
	case "uint16":
		return "q"
	case "int32":
		return "i"
	case "uint32":
		return "u"
	case "int64":
		return "x"
	case "uint64":
		return "t"
	case "double":
		return "d"
	case "string":
		return "s"
	case "objectpath":
		return "o"
	case "signature":
		return "g"
	}
	return ""
}

func (p *parser) word(depth int) (node, error) {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(" \t\n\r,:]})>", p.text[p.at]) < 0 {
		p.at++
	}
	word := p.text[start:p.at]
	if kind := keyword(word); kind != "" {
		n, err := p.node(depth + 1)
		return typedNode{kind, n}, err
	}
	switch {
	case word == "true" || word == "false":
		return boolNode(word == "true"), nil
	case word != "" && strings.IndexByte("+-.0123456789", word[0]) >= 0:
		return numberNode(word), nil
	}
	return nil, fmt.Errorf("%q is no value", word)
}

// quoted reads a string; those of bytes know octal escapes, the others Unicode ones.
func (p *parser) quoted(bytes bool) (string, error) {
	quote := p.text[p.at]
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case quote:
			p.at++
			if s := out.String(); bytes || utf8.ValidString(s) {
				return s, nil
			}
			return "", errors.New("a string is no valid UTF-8")
		case '\\':
			p.at++
			if err := p.escape(&out, bytes); err != nil {
				return "", err
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", errEnd
}

// escape leaves p at the last character of the escape.
func (p *parser) escape(out *strings.Builder, bytes bool) error {
	if p.at == len(p.text) {
		return errEnd
	}
	c := p.text[p.at]
	if i := strings.IndexByte("abfnrtv", c); i >= 0 {
		out.WriteByte("\a\b\f\n\r\t\v"[i])
		return nil
	}
	var digits, base int
	switch {
	case bytes && c >= '0' && c <= '7':
		digits, base = 3, 8
		p.at--
	case !bytes && c == 'u':
		digits, base = 4, 16
	case !bytes && c == 'U':
		digits, base = 8, 16
	default:
		out.WriteByte(c)
		return nil
	}
	if p.at+digits >= len(p.text) {
		return errEnd
	}
	v, err := strconv.ParseUint(p.text[p.at+1:p.at+1+digits], base, 32)
	if err != nil || (bytes && v > 255) || (!bytes && (v == 0 || v > utf8.MaxRune)) {
		return errors.New("a string has a wrong escape")
	}
	p.at += digits
	if bytes {
		out.WriteByte(byte(v))
	} else {
		out.WriteRune(rune(v))
	}
	return nil
}

// cutType takes one complete type off a signature.
func cutType(s string, depth int) (rest string, err error) {
	if s == "" || depth > maxDepth {
		return "", errEnd
	}
	switch s[0] {
	case 'b', 'y', 'n', 'q', 'i', 'u', 'x', 't', 'd', 's', 'o', 'g', 'v':
		return s[1:], nil
	case 'a':
		return cutType(s[1:], depth+1)
	case '(', '{':
		end := map[byte]byte{'(': ')', '{': '}'}[s[0]]
		rest, n := s[1:], 0
		for ; rest != "" && rest[0] != end; n++ {
			if rest, err = cutType(rest, depth+1); err != nil {
				return "", err
			}
		}
		if rest == "" || n == 0 || (end == '}' && n != 2) {
			return "", errEnd
		}
		return rest[1:], nil
	}
	return "", fmt.Errorf("%q is no type", s[:1])
}

// members are the types in a struct or an entry of a dictionary.
func members(kind string) (out []string) {
	for kind = kind[1 : len(kind)-1]; kind != ""; {
		rest, err := cutType(kind, 0)
		if err != nil {
			return out
		}
		out = append(out, kind[:len(kind)-len(rest)])
		kind = rest
	}
	return out
}
