package exec

import (
	"errors"
	"fmt"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
	"rung/libcontainer/store"
)

// findPlace decides the cgroups of the process: the sub-cgroups that the caller names, else the container's. If
// the container has handed its controllers down, or its cgroup has gone, that of init counts,
// as with runc (runc#2356). It is looked up first: a clone into a cgroup that takes no process could
// not be tried again.
func findPlace(c *store.Container, sub map[string]string, cgroups *host.Cgroups) (*cgroup.Manager, error) {
	own, err := c.Cgroup()
	if err != nil {
		return nil, err
	}
	if len(sub) > 0 {
		return own.Sub(sub)
	}
	if !own.TakesProcesses() {
		dir, err := cgroup.DirectoryOf(cgroups, c.State.Pid)
		if err != nil {
			return nil, fmt.Errorf("the cgroup of container %s: %w", c.State.ID, err)
		}
		if dir != "" {
			own.UseUnified(dir)
		}
	}
	return own, nil
}

// enterCgroup moves a process that was not cloned into the unified cgroup.
func enterCgroup(place *cgroup.Manager, pid int) error {
	dir := place.Paths()[""]
	if dir == "" {
		return nil
	}
	if there, err := sys.InUnifiedCgroup(pid, dir); there || err != nil {
		return placeError(err)
	}
	return placeError(place.EnterUnified(pid))
}

// placeError has the words of runc, which say what was tried.
func placeError(err error) error {
	if err == nil || errors.Is(err, os.ErrPermission) {
		return err
	}
	return fmt.Errorf("error adding pid of the process to cgroups: %w", err)
}
