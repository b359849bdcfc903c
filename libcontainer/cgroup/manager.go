// Package cgroup manages a container's cgroup: it makes the cgroup, moves processes into it, and limits, freezes,
// kills and measures them there, on v1, v2 and hybrid machines. With a systemd unit, systemd makes the cgroup and is
// told its limits; the package does everything else in the file system, as without a unit.
package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// Config says which cgroup a container gets.
type Config struct {
	ID       string
	Path     string       // linux.cgroupsPath: "", relative or absolute; with Systemd "slice:prefix:name"
	Rootless bool         // missing permission for a cgroup is no error unless a limit needs the cgroup
	Disabled bool         // the container has no cgroup of its own; Systemd is false then
	Warn     func(string) // receives warnings; nil drops them
	Programs ProgramTable // of the device programs of v2

	Systemd     bool              // systemd makes the cgroup, as a transient unit; with Rootless the user's systemd does
	UserNS      bool              // rung runs in a user namespace
	ForRoot     bool              // somebody else asks what root may do
	Annotations map[string]string // annotations of config.json; org.systemd.property.* set properties of the unit

	Context context.Context // ends what waits for the kernel or for systemd; nil never does
}

// ErrNotExist is the error of an operation on a cgroup that does not exist.
var ErrNotExist = errors.New("container's cgroup does not exist")

// Manager is one container's cgroup: a directory in each hierarchy. It is not
// safe for concurrent use.
type Manager struct {
	cfg     Config
	dirs    []cgroupDir
	skipped []string // keys of hierarchies that the rootless caller has no permission to use
	made    []string // directories that Create made, parents first
	unit    *unit    // the systemd unit, or nil
	journal *journal // what an update has to set again if it fails; nil outside of one
	without bool     // of a container that was created without a cgroup
}

// cgroupDir is the container's directory in one hierarchy.
type cgroupDir struct {
	path  string
	mount string   // the hierarchy's mountpoint
	keys  []string // controllers, "name=systemd", or "" for v2
	v2    bool
	fresh bool // made by this Manager, so every file still has its default

	noLimits  bool  // rung sets no limits there: a named hierarchy, or v2 beside v1
	cpusetErr error // why the kernel refused the parent's CPUs or memory nodes for a new v1 cpuset; nil if it did not
}

