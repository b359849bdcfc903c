package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rung/internal/sys"
)

// findPlace decides the cgroups of the process: those of --cgroup, else the container's. Where
// the container has handed its controllers down, or its cgroup has gone, that of init counts,
// as with runc (runc#2356): asked first, for a clone into a cgroup that takes no process could
// not be tried again.
func (e *execution) findPlace() error {
	own, err := e.cgroup()
	if err != nil {
		return err
	}
	e.place = own
	if len(e.opts.Cgroups) > 0 {
		e.place, err = own.Sub(e.opts.Cgroups)
		return err
	}
	if !own.TakesProcesses() {
		if dir := e.cgroupOfInit(); dir != "" {
			own.UseUnified(dir)
		}
	}
	return nil
}

// enterCgroup moves a process that was not cloned into the unified cgroup.
func (e *execution) enterCgroup() error {
	dir := e.place.Paths()[""]
	if dir == "" || sys.InUnifiedCgroup(e.hands.Pid(), dir) {
		return nil
	}
	return placeError(e.place.EnterUnified(e.hands.Pid()))
}

// cgroupOfInit is the directory of init's unified cgroup, "" where it can not be seen.
func (e *execution) cgroupOfInit() string {
	below, ok := sys.UnifiedCgroup(e.state.Pid)
	if !ok {
		return ""
	}
	for i := range e.facts.Cgroups.Hierarchies {
		h := &e.facts.Cgroups.Hierarchies[i]
		if !h.V2 {
			continue
		}
		if rel, err := filepath.Rel(h.Root, below); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(h.Mountpoint, rel)
		}
		break
	}
	return ""
}

// placeError has the words of runc, which say what was tried.
func placeError(err error) error {
	if err == nil || errors.Is(err, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("error adding pid of the process to cgroups: %w", err)
}
