package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// step is one level of a JSON path: a member of an object or an element of an
// array.
type step struct {
	array bool
	index int
	name  string
	// onKey is true if the next token of an object is a member's name.
	onKey bool
}

// pathAt returns the path of the value whose first token ends at or behind offset in
// raw, such as "mounts[3].options[0]". encoding/json leaves out the indices. pathAt reads
// the document again, so it is for errors only.
func pathAt(raw []byte, offset int64) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	var steps []step
	for {
		tok, err := d.Token()
		if err != nil {
			return join(steps)
		}
		if d.InputOffset() >= offset {
			return join(steps)
		}
		steps = advance(steps, tok)
	}
}

// advance returns the path after one token.
func advance(steps []step, tok json.Token) []step {
	switch tok {
	case json.Delim('{'):
		return append(steps, step{onKey: true})
	case json.Delim('['):
		return append(steps, step{array: true})
	case json.Delim('}'), json.Delim(']'):
		return next(steps[:len(steps)-1])
	}
	if len(steps) > 0 {
		if s := &steps[len(steps)-1]; s.onKey {
			s.name, _ = tok.(string)
			s.onKey = false
			return steps
		}
	}
	return next(steps)
}

// next returns the path after a value that has been read whole.
func next(steps []step) []step {
	if len(steps) == 0 {
		return steps
	}
	if s := &steps[len(steps)-1]; s.array {
		s.index++
	} else {
		s.onKey = true
	}
	return steps
}

func join(steps []step) string {
	var path string
	for _, s := range steps {
		switch {
		case s.array:
			path += fmt.Sprintf("[%d]", s.index)
		case s.onKey:
		case path == "":
			path = s.name
		default:
			path += "." + s.name
		}
	}
	return path
}

// rangeOf says which numbers an integer type holds.
func rangeOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return " from 0 to " + strconv.FormatUint(math.MaxUint64>>(64-t.Bits()), 10)
	default:
		return " of " + strconv.Itoa(t.Bits()) + " bits"
	}
}

// kindName returns the JSON name of the values that a Go type takes.
func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Pointer:
		return kindName(t.Elem())
	default:
		return "a whole number" + rangeOf(t)
	}
}
