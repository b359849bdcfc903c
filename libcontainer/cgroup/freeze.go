package cgroup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

const (
	freezeLimit = 10 * time.Second // v2; a task in uninterruptible sleep delays the freeze
	freezeTries = 500              // v1
	freezeWait  = 50 * time.Microsecond
	thawWait    = 5 * time.Millisecond // v1; how long a thaw lasts in between
)

// freezer returns the directory with the control file for freezing. It prefers the v1 freezer to v2, because CRIU and
// the engines read the v1 freezer where it exists.
func (m *Manager) freezer() (*cgroupDir, error) {
	if d := m.dir("freezer"); d != nil {
		return d, nil
	}
	if d := m.dir(""); d != nil {
		return d, nil
	}
	return nil, errors.New("the container has no freezer cgroup")
}

// FreezerPath returns the directory with the control file for freezing, "" if the container has none.
func (m *Manager) FreezerPath() string {
	d, err := m.freezer()
	if err != nil {
		return ""
	}
	return d.path
}

// Freeze freezes every process of the cgroup and returns when all are frozen. It thaws the cgroup again if the freeze
// does not complete: on v2 within 10 s, on v1 within 500 attempts.
func (m *Manager) Freeze() error {
	d, err := m.freezer()
	if err != nil {
		return err
	}
	if d.v2 {
		err = freezeV2(m.context(), d.path)
	} else {
		err = freezeV1(d.path)
	}
	if err != nil {
		_ = m.Thaw() // a half-frozen cgroup must not stay: on v1 its frozen processes could not be killed
		return fmt.Errorf("freeze cgroup %s: %w", d.path, err)
	}
	return nil
}

// Thaw resumes the processes of a frozen cgroup. It has no effect on a cgroup that is not frozen.
func (m *Manager) Thaw() error {
	d, err := m.freezer()
	if err != nil {
		return err
	}
	return thawDir(d)
}

// Frozen reports whether the cgroup itself was frozen; a frozen ancestor does not count. A cgroup that does not exist,
// or has no freezer, is not frozen.
func (m *Manager) Frozen() (bool, error) {
	d, err := m.freezer()
	if err != nil {
		return false, nil
	}
	return frozenDir(d)
}

// Frozen is Manager.Frozen for a caller that wants to know nothing else of the cgroup: paths is the result of Paths. It
// does not look for the hierarchies of the machine.
func Frozen(paths map[string]string) (bool, error) {
	if path := paths["freezer"]; path != "" {
		return frozenDir(&cgroupDir{path: path})
	}
	if path := paths[""]; path != "" {
		return frozenDir(&cgroupDir{path: path, v2: true})
	}
	return false, nil
}

func frozenDir(d *cgroupDir) (bool, error) {
	file := "/freezer.self_freezing"
	if d.v2 {
		file = "/cgroup.freeze"
	}
	text, err := sys.ReadFlag(d.path + file)
	if err != nil {
		if isGone(err) {
			return false, nil
		}
		return false, fmt.Errorf("read %s%s: %w", d.path, file, err)
	}
	return text == "1", nil
}

// freezeV2 freezes and polls cgroup.events, where the kernel notifies of a change of "frozen".
func freezeV2(ctx context.Context, dir string) error {
	fd, err := sys.OpenRead(dir + "/cgroup.events")
	if err != nil {
		return fmt.Errorf("open cgroup.events: %w", err)
	}
	defer sys.CloseFd(fd)
	if err := sys.WriteControl(dir+"/cgroup.freeze", "1"); err != nil {
		return fmt.Errorf("write cgroup.freeze: %w", err)
	}
	waker, err := sys.NewWaker(ctx)
	if err != nil {
		return err
	}
	defer waker.Close()
	deadline := time.Now().Add(freezeLimit)
	for {
		text, err := sys.ReadFd(fd)
		if err != nil {
			return fmt.Errorf("read cgroup.events: %w", err)
		}
		if strings.Contains(text, "frozen 1\n") {
			return nil
		}
		remaining := time.Until(deadline)
		if remaining <= 0 {
			return fmt.Errorf("not frozen after %v", freezeLimit)
		}
		if ctx.Err() != nil {
			return waits.Ended(ctx, "all processes to stand still")
		}
		if err := sys.PollEvents(fd, waker, remaining); err != nil {
			return fmt.Errorf("poll cgroup.events: %w", err)
		}
	}
}

// freezeV1 writes FROZEN until it reads FROZEN. The v1 freezer has no notification. It also misses a task that is
// forked or moved in during the freeze, and only another write freezes that task. A thaw after every 50 writes frees
// tasks that wait for each other (vfork, ptrace).
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
			time.Sleep(thawWait)
		} else {
			time.Sleep(freezeWait)
		}
	}
	return errors.New("freezer.state stays FREEZING")
}
