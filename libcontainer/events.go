package libcontainer

import (
	"errors"
	"os"
	"time"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/resctrl"
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
	manager, err := c.cgroup()
	if err != nil {
		return nil, err
	}
	counters, err := manager.Stats()
	if err != nil {
		return nil, err
	}
	s := &Stats{Stats: *counters, IntelRdt: &resctrl.Stats{}}
	if group := c.Resctrl(); group != nil {
		s.IntelRdt, err = group.Stats()
	}
	return s, err
}

// Events tells of the container until it stops: its statistics every interval, the first after
// one, and each time it runs out of memory. It waits for the kernel and for nothing else.
func (c *Container) Events(interval time.Duration, tell func(*Event) error) error {
	if interval <= 0 {
		return errors.New("duration interval must be greater than 0")
	}
	if err := c.checkRunning(); err != nil {
		return err
	}
	pidfd, err := sys.PidfdOpen(c.state.Pid)
	if err != nil {
		return err
	}
	defer pidfd.Close()
	if err := c.checkRunning(); err != nil { // the pidfd is of this very process
		return err
	}
	manager, err := c.cgroup()
	if err != nil {
		return err
	}
	oom, err := manager.WatchOOM()
	if err != nil {
		return err
	}
	defer oom.Close()
	return c.follow(interval, pidfd, oom, tell)
}

func (c *Container) checkRunning() error {
	alive, err := c.alive()
	if err == nil && !alive {
		return notRunning("container with id " + c.state.ID + " is not running")
	}
	return err
}

func (c *Container) follow(interval time.Duration, pidfd *os.File, oom *cgroup.OOMWatch, tell func(*Event) error) error {
	next := time.Now().Add(interval)
	for {
		ended, err := oom.Wait(pidfd, time.Until(next))
		if err != nil {
			return err
		}
		for range oom.Count() {
			if err := tell(&Event{Type: "oom", ID: c.state.ID}); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
		if time.Now().Before(next) {
			continue
		}
		next = next.Add(interval)
		if err := c.tellStats(tell); err != nil {
			return err
		}
	}
}

// tellStats passes over a cgroup that is about to go.
func (c *Container) tellStats(tell func(*Event) error) error {
	s, err := c.Stats()
	if err != nil {
		c.runtime.Log.Error(err.Error())
		return nil
	}
	return tell(&Event{Type: "stats", ID: c.state.ID, Data: s})
}
