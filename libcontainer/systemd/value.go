package systemd

import (
	"fmt"
	"strconv"
	"strings"
)

// Value is a value of D-Bus (D-Bus Specification, "Type System").
type Value interface {
	// Signature is the type in the notation of D-Bus.
	Signature() string
	encode(e *encoder)
}

// The basic types.
type (
	Bool       bool
	Byte       uint8
	Int16      int16
	Uint16     uint16
	Int32      int32
	Uint32     uint32
	Int64      int64
	Uint64     uint64
	Double     float64
	String     string
	ObjectPath string
	TypeName   string // a signature
)

// Array holds values of one type, whose signature it needs where it is empty.
type Array struct {
	Elem  string
	Items []Value
}

// Struct is a tuple.
type Struct []Value

// Entry is one entry of a dictionary, which is an array of them.
type Entry struct{ Key, Value Value }

// Variant is a value that carries its type.
type Variant struct{ Value Value }

// Infinity is how systemd writes "no limit".
const Infinity = Uint64(1<<64 - 1)

func (Bool) Signature() string       { return "b" }
func (Byte) Signature() string       { return "y" }
func (Int16) Signature() string      { return "n" }
func (Uint16) Signature() string     { return "q" }
func (Int32) Signature() string      { return "i" }
func (Uint32) Signature() string     { return "u" }
func (Int64) Signature() string      { return "x" }
func (Uint64) Signature() string     { return "t" }
func (Double) Signature() string     { return "d" }
func (String) Signature() string     { return "s" }
func (ObjectPath) Signature() string { return "o" }
func (TypeName) Signature() string   { return "g" }
func (Variant) Signature() string    { return "v" }
func (a Array) Signature() string    { return "a" + a.Elem }
func (s Struct) Signature() string   { return "(" + signatureOf(s) + ")" }
func (e Entry) Signature() string    { return "{" + e.Key.Signature() + e.Value.Signature() + "}" }

func signatureOf(values []Value) string {
	var b strings.Builder
	for _, v := range values {
		b.WriteString(v.Signature())
	}
	return b.String()
}

// Property is one property of a unit, as systemd names it on the bus.
type Property struct {
	Name  string
	Value Value
}

// String is for messages and tests: "TasksMax=10".
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

// Bytes is an array of bytes, as AllowedCPUs is.
func Bytes(b []byte) Array {
	a := Array{Elem: "y"}
	for _, c := range b {
		a.Items = append(a.Items, Byte(c))
	}
	return a
}

// properties is the a(sv) that units are made with.
func properties(list []Property) Array {
	a := Array{Elem: "(sv)"}
	for _, p := range list {
		a.Items = append(a.Items, Struct{String(p.Name), Variant{p.Value}})
	}
	return a
}
