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

// unit is the transient scope of a container. systemd makes a scope only for a process that exists. So the container's
// process enters its cgroup through Begin, never by a clone into it.
type unit struct {
	name   string
	label  string // the container's name in the description of the unit
	slice  string // the slice that a new unit is placed in
	top    string // the unit's v2 cgroup
	exists bool   // systemd has the unit: it is a loaded container's
	extra  []systemd.Property
	bus    *systemd.Bus
	start  *systemd.Start
	wants  *specs.LinuxResources // the limits that Begin was given, rounded; Finish writes them
}

// booted reports whether systemd runs. Tests replace it.
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
	if err := m.checkPathLength(); err != nil {
		return nil, fmt.Errorf("linux.cgroupsPath: the slice %s has %d levels: %w", u.slice, strings.Count(u.slice, "-")+1, err)
	}
	if len(m.dirs) == 0 {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	return m, nil
}

// longestPath is what the kernel takes of a path (PATH_MAX without the NUL), and longestFile what is kept of it for the name
// of a control file: "/hugetlb.16GB.rsvd.limit_in_bytes".
const (
	longestPath = 4095
	longestFile = 40
)

// checkPathLength refuses a cgroup whose files no system call could name. Each level of a slice repeats those above it.
func (m *Manager) checkPathLength() error {
	for i := range m.dirs {
		if n := len(m.dirs[i].path) + longestFile; n > longestPath {
			return fmt.Errorf("the path of its cgroup's files would have %d bytes, and the kernel takes %d", n, longestPath)
		}
	}
	return nil
}

