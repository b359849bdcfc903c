package systemd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deeply values may be nested (D-Bus Specification: 32 arrays, 32 structs).
const maxDepth = 32

// Parse reads a value in the GVariant text format of the annotations org.systemd.property.*: `uint64 5`, `'text'`,
// `[1, 2]`, `@as []`, `<true>`, `(1, 'a')`, `{'k': 1}`. Text after the value is an error.
func Parse(text string) (Value, error) {
	p := &parser{text: text}
	n, err := p.node(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(text) {
		return nil, fmt.Errorf("%q after the value", text[p.pos:])
	}
	return n.value("")
}

// node is a parsed value. Its type may depend on its place, so the parser does not decide it.
type node interface {
	// value converts the node to the type kind, or to its own type if kind is "".
	value(kind string) (Value, error)
}

type parser struct {
	text string
	pos  int
}

var errEnd = errors.New("the value ends early")

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// peek returns the next character that is not a space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.pos == len(p.text) {
		return 0
	}
	return p.text[p.pos]
}

func (p *parser) take(c byte) bool {
	if p.peek() == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) node(depth int) (node, error) {
	if depth > maxDepth {
		return nil, errors.New("values are nested too deeply")
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
	case c == 'b' && p.pos+1 < len(p.text) && (p.text[p.pos+1] == '\'' || p.text[p.pos+1] == '"'):
		p.pos++
		s, err := p.quoted(true)
		return bytesNode(s), err
	}
	return p.word(depth)
}

// list reads items with commas between open and end. A tuple may have a comma after its last item.
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

// annotated reads a type and a value, such as @as [].
func (p *parser) annotated(depth int) (node, error) {
	p.take('@')
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.pos]) < 0 {
		p.pos++
	}
	kind := p.text[start:p.pos]
	if rest, err := cutType(kind, 0); err != nil || rest != "" {
		return nil, fmt.Errorf("%q is not a type", kind)
	}
	n, err := p.node(depth + 1)
	return typedNode{kind, n}, err
}

// keyword returns the type for a type name before a value, "" if word is no type name.
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
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\n\r,:]})>", p.text[p.pos]) < 0 {
		p.pos++
	}
	word := p.text[start:p.pos]
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
	return nil, fmt.Errorf("%q is not a value", word)
}

// quoted reads a string. A string of bytes has octal escapes, any other string has Unicode escapes.
func (p *parser) quoted(bytes bool) (string, error) {
	quote := p.text[p.pos]
	var out strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; c {
		case quote:
			p.pos++
			if s := out.String(); bytes || utf8.ValidString(s) {
				return s, nil
			}
			return "", errors.New("a string is not valid UTF-8")
		case '\\':
			p.pos++
			if err := p.escape(&out, bytes); err != nil {
				return "", err
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", errEnd
}

// escape reads an escape after its backslash. Afterwards p is at the last character of the escape.
func (p *parser) escape(out *strings.Builder, bytes bool) error {
	if p.pos == len(p.text) {
		return errEnd
	}
	c := p.text[p.pos]
	if i := strings.IndexByte("abfnrtv", c); i >= 0 {
		out.WriteByte("\a\b\f\n\r\t\v"[i])
		return nil
	}
	var digits, base int
	switch {
	case bytes && c >= '0' && c <= '7':
		digits, base = 3, 8
		p.pos--
	case !bytes && c == 'u':
		digits, base = 4, 16
	case !bytes && c == 'U':
		digits, base = 8, 16
	default:
		out.WriteByte(c)
		return nil
	}
	if p.pos+digits >= len(p.text) {
		return errEnd
	}
	v, err := strconv.ParseUint(p.text[p.pos+1:p.pos+1+digits], base, 32)
	if err != nil || (bytes && v > 255) || (!bytes && (v == 0 || v > utf8.MaxRune)) {
		return errors.New("a string has a wrong escape")
	}
	p.pos += digits
	if bytes {
		out.WriteByte(byte(v))
	} else {
		out.WriteRune(rune(v))
	}
	return nil
}

// cutType removes one complete type from the front of a signature.
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
	return "", fmt.Errorf("%q is not a type", s[:1])
}

// members returns the types in a struct or in an entry of a dictionary.
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
