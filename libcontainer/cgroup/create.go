package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"syscall"

	"rung/internal/sys"
)

// Create makes the cgroup in every hierarchy. On v1 it copies cpuset.cpus and cpuset.mems from the parent, on v2 it
// enables the controllers from the top down. It takes over a cgroup that exists if that one is empty and thawed.
//
// A rootless caller without linux.cgroupsPath skips the hierarchies that it has no permission to use and gets one
// warning. Set fails later if a limit needs one of them. With linux.cgroupsPath the caller may skip only hierarchies
// without limits. On any other error Create removes everything that it made.
func (m *Manager) Create() error {
	var denied []int
	for i := range m.dirs {
		err := m.createIn(&m.dirs[i])
		if err != nil && m.maySkip(&m.dirs[i], err) {
			denied = append(denied, i)
			continue
		}
		if err != nil {
			m.undo()
			return err
		}
	}
	m.skip(denied)
	m.warnSkipped()
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
	return m.prepare(d)
}

// prepare makes a cgroup ready to take limits and processes.
func (m *Manager) prepare(d *cgroupDir) error {
	switch {
	case d.v2:
		return m.enableControllers(d)
	case d.has("cpuset"):
		err := inheritCpuset(d.path, path.Dir(d.path), d.fresh)
		if d.fresh && errors.Is(err, syscall.EINVAL) {
			d.cpusetErr, err = err, nil
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

// mkdir makes dir and its missing ancestors below the mountpoint.
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

// mkparent makes an ancestor. EEXIST is no error: another runtime may make the same ancestor at the same time.
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

// undo removes what Create made, children first. rmdir fails for an ancestor that holds other cgroups by then, and
// undo leaves that ancestor.
func (m *Manager) undo() {
	for i := len(m.made) - 1; i >= 0; i-- {
		_ = syscall.Rmdir(m.made[i])
	}
	m.made = nil
}

// checkIdle returns an error if the cgroup holds processes or is frozen. The container cannot share a cgroup, because
// delete kills every process in it.
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

// inheritCpuset copies cpuset.cpus and cpuset.mems from the parent where they are empty. A new v1 cpuset has neither,
// and the kernel admits no process to it in that state. EINVAL (wrapped) means that a sibling holds some of them
// exclusively (cpuset.cpu_exclusive, cpuset.mem_exclusive).
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
		if len(val) <= 1 { // the parent's own list is still empty
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
