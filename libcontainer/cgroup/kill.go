package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"syscall"

	"rung/internal/sys"
)

// killRounds bounds the v1 loop. One round is enough where the freeze worked.
const killRounds = 10

// Kill sends SIGKILL to every process of the cgroup and of those below, without
// waiting for their end. On v2 the kernel does it at once (cgroup.kill, Linux
// 5.14), but for a threaded cgroup; that, and on v1, the tree is frozen, killed and thawed. ErrNotExist if the cgroup
// is gone.
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

// killHybridRest finishes what cgroup.kill does not reach beside v1: a process
// that moved itself in the v2 tree only, and tasks in a frozen v1 freezer, which
// do not die before they are thawed.
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
	if frozen, _ := m.Frozen(); frozen {
		return m.Thaw()
	}
	return nil
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

// killFrozen kills what it finds in a tree that stands still.
func (m *Manager) killFrozen(d *cgroupDir) error {
	var seen map[int]bool
	for range killRounds {
		frozen := m.Freeze() == nil // without it a fork may escape, hence the rounds
		pids, err := pidsBelow(d.path)
		if err == nil {
			err = signalAll(pids)
		}
		if terr := m.thawIf(); err == nil {
			err = terr
		}
		if err != nil && !isGone(err) {
			return err
		}
		if frozen || !anyNew(&seen, pids) {
			return nil
		}
	}
	return errors.New("kill cgroup: it forks faster than it can be killed")
}

// thawIf thaws unless the container has no freezer at all.
func (m *Manager) thawIf() error {
	if _, err := m.freezer(); err != nil {
		return nil
	}
	return m.Thaw()
}

// anyNew adds pids to seen and says if there was one that was not in it.
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
		// 0 is a process of another pid namespace; kill(0) would be ourselves.
		if p <= 0 {
			return errors.New("kill cgroup: it holds a process that is not visible in this pid namespace")
		}
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill process %d: %w", p, err)
		}
	}
	return nil
}
