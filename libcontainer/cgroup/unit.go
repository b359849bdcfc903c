package cgroup

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/systemd"
)

// unit is the transient scope of a container. systemd makes one for a process that exists, so
// that the container's process enters its cgroup by Begin, never by a clone into it.
type unit struct {
	name  string
	label string // of the container, in the description
	slice string // where a new one is to be
	top   string // its v2 cgroup
	extra []systemd.Property
	bus   *systemd.Bus
	start *systemd.Start
	wants *specs.LinuxResources // from Begin to Finish
}

// booted is another one in tests.
var booted = systemd.Booted

func newWithUnit(h *host.Cgroups, cfg Config) (*Manager, error) {
	switch {
	case !booted():
		return nil, systemd.ErrNotRunning
	case cfg.Rootless && h.Mode != host.CgroupV2:
		return nil, errors.New("cannot use rootless systemd cgroups manager on cgroup v1")
	}
	u, err := unitOf(cfg)
	if err != nil {
		return nil, err
	}
	below, err := u.place(cfg.Rootless)
	if err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, unit: u}
	for i := range h.Hierarchies {
		hier := &h.Hierarchies[i]
		if keys := keysOf(hier); keys != nil {
			m.dirs = append(m.dirs, cgroupDir{
				path: path.Join(hier.Mountpoint, below), mount: hier.Mountpoint, keys: keys, v2: hier.V2,
			})
		}
	}
	if len(m.dirs) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	return m, nil
}

