package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rung/internal/sys"
)

// ThawTree thaws the cgroup and all below it, so that its processes can die: the container, or an engine, may have frozen
// any of them (runc#2105). On v1 a process does not die where it is frozen.
func (m *Manager) ThawTree() error {
	d, err := m.freezer()
	if err != nil {
		return nil // nothing is frozen
	}
	return thawTree(d, d.path)
}

func thawTree(d *cgroupDir, dir string) error {
	at := *d
	at.path = dir
	frozen, err := frozenDir(&at)
	if err == nil && frozen {
		err = thawDir(&at)
	}
	subs, errSubs := children(dir)
	if isGone(errSubs) {
		errSubs = nil
	}
	err = errors.Join(err, errSubs)
	for _, sub := range subs {
		err = errors.Join(err, thawTree(d, sub))
	}
	return err
}

func thawDir(d *cgroupDir) error {
	file, val := "/freezer.state", "THAWED"
	if d.v2 {
		file, val = "/cgroup.freeze", "0"
	}
	if err := sys.WriteControl(d.path+file, val); err != nil && !isGone(err) {
		return fmt.Errorf("thaw cgroup: write %s%s: %w", d.path, file, err)
	}
	return nil
}

// CheckMortal returns an error that names the frozen cgroup in which the container's processes cannot die: one above the
// container's, or the one that somebody has moved its first process to. pid is that of the first process, or 0. On v2 they can.
func (m *Manager) CheckMortal(pid int) error {
	d, err := m.freezer()
	if err != nil || d.v2 {
		return nil // nothing is in the way
	}
	only := Manager{dirs: []cgroupDir{*d}}
	above, err := only.FrozenAbove()
	if err != nil {
		return err
	}
	if above != "" {
		return fmt.Errorf("the container's processes cannot end before the cgroup %s above theirs is thawed: "+
			"its freezer.state is FROZEN", above)
	}
	only.dirs[0].path = strayed(d, pid)
	if only.dirs[0].path == "" {
		return nil
	}
	at, err := only.FrozenAt()
	if err != nil || at == "" {
		return err
	}
	return fmt.Errorf("the container's process %d cannot end before the cgroup %s, to which somebody has moved it, is thawed: "+
		"its freezer.state is FROZEN", pid, at)
}

// strayed returns the directory of the freezer cgroup that a process is in, "" if that is the container's or below it. A process
// that has ended is in none.
func strayed(d *cgroupDir, pid int) string {
	if pid == 0 || d.mount == "" {
		return ""
	}
	placements, err := sys.Placements(pid)
	if err != nil {
		return ""
	}
	for i := range placements {
		if !slices.Contains(placements[i].Controllers, "freezer") {
			continue
		}
		if dir := d.mount + placements[i].Path; dir != d.path && !strings.HasPrefix(dir, d.path+"/") {
			return dir
		}
	}
	return ""
}
