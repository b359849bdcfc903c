package libcontainer

import (
	"context"
	"errors"
	"time"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/process"
	"rung/libcontainer/resctrl"
	"rung/libcontainer/store"
)

// Stats is what a container has used, in the form of `runc events --stats`.
type Stats struct {
	cgroup.Stats
	IntelRdt          *resctrl.Stats `json:"intel_rdt"`
	NetworkInterfaces []struct{}     `json:"network_interfaces"` // none: the network is the engine's
}

// Event is one line of `rung events`: of type "stats" or "oom".
type Event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data *Stats `json:"data,omitempty"`
}

// Stats reads the counters of the container's cgroups, and of its group of linux.intelRdt.
func (c *Container) Stats() (*Stats, error) {
	manager, err := c.disk.Cgroup()
	if err != nil {
		return nil, err
	}
	counters, err := manager.Stats()
	if err != nil {
		return nil, c.disk.Init().OrStopped(err, notRunning(c.disk))
	}
	s := &Stats{Stats: *counters, IntelRdt: &resctrl.Stats{}}
	if group := c.Resctrl(); group != nil {
		s.IntelRdt, err = group.Stats()
	}
	return s, err
}

// Events calls tell until the container stops: with its statistics every interval, the first after
// one, and each time it runs out of memory. It waits for the kernel and for nothing else. If ctx ends, the result is its
// error.
func (c *Container) Events(ctx context.Context, interval time.Duration, tell func(*Event) error) error {
	if interval <= 0 {
		return errors.New("duration interval must be greater than 0")
	}
	if err := checkRunning(c.disk); err != nil {
		return err
	}
	pidfd, err := sys.PidfdOpen(c.disk.State.Pid)
	if err != nil {
		return c.disk.Init().OrStopped(err, notRunning(c.disk))
	}
	defer pidfd.Close()
	if err := checkRunning(c.disk); err != nil { // the pidfd is of this very process
		return err
	}
	manager, err := c.disk.Cgroup()
	if err != nil {
		return err
	}
	oom, err := manager.WatchOOM()
	if err != nil {
		return c.disk.Init().OrStopped(err, notRunning(c.disk))
	}
	defer oom.Close()
	waker, err := sys.NewWaker(ctx)
	if err != nil {
		return err
	}
	defer waker.Close()
	wait := func(until time.Time) (ended bool, err error) { return oom.Wait(waker, pidfd, time.Until(until)) }
	return follow(ctx, c, interval, wait, oom.Count, tell)
}

// follow calls tell until the container stops. count returns how often it ran out of memory.
func follow(
	ctx context.Context, c *Container, interval time.Duration, wait func(time.Time) (bool, error), count func() uint64, tell func(*Event) error,
) error {
	next := time.Now().Add(interval)
	for {
		ended, err := wait(next)
		if err != nil {
			return err
		}
		for range count() {
			if err := tell(&Event{Type: "oom", ID: c.ID()}); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().Before(next) {
			continue
		}
		next = next.Add(interval)
		s, err := c.Stats()
		if err != nil { // the cgroup is about to go
			c.runtime.Log.Error(err.Error())
			continue
		}
		if err := tell(&Event{Type: "stats", ID: c.ID(), Data: s}); err != nil {
			return err
		}
	}
}

func checkRunning(c *store.Container) error {
	alive, err := c.Init().Alive()
	if err == nil && !alive {
		return notRunning(c)
	}
	return err
}

func notRunning(c *store.Container) process.NotRunning {
	return process.NotRunning("container with id " + c.State.ID + " is not running")
}
