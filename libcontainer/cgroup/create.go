package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"syscall"

	"rung/internal/sys"
)

// Create makes the cgroup in every hierarchy: on v1 with cpuset.cpus and
// cpuset.mems handed down from the parent, on v2 with the controllers enabled
// from the top. A cgroup that exists is taken over if it is empty and thawed.
//
// Rootless and without linux.cgroupsPath, hierarchies without permission are
// left out with one warning; Set fails if a limit needs one of them. With
// linux.cgroupsPath only those may be left out that have no limits. On any other
// error everything that was made is removed again.
func (m *Manager) Create() error {
	var gone []int
	for i := range m.dirs {
		err := m.createIn(&m.dirs[i])
		if err != nil && m.forgivable(&m.dirs[i], err) {
			gone = append(gone, i)
			continue
		}
		if err != nil {
			m.undo()
			return err
		}
	}
	m.giveUp(gone)
	m.warnLost()
	return nil
}

func (m *Manager) createIn(d *cgroupDir) error {
	err := m.mkdir(d, d.path)
	switch {
	case err == nil:
		d.fresh = true
	case errors.Is(err, syscall.EEXIST):
		if err := m.checkIdle(d); err != nil {
			return err
		}
	default:
		return err
	}
	return m.furnish(d)
}

// furnish makes a cgroup ready to take limits and processes.
func (m *Manager) furnish(d *cgroupDir) error {
	switch {
	case d.v2:
		return m.enableControllers(d)
	case d.has("cpuset"):
		err := inheritCpuset(d.path, path.Dir(d.path), d.fresh)
		if d.fresh && errors.Is(err, syscall.EINVAL) {
			d.unfilled, err = err, nil
		}
		return err
	}
	return nil
}

func (d *cgroupDir) has(key string) bool {
	for _, k := range d.keys {
		if k == key {
			return true
		}
	}
	return false
}

// mkdir makes dir and what is missing above it, up to the mountpoint.
func (m *Manager) mkdir(d *cgroupDir, dir string) error {
	err := syscall.Mkdir(dir, 0o755)
	if err == syscall.ENOENT && len(dir) > len(d.mount) {
		if err := m.mkparent(d, path.Dir(dir)); err != nil {
			return err
		}
		err = syscall.Mkdir(dir, 0o755)
	}
	if err != nil {
		return fmt.Errorf("mkdir %s: %w", dir, err)
	}
	m.made = append(m.made, dir)
	return nil
}

// mkparent makes an ancestor; another runtime may make the same one meanwhile.
func (m *Manager) mkparent(d *cgroupDir, dir string) error {
	err := m.mkdir(d, dir)
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	switch {
	case d.has("cpuset"):
		return inheritCpuset(dir, path.Dir(dir), err == nil)
	case d.v2 && err == nil:
		return d.joinThreaded(dir)
	}
	return nil
}

// undo removes what Create made, children first. Ancestors that someone else
// uses by now stay: rmdir refuses them.
func (m *Manager) undo() {
	for i := len(m.made) - 1; i >= 0; i-- {
		_ = syscall.Rmdir(m.made[i])
	}
	m.made = nil
}

// checkIdle refuses a cgroup that someone lives in: to share it would mean to
// kill the neighbour at delete.
func (m *Manager) checkIdle(d *cgroupDir) error {
	pids, err := pidsBelow(d.path)
	if err != nil && !isGone(err) {
		return fmt.Errorf("container's cgroup exists: %w", err)
	}
	if len(pids) > 0 {
		return fmt.Errorf("linux.cgroupsPath: container's cgroup is not empty: %d process(es) found in %s", len(pids), d.path)
	}
	if d.has("freezer") || d.v2 {
		if frozen, err := frozenDir(d); err == nil && frozen {
			return fmt.Errorf("container's cgroup unexpectedly frozen: %s", d.path)
		}
	}
	return nil
}

// inheritCpuset copies cpuset.cpus and cpuset.mems from the parent where they
// are empty. On v1 a new cpuset has neither, and takes no process so. EINVAL (wrapped): a sibling
// has some of them to itself (cpuset.cpu_exclusive, cpuset.mem_exclusive).
func inheritCpuset(dir, parent string, fresh bool) (exclusive error) {
	for _, f := range [...]string{"/cpuset.cpus", "/cpuset.mems"} {
		if !fresh {
			if cur, err := readText(dir, f[1:]); err != nil {
				return err
			} else if len(cur) > 1 {
				continue
			}
		}
		val, err := readText(parent, f[1:])
		if err != nil {
			return err
		}
		if len(val) <= 1 { // an ancestor that nobody filled
			if err := inheritCpuset(parent, path.Dir(parent), false); err != nil {
				return err
			}
			if val, err = readText(parent, f[1:]); err != nil {
				return err
			}
		}
		if err := sys.WriteControl(dir+f, val); err != nil {
			exclusive = cmp.Or(exclusive, error(&pathError{op: "write", path: dir + f, err: err}))
			if err != syscall.EINVAL {
				return exclusive
			}
		}
	}
	return exclusive
}