// unitOf names the unit and its slice: "runc-ID.scope" without linux.cgroupsPath, for those who
// look for it, else prefix-name.scope.
func unitOf(cfg Config) (*unit, error) {
	u := &unit{slice: "system.slice", bus: &systemd.Bus{User: cfg.Rootless, Anonymous: cfg.UserNS}}
	if cfg.Rootless {
		u.slice = "user.slice"
	}
	prefix, name := "runc", cfg.ID
	if cfg.Path != "" {
		parts := strings.Split(cfg.Path, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf(`linux.cgroupsPath: expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got %q instead`, cfg.Path)
		}
		if parts[0] != "" {
			u.slice = parts[0]
		}
		prefix, name = parts[1], parts[2]
	}
	if strings.HasSuffix(name, ".slice") {
		return nil, fmt.Errorf("linux.cgroupsPath: the unit %s is a slice, which takes no processes", name)
	}
	u.name, u.label = prefix+"-"+name+".scope", name
	if err := systemd.CheckUnitName(u.name); err != nil {
		return nil, fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	var err error
	u.extra, err = systemd.FromAnnotations(cfg.Annotations)
	return u, err
}

// place is the unit's cgroup below the mountpoint of a hierarchy. That of the user's manager
// is below its own.
func (u *unit) place(user bool) (string, error) {
	slices, err := systemd.SlicePath(u.slice)
	if err != nil {
		return "", fmt.Errorf("linux.cgroupsPath: %w", err)
	}
	top := ""
	if user {
		if top, err = u.bus.ControlGroup(); err != nil {
			return "", err
		}
	}
	return path.Join("/", top, slices, u.name), nil
}

// Unit returns the name of the container's unit, "" without one.
func (m *Manager) Unit() string {
	if m.unit == nil {
		return ""
	}
	return m.unit.name
}

// SetUnit gives a loaded Manager the container's unit; user says whose.
func (m *Manager) SetUnit(name string, user, userNS bool) {
	if name != "" {
		m.unit = &unit{name: name, bus: &systemd.Bus{User: user, Anonymous: userNS}}
		if d := m.dir(""); d != nil {
			m.unit.top = d.path
		}
	}
}

// attach has systemd move a process into a cgroup of the unit's, which the caller may not do.
func (u *unit) attach(dir string, pid int) error {
	return u.bus.Attach(u.name, path.Join("/", strings.TrimPrefix(dir, u.top)), pid)
}

// Connect makes sure that there is somebody to ask for a unit, and that nobody lives in its place.
func (m *Manager) Connect() error {
	if err := m.checkIdle(m.main()); err != nil {
		return err
	}
	return m.unit.bus.Connect()
}

// Begin asks systemd for the unit, with a process and limits. Finish must follow.
func (m *Manager) Begin(pid int, r *specs.LinuxResources) (err error) {
	u := m.unit
	if u.wants, err = m.inStep(r); err != nil {
		return err
	}
	limits, err := m.properties(u.wants)
	if err != nil {
		return err
	}
	list := []systemd.Property{
		{Name: "Description", Value: systemd.String("libcontainer container " + u.label)},
		{Name: "Slice", Value: systemd.String(u.slice)},
		{Name: "Delegate", Value: systemd.Bool(true)},
		{Name: "PIDs", Value: systemd.Array{Elem: "u", Items: []systemd.Value{systemd.Uint32(pid)}}},
		{Name: "MemoryAccounting", Value: systemd.Bool(true)},
		{Name: "CPUAccounting", Value: systemd.Bool(true)},
		{Name: m.byVersion("BlockIOAccounting", "IOAccounting"), Value: systemd.Bool(true)},
		{Name: "TasksAccounting", Value: systemd.Bool(true)},
		{Name: "DefaultDependencies", Value: systemd.Bool(false)},
	}
	list = append(append(list, u.extra...), limits...)
	start, err := u.bus.Begin(u.name, list)
	if err == nil {
		u.start = start
	}
	return err
}

// byVersion: systemd has other names for v1.
func (m *Manager) byVersion(v1, v2 string) string {
	if m.pureV2() {
		return v2
	}
	return v1
}

func (m *Manager) pureV2() bool { return len(m.dirs) == 1 && m.dirs[0].v2 }

// Finish waits for the unit, and does what systemd does not: controllers and limits that it
// does not know, and v1 hierarchies that it leaves alone.
func (m *Manager) Finish() error {
	defer m.unit.bus.Close() // a container may run for long
	if err := m.unit.start.Wait(); err != nil {
		return fmt.Errorf("unable to apply cgroup configuration: %w", err)
	}
	if err := m.takeOver(); err != nil {
		return err
	}
	r := m.unit.wants
	if m.pureV2() {
		if late := m.ioProperties(r.BlockIO); len(late) > 0 {
			if err := m.unit.bus.SetProperties(m.unit.name, late); err != nil {
				return err
			}
		}
	}
	return m.write(r)
}

// Settle waits for a unit that was begun, and reports whether there is one that is this container's,
// to be destroyed.
func (m *Manager) Settle() bool {
	if m.unit == nil || m.unit.start == nil {
		return false
	}
	_ = m.unit.start.Wait()
	return m.unit.start.Accepted()
}

// takeOver completes the cgroups that systemd has made.
func (m *Manager) takeOver() error {
	for i := range m.dirs {
		d := &m.dirs[i]
		if d.has("name=systemd") || (d.v2 && m.pureV2()) {
			if !exists(d.path) {
				return m.ended()
			}
		} else {
			err := m.mkdir(d, d.path)
			if err != nil && !errors.Is(err, syscall.EEXIST) {
				return err
			}
			d.fresh = err == nil
		}
		if err := m.furnish(d); err != nil {
			if !exists(d.path) {
				return m.ended()
			}
			return err
		}
	}
	return nil
}

// ended explains a cgroup that is gone: its process died in it.
func (m *Manager) ended() error {
	result, err := m.unit.bus.Result(m.unit.name)
	switch {
	case err != nil || result == "success":
		return fmt.Errorf("systemd unit %s ended before the container was set up", m.unit.name)
	case result == "oom-kill":
		return fmt.Errorf("linux.resources.memory.limit is too small for the start: systemd unit %s: %s", m.unit.name, result)
	}
	return fmt.Errorf("systemd unit %s ended before the container was set up: %s", m.unit.name, result)
}

// tell makes limits known to systemd, and returns them as they are to be written.
func (m *Manager) tell(r *specs.LinuxResources) (*specs.LinuxResources, error) {
	r, err := m.inStep(r)
	if err != nil {
		return nil, err
	}
	list, err := m.properties(r)
	if err != nil {
		return nil, err
	}
	if m.pureV2() {
		list = append(list, m.ioProperties(r.BlockIO)...)
	}
	if len(list) == 0 {
		return r, nil
	}
	defer m.unit.bus.Close()
	defer m.holdStill()()
	return r, m.unit.bus.SetProperties(m.unit.name, list)
}

// holdStill freezes the container on v1 until the function that it returns is called: whatever is changed, systemd
// denies all devices and then allows them one by one, and what is opened meanwhile would fail.
func (m *Manager) holdStill() (thaw func()) {
	if m.dir("devices") == nil {
		return func() {}
	}
	if frozen, err := m.Frozen(); err != nil || frozen || m.Freeze() != nil {
		return func() {}
	}
	return func() {
		if err := m.Thaw(); err != nil {
			m.warn(err.Error())
		}
	}
}
