package cgroup

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rung/internal/sys"
)

const (
	freezeLimit  = 10 * time.Second // v2: a task in uninterruptible sleep delays it
	freezeTries  = 500              // v1
	freezeShort  = 50 * time.Microsecond
	freezeBreath = 5 * time.Millisecond
)

// freezer returns the directory to freeze by: the v1 freezer, which CRIU and
// the engines look at where it exists, else v2.
func (m *Manager) freezer() (*cgroupDir, error) {
	if d := m.dir("freezer"); d != nil {
		return d, nil
	}
	if d := m.dir(""); d != nil {
		return d, nil
	}
	return nil, errors.New("the container has no freezer cgroup")
}

// FreezerPath returns the directory to freeze by, "" where there is none.
func (m *Manager) FreezerPath() string {
	d, err := m.freezer()
	if err != nil {
		return ""
	}
	return d.path
}

// Freeze stops every process of the cgroup and returns when all stand still. A
// freeze that does not complete (v2: in 10 s) is taken back.
func (m *Manager) Freeze() error {
	d, err := m.freezer()
	if err != nil {
		return err
	}
	if d.v2 {
		err = freezeV2(d.path)
	} else {
		err = freezeV1(d.path)
	}
	if err != nil {
		_ = m.Thaw() // half frozen is the worst state: nothing can kill it on v1
		return fmt.Errorf("freeze cgroup %s: %w", d.path, err)
	}
	return nil
}

// Thaw lets a frozen cgroup run on.
func (m *Manager) Thaw() error {
	d, err := m.freezer()
	if err != nil {
		return err
	}
	file, val := "/freezer.state", "THAWED"
	if d.v2 {
		file, val = "/cgroup.freeze", "0"
	}
	if err := sys.WriteControl(d.path+file, val); err != nil {
		return fmt.Errorf("thaw cgroup: write %s%s: %w", d.path, file, err)
	}
	return nil
}

// Frozen says if the cgroup was frozen by its own switch; an ancestor's does
// not count. A cgroup that is gone, or has no freezer, is not frozen.
func (m *Manager) Frozen() (bool, error) {
	d, err := m.freezer()
	if err != nil {
		return false, nil
	}
	return frozenDir(d)
}

func frozenDir(d *cgroupDir) (bool, error) {
	file := "/freezer.self_freezing"
	if d.v2 {
		file = "/cgroup.freeze"
	}
	text, err := sys.ReadControl(d.path + file)
	if err != nil {
		if isGone(err) {
			return false, nil
		}
		return false, fmt.Errorf("read %s%s: %w", d.path, file, err)
	}
	return strings.TrimSpace(text) == "1", nil
}

// freezeV2 waits on cgroup.events, which notifies when "frozen" changes.
func freezeV2(dir string) error {
	fd, err := sys.OpenRead(dir + "/cgroup.events")
	if err != nil {
		return fmt.Errorf("open cgroup.events: %w", err)
	}
	defer sys.CloseFd(fd)
	if err := sys.WriteControl(dir+"/cgroup.freeze", "1"); err != nil {
		return fmt.Errorf("write cgroup.freeze: %w", err)
	}
	deadline := time.Now().Add(freezeLimit)
	for {
		text, err := sys.ReadFd(fd)
		if err != nil {
			return fmt.Errorf("read cgroup.events: %w", err)
		}
		if strings.Contains(text, "frozen 1\n") {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("not frozen after %v", freezeLimit)
		}
		if err := sys.PollEvents(fd, left); err != nil {
			return fmt.Errorf("poll cgroup.events: %w", err)
		}
	}
}

// freezeV1 writes FROZEN until it reads FROZEN. The v1 freezer has no
// notification, and misses a task that is forked or moved in meanwhile: only
// another write catches it. Now and then a thaw unties tasks that wait for each
// other (vfork, ptrace).
func freezeV1(dir string) error {
	file := dir + "/freezer.state"
	for i := 1; i <= freezeTries; i++ {
		if err := sys.WriteControl(file, "FROZEN"); err != nil {
			return fmt.Errorf("write freezer.state: %w", err)
		}
		state, err := sys.ReadControl(file)
		if err != nil {
			return fmt.Errorf("read freezer.state: %w", err)
		}
		if state == "FROZEN\n" {
			return nil
		}
		if i%50 == 0 {
			_ = sys.WriteControl(file, "THAWED")
			time.Sleep(freezeBreath)
		} else {
			time.Sleep(freezeShort)
		}
	}
	return errors.New("it stays FREEZING")
}
