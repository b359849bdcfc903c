package libcontainer

import (
	"errors"

	"rung/libcontainer/cgroup"
)

// ErrNotPaused is the error of Resume for a container that is not paused.
var ErrNotPaused = errors.New("container not paused")

// Pause freezes all processes of a running or created container, and returns when they stand
// still (cgroup v1 freezer; cgroup.freeze on v2, Linux 5.2).
func (c *Container) Pause() error {
	manager, status, err := c.lockedCgroup()
	defer c.unlock()
	if err != nil {
		return err
	}
	if status != Running && status != Created {
		return ErrNotRunning
	}
	return manager.Freeze()
}

// Resume lets the processes of a paused container run on.
func (c *Container) Resume() error {
	manager, status, err := c.lockedCgroup()
	defer c.unlock()
	if err != nil {
		return err
	}
	if status != Paused {
		return ErrNotPaused
	}
	return manager.Thaw()
}

// lockedCgroup takes the container's lock, which the caller gives back, and returns its cgroup
// and what it does.
func (c *Container) lockedCgroup() (*cgroup.Manager, Status, error) {
	if err := c.lock(); err != nil {
		return nil, "", err
	}
	status, err := c.Status()
	if err != nil {
		return nil, "", err
	}
	manager, err := c.cgroup()
	return manager, status, err
}
