package libcontainer

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/create"
	"rung/libcontainer/process"
	"rung/libcontainer/resctrl"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// Container is a handle of a container: its state is on disk, and its status is asked from the kernel. It is not safe for
// use by several goroutines at a time.
type Container struct {
	runtime *Runtime
	disk    *store.Container
}

// Status is one of the four of the specification, or paused (runtime.md, "State").
type Status = status.Status

// The states of a container.
const (
	Creating = status.Creating
	Created  = status.Created
	Running  = status.Running
	Paused   = status.Paused
	Stopped  = status.Stopped
)

// State is what is remembered of a container.
type State struct {
	ID          string
	OCIVersion  string // of its configuration
	Bundle      string // absolute path
	Rootfs      string // absolute path
	Pid         int    // of its first process, in this program's PID namespace; 0 until there is one
	Created     time.Time
	CgroupPaths map[string]string // directories by v1 controller; "" is the unified hierarchy
	Annotations map[string]string
}

// OCI returns the state in the form of the specification (runtime.md, "State"), with a status that the caller knows.
func (s *State) OCI(known Status) *specs.State {
	return status.OCI(&store.State{
		About: store.About{ID: s.ID, OCIVersion: s.OCIVersion, Bundle: s.Bundle, Annotations: s.Annotations},
		Life:  store.Life{Pid: s.Pid},
	}, known)
}

// State returns a copy of what is remembered.
func (c *Container) State() State {
	s := stateOf(&c.disk.State)
	s.CgroupPaths, s.Annotations = maps.Clone(s.CgroupPaths), maps.Clone(s.Annotations)
	return s
}

func stateOf(s *store.State) State {
	return State{
		ID: s.ID, OCIVersion: s.OCIVersion, Bundle: s.Bundle, Rootfs: s.Rootfs, Pid: s.Pid, Created: s.Created,
		CgroupPaths: s.CgroupPaths, Annotations: s.Annotations,
	}
}

// ID returns the container's name.
func (c *Container) ID() string { return c.disk.State.ID }

// Status asks the kernel what the container does. After an error that is not known.
func (c *Container) Status() (Status, error) { return status.Of(c.disk) }

// Spec returns a copy of the configuration that the container was created with. The error is ErrNotRunning while the container is
// being created, as long as the configuration is not kept.
func (c *Container) Spec() (*specs.Spec, error) {
	spec, err := c.config()
	if err != nil {
		return nil, err
	}
	return bundle.Copy(spec), nil
}

// Process returns a copy of the process that the configuration has, for an Exec that changes some of it; an empty one if there is
// none. The error is that of Spec.
func (c *Container) Process() (*specs.Process, error) {
	spec, err := c.config()
	if err != nil {
		return nil, err
	}
	if spec.Process == nil {
		return &specs.Process{}, nil
	}
	return bundle.Copy(spec.Process), nil
}

func (c *Container) config() (*specs.Spec, error) {
	spec, err := c.disk.Config()
	if errors.Is(err, fs.ErrNotExist) {
		if creating, errCreating := c.disk.Creating(); creating && errCreating == nil {
			return nil, process.NotRunning("container " + c.ID() + " is being created by " + c.disk.Holder())
		}
	}
	return spec, err
}

// Resources returns the limits in force: those of the configuration, and of later updates.
func (c *Container) Resources() (*specs.LinuxResources, error) {
	r, err := c.disk.Resources()
	if err != nil {
		return nil, err
	}
	return bundle.Copy(r), nil
}

// Resctrl returns the container's group, nil if its configuration has no linux.intelRdt.
func (c *Container) Resctrl() *resctrl.Group { return groupOf(c.disk) }

func groupOf(c *store.Container) *resctrl.Group {
	if c.State.Resctrl == nil {
		return nil
	}
	return resctrl.Load(*c.State.Resctrl)
}

// Processes returns the PIDs of the container's processes, sub-cgroups included, in this program's PID
// namespace. A stopped container may have none, or those that its init left behind. Without a cgroup they are those of its PID
// namespace.
func (c *Container) Processes() ([]int, error) {
	if err := sys.CheckProc(); err != nil {
		return nil, err
	}
	manager, err := c.disk.Cgroup()
	if err != nil {
		return nil, err
	}
	if len(c.disk.State.CgroupPaths) > 0 || !c.disk.State.OwnPid {
		pids, err := manager.Pids()
		if err == nil && len(pids) == 0 {
			err = c.unlessEnded(manager)
		}
		return pids, c.disk.Init().OrStopped(err, ErrNotRunning)
	}
	if alive, err := c.disk.Init().Alive(); !alive {
		return nil, err
	}
	return process.InNamespace(c.disk.State.Pid)
}

// unlessEnded is an error if the cgroup of a container that runs is gone: its processes are then somewhere, and not known.
func (c *Container) unlessEnded(manager *cgroup.Manager) error {
	if manager.HasMain() {
		return nil
	}
	if alive, err := c.disk.Init().Alive(); !alive {
		return err
	}
	return cgroup.ErrNotExist
}

// Wait waits for the container's first process, a child of this program, reaps it and returns its status. If ctx ends
// before, the result is the error of ctx.
func (c *Container) Wait(ctx context.Context) (syscall.WaitStatus, error) {
	first := process.Child{Pid: c.disk.State.Pid}
	defer first.Close()
	return first.Wait(ctx)
}

// Close releases the handle, not the container.
func (c *Container) Close() { c.disk.Close() }

// ListenNotify makes the socket of a container that was created with Notify; to be called
// before Start.
func (c *Container) ListenNotify() (*os.File, error) { return c.runtime.ListenNotify(c.ID()) }

// ListenNotify makes the socket of a container that is being created with Notify and without
// Await; to be called by Ready.
func (r *Runtime) ListenNotify(id string) (*os.File, error) {
	dir, err := sys.OpenDirectory(filepath.Join(r.Root, id, store.NotifyDir))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return sys.ListenDatagram(dir, create.NotifySocket)
}

// locked takes the container's lock, which the caller gives back, and returns its cgroup and what it does.
func locked(ctx context.Context, c *store.Container) (*cgroup.Manager, Status, error) {
	if err := c.Lock(ctx); err != nil {
		return nil, "", err
	}
	now, err := status.Of(c)
	if err != nil {
		return nil, "", err
	}
	manager, err := c.Cgroup()
	if err == nil {
		manager.SetContext(ctx)
	}
	return manager, now, err
}
