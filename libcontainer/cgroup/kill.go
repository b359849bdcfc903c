package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"

	"rung/internal/sys"
)

// killRounds bounds the loop of killFrozen. One round is enough if the freeze succeeds.
const killRounds = 10

// Kill sends SIGKILL to every process of the cgroup and its sub-cgroups. It does not wait until they have ended. It
// returns ErrNotExist if the cgroup does not exist. On v2 the kernel kills them in one step (cgroup.kill, Linux 5.14).
// On v1, and for a threaded v2 cgroup, Kill freezes the cgroup first, so that no process forks while it is killed.
func (m *Manager) Kill() error {
	d := m.dir("")
	if d == nil {
		return m.killV1()
	}
	if err := sys.WriteControl(d.path+"/cgroup.kill", "1"); err != nil {
		if isGone(err) && !m.Exists() {
			return ErrNotExist
		}
		if err == syscall.EOPNOTSUPP { // a threaded cgroup
			return cmp.Or(m.killFrozen(d), m.killHybridRest())
		}
		if !isGone(err) || len(m.dirs) == 1 {
			return fmt.Errorf("write %s/cgroup.kill: %w", d.path, err)
		}
	}
	return m.killHybridRest()
}

// KillAnywhere sends SIGKILL to the processes of Anywhere.
func (m *Manager) KillAnywhere() error {
	pids, err := m.Anywhere()
	if err != nil {
		return err
	}
	return signalAll(pids)
}

// killHybridRest kills what cgroup.kill does not reach on a hybrid machine: processes that left the v2 cgroup but are
// still in the v1 cgroup. It also thaws what is frozen in the v1 freezer, because frozen tasks do not die.
func (m *Manager) killHybridRest() error {
	v1 := m.firstV1()
	if v1 == nil {
		return nil
	}
	pids, err := pidsBelow(v1.path)
	if err != nil && !isGone(err) {
		return err
	}
	if err := signalAll(pids); err != nil {
		return err
	}
	return m.ThawTree()
}

func (m *Manager) firstV1() *cgroupDir {
	if d := m.dir("devices"); d != nil {
		return d
	}
	for i := range m.dirs {
		if !m.dirs[i].v2 {
			return &m.dirs[i]
		}
	}
	return nil
}

func (m *Manager) killV1() error {
	d := m.firstV1()
	if d == nil || !m.Exists() {
		return ErrNotExist
	}
	return m.killFrozen(d)
}

// killFrozen freezes the cgroup, kills the processes in d and below, and thaws the cgroup. If the freeze fails, a fork
// may escape, so killFrozen repeats this until it finds no new process.
func (m *Manager) killFrozen(d *cgroupDir) error {
	var seen map[int]bool
	for range killRounds {
		frozen := m.Freeze() == nil
		pids, err := pidsBelow(d.path)
		if err == nil {
			err = signalAll(pids)
		}
		if terr := m.ThawTree(); err == nil {
			err = terr
		}
		if err != nil && !isGone(err) {
			return err
		}
		if frozen || !anyNew(&seen, pids) {
			return nil
		}
	}
	return errors.New("kill cgroup: its processes fork faster than they can be killed")
}

// anyNew adds pids to seen and reports whether one of them was new.
func anyNew(seen *map[int]bool, pids []int) bool {
	if *seen == nil {
		*seen = make(map[int]bool, len(pids))
	}
	found := false
	for _, p := range pids {
		if !(*seen)[p] {
			(*seen)[p] = true
			found = true
		}
	}
	return found
}

func signalAll(pids []int) error {
	for _, p := range pids {
		// The kernel shows a process of another pid namespace as 0, and kill(0) would signal rung's own process group.
		if p <= 0 {
			return errors.New("kill cgroup: it holds a process that is not visible in this pid namespace")
		}
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill process %d: %w", p, err)
		}
	}
	return nil
}
