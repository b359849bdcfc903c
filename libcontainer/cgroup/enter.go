package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"rung/internal/sys"
)

// Enter moves a process into the cgroup in every hierarchy; not in v2 with
// skipV2, for a process cloned into it. EBUSY (wrapped) means that the v2
// cgroup has handed its controllers to children and takes no process itself.
//
// The first write waits for an RCU grace period, some milliseconds, if nobody
// moved a process lately: the kernel stops all forks and exits of the machine
// for it (cgroup_threadgroup_rwsem). Where the process can help, OpenTasks is
// the quick way in. Several writes at a time are no faster: they queue up.
func (m *Manager) Enter(pid int, skipV2 bool) error {
	text := strconv.Itoa(pid)
	var gone []int
	for i := range m.dirs {
		d := &m.dirs[i]
		if d.v2 && skipV2 {
			continue
		}
		err := enterDir(d.path, text)
		if err != nil && m.forgivable(d, err) {
			gone = append(gone, i)
			continue
		}
		if err != nil {
			return fmt.Errorf("move process %d into cgroup: write %s/cgroup.procs: %w%s", pid, d.path, err, d.enterHint(err))
		}
	}
	if len(gone) > 0 {
		m.giveUp(gone)
		m.warnLost()
	}
	return nil
}

// EnterUnified moves a process into the v2 cgroup, where there is one: for one that could
// not be cloned into it. Errors are those of Enter.
func (m *Manager) EnterUnified(pid int) error {
	d := m.dir("")
	if d == nil {
		return nil
	}
	only := Manager{cfg: m.cfg, dirs: []cgroupDir{*d}}
	if m.unit != nil || d.fresh && !d.bare {
		only.cfg.Rootless = false // systemd may do it, or limits are set there: nobody is to be left outside
	}
	if err := only.Enter(pid, false); err != nil {
		if m.unit != nil && isPermission(err) {
			return m.unit.attach(d.path, pid)
		}
		return err
	}
	if len(only.dirs) == 0 {
		m.dirs = slices.DeleteFunc(m.dirs, func(d cgroupDir) bool { return d.v2 })
	}
	return nil
}

// OpenTasks opens the v1 tasks file of every hierarchy for writing. A process
// with one thread moves itself by writing "0" to each, and no lock of the
// machine is taken (Linux 5.5, kernel commit 9a3284fad42f): about 70 us for all
// of them, where Enter needs 5 ms. The kernel asks for the permissions of the
// opener. v2 has no such file; there clone3(CLONE_INTO_CGROUP) does it. The
// descriptors are close-on-exec; the caller closes them.
func (m *Manager) OpenTasks() ([]*os.File, error) {
	files := make([]*os.File, 0, len(m.dirs))
	var gone []int
	for i := range m.dirs {
		if m.dirs[i].v2 {
			continue
		}
		name := m.dirs[i].path + "/tasks"
		fd, err := sys.OpenControl(name)
		if err != nil && m.forgivable(&m.dirs[i], err) {
			gone = append(gone, i)
			continue
		}
		if err != nil {
			for _, f := range files {
				_ = f.Close()
			}
			return nil, fmt.Errorf("open %s: %w", name, err)
		}
		files = append(files, os.NewFile(uintptr(fd), name))
	}
	if len(gone) > 0 {
		m.giveUp(gone)
		m.warnLost()
	}
	return files, nil
}

func enterDir(dir, pid string) error {
	file := dir + "/cgroup.procs"
	err := sys.WriteControl(file, pid)
	// EINVAL: the task is still being forked (TASK_NEW).
	for wait := time.Millisecond; err == syscall.EINVAL && wait < 100*time.Millisecond; wait *= 2 {
		time.Sleep(wait)
		err = sys.WriteControl(file, pid)
	}
	return err
}

func (d *cgroupDir) enterHint(err error) string {
	switch {
	case err == syscall.ENOSPC && d.has("cpuset"):
		return " (cpuset.cpus or cpuset.mems is empty)"
	case err == syscall.EBUSY && d.v2:
		return " (its children have controllers enabled)"
	case err == syscall.EOPNOTSUPP && d.v2:
		return " (threaded cgroup)"
	}
	return ""
}
