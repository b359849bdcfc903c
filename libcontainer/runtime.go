package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
)

// The errors of the lifecycle. Engines match their words.
var (
	ErrExist      = errors.New("container with given ID already exists")
	ErrInvalidID  = errors.New("invalid container ID format")
	ErrNotExist   = errors.New("container does not exist")
	ErrPaused     = errors.New("cannot exec in a paused container (use --ignore-paused to override)")
	ErrNotRunning = errors.New("container not running")
)

// notRunning is ErrNotRunning to errors.Is, in the words that runc has for it elsewhere.
type notRunning string

func (e notRunning) Error() string { return string(e) }

func (e notRunning) Is(target error) bool { return target == ErrNotRunning }

// UseHands sets the program that is spawned to execute plans, nsenter.Image(); to be called
// before the first container is made. Without it a copy of the running binary is spawned.
func UseHands(image []byte) { launch.Image = image }

// UseEarlyHands takes over the process that nsenter.Early returns, for the first container
// process of this program; DiscardEarlyHands ends it where there was none.
func UseEarlyHands(pid, sync, bell int) { launch.UseEarly(pid, sync, bell) }

// DiscardEarlyHands ends a process of UseEarlyHands that was not needed.
func DiscardEarlyHands() { launch.DiscardEarly() }

// Runtime makes and finds containers whose state is below one directory. It may be used by
// several goroutines once it was used the first time.
type Runtime struct {
	Root     string       // directory of state, such as /run/rung
	Rootless bool         // cgroups that may not be written are left out
	Systemd  bool         // systemd makes the cgroups of new containers, as transient scopes
	Trace    bool         // the hands store the time of each op, which is logged
	Log      *slog.Logger // may be nil

	dry bool // Explain: nothing is stored
}

// Container is a container as its state on disk says; its status is asked from the kernel.
type Container struct {
	runtime *Runtime
	dir     *os.File // the state directory; its lock is the container's
	state   State
	locked  bool            // by this Container
	manager *cgroup.Manager // of its cgroup, once it was needed
	config  *specs.Spec     // where this process has made it
}

// filtersDir holds compiled seccomp filters; "~" is in no id of a container.
const filtersDir = ".seccomp~"

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
			return ErrInvalidID
		}
	}
	if id == "." || id == ".." || len(id) > 1024 {
		return ErrInvalidID
	}
	return nil
}

// setDefaults is called by all that make a Container.
func (r *Runtime) setDefaults() {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
}

// Load finds a container by its id, or returns ErrNotExist.
func (r *Runtime) Load(id string) (*Container, error) {
	r.setDefaults()
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	dir, err := sys.OpenDirectory(filepath.Join(r.Root, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	c := &Container{runtime: r, dir: dir}
	if err := c.readState(); err != nil {
		dir.Close()
		return nil, err
	}
	return c, nil
}

// List returns the ids of all containers.
func (r *Runtime) List() ([]string, error) {
	entries, err := os.ReadDir(r.Root)
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

// makeDir makes the state directory, which no other container of that id may have.
func (r *Runtime) makeDir(id string) (*os.File, error) {
	if err := os.MkdirAll(r.Root, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(r.Root, id)
	if err := os.Mkdir(path, 0o711); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, ErrExist
		}
		return nil, err
	}
	return sys.OpenDirectory(path)
}

// facts are probed once a command.
func (r *Runtime) facts() (*host.Facts, error) {
	facts, err := host.Probe()
	if err != nil {
		return nil, fmt.Errorf("probe the machine: %w", err)
	}
	return facts, nil
}

// Close releases the container's lock and directory.
func (c *Container) Close() { c.dir.Close() }

func (r *Runtime) warn(texts []string) {
	for _, text := range texts {
		r.Log.Warn(text)
	}
}
