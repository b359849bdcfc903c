package cgroup

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"rung/internal/sys"
)

// FrozenAt returns the directory of a frozen cgroup that the container's processes would stand still in: its own, or the
// nearest one above it, in any hierarchy. It is "" if there is none. What is above the mountpoint cannot be named: then it
// is the container's own.
func (m *Manager) FrozenAt() (string, error) {
	for i := range m.dirs {
		d := &m.dirs[i]
		if !d.v2 && !d.has("freezer") {
			continue
		}
		frozen, err := inherits(d)
		if err != nil {
			return "", err
		}
		if frozen {
			return frozenFrom(d)
		}
	}
	return "", nil
}

// FrozenAbove is FrozenAt for the cgroups above the container's own.
func (m *Manager) FrozenAbove() (string, error) {
	above := &Manager{}
	for _, d := range m.dirs {
		if d.path = path.Dir(d.path); d.mount != "" && strings.HasPrefix(d.path, d.mount+"/") {
			above.dirs = append(above.dirs, d)
		}
	}
	return above.FrozenAt()
}

// inherits reports whether the cgroup or one above it is frozen. v1 tells so; v2 tells whether all processes stand still,
// and is asked from the bottom up.
func inherits(d *cgroupDir) (bool, error) {
	if d.v2 {
		return true, nil
	}
	state, err := sys.ReadControl(d.path + "/freezer.state")
	if err != nil {
		if isGone(err) {
			return false, nil
		}
		return false, fmt.Errorf("read %s/freezer.state: %w", d.path, err)
	}
	return state != "THAWED\n", nil
}

func frozenFrom(d *cgroupDir) (string, error) {
	at := *d
	for {
		frozen, err := frozenDir(&at)
		if frozen || err != nil {
			return at.path, err
		}
		up := path.Dir(at.path)
		if d.mount == "" || !strings.HasPrefix(up, d.mount+"/") {
			break
		}
		at.path = up
	}
	if d.v2 {
		return "", nil
	}
	return d.path, nil
}

// Unfreeze moves a process out of the container's v1 freezer cgroup, into the one at the top: it does not die where it is
// frozen. What cannot be done is left.
func (m *Manager) Unfreeze(pid int) {
	if d := m.dir("freezer"); d != nil && d.mount != "" {
		_ = sys.WriteControl(d.mount+"/cgroup.procs", strconv.Itoa(pid))
	}
}
