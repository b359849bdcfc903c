// Package bundle loads the configuration of a container and validates it. Its errors
// name the fields of config.json.
package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// ConfigName is the name of the configuration inside a bundle (bundle.md).
const ConfigName = "config.json"

// Bundle is a directory with a config.json, parsed but not yet validated.
type Bundle struct {
	// Dir is absolute and free of symbolic links.
	Dir string
	// Path is that of config.json; "" if there is no such file.
	Path string
	// Raw is config.json as given.
	Raw []byte
	// Spec is Raw, parsed.
	Spec *specs.Spec
}

// Load reads the bundle in dir; an empty dir means the current directory.
// It does not call Validate: that is done when a container is made of the bundle.
func Load(dir string) (*Bundle, error) {
	return LoadFile(dir, "")
}

// LoadFile is Load with the configuration in another file than config.json. A relative path starts at dir.
func LoadFile(dir, file string) (*Bundle, error) {
	abs, err := resolve(dir)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", cmp.Or(dir, "."), err)
	}
	if file == "" {
		file = ConfigName
	}
	path := file
	if !filepath.IsAbs(path) {
		path = filepath.Join(abs, path)
	}
	raw, err := sys.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &notFoundError{file, err}
	}
	if err != nil {
		return nil, err
	}
	spec, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Bundle{Dir: abs, Path: path, Raw: raw, Spec: spec}, nil
}

// notFoundError has runc's wording, because callers look for it. It unwraps to
// fs.ErrNotExist.
type notFoundError struct {
	file  string
	cause error
}

func (e *notFoundError) Error() string {
	return "JSON specification file " + e.file + " not found"
}

func (e *notFoundError) Unwrap() error { return e.cause }

// resolve returns the path that getcwd(2) returns in dir: the state of a container
// names its bundle by that path. "..", as for the kernel, is the directory above what a link leads to.
func resolve(dir string) (string, error) {
	if filepath.IsAbs(dir) {
		return sys.EvalSymlinks(dir)
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return sys.EvalSymlinks(here + "/" + dir) // Join would take ".." by the text
}

// FromSpec makes a bundle of a configuration in memory and validates it. Relative paths of the
// configuration start at dir.
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

// Parse decodes a config.json. It ignores unknown members (config.md,
// "Extensibility"). A value of the wrong type is a *FieldError; text after the
// document is an error. Linux of the result is never nil.
func Parse(raw []byte) (*specs.Spec, error) {
	d := decoder{raw: string(raw)}
	fast := new(specs.Spec)
	if decodeSpec(&d, fast); d.done() && !isNull(raw) {
		return adjusted(fast), nil
	}
	if err := d.checkCrowd(); err != nil {
		return nil, err
	}
	var spec *specs.Spec
	if err := Decode(raw, &spec); err != nil {
		return nil, err
	}
	if spec == nil {
		return nil, errors.New("config cannot be null: it is an object, as rung spec writes one")
	}
	return adjusted(spec), nil
}

// withLinux sets s.Linux if config.json leaves it out (config.md): after this, it is never nil.
func withLinux(s *specs.Spec) *specs.Spec {
	if s.Linux == nil {
		s.Linux = new(specs.Linux)
	}
	return s
}

// adjusted is withLinux, and removes a limit of processes of 0 from a configuration older than 1.3, in which it meant that there is
// none: Podman 4.3 writes it for --pids-limit -1.
func adjusted(s *specs.Spec) *specs.Spec {
	withLinux(s)
	if r := s.Linux.Resources; r != nil && r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit == 0 && olderThan13(s.Version) {
		r.Pids.Limit = nil
	}
	return s
}

func olderThan13(version string) bool {
	minor, ok := strings.CutPrefix(version, "1.")
	if !ok {
		return false
	}
	minor, _, _ = strings.Cut(minor, ".")
	return minor == "0" || minor == "1" || minor == "2"
}

// LoadProcess reads the process.json of `exec --process`. It does not call
// ValidateProcess.
func LoadProcess(path string) (*specs.Process, error) {
	raw, err := sys.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := decoder{raw: string(raw)}
	fast := new(specs.Process)
	if decodeProcess(&d, fast); d.done() && !isNull(raw) {
		return fast, nil
	}
	if err := d.checkCrowd(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var p *specs.Process
	if err := Decode(raw, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if p == nil {
		return nil, fmt.Errorf("%s: %w", path, errNoProcess)
	}
	return p, nil
}

// maxElements is the highest number of elements in all lists of a document that encoding/json
// reads: it makes a list before it finds that the elements are of the wrong type.
func maxElements(raw string) int {
	const always, bytesOfOne = 32768, 32
	return always + len(raw)/bytesOfOne
}

// checkCrowd refuses a document, which the decoder has given up, if encoding/json could take much memory for it.
func (d *decoder) checkCrowd() error {
	if objects, most := maxObjects(d.raw), maxElements(d.raw); d.crowded || elements(d.raw) > most {
		return fmt.Errorf("the lists hold more than %d objects, or more than %d elements", objects, most)
	}
	return nil
}

// elements counts the elements of all lists in raw, except the first of each list. raw may be any text.
func elements(raw string) (n int) {
	if len(raw) < 2*maxElements(raw) {
		return 0
	}
	var lists []bool // for each open bracket, whether it is that of a list
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

// Decode is json.Unmarshal with errors that name the field, or the line and the column of what is no JSON.
func Decode(raw []byte, into any) error {
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

// position returns the line and the column of a byte offset, both counted from 1.
func position(raw []byte, offset int64) (line, column int) {
	before := raw[:max(0, min(int(offset), len(raw)))]
	line = bytes.Count(before, []byte("\n")) + 1
	column = len(before) - bytes.LastIndexByte(before, '\n') - 1
	return line, max(column, 1)
}
