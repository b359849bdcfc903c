// Package cgroup places a container in its cgroups, limits, freezes, kills and
// measures it there, on v1, v2 and hybrid machines. With a unit, systemd makes the cgroup and
// knows of its limits; all else is done in the file system, as without.
package cgroup

import (
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
	Rootless bool         // no permission to a cgroup is no error while no limit is asked for
	Warn     func(string) // receives warnings; nil drops them

	Systemd     bool              // systemd makes the cgroup, as a transient unit; of the user's, if Rootless
	UserNS      bool              // rung runs in a user namespace
	Annotations map[string]string // of config.json: org.systemd.property.*
}

// ErrNotExist is returned where an operation needs a cgroup that is gone or
// was never made.
var ErrNotExist = errors.New("container's cgroup does not exist")

// Manager is one container's cgroup: a directory in each hierarchy. It is not
// safe for concurrent use.
type Manager struct {
	cfg  Config
	dirs []cgroupDir
	lost []string // keys of hierarchies that the (rootless) caller may not use
	made []string // directories that Create made, parents first
	unit *unit    // of systemd, or nil
}

// cgroupDir is the container's directory in one hierarchy.
type cgroupDir struct {
	path  string
	mount string   // the hierarchy's mountpoint
	keys  []string // controllers, "name=systemd", or "" for v2
	v2    bool
	fresh bool // made by this Manager: every file still has its default
	bare  bool // no limits there: a named hierarchy, or v2 beside v1

	unfilled error // why a new v1 cpuset could not have all that its parent has
}

// New computes the directories of a container's cgroup; nothing is touched.
// It fails if linux.cgroupsPath means the top of the hierarchies, which is
// nobody's to limit or to remove, and where no hierarchy is mounted.
func New(h *host.Cgroups, cfg Config) (*Manager, error) {
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
			bare: hier.Name != "" || hier.V2 && h.Mode == host.CgroupHybrid,
		})
	}
	if len(m.dirs) == 0 && !cfg.Rootless {
		return nil, errors.New("no cgroup hierarchy is mounted")
	}
	return m, nil
}

// keysOf returns nil for a named v1 hierarchy that is not systemd's: engines
// expect the container in no other.
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

// Load makes the Manager of an existing cgroup from the Paths kept in the
// container's state.
func Load(h *host.Cgroups, paths map[string]string) *Manager {
	m := &Manager{}
	for i := range h.Hierarchies {
		m.adopt(paths, h.Hierarchies[i].Mountpoint, h.Hierarchies[i].V2, keysOf(&h.Hierarchies[i]))
	}
	for key := range paths {
		if m.dir(key) == nil { // its hierarchy is not mounted any more, or elsewhere
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

// SetWarn sets the receiver of warnings; a loaded Manager has none.
func (m *Manager) SetWarn(f func(string)) { m.cfg.Warn = f }

// SetRootless tells a loaded Manager that permission errors are to be expected.
func (m *Manager) SetRootless(on bool) { m.cfg.Rootless = on }

// Paths returns the directory for each v1 controller, for "name=systemd", and
// for "" (v2). Hierarchies given up for lack of permission are left out.
func (m *Manager) Paths() map[string]string {
	out := make(map[string]string, len(m.dirs))
	for i := range m.dirs {
		for _, k := range m.dirs[i].keys {
			out[k] = m.dirs[i].path
		}
	}
	return out
}

// dir returns the directory of a v1 controller or, for "", of v2; else nil.
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

// main returns the directory whose processes stand for the container: v2, else
// devices, else any.
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

// Exists says if the cgroup is there in any hierarchy.
func (m *Manager) Exists() bool {
	for i := range m.dirs {
		if exists(m.dirs[i].path) {
			return true
		}
	}
	return false
}

// exists: what cannot be looked at is not gone.
func exists(path string) bool {
	_, err := sys.Stat(path)
	return !isGone(err)
}

// OpenUnified opens the v2 cgroup as an O_PATH descriptor for
// clone3(CLONE_INTO_CGROUP); nil without an error where there is no v2.
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

// forgivable says if a rootless caller may go on without this hierarchy: any
// where linux.cgroupsPath is not given, else one that has no limits, as of runc.
func (m *Manager) forgivable(d *cgroupDir, err error) bool {
	return m.cfg.Rootless && (m.cfg.Path == "" || d.bare) && isPermission(err)
}

// isPermission is wide: a read-only /sys/fs/cgroup means "not yours" as well.
func isPermission(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EROFS)
}

// isGone matches a cgroup removed before (ENOENT) or under our hands (ENODEV).
func isGone(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENODEV)
}

func (m *Manager) warn(text string) {
	if m.cfg.Warn != nil {
		m.cfg.Warn(text)
	}
}

// giveUp drops the hierarchies at the given indexes.
func (m *Manager) giveUp(gone []int) {
	if len(gone) == 0 {
		return
	}
	kept := m.dirs[:0]
	for i := range m.dirs {
		if len(gone) > 0 && gone[0] == i {
			gone = gone[1:]
			m.lost = append(m.lost, m.dirs[i].keys...)
			continue
		}
		kept = append(kept, m.dirs[i])
	}
	m.dirs = kept
}

func (m *Manager) warnLost() {
	if len(m.lost) == 0 {
		return
	}
	names := make([]string, len(m.lost))
	for i, k := range m.lost {
		names[i] = k
		if k == "" {
			names[i] = "cgroup v2"
		}
	}
	m.warn("rootless: no permission for these cgroups, the container runs outside them: " + strings.Join(names, ", "))
}
