// Package store keeps what is on disk of a container: a directory below the root of states, with the
// state, the configuration as it was given, and a lock. Everything else is asked from the kernel.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// The errors of ids and directories. Engines match their words.
var (
	ErrExist     = errors.New("container with given ID already exists")
	ErrInvalidID = errors.New("invalid container ID format")
	ErrNotExist  = errors.New("container does not exist")
)

// What containers share: compiled seccomp filters, and the table of device programs; "~" is in no id of a container.
const (
	filtersDir   = ".seccomp~"
	programsFile = ".devices~"
)

// ValidateID refuses names that are no plain file name (runc allows [A-Za-z0-9_+.-]).
func ValidateID(id string) error {
	if id == "" {
		return errors.New("container id cannot be empty")
	}
	for _, r := range id {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case r == '_', r == '+', r == '-', r == '.':
		default:
			return fmt.Errorf("%w: %q", ErrInvalidID, id)
		}
	}
	if id == "." || id == ".." || len(id) > 1024 {
		return fmt.Errorf("%w: %q", ErrInvalidID, id)
	}
	return nil
}

// Root is the directory with the states of all containers, such as /run/rung. Programs may share it.
type Root struct {
	Path string
	Log  *slog.Logger
}

// Filters returns the directory for compiled seccomp filters.
func (r Root) Filters() string { return filepath.Join(r.Path, filtersDir) }

// DevicePrograms returns the file that remembers the device programs of cgroup v2.
func (r Root) DevicePrograms() string { return filepath.Join(r.Path, programsFile) }

// Create makes the directory of a new container. The error is ErrExist if there is one of that id.
func (r Root) Create(id string) (*Container, error) {
	if err := os.MkdirAll(r.Path, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(r.Path, id)
	if err := os.Mkdir(path, 0o711); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, r.of(ErrExist, id)
		}
		return nil, err
	}
	return r.open(path)
}

// of adds to an error which container it is about, and where it was looked for: with another --root there are others.
func (r Root) of(err error, id string) error { return fmt.Errorf("%w: %s in %s", err, id, r.Path) }

// Load returns a container with its state. The error is ErrNotExist if there is none, and a
// *DamagedError if its state is not what rung wrote.
func (r Root) Load(id string) (*Container, error) {
	c, err := r.Open(id)
	if err != nil {
		return nil, err
	}
	if err := c.read(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Peek is Load for a caller that asks for state and status only. It does not open the directory, and reads the file in one piece.
// The result is nil if Load has to look: a process that is not there yet, a long or damaged file, no such container.
func (r Root) Peek(id string) *Container {
	if ValidateID(id) != nil {
		return nil
	}
	c := &Container{Dir: Dir{path: r.Path + "/" + id, log: r.Log}}
	data, err := sys.ReadQuick(c.Path(stateFile))
	if err != nil || !bundle.ReadObject(data, c.State.member) || c.State.Format > Format || c.State.check(id, stateFile) != nil {
		return nil
	}
	return c
}

// Open returns a container without its state, which may be damaged. The error is ErrNotExist if the
// container has no directory.
func (r Root) Open(id string) (*Container, error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	c, err := r.open(filepath.Join(r.Path, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.of(ErrNotExist, id)
	}
	return c, err
}

func (r Root) open(path string) (*Container, error) {
	dir, err := sys.OpenOwnDirectory(path)
	if err != nil {
		return nil, err
	}
	return &Container{Dir: Dir{path: path, file: dir, log: r.Log}}, nil
}

// List returns the ids of all containers.
func (r Root) List() ([]string, error) {
	entries, err := os.ReadDir(r.Path)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && e.Name() != filtersDir {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Remove deletes what a create that was killed before it wrote a state has left.
func (r Root) Remove(id string) error {
	if err := ValidateID(id); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(r.Path, id))
}
