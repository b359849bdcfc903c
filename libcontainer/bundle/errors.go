package bundle

import (
	"fmt"
	"strconv"
	"strings"
)

// FieldError is an error in a field of config.json or of a process.json.
type FieldError struct {
	// Field is the JSON path, such as "mounts[3].destination". It is empty if
	// the document as a whole is wrong.
	Field string
	Err   error
}

// maxText is the longest message, in bytes: a field and its value in the configuration may be of any length.
const maxText = 1024

func (e *FieldError) Error() string {
	text := e.Err.Error()
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "") + "... (" + strconv.Itoa(len(text)) + " bytes)"
	}
	return text
}

func (e *FieldError) Unwrap() error { return e.Err }

// fail builds a FieldError; format and args describe what is wrong with field.
func fail(field, format string, args ...any) error {
	return &FieldError{Field: field, Err: fmt.Errorf(format, args...)}
}

// elementPath returns the path of element i of the array field, followed by below:
// elementPath("mounts", 3, ".source") is "mounts[3].source".
func elementPath(field string, i int, below string) string {
	return field + "[" + strconv.Itoa(i) + "]" + below
}

// memberPath returns the path of member k of the object field, such as
// "linux.sysctl[net.core.somaxconn]".
func memberPath(field, k string) string {
	return field + "[" + k + "]"
}

// noNUL refuses a string with a NUL byte, where the kernel would cut it.
func noNUL(field, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fail(field, "%q contains a nul byte", s)
	}
	return nil
}

// absolute refuses a path that is empty or relative or has a NUL byte.
func absolute(field, path string) error {
	if path == "" {
		return fail(field, "must not be empty")
	}
	if path[0] != '/' {
		return fail(field, "%q must be an absolute path", path)
	}
	return noNUL(field, path)
}
