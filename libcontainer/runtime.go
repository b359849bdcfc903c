package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/launch"
	"rung/libcontainer/setup"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// Runtime makes and finds containers whose state is below one directory. It may be used by
// several goroutines; do not copy or change it after its first use.
type Runtime struct {
	Root     string       // directory of state, such as /run/rung
	Rootless bool         // cgroups that may not be written are left out
	Systemd  bool         // systemd makes the cgroups of new containers, as transient scopes
	NoCgroup bool         // new containers get no cgroup, and stay in the caller's; a limit is an error
	Log      *slog.Logger // may be nil; LevelNotice is below the level that handlers begin at
	// Stage starts the processes of containers. If it is nil, a sealed copy of the running binary serves as the stage;
	// the binary must import nsenter.
	Stage *launch.Launcher

	once sync.Once // of setDefaults
}

// setDefaults is called by every method that uses Log or Stage, at the latest by store.
func (r *Runtime) setDefaults() { r.once.Do(r.setOwn) }

func (r *Runtime) setOwn() {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Stage == nil {
		r.Stage = &launch.Launcher{}
	}
}

func (r *Runtime) store() store.Root {
	r.setDefaults()
	return store.Root{Path: r.Root, Log: r.Log}
}

func (r *Runtime) config() setup.Config {
	return setup.Config{Store: r.store(), Rootless: r.Rootless, Systemd: r.Systemd, NoCgroup: r.NoCgroup, Stage: r.Stage, Log: r.Log}
}

// Load finds a container by its id. The error is ErrNotExist if there is none, and a *DamagedError if its state on disk
// is not what rung wrote.
func (r *Runtime) Load(id string) (*Container, error) {
	r.setDefaults()
	c, err := r.store().Load(id)
	if err != nil {
		return nil, err
	}
	return &Container{runtime: r, disk: c}, nil
}

// Peek returns what is remembered of a container, and what it does. It reads less than Load and Status. The errors are
// theirs: with those of Load the State is empty.
func (r *Runtime) Peek(id string) (State, Status, error) {
	r.setDefaults()
	c := r.store().Peek(id)
	if c == nil {
		loaded, err := r.store().Load(id)
		if err != nil {
			return State{}, "", err
		}
		defer loaded.Close()
		c = loaded
	}
	now, err := status.Of(c)
	return stateOf(&c.State), now, err
}

// List returns the ids of all containers.
func (r *Runtime) List() ([]string, error) { return r.store().List() }

// Remove deletes what a create that was killed before it wrote a state has left.
func (r *Runtime) Remove(id string) error { return r.store().Remove(id) }

// ValidateID refuses names that are no plain file name (runc allows [A-Za-z0-9_+.-]).
func ValidateID(id string) error { return store.ValidateID(id) }

// begin validates what a new container is made of, and warns of what is ignored. The bundle that it returns is validated, its
// Spec has a Linux, and it has a Raw, which is what Spec and later commands read.
func (r *Runtime) begin(id string, b *bundle.Bundle) (*bundle.Bundle, error) {
	r.setDefaults()
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	if b == nil || b.Spec == nil {
		return nil, errors.New("bundle: it has no configuration")
	}
	if !filepath.IsAbs(b.Dir) {
		return nil, fmt.Errorf("bundle: the directory %q is not an absolute path", b.Dir)
	}
	out, spec := *b, *b.Spec
	if out.Raw == nil {
		raw, err := json.Marshal(b.Spec)
		if err != nil {
			return nil, fmt.Errorf("bundle: %w", err)
		}
		out.Raw = raw
	}
	spec.Process = setup.WithoutUnconfined(spec.Process)
	out.Spec = &spec
	if err := bundle.Validate(&spec); err != nil {
		return nil, err
	}
	for _, text := range bundle.Warnings(&spec) {
		r.Log.Warn(text)
	}
	return &out, nil
}

// checkTerminal refuses a process with a terminal that nobody would get.
func checkTerminal(p *specs.Process, console bool) error {
	if p != nil && p.Terminal && !console {
		return errors.New("process.terminal: it needs a socket that gets the terminal (Console)")
	}
	return nil
}
