package bundle

import (
	"encoding/json"
	"maps"
	"slices"
)

// Object is the fast decoder for the one JSON object of a file that rung itself writes.
type Object struct{ d decoder }

// ReadObject calls member for each member of an object, which reads its value. It reports whether the whole text was read. If not,
// what was read counts for nothing, and encoding/json decides.
func ReadObject(raw string, member func(o *Object, name string)) bool {
	o := &Object{decoder{raw: raw}}
	for first := true; o.d.member(first); first = false {
		member(o, o.d.key())
	}
	return o.d.done()
}

// GiveUp is for a member that the caller does not read.
func (o *Object) GiveUp() { o.d.giveUp() }

// String reads a string.
func (o *Object) String(v *string) { decodeString(&o.d, v) }

// Bool reads true or false.
func (o *Object) Bool(v *bool) { decodeBool(&o.d, v) }

// Int reads a number.
func (o *Object) Int(v *int) { decodeInt(&o.d, v) }

// Uint64 reads a number.
func (o *Object) Uint64(v *uint64) {
	if !o.d.null() {
		*v = o.d.unsigned(64)
	}
}

// StringMap reads an object of strings.
func (o *Object) StringMap(v *map[string]string) { decodeMapStringString(&o.d, v) }

// Strings reads a list of exactly as many strings.
func (o *Object) Strings(v []string) {
	n := 0
	for first := true; o.d.element(first); first = false {
		if n == len(v) {
			o.d.giveUp()
			return
		}
		decodeString(&o.d, &v[n])
		n++
	}
	if n != len(v) {
		o.d.giveUp()
	}
}

// AppendStrings appends what json.Marshal makes of a map.
func AppendStrings(b []byte, m map[string]string) []byte {
	if m == nil {
		return append(b, "null"...)
	}
	b = append(b, '{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(append(AppendString(b, key), ':'), m[key])
	}
	return append(b, '}')
}

// AppendString appends what json.Marshal makes of a string.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, err := json.Marshal(s) // a string: no error
			if err != nil {
				panic(err)
			}
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