// unitOf returns the unit with its name and slice. The name is prefix-name.scope of linux.cgroupsPath. Without
// linux.cgroupsPath it is runc-ID.scope, because other programs look for runc's name.
func unitOf(cfg Config) (*unit, error) {
	u := &unit{slice: "system.slice", bus: &systemd.Bus{User: cfg.Rootless, Anonymous: cfg.UserNS, Context: cfg.Context}}
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

// place returns the unit's cgroup below the mountpoint of a hierarchy. With user, the cgroup is below the cgroup of the
// user's systemd.
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

// Unit returns the name of the container's systemd unit, "" if it has none.
func (m *Manager) Unit() string {
	if m.unit == nil {
		return ""
	}
	return m.unit.name
}

// SetUnit gives a loaded Manager the container's unit; an empty name changes nothing. user is true if the unit belongs
// to the user's systemd, userNS if rung runs in a user namespace.
func (m *Manager) SetUnit(name string, user, userNS bool) {
	if name != "" {
		m.unit = &unit{name: name, exists: true, bus: &systemd.Bus{User: user, Anonymous: userNS, Context: m.cfg.Context}}
		if d := m.dir(""); d != nil {
			m.unit.top = d.path
		}
	}
}

// attach asks systemd to move a process into a cgroup of the unit, for a caller without permission to do it.
func (u *unit) attach(dir string, pid int) error {
	return u.bus.Attach(u.name, path.Join("/", strings.TrimPrefix(dir, u.top)), pid)
}

// Connect connects to systemd, so that Begin can ask for the unit. It fails if the unit's cgroup holds processes or is
// frozen.
func (m *Manager) Connect() error {
	if err := m.checkIdle(m.main()); err != nil {
		return err
	}
	return m.unit.bus.Connect()
}

// Begin asks systemd for the unit, with the process pid in it and the limits r. It does not wait for the unit: the
// caller calls Finish next, or Settle to give up.
func (m *Manager) Begin(pid int, r *specs.LinuxResources) (err error) {
	u := m.unit
	if u.wants, err = m.roundForSystemd(r); err != nil {
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
	policy, err := m.oomPolicy(u.wants)
	if err != nil {
		return err
	}
	list = append(append(append(list, u.extra...), policy...), limits...)
	start, err := u.bus.Begin(u.name, list)
	if err == nil {
		u.start = start
	}
	return err
}

// byVersion returns v2 on pure v2, else v1, because systemd has different property names for them.
func (m *Manager) byVersion(v1, v2 string) string {
	if m.pureV2() {
		return v2
	}
	return v1
}

func (m *Manager) pureV2() bool { return len(m.dirs) == 1 && m.dirs[0].v2 }

// Finish waits for the unit. It then does what systemd does not do: it enables the controllers and writes the limits
// that systemd does not know, and it makes the cgroups in the v1 hierarchies that systemd does not use.
func (m *Manager) Finish() error {
	defer m.unit.bus.Close() // rung may stay for as long as the container runs, and needs no connection then
	if err := m.unit.start.Wait(); err != nil {
		return fmt.Errorf("unable to apply cgroup configuration: %w", err)
	}
	if err := m.takeOver(); err != nil {
		return err
	}
	r := m.unit.wants
	if m.pureV2() {
		if list := m.ioProperties(r.BlockIO); len(list) > 0 {
			if err := m.unit.bus.SetProperties(m.unit.name, list); err != nil {
				return err
			}
		}
	}
	if err := m.write(r); err != nil {
		return err
	}
	return m.tellWritten(r)
}

// tellWritten sets the properties that are known only when the limits are written.
func (m *Manager) tellWritten(r *specs.LinuxResources) error {
	if !m.pureV2() {
		return nil
	}
	list, err := m.writtenProperties(r)
	if err != nil || len(list) == 0 {
		return err
	}
	return m.setProperties(list)
}

// Settle waits until the start that Begin asked for has succeeded or failed. It reports whether systemd accepted the
// call, so that the unit is this container's and the caller must destroy it. It is false without a unit, and if Begin
// failed.
func (m *Manager) Settle() bool {
	if m.unit == nil || m.unit.start == nil {
		return false
	}
	_ = m.unit.start.Wait()
	return m.unit.start.Accepted()
}

// takeOver prepares the cgroups that systemd has made, and makes those that it has not.
func (m *Manager) takeOver() error {
	for i := range m.dirs {
		d := &m.dirs[i]
		if d.has("name=systemd") || (d.v2 && m.pureV2()) {
			if !exists(d.path) {
				return m.unitEnded()
			}
		} else {
			err := m.mkdir(d, d.path)
			if err != nil && !errors.Is(err, syscall.EEXIST) {
				return err
			}
			d.fresh = err == nil
		}
		if err := m.prepare(d); err != nil {
			if !exists(d.path) {
				return m.unitEnded()
			}
			return err
		}
	}
	return nil
}

// unitEnded returns the error for a unit whose cgroup is gone because its process has died.
func (m *Manager) unitEnded() error {
	result, err := m.unit.bus.Result(m.unit.name)
	switch {
	case err != nil || result == "success":
		return fmt.Errorf("systemd unit %s ended before the container was set up", m.unit.name)
	case result == "oom-kill":
		return fmt.Errorf("linux.resources.memory.limit is too small for the start: systemd unit %s: %s", m.unit.name, result)
	}
	return fmt.Errorf("systemd unit %s ended before the container was set up: %s", m.unit.name, result)
}

// updateUnit writes the limits, and then sets them as properties of the unit. systemd changes all of the properties or
// none.
func (m *Manager) updateUnit(r *specs.LinuxResources) error {
	r, err := m.roundForSystemd(r)
	if err != nil {
		return err
	}
	list, err := m.properties(r)
	if err != nil {
		return err
	}
	if m.pureV2() {
		list = append(list, m.ioProperties(r.BlockIO)...)
	}
	if err := m.write(r); err != nil {
		return err
	}
	if m.pureV2() {
		written, err := m.writtenProperties(r)
		if err != nil {
			return err
		}
		list = append(list, written...)
	}
	if len(list) == 0 {
		return nil
	}
	defer m.unit.bus.Close()
	defer m.freezeForUpdate()()
	return m.setProperties(list)
}

// setProperties sets properties of the unit. systemd also writes what it remembers of other limits then, so setProperties
// sets the files again that have got another value by that.
func (m *Manager) setProperties(list []systemd.Property) error {
	inForce, err := m.filesOfSystemd()
	if err != nil {
		return err
	}
	if err := m.unit.bus.SetProperties(m.unit.name, list); err != nil {
		return err
	}
	if err := inForce.restore(); err != nil {
		return fmt.Errorf("systemd has changed limits of %s that it does not hold, and they could not be set again: %w", m.unit.name, err)
	}
	return nil
}

// filesOfSystemd reads the control files that systemd writes when a property of the unit changes.
func (m *Manager) filesOfSystemd() (*journal, error) {
	j := &journal{}
	for i := range m.dirs {
		d := &m.dirs[i]
		names := writtenOnV1
		if d.v2 {
			names = writtenOnV2
		}
		for _, name := range names {
			if err := j.save(d.path, name); err != nil {
				return nil, err
			}
		}
	}
	return j, nil
}

// The files that systemd 257 writes for the properties of systemd.resource-control(5) (src/core/cgroup.c).
var (
	writtenOnV2 = []string{
		"cpu.idle", "cpu.weight", "cpu.max", "cpuset.cpus", "cpuset.mems", "io.weight", "io.bfq.weight", "io.latency", "io.max",
		"memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.zswap.max", "memory.zswap.writeback",
		"memory.oom.group", "pids.max",
	}
	writtenOnV1 = []string{
		"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "blkio.weight", "blkio.bfq.weight", "blkio.weight_device",
		"blkio.bfq.weight_device", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device", "memory.limit_in_bytes",
		"pids.max",
	}
)

// freezeForUpdate freezes a container with a v1 devices cgroup and returns the function that thaws it. On every change
// of a property systemd denies all devices and then allows them one by one, and a running process could not open an
// allowed device in between.
func (m *Manager) freezeForUpdate() (thaw func()) {
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
