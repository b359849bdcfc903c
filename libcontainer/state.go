package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
	"rung/libcontainer/resctrl"
)

// Files of a state directory.
const (
	stateFile     = "state.json"
	creatingFile  = "creating.json" // the state while there is no state.json: a create that goes on, or was killed
	newStateFile  = "state.new"
	configFile    = "config.json"    // as given to create: later edits of the bundle change nothing
	resourcesFile = "resources.json" // limits in force, after an update
	startSocket   = "start.sock"     // exists until the container is started
	progressFile  = "progress"
	hostRootFile  = "host-root" // the mount of a root file system that is attached on the host
)

// State is what is remembered of a container: what can not be asked from the kernel.
type State struct {
	Format      int               `json:"format"` // of this file; raised when older rungs can not read it
	ID          string            `json:"id"`
	OCIVersion  string            `json:"ociVersion"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Pid         int               `json:"pid"`       // 0 until the process exists
	StartTime   uint64            `json:"startTime"` // of the process, in clock ticks since boot
	Created     time.Time         `json:"created"`
	CgroupPaths map[string]string `json:"cgroupPaths"`
	Unit        string            `json:"systemdUnit,omitempty"` // of the user's systemd, where Rootless
	UserNS      bool              `json:"userNamespace"`         // another user namespace than rung's
	OwnPid      bool              `json:"ownPid"`                // a PID namespace of its own: with init all of it ends
	Rootless    bool              `json:"rootless"`
	Early       bool              `json:"early,omitempty"`  // written a moment before the process entered its root: exec waits
	ExecOp      int               `json:"execOp,omitempty"` // index of EXEC in the plan that waits for start
	Annotations map[string]string `json:"annotations,omitempty"`
	Pipes       [3]string         `json:"pipes"`               // the standard streams that are pipes, as /proc/PID/fd names them: for checkpoint
	Binds       map[string]string `json:"binds,omitempty"`     // by the field of a bind mount: device and inode of its source, for checkpoint
	TimeNS      bool              `json:"timeNS,omitempty"`    // CRIU has restored it into a time namespace, which config.json may lack
	Restored    bool              `json:"restored,omitempty"`  // by CRIU, which is in its cgroup until the restore is done
	Resctrl     *resctrl.State    `json:"resctrl,omitempty"`   // of linux.intelRdt
	NoKeyring   bool              `json:"noKeyring,omitempty"` // for the container's other processes too: they keep the caller's session keyring
}

const stateFormat = 1

// Status is one of the four of the specification, or paused (runtime.md, "State").
type Status string

// The states of a container.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

func (c *Container) path(name string) string { return filepath.Join(c.dir.Name(), name) }

// readState reads state.json, else what the create under way wrote first. A rung that was
// killed while it wrote leaves a file that ends early: of state.json, then the other one
// counts; of that, nothing else was made yet.
func (c *Container) readState() error {
	err := c.readStateFrom(stateFile)
	if err != nil {
		errCreating := c.readStateFrom(creatingFile)
		switch {
		case errCreating == nil:
			err = nil
		case errors.Is(err, fs.ErrNotExist):
			return ErrNotExist
		}
	}
	if err == nil && c.state.Format > stateFormat {
		return fmt.Errorf("%s: written by a newer rung (format %d)", c.path(stateFile), c.state.Format)
	}
	return err
}

func (c *Container) readStateFrom(name string) error {
	data, err := sys.ReadFile(c.path(name))
	if err != nil {
		return err
	}
	c.state = State{}
	if err := json.Unmarshal(data, &c.state); err != nil {
		return &DamagedError{c.path(name), err}
	}
	if missing := c.missing(name); missing != "" {
		return &DamagedError{c.path(name), errors.New(missing)}
	}
	return nil
}

// missing names what a state must have and this one has not: what is done with a container needs all of it.
func (c *Container) missing(name string) string {
	switch s := &c.state; {
	case s.Format > stateFormat:
		return "" // a newer rung knows
	case s.ID != filepath.Base(c.dir.Name()):
		return fmt.Sprintf("id %q is not that of its directory", s.ID)
	case name == creatingFile: // there is no process yet
		return ""
	case s.Pid <= 0:
		return "it has no pid"
	case s.StartTime == 0:
		return "it has no startTime"
	}
	return ""
}

// DamagedError is the error of a container whose state on disk is not what rung wrote.
type DamagedError struct {
	Path   string
	Reason error
}

func (e *DamagedError) Error() string { return e.Path + ": damaged: " + e.Reason.Error() }

func (e *DamagedError) Unwrap() error { return e.Reason }

// writeStateTo writes the state to a file that no reader takes for whole yet, or that only
// delete reads. It is never renamed over an older one: some file systems flush that.
func (c *Container) writeStateTo(name string) error {
	return sys.WriteFile(c.path(name), c.state.encode(), 0o600)
}

// encode is json.Marshal without its reflection, which costs each create some 0.2 ms.
func (s *State) encode() []byte {
	b := []byte("{")
	member := func(name string, value any) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		text, err := json.Marshal(value) // strings, numbers, maps and structs of strings: no error
		if err != nil {
			panic(err)
		}
		b = append(append(strconv.AppendQuote(b, name), ':'), text...)
	}
	member("format", s.Format)
	member("id", s.ID)
	member("ociVersion", s.OCIVersion)
	member("bundle", s.Bundle)
	member("rootfs", s.Rootfs)
	member("pid", s.Pid)
	member("startTime", s.StartTime)
	member("created", s.Created.Format(time.RFC3339Nano))
	member("cgroupPaths", s.CgroupPaths)
	if s.Unit != "" {
		member("systemdUnit", s.Unit)
	}
	member("userNamespace", s.UserNS)
	member("ownPid", s.OwnPid)
	member("rootless", s.Rootless)
	member("early", s.Early)
	member("execOp", s.ExecOp)
	member("annotations", s.Annotations)
	member("pipes", s.Pipes)
	if len(s.Binds) > 0 {
		member("binds", s.Binds)
	}
	if s.TimeNS {
		member("timeNS", s.TimeNS)
	}
	if s.Restored {
		member("restored", true)
	}
	if s.Resctrl != nil {
		member("resctrl", s.Resctrl)
	}
	if s.NoKeyring {
		member("noKeyring", s.NoKeyring)
	}
	return append(b, '}')
}

// State returns a copy of what is remembered.
func (c *Container) State() State { return c.state }

// ID returns the container's name.
func (c *Container) ID() string { return c.state.ID }

// Status asks the kernel what the container does.
func (c *Container) Status() (Status, error) {
	if c.state.Pid == 0 && !c.locked {
		busy, err := c.busy()
		if err != nil {
			return "", err
		}
		if busy {
			return Creating, nil
		}
		// The create that was under way when the state was read may have ended since.
		if err := c.readState(); err != nil {
			return "", err
		}
	}
	if alive, err := c.alive(); !alive {
		return Stopped, err
	}
	m, err := c.cgroup()
	if err != nil {
		return "", err
	}
	frozen, err := m.Frozen()
	if err != nil {
		return "", err
	}
	if frozen {
		return Paused, nil
	}
	waits, err := c.awaitsStart()
	if err != nil {
		return "", err
	}
	if waits {
		return Created, nil
	}
	return Running, nil
}

// busy reports whether a verb holds the container's lock: where there is no process yet, that is
// the create under way, and not one that was killed.
func (c *Container) busy() (bool, error) {
	dir, err := sys.OpenDirectory(c.dir.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	return !sys.TryFlockShared(dir), nil
}

// alive reports whether init is there and no zombie. A PID alone says nothing: it may be
// another process's by now. An error is no answer: on "stopped" containers are deleted.
func (c *Container) alive() (bool, error) {
	if c.state.Pid == 0 {
		return false, nil
	}
	stat, err := sys.ReadProcessStat(c.state.Pid)
	if err != nil {
		if sys.Ended(c.state.Pid, err) {
			return false, nil
		}
		return false, fmt.Errorf("is process %d of container %s alive: %w", c.state.Pid, c.state.ID, err)
	}
	return stat.StartTime == c.state.StartTime && stat.State != 'Z' && stat.State != 'X', nil
}

// OCI returns the state in the form of the specification, with a status that the caller knows.
func (c *Container) OCI(status Status) *specs.State {
	if status == Paused {
		status = Running
	}
	s := &specs.State{
		Version: c.state.OCIVersion, ID: c.state.ID, Status: specs.ContainerState(status),
		Pid: c.state.Pid, Bundle: c.state.Bundle, Annotations: c.state.Annotations,
	}
	if status == Stopped {
		s.Pid = 0
	}
	return s
}

// Spec returns the configuration that the container was created with.
func (c *Container) Spec() (*specs.Spec, error) {
	if c.config != nil {
		return c.config, nil
	}
	raw, err := sys.ReadFile(c.path(configFile))
	if err != nil {
		return nil, err
	}
	spec, err := bundle.Parse(raw)
	if err == nil && c.state.TimeNS && spec.Linux != nil && namespaceOf(spec, specs.TimeNamespace) == nil {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	}
	return spec, err
}

// cgroup returns the container's cgroup.
func (c *Container) cgroup() (*cgroup.Manager, error) {
	if c.manager != nil {
		return c.manager, nil
	}
	cgroups, err := host.ProbeCgroups()
	if err != nil {
		return nil, err
	}
	m := cgroup.Load(cgroups, c.state.CgroupPaths)
	m.SetRootless(c.state.Rootless)
	if c.state.Unit != "" {
		inside, err := host.InUserNS()
		if err != nil {
			return nil, err
		}
		m.SetUnit(c.state.Unit, c.state.Rootless, inside)
		m.SetWarn(func(text string) { c.runtime.Log.Warn(text) })
	}
	c.manager = m
	return m, nil
}
