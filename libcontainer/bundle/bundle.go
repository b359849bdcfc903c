// Package bundle loads the configuration of a container, and says what is wrong
// with it in terms of the fields of config.json.
package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// ConfigName is the name of the configuration inside a bundle (bundle.md).
const ConfigName = "config.json"

// Bundle is a directory with a config.json, parsed but not yet validated.
type Bundle struct {
	// Dir is absolute and free of symbolic links.
	Dir string
	// Raw is config.json as given.
	Raw []byte
	// Spec is Raw, parsed.
	Spec *specs.Spec
}

// Load reads the bundle in dir; an empty dir means the current directory.
// It does not call Validate.
func Load(dir string) (*Bundle, error) {
	abs, err := resolve(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	raw, err := sys.ReadFile(filepath.Join(abs, ConfigName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &notFoundError{cause: err}
	}
	if err != nil {
		return nil, err
	}
	spec, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ConfigName, err)
	}
	return &Bundle{Dir: abs, Raw: raw, Spec: spec}, nil
}

// notFoundError has runc's wording, which callers look for, and still is an
// fs.ErrNotExist.
type notFoundError struct{ cause error }

func (e *notFoundError) Error() string {
	return "JSON specification file " + ConfigName + " not found"
}

func (e *notFoundError) Unwrap() error { return e.cause }

// resolve gives what getcwd(2) would say in dir: the state of a container names
// its bundle by that path.
func resolve(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// FromSpec makes a bundle of a configuration in memory, validated. Relative paths in it are
// below dir.
func FromSpec(dir string, s *specs.Spec) (*Bundle, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	abs, err := resolve(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	b := &Bundle{Dir: abs, Raw: raw}
	if b.Spec, err = Parse(raw); err != nil {
		return nil, err
	}
	return b, Validate(b.Spec)
}

// Parse decodes a config.json. Unknown members are ignored (config.md,
// "Extensibility"); a value of the wrong type and anything after the document
// are errors, the former a *FieldError. Linux is never nil.
func Parse(raw []byte) (*specs.Spec, error) {
	d := decoder{raw: raw}
	fast := new(specs.Spec)
	if decodeSpec(&d, fast); d.done() && !isNull(raw) {
		return withLinux(fast), nil
	}
	if d.crowded || elements(raw) > maxElements {
		return nil, errCrowded
	}
	var spec *specs.Spec
	if err := decode(raw, &spec); err != nil {
		return nil, err
	}
	if spec == nil {
		return nil, errors.New("config cannot be null")
	}
	return withLinux(spec), nil
}

// withLinux spares everybody to ask whether there is a linux: it may be left out (config.md).
func withLinux(s *specs.Spec) *specs.Spec {
	if s.Linux == nil {
		s.Linux = new(specs.Linux)
	}
	return s
}

// LoadProcess reads the process.json of `exec --process`. It does not call
// ValidateProcess.
func LoadProcess(path string) (*specs.Process, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := decoder{raw: raw}
	fast := new(specs.Process)
	if decodeProcess(&d, fast); d.done() && !isNull(raw) {
		return fast, nil
	}
	if d.crowded || elements(raw) > maxElements {
		return nil, fmt.Errorf("%s: %w", path, errCrowded)
	}
	var p *specs.Process
	if err := decode(raw, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p == nil {
		return nil, fmt.Errorf("%s: %w", path, errNoProcess)
	}
	return p, nil
}

// maxElements bounds the elements of all lists together in what encoding/json reads: it makes
// the list before it finds that its elements are of the wrong type.
const maxElements = 2 * maxObjects

var errCrowded = fmt.Errorf("lists of more than %d objects, or of %d elements beside something unusual", maxObjects, maxElements)

// elements counts the elements of all lists but the first of each, in whatever raw is.
func elements(raw []byte) (n int) {
	if len(raw) < 2*maxElements {
		return 0
	}
	var lists []bool // of the brackets that are open, whether it is a list
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '[', '{':
			lists = append(lists, raw[i] == '[')
		case ']', '}':
			lists = lists[:max(len(lists)-1, 0)]
		case ',':
			if len(lists) > 0 && lists[len(lists)-1] {
				n++
			}
		}
	}
	return n
}

func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }

func decode(raw []byte, into any) error {
	err := json.Unmarshal(raw, into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fail(pathAt(raw, wrong.Offset), "a JSON %s does not fit here, need %s", wrong.Value, kindName(wrong.Type))
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line, column := position(raw, syntax.Offset)
		return fmt.Errorf("line %d, column %d: %w", line, column, err)
	}
	return err
}

// position turns a byte offset into a line and a column, both from 1.
func position(raw []byte, offset int64) (line, column int) {
	before := raw[:max(0, min(int(offset), len(raw)))]
	line = bytes.Count(before, []byte("\n")) + 1
	column = len(before) - bytes.LastIndexByte(before, '\n') - 1
	return line, max(column, 1)
}
