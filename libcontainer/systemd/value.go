package systemd

import (
	"fmt"
	"strconv"
	"strings"
)

// Value is a value of D-Bus (D-Bus Specification, "Type System").
type Value interface {
	// kind returns the type as a D-Bus signature.
	kind() string
	encode(e *encoder)
}

type (
	// Bool is the type "b".
	Bool bool
	// Byte is the type "y".
	Byte uint8
	// Int16 is the type "n".
	Int16 int16
	// Uint16 is the type "q".
	Uint16 uint16
	// Int32 is the type "i".
	Int32 int32
	// Uint32 is the type "u".
	Uint32 uint32
	// Int64 is the type "x".
	Int64 int64
	// Uint64 is the type "t".
	Uint64 uint64
	// Double is the type "d".
	Double float64
	// String is the type "s".
	String string
	// ObjectPath is the type "o".
	ObjectPath string
	// TypeName is the type "g", a signature.
	TypeName string
)

// Array holds values of one type. Elem is the signature of that type, which an empty array needs too.
type Array struct {
	Elem  string
	Items []Value
}

// Struct is a tuple.
type Struct []Value

// Entry is one entry of a dictionary. A dictionary is an Array of entries.
type Entry struct{ Key, Value Value }

// Variant is a value that carries its type.
type Variant struct{ Value Value }

// Infinity is systemd's value for "no limit".
const Infinity = Uint64(1<<64 - 1)

func (Bool) kind() string       { return "b" }
func (Byte) kind() string       { return "y" }
func (Int16) kind() string      { return "n" }
func (Uint16) kind() string     { return "q" }
func (Int32) kind() string      { return "i" }
func (Uint32) kind() string     { return "u" }
func (Int64) kind() string      { return "x" }
func (Uint64) kind() string     { return "t" }
func (Double) kind() string     { return "d" }
func (String) kind() string     { return "s" }
func (ObjectPath) kind() string { return "o" }
func (TypeName) kind() string   { return "g" }
func (Variant) kind() string    { return "v" }
func (a Array) kind() string    { return "a" + a.Elem }
func (s Struct) kind() string   { return "(" + signatureOf(s) + ")" }
func (e Entry) kind() string    { return "{" + e.Key.kind() + e.Value.kind() + "}" }

func signatureOf(values []Value) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(v.kind())
	}
	return b.String()
}

// Property is one property of a unit, with its name on the bus.
type Property struct {
	Name  string
	Value Value
}

// String returns the property for messages and tests, such as "TasksMax=10".
func (p Property) String() string { return p.Name + "=" + text(p.Value) }

func text(v Value) string {
	switch v := v.(type) {
	case String:
		return strconv.Quote(string(v))
	case Variant:
		return "<" + text(v.Value) + ">"
	case Array:
		return "[" + join(v.Items) + "]"
	case Struct:
		return "(" + join(v) + ")"
	case Entry:
		return text(v.Key) + ": " + text(v.Value)
	case Uint64:
		if v == Infinity {
			return "infinity"
		}
	}
	return fmt.Sprint(v)
}

func join(values []Value) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = text(v)
	}
	return strings.Join(out, ", ")
}

// Bytes returns an array of bytes, the type of AllowedCPUs.
func Bytes(b []byte) Array {
	a := Array{Elem: "y"}
	for _, c := range b {
		a.Items = append(a.Items, Byte(c))
	}
	return a
}

// properties returns the array of type a(sv) that systemd takes for the properties of a unit.
func properties(list []Property) Array {
	a := Array{Elem: "(sv)"}
	for _, p := range list {
		a.Items = append(a.Items, Struct{String(p.Name), Variant{p.Value}})
	}
	return a
}
