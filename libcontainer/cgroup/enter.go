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

// Enter moves a process into the cgroup in every hierarchy. With skipV2 it leaves v2 out, for a process that was
// cloned into that cgroup. EBUSY (wrapped) means that the v2 cgroup enables controllers for its children, and that
// the kernel therefore admits no process to it.
//
// The first write waits some milliseconds for an RCU grace period if no process was moved recently, because the kernel
// holds up all forks and exits of the machine during a move (cgroup_threadgroup_rwsem). OpenTasks is faster for a
// process that can move itself. Concurrent writes are no faster: the kernel runs them one after the other.
func (m *Manager) Enter(pid int, skipV2 bool) error {
	text := strconv.Itoa(pid)
	var denied []int
	for i := range m.dirs {
		d := &m.dirs[i]
		if d.v2 && skipV2 {
			continue
		}
		err := enterDir(d.path, text)
		if err != nil && m.maySkip(d, err) {
			denied = append(denied, i)
			continue
		}
		if err != nil {
			return fmt.Errorf("move process %d into cgroup: write %s/cgroup.procs: %w%s", pid, d.path, err, d.enterHint(err))
		}
	}
	if len(denied) > 0 {
		m.skip(denied)
		m.warnSkipped()
	}
	return nil
}

// EnterUnified moves a process that could not be cloned into the v2 cgroup. It does nothing where there is no v2.
// It returns the errors of Enter.
func (m *Manager) EnterUnified(pid int) error {
	d := m.dir("")
	if d == nil {
		return nil
	}
	only := Manager{cfg: m.cfg, dirs: []cgroupDir{*d}}
	if m.unit != nil || d.fresh && !d.noLimits {
		only.cfg.Rootless = false // the process must enter: systemd can move it, or the cgroup's limits must apply to it
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

// OpenTasks opens the v1 tasks file of every hierarchy for writing. A process with one thread moves itself by writing
// "0" to each file. The kernel then takes no global lock (Linux 5.5, kernel commit 9a3284fad42f): the moves take about
// 70 us in all, where Enter needs 5 ms. The kernel checks the permissions of the process that opened the file. v2 has
// no such file; there clone3(CLONE_INTO_CGROUP) serves. The descriptors are close-on-exec, and the caller closes them.
func (m *Manager) OpenTasks() ([]*os.File, error) {
	files := make([]*os.File, 0, len(m.dirs))
	var denied []int
	for i := range m.dirs {
		if m.dirs[i].v2 {
			continue
		}
		name := m.dirs[i].path + "/tasks"
		fd, err := sys.OpenControl(name)
		if err != nil && m.maySkip(&m.dirs[i], err) {
			denied = append(denied, i)
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
	if len(denied) > 0 {
		m.skip(denied)
		m.warnSkipped()
	}
	return files, nil
}

func enterDir(dir, pid string) error {
	file := dir + "/cgroup.procs"
	err := sys.WriteControl(file, pid)
	// EINVAL means that the kernel has not finished forking the task (TASK_NEW), so a later write can succeed.
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
