package bundle

import (
	"fmt"
	"strconv"
	"strings"
)

// FieldError says which field of config.json (or of a process.json) is wrong.
type FieldError struct {
	// Field is the JSON path, such as "mounts[3].destination". It is empty
	// when the document as a whole is wrong.
	Field string
	Err   error
}

// maxText is what a message shows of a field and its value: they are the configuration's.
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

// at names element i of the array field, and what is below it: at("mounts", 3,
// ".source") is "mounts[3].source".
func at(field string, i int, below string) string {
	return fmt.Sprintf("%s[%d]%s", field, i, below)
}

// key names the member k of the object field: "linux.sysctl[net.core.somaxconn]".
func key(field, k string) string {
	return field + "[" + k + "]"
}

// noNUL refuses a string that the kernel would cut at its first NUL byte.
func noNUL(field, s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fail(field, "%q contains a nul byte", s)
	}
	return nil
}

// absolute refuses an empty, relative or NUL-carrying path.
func absolute(field, path string) error {
	if path == "" {
		return fail(field, "must not be empty")
	}
	if path[0] != '/' {
		return fail(field, "%q must be an absolute path", path)
	}
	return noNUL(field, path)
}
