package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
)

// findPlace decides the cgroups of the process: those of --cgroup, else the container's.
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
	own.Nest(e.state.Pid) // a clone into a cgroup that takes no process could not be tried again
	return nil
}

// openUnified: where the container's cgroup has gone, that of its init counts, as with runc.
func (e *execution) openUnified() (*os.File, error) {
	file, err := e.place.OpenUnified()
	if err == nil || len(e.opts.Cgroups) > 0 || !cgroup.TakesNoProcess(err) {
		return file, placeError(err)
	}
	if of := e.placeOfInit(); of != nil {
		return of.OpenUnified()
	}
	return nil, err
}

// enterCgroup moves a process that was not cloned into the unified cgroup: into that of init,
// where the container has handed its controllers down and takes no process itself.
func (e *execution) enterCgroup() error {
	dir := e.place.Paths()[""]
	if dir == "" || sys.InUnifiedCgroup(e.hands.Pid(), dir) {
		return nil
	}
	err := e.place.EnterUnified(e.hands.Pid())
	if err == nil || len(e.opts.Cgroups) > 0 || !cgroup.TakesNoProcess(err) {
		return placeError(err)
	}
	of := e.placeOfInit()
	if of == nil || of.Paths()[""] == dir {
		return err
	}
	if sys.InUnifiedCgroup(e.hands.Pid(), of.Paths()[""]) {
		return nil
	}
	return of.EnterUnified(e.hands.Pid())
}

// placeOfInit is nil where init's cgroup can not be seen.
func (e *execution) placeOfInit() *cgroup.Manager {
	below, ok := sys.UnifiedCgroup(e.state.Pid)
	if !ok {
		return nil
	}
	for i := range e.facts.Cgroups.Hierarchies {
		h := &e.facts.Cgroups.Hierarchies[i]
		if !h.V2 {
			continue
		}
		rel, err := filepath.Rel(h.Root, below)
		if err != nil || !filepath.IsLocal(rel) {
			return nil
		}
		return e.place.Unified(filepath.Join(h.Mountpoint, rel))
	}
	return nil
}

// placeError has the words of runc, which say what was tried.
func placeError(err error) error {
	if err == nil || errors.Is(err, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("error adding pid of the process to cgroups: %w", err)
}
