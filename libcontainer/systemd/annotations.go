package systemd

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// AnnotationPrefix is the prefix of annotations that set properties of the container's unit.
const AnnotationPrefix = "org.systemd.property."

// FromAnnotations returns the properties of the annotations org.systemd.property.NAME, sorted by name. Their values are
// in the GVariant text format. A name must have three or more characters, all of them Latin letters, because the
// meaning of another name to systemd is not known. The manual pages use names with the suffix Sec and seconds, but
// systemd's bus takes USec and microseconds. FromAnnotations converts the former to the latter, as runc does. Errors
// name the annotation.
func FromAnnotations(annotations map[string]string) ([]Property, error) {
	var out []Property
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, AnnotationPrefix)
		if !ok {
			continue
		}
		if err := checkName(name); err != nil {
			return nil, fmt.Errorf("annotations: %s: name incorrect: %w", key, err)
		}
		value, err := Parse(annotations[key])
		if err == nil {
			name, value, err = inMicroseconds(name, value)
		}
		if err != nil {
			return nil, fmt.Errorf("annotations: %s=%s: value parse error: %w", key, annotations[key], err)
		}
		out = append(out, Property{name, value})
	}
	return out, nil
}

func checkName(name string) error {
	if len(name) < 3 {
		return errors.New("too short")
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return errors.New("contains non-alphabetic character")
		}
	}
	return nil
}

func inMicroseconds(name string, v Value) (string, Value, error) {
	base, ok := strings.CutSuffix(name, "Sec")
	if !ok || base == "" || base[len(base)-1] < 'a' || base[len(base)-1] > 'z' {
		return name, v, nil
	}
	seconds, err := number(v)
	if err != nil {
		return "", nil, err
	}
	const million = 1_000_000
	if !(seconds >= 0 && seconds < math.MaxUint64/million) {
		return "", nil, errors.New("not a number of seconds")
	}
	usec := Uint64(seconds * million)
	if u, ok := v.(Uint64); ok {
		usec = u * million
	}
	return base + "USec", usec, nil
}

func number(v Value) (float64, error) {
	switch v := v.(type) {
	case Byte:
		return float64(v), nil
	case Int16:
		return float64(v), nil
	case Uint16:
		return float64(v), nil
	case Int32:
		return float64(v), nil
	case Uint32:
		return float64(v), nil
	case Int64:
		return float64(v), nil
	case Uint64:
		return float64(v), nil
	case Double:
		return float64(v), nil
	}
	return 0, errors.New("not a number")
}
