package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"rung/internal/sys"
)

// slowLock is how long a verb waits for another before it says so. It is a variable for tests.
var slowLock = 5 * time.Second

// lock serialises the verbs that change a container; readers need none. The lock ends
// with the file, so with the process.
func (c *Container) lock() error {
	if err := c.lockDir(); err != nil {
		return err
	}
	err := c.refresh()
	if err != nil {
		c.unlock()
	}
	return err
}

// lockDir is lock for a container that has no state yet.
func (c *Container) lockDir() error {
	if err := c.flock(sys.Flock); err != nil {
		return err
	}
	c.locked = true
	return nil
}

func (c *Container) flock(take func(*os.File) error) error {
	slow := time.AfterFunc(slowLock, c.warnOfHolder)
	defer slow.Stop()
	if err := take(c.dir); err != nil {
		return fmt.Errorf("lock container %s: %w", filepath.Base(c.dir.Name()), err)
	}
	return nil
}

// warnOfHolder names who has the lock, such as a create whose hook hangs.
func (c *Container) warnOfHolder() {
	holder := "another process"
	if pid := sys.FlockHolder(c.dir); pid != 0 {
		holder = fmt.Sprintf("process %d (%s)", pid, sys.CommandLine(pid))
	}
	c.runtime.Log.Warn("container " + filepath.Base(c.dir.Name()) + ": waiting for " + holder + ", which is at work on it")
}

// refresh: who had the lock before may have been the create, which has a process by now, or a delete, after
// which all that is of that name is another container's.
func (c *Container) refresh() error {
	deleted, err := sys.Deleted(c.dir)
	switch {
	case err != nil:
		return err
	case deleted:
		return ErrNotExist
	case c.state.Pid != 0:
		return nil
	}
	c.manager = nil
	return c.readState()
}

// unlock ends the lock at the end of a verb: a program that goes on must not keep others from
// the container.
func (c *Container) unlock() {
	c.locked = false
	_ = sys.Funlock(c.dir)
}

// settled waits until the rung that made the container has seen its process enter the root.
func (c *Container) settled() error {
	if err := c.flock(sys.FlockShared); err != nil {
		return err
	}
	return sys.Funlock(c.dir)
}
