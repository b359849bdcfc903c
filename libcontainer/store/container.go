package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
	"rung/libcontainer/process"
)

// Container is a container on disk, with what one verb has read of it: each file is read once.
type Container struct {
	Dir
	State State

	config  *specs.Spec
	cgroups *host.Cgroups
	manager *cgroup.Manager
}

// read reads state.json, or if there is none, what the create under way wrote first.
//
// A rung that was killed while it wrote leaves a state.json that ends early. The other file counts then too, for a container
// without a process: its process dies with rung. A process in the cgroup shows that the file was damaged later.
func (c *Container) read() (err error) {
	c.State, err = c.readFrom(stateFile)
	if err != nil {
		missing := errors.Is(err, fs.ErrNotExist)
		var errCreating error
		c.State, errCreating = c.readFrom(creatingFile)
		switch {
		case errCreating != nil && missing:
			return ErrNotExist
		case errCreating != nil || !missing && c.occupied():
			return err
		}
	}
	if c.State.Format > Format {
		return fmt.Errorf("%s: written by a newer rung (format %d)", c.Path(stateFile), c.State.Format)
	}
	return nil
}

// occupied reports whether a process is in the container's cgroup. Where that cannot be known, one may be: a rootless container
// can be without a cgroup.
func (c *Container) occupied() bool {
	manager, err := c.Cgroup()
	if err != nil || !manager.Exists() {
		return true
	}
	pids, err := manager.Pids()
	return len(pids) > 0 || err != nil
}

// Lock takes the lock, and reads the state again if the container had no process: the verb that held the lock before may
// have been its create. The error is ErrNotExist if the container was deleted meanwhile: what has its name by now is
// another container.
func (c *Container) Lock(ctx context.Context) error {
	if err := c.LockNew(ctx); err != nil {
		return err
	}
	err := c.refresh()
	if err != nil {
		c.Unlock()
	}
	return err
}

func (c *Container) refresh() error {
	deleted, err := sys.Deleted(c.file)
	switch {
	case err != nil:
		return err
	case deleted:
		return ErrNotExist
	case c.State.Pid != 0:
		return nil
	}
	c.manager = nil
	return c.read()
}

// Creating reports whether a create is at work on the container and has not made its process yet. A create
// that has ended since the state was read has left another one, which is read then.
func (c *Container) Creating() (bool, error) {
	if c.State.Pid != 0 || c.held {
		return false, nil
	}
	busy, err := c.busy()
	if busy || err != nil {
		return busy, err
	}
	return false, c.read()
}

// Announce writes the state before anything is made that outlives rung and the stage, so that delete finds
// what a create that is killed later has left.
func (c *Container) Announce() error {
	err := c.write(creatingFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if deleted, errStat := sys.Deleted(c.file); errStat == nil && deleted {
		return fmt.Errorf("another command has deleted the container while it was made: %w", err)
	}
	return err
}

// Prepare writes the state of a container that is created from Publish on.
func (c *Container) Prepare() error { return c.write(newStateFile) }

// Publish makes the state of Prepare the container's.
func (c *Container) Publish() error { return os.Rename(c.Path(newStateFile), c.Path(stateFile)) }

// Write writes the state of a container whose process is there.
func (c *Container) Write() error { return c.write(stateFile) }

// write makes a file that is not there yet. Nothing is renamed over an older file: some file systems flush that.
func (c *Container) write(name string) error {
	return sys.WriteFile(c.Path(name), c.State.encode(), 0o600)
}

// Init returns the container's first process.
func (c *Container) Init() process.Init {
	return process.Init{Container: c.State.ID, Pid: c.State.Pid, StartTime: c.State.StartTime}
}

// SetConfig sets what Config returns, for a container that is being made.
func (c *Container) SetConfig(spec *specs.Spec) { c.config = spec }

// Config returns the configuration that the container was created with. The caller must not change it.
func (c *Container) Config() (*specs.Spec, error) {
	if c.config != nil {
		return c.config, nil
	}
	raw, err := sys.ReadRegular(c.Path(configFile), sys.LargestFile)
	if err != nil {
		return nil, c.unlessDeleted(err)
	}
	spec, err := bundle.Parse(raw)
	if err != nil {
		return nil, c.damaged(configFile, err)
	}
	if c.State.TimeNS && bundle.NamespaceOf(spec, specs.TimeNamespace) == nil {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	}
	c.config = spec
	return spec, nil
}

// damaged returns the error of a file whose content is not what rung wrote.
func (c *Container) damaged(name string, reason error) error {
	if reason == nil {
		return nil
	}
	return &DamagedError{c.Path(name), reason}
}

// unlessDeleted returns ErrNotExist in place of the error for a file that a delete has removed, which holds the lock until the
// directory has gone too.
func (c *Container) unlessDeleted(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if creating, errCreating := c.Creating(); errCreating != nil || creating {
		return err // it is kept later
	}
	if busy, errLock := c.busy(); !c.held && errLock == nil && busy {
		return ErrNotExist
	}
	if deleted, errStat := sys.Deleted(c.file); errStat == nil && deleted {
		return ErrNotExist
	}
	return err
}

// Resources returns the limits in force: those of the configuration, and of later updates.
func (c *Container) Resources() (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{}
	raw, err := sys.ReadRegular(c.Path(resourcesFile), sys.LargestFile)
	if err == nil {
		return r, c.damaged(resourcesFile, json.Unmarshal(raw, r))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	spec, err := c.Config()
	if err != nil {
		return nil, err
	}
	if spec.Linux.Resources != nil {
		r = spec.Linux.Resources
	}
	return r, nil
}

// WriteResources stores the limits in force after an update.
func (c *Container) WriteResources(r *specs.LinuxResources) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return sys.ReplaceFile(c.Path(resourcesFile), text, 0o600)
}

// Cgroups returns the cgroups of the machine.
func (c *Container) Cgroups() (*host.Cgroups, error) {
	if c.cgroups != nil {
		return c.cgroups, nil
	}
	cgroups, err := host.ProbeCgroups()
	if err != nil {
		return nil, err
	}
	c.cgroups = cgroups
	return cgroups, nil
}

// SetCgroup sets what Cgroup returns, for a container that is being made, or whose state is damaged.
func (c *Container) SetCgroup(m *cgroup.Manager) { c.manager = m }

// Cgroup returns the container's cgroup.
func (c *Container) Cgroup() (*cgroup.Manager, error) {
	if c.manager != nil {
		return c.manager, nil
	}
	cgroups, err := c.Cgroups()
	if err != nil {
		return nil, err
	}
	m := cgroup.Load(cgroups, c.State.CgroupPaths)
	m.SetRootless(c.State.Rootless)
	if c.State.Unit != "" {
		inside, err := host.InUserNS()
		if err != nil {
			return nil, err
		}
		m.SetUnit(c.State.Unit, c.State.Rootless, inside)
		m.SetWarn(func(text string) { c.log.Warn(text) })
	}
	c.manager = m
	return m, nil
}

// Thaw lets the container's processes run if its cgroup is frozen, as far as that is known.
func (c *Container) Thaw() {
	m, err := c.Cgroup()
	if err != nil {
		return
	}
	if frozen, err := m.Frozen(); err == nil && frozen {
		_ = m.Thaw()
	}
}

// ThawTree lets all processes of the container run that are frozen in its cgroup or below, as far as that is known.
func (c *Container) ThawTree() {
	if m, err := c.Cgroup(); err == nil {
		_ = m.ThawTree()
	}
}
