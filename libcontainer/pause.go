package libcontainer

import "context"

// Pause freezes all processes of a running or created container, and returns when they stand
// still (cgroup v1 freezer; cgroup.freeze on v2, Linux 5.2). If ctx ends before, they run on.
func (c *Container) Pause(ctx context.Context) error {
	manager, now, err := locked(ctx, c.disk)
	defer c.disk.Unlock()
	if err != nil {
		return err
	}
	if now == Paused {
		return ErrAlreadyPaused
	}
	if now != Running && now != Created {
		return ErrNotRunning
	}
	return c.disk.Init().OrStopped(manager.Freeze(), ErrNotRunning)
}

// Resume lets the processes of a paused container run on.
func (c *Container) Resume(ctx context.Context) error {
	manager, now, err := locked(ctx, c.disk)
	defer c.disk.Unlock()
	if err != nil {
		return err
	}
	if now != Paused {
		return ErrNotPaused
	}
	if err := manager.Thaw(); err != nil {
		return c.disk.Init().OrStopped(err, ErrNotRunning)
	}
	if at, err := manager.FrozenAbove(); err == nil && at != "" {
		c.runtime.Log.Warn("the container stands still yet: the cgroup " + at + " above it is frozen")
	}
	return nil
}
