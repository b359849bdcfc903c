package create

import (
	"os"

	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/setup"
)

// cgroups gets the process into its cgroups.
type cgroups struct {
	setup   *setup.Setup
	program *compile.Program
	pid     func() int

	tasks []*os.File // of the v1 cgroups; nil until they are opened
}

// areFirst reports whether the process is cloned into its unified cgroup, which is made first then.
func (c *cgroups) areFirst() bool {
	for i := range c.program.Sources {
		if c.program.Sources[i].Kind == compile.SourceCgroup {
			return true
		}
	}
	return false
}

// movesToUnified reports whether the process must be moved into its unified cgroup: it was not cloned into it, nor moved
// there by systemd, which on a hybrid machine may not care for that hierarchy.
func (c *cgroups) movesToUnified() bool {
	paths := c.setup.Container.State.CgroupPaths
	bySystemd := c.setup.Systemd && len(paths) == 1
	return paths[""] != "" && !c.areFirst() && !bySystemd
}

// open opens what the process enters the v1 cgroups by.
func (c *cgroups) open() (err error) {
	if c.tasks, err = c.setup.Cgroup.OpenTasks(); err != nil {
		return err
	}
	c.setup.Container.State.CgroupPaths = c.setup.Cgroup.Paths() // a rootless one may have lost more
	c.warnUnkillable()
	return nil
}

// finishUnit waits for systemd's unit.
func (c *cgroups) finishUnit() error {
	err := c.setup.FinishUnit()
	if err == nil && !c.movesToUnified() {
		err = c.setup.Delegate(c.pid())
	}
	if err != nil {
		return err
	}
	return c.open()
}

func (c *cgroups) ready() bool { return c.tasks != nil && !c.movesToUnified() }

// enter moves the process into the unified cgroup if that is left to do. The stage enters those of v1.
func (c *cgroups) enter(*os.File) (a exchange.Answer, err error) {
	if c.movesToUnified() {
		if err := c.setup.Cgroup.EnterUnified(c.pid()); err != nil {
			return a, err
		}
		c.setup.Container.State.CgroupPaths = c.setup.Cgroup.Paths()
		if err := c.setup.Delegate(c.pid()); err != nil {
			return a, err
		}
	}
	return exchange.Answer{Files: c.tasks}, nil
}

// warnUnkillable warns of a container whose processes nothing keeps together: without a cgroup and a PID namespace.
func (c *cgroups) warnUnkillable() {
	state := &c.setup.Container.State
	if (c.setup.Rootless || c.setup.NoCgroup) && !state.OwnPid && len(state.CgroupPaths) == 0 {
		c.setup.Log.Warn("a container without a cgroup and without a PID namespace of its own: not all of its processes " +
			"can be found to be killed. Such configuration is strongly discouraged")
	}
}
