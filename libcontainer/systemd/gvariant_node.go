package systemd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

type (
	boolNode    bool
	numberNode  string
	stringNode  string
	bytesNode   string
	arrayNode   []node
	tupleNode   []node
	dictNode    [][2]node
	variantNode struct{ inner node }
	typedNode   struct {
		kind  string
		inner node
	}
)

func wrongType(what, kind string) error { return fmt.Errorf("%s is not of the type %q", what, kind) }

func (n typedNode) value(kind string) (Value, error) {
	if kind != "" && kind != n.kind {
		return nil, wrongType("a value of the type "+strconv.Quote(n.kind), kind)
	}
	return n.inner.value(n.kind)
}

func (n boolNode) value(kind string) (Value, error) {
	if kind != "" && kind != "b" {
		return nil, wrongType("a boolean", kind)
	}
	return Bool(n), nil
}

func (n stringNode) value(kind string) (Value, error) {
	if strings.ContainsRune(string(n), 0) {
		return nil, errors.New("a string has a null byte")
	}
	switch kind {
	case "", "s":
		return String(n), nil
	case "o":
		if !strings.HasPrefix(string(n), "/") {
			return nil, fmt.Errorf("%q is not an object path", string(n))
		}
		return ObjectPath(n), nil
	case "g":
		for rest := string(n); rest != ""; {
			var err error
			if rest, err = cutType(rest, 0); err != nil || len(n) > 255 {
				return nil, fmt.Errorf("%q is not a signature", string(n))
			}
		}
		return TypeName(n), nil
	}
	return nil, wrongType("a string", kind)
}

// value appends a null byte to a string of bytes, as g_variant_new_bytestring does.
func (n bytesNode) value(kind string) (Value, error) {
	if kind != "" && kind != "ay" {
		return nil, wrongType("a string of bytes", kind)
	}
	return Bytes(append([]byte(n), 0)), nil
}

func (n numberNode) value(kind string) (Value, error) {
	s := string(n)
	if kind == "" {
		kind = "i"
		if n.real() {
			kind = "d"
		}
	}
	signed := map[string]int{"n": 16, "i": 32, "x": 64}[kind]
	unsigned := map[string]int{"y": 8, "q": 16, "u": 32, "t": 64}[kind]
	var i int64
	var u uint64
	var d float64
	var err error
	switch {
	case signed > 0:
		i, err = strconv.ParseInt(s, 0, signed)
	case unsigned > 0:
		u, err = strconv.ParseUint(strings.TrimPrefix(s, "+"), 0, unsigned)
	case kind == "d":
		d, err = strconv.ParseFloat(s, 64)
	default:
		return nil, wrongType("a number", kind)
	}
	if err != nil {
		return nil, err
	}
	switch kind {
	case "n":
		return Int16(i), nil
	case "i":
		return Int32(i), nil
	case "x":
		return Int64(i), nil
	case "y":
		return Byte(u), nil
	case "q":
		return Uint16(u), nil
	case "u":
		return Uint32(u), nil
	case "t":
		return Uint64(u), nil
	}
	return Double(d), nil
}

func (n numberNode) real() bool {
	hex := strings.HasPrefix(strings.TrimLeft(string(n), "+-"), "0x")
	return !hex && strings.ContainsAny(string(n), ".eE")
}

func (n variantNode) value(kind string) (Value, error) {
	if kind != "" && kind != "v" {
		return nil, wrongType("a variant", kind)
	}
	inner, err := n.inner.value("")
	return Variant{inner}, err
}

func (n tupleNode) value(kind string) (Value, error) {
	kinds := make([]string, len(n))
	if kind != "" {
		if kind[0] != '(' {
			return nil, wrongType("a tuple", kind)
		}
		if kinds = members(kind); len(kinds) != len(n) {
			return nil, wrongType(fmt.Sprintf("a tuple of %d", len(n)), kind)
		}
	}
	if len(n) == 0 {
		return nil, errors.New("an empty tuple cannot be sent")
	}
	out := make(Struct, len(n))
	for i := range n {
		var err error
		if out[i], err = n[i].value(kinds[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n arrayNode) value(kind string) (Value, error) {
	elem := ""
	if kind != "" {
		if kind[0] != 'a' {
			return nil, wrongType("an array", kind)
		}
		elem = kind[1:]
	}
	items, elem, err := convertAll(n, elem)
	return Array{Elem: elem, Items: items}, err
}

// convertAll converts all items to one type and returns that type: elem, or if elem is "" the type of the first item
// whose type fits all of them.
func convertAll(nodes []node, elem string) ([]Value, string, error) {
	if elem != "" {
		items, err := each(nodes, elem)
		return items, elem, err
	}
	err := errors.New("the type of an empty array is not known: write @as [] or the like")
	for _, n := range nodes {
		first, errFirst := n.value("")
		if errFirst != nil {
			err = errFirst
			continue
		}
		var items []Value
		if items, err = each(nodes, first.kind()); err == nil {
			return items, first.kind(), nil
		}
	}
	return nil, "", err
}

func each(nodes []node, kind string) ([]Value, error) {
	var out []Value
	for _, n := range nodes {
		v, err := n.value(kind)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (n dictNode) value(kind string) (Value, error) {
	kinds := []string{"", ""}
	if kind != "" {
		if len(kind) < 2 || kind[:2] != "a{" {
			return nil, wrongType("a dictionary", kind)
		}
		kinds = members(kind[1:])
	}
	var keys, values []node
	for _, pair := range n {
		keys, values = append(keys, pair[0]), append(values, pair[1])
	}
	k, keyKind, err := convertAll(keys, kinds[0])
	if err != nil {
		return nil, err
	}
	if len(keyKind) != 1 || keyKind == "v" {
		return nil, fmt.Errorf("a dictionary cannot have keys of the type %q", keyKind)
	}
	v, valueKind, err := convertAll(values, kinds[1])
	if err != nil {
		return nil, err
	}
	out := Array{Elem: "{" + keyKind + valueKind + "}"}
	for i := range k {
		out.Items = append(out.Items, Entry{k[i], v[i]})
	}
	return out, nil
}