// New computes the directories of a container's cgroup and changes nothing on disk. With cfg.Disabled there are none. It fails if linux.cgroupsPath is
// the root cgroup, because a container must not limit or remove that one. It also fails if no hierarchy is mounted,
// except for a rootless caller without systemd. With cfg.Systemd and cfg.Rootless it asks the user's systemd over D-Bus
// for the place of the unit.
func New(h *host.Cgroups, cfg Config) (*Manager, error) {
	if cfg.Disabled {
		return &Manager{cfg: cfg}, nil
	}
	if cfg.Systemd {
		return newWithUnit(h, cfg)
	}
	p, abs := inner(cfg)
	if p == "/" {
		return nil, fmt.Errorf("linux.cgroupsPath: %q is the root cgroup, not one of the container's own", cfg.Path)
	}
	m := &Manager{cfg: cfg, dirs: make([]cgroupDir, 0, len(h.Hierarchies))}
	for i := range h.Hierarchies {
		hier := &h.Hierarchies[i]
		keys := keysOf(hier)
		if keys == nil {
			continue
		}
		m.dirs = append(m.dirs, cgroupDir{
			path: leaf(hier, h.Mode, p, abs), mount: hier.Mountpoint, keys: keys, v2: hier.V2,
			noLimits: hier.Name != "" || hier.V2 && h.Mode == host.CgroupHybrid,
		})
	}
	if len(m.dirs) == 0 && !cfg.Rootless {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	return m, nil
}

// keysOf returns the keys of a hierarchy in Paths. It returns nil for a named v1 hierarchy other than systemd's,
// because engines do not expect the container there.
func keysOf(h *host.Hierarchy) []string {
	switch {
	case h.V2:
		return []string{""}
	case h.Name == "systemd":
		return []string{"name=systemd"}
	case h.Name != "":
		return nil
	}
	return h.Controllers
}

// Load returns the Manager of an existing cgroup. paths is the result of Paths, as the container's state keeps it.
func Load(h *host.Cgroups, paths map[string]string) *Manager {
	m := &Manager{without: len(paths) == 0}
	for i := range h.Hierarchies {
		m.adopt(paths, h.Hierarchies[i].Mountpoint, h.Hierarchies[i].V2, keysOf(&h.Hierarchies[i]))
	}
	for key := range paths {
		if m.dir(key) == nil { // the hierarchy was unmounted, or is mounted elsewhere now
			m.adopt(paths, "", key == "", []string{key})
		}
	}
	return m
}

func (m *Manager) adopt(paths map[string]string, mount string, v2 bool, keys []string) {
	d := cgroupDir{mount: mount, v2: v2}
	for _, k := range keys {
		if p, ok := paths[k]; ok && (d.path == "" || d.path == p) {
			d.path = p
			d.keys = append(d.keys, k)
		}
	}
	if d.path != "" {
		m.dirs = append(m.dirs, d)
	}
}

// SetWarn sets the receiver of warnings. Load returns a Manager without one.
func (m *Manager) SetWarn(f func(string)) { m.cfg.Warn = f }

// SetContext sets Config.Context.
func (m *Manager) SetContext(ctx context.Context) {
	m.cfg.Context = ctx
	if m.unit != nil {
		m.unit.bus.Context = ctx
	}
}

func (m *Manager) context() context.Context {
	if m.cfg.Context == nil {
		return context.Background()
	}
	return m.cfg.Context
}

// SetRootless sets Config.Rootless of a loaded Manager.
func (m *Manager) SetRootless(on bool) { m.cfg.Rootless = on }

// Paths returns the directory for each v1 controller, for "name=systemd" and for "" (v2). It leaves out the
// hierarchies that a rootless caller skipped.
func (m *Manager) Paths() map[string]string {
	out := make(map[string]string, len(m.dirs))
	for i := range m.dirs {
		for _, k := range m.dirs[i].keys {
			out[k] = m.dirs[i].path
		}
	}
	return out
}

// dir returns the directory of a v1 controller or, for "", of v2. It returns nil if there is none.
func (m *Manager) dir(key string) *cgroupDir {
	for i := range m.dirs {
		for _, k := range m.dirs[i].keys {
			if k == key {
				return &m.dirs[i]
			}
		}
	}
	return nil
}

// main returns the directory whose processes count as the container's: v2, else the v1 devices controller, else any.
func (m *Manager) main() *cgroupDir {
	for _, k := range []string{"", "devices"} {
		if d := m.dir(k); d != nil {
			return d
		}
	}
	if len(m.dirs) > 0 {
		return &m.dirs[0]
	}
	return nil
}

// Exists reports whether the cgroup exists in at least one hierarchy.
func (m *Manager) Exists() bool {
	for i := range m.dirs {
		if exists(m.dirs[i].path) {
			return true
		}
	}
	return false
}

// exists reports whether path exists. A path that stat fails for with another error than "not found" counts as existing.
func exists(path string) bool {
	_, err := sys.Stat(path)
	return !isGone(err)
}

// OpenUnified opens the v2 cgroup as an O_PATH descriptor for clone3(CLONE_INTO_CGROUP). The caller closes it. It
// returns nil without an error if there is no v2.
func (m *Manager) OpenUnified() (*os.File, error) {
	d := m.dir("")
	if d == nil {
		return nil, nil
	}
	fd, err := sys.OpenDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("open cgroup %s: %w", d.path, err)
	}
	return os.NewFile(uintptr(fd), d.path), nil
}

// maySkip reports whether a rootless caller may run without this hierarchy after err. As with runc, it may skip any
// hierarchy if linux.cgroupsPath is not given, else only one without limits.
func (m *Manager) maySkip(d *cgroupDir, err error) bool {
	return m.cfg.Rootless && (m.cfg.Path == "" || d.noLimits) && isPermission(err)
}

// isPermission includes EROFS: a read-only /sys/fs/cgroup also means that the caller may not change cgroups.
func isPermission(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EROFS)
}

// isGone matches the errors for a cgroup that was removed before the file was opened (ENOENT) or after it (ENODEV).
func isGone(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENODEV)
}

func (m *Manager) warn(text string) {
	if m.cfg.Warn != nil {
		m.cfg.Warn(text)
	}
}

// skip drops the hierarchies at the given indexes of m.dirs.
func (m *Manager) skip(denied []int) {
	if len(denied) == 0 {
		return
	}
	kept := m.dirs[:0]
	for i := range m.dirs {
		if len(denied) > 0 && denied[0] == i {
			denied = denied[1:]
			m.skipped = append(m.skipped, m.dirs[i].keys...)
			continue
		}
		kept = append(kept, m.dirs[i])
	}
	m.dirs = kept
}

func (m *Manager) warnSkipped() {
	if len(m.skipped) == 0 {
		return
	}
	names := make([]string, len(m.skipped))
	for i, k := range m.skipped {
		names[i] = k
		if k == "" {
			names[i] = "cgroup v2"
		}
	}
	m.warn("rootless: no permission for these cgroups, the container runs outside them: " + strings.Join(names, ", "))
}
