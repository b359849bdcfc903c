package libcontainer

import (
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/plan"
)

// placeCgroup decides where the cgroup is to be. Where systemd is to make it, it must answer.
func (c *creation) placeCgroup(id string) (err error) {
	c.manager, err = cgroup.New(c.facts.Cgroups, cgroup.Config{
		ID: id, Path: c.spec.Linux.CgroupsPath, Rootless: c.runtime.Rootless, Warn: c.left,
		Systemd: c.runtime.Systemd, UserNS: c.facts.UserNS, Annotations: c.spec.Annotations,
	})
	if err != nil || !c.runtime.Systemd || c.runtime.dry {
		return err
	}
	return c.manager.Connect()
}

// movesUnified: the process was not cloned into its unified cgroup, nor moved there by systemd,
// which on a hybrid machine may not care for that hierarchy.
func (c *creation) movesUnified() bool {
	bySystemd := c.runtime.Systemd && len(c.state.CgroupPaths) == 1
	return c.state.CgroupPaths[""] != "" && !c.needsCgroupFirst() && !bySystemd
}

func (c *creation) needsCgroupFirst() bool {
	for _, s := range c.program.Sources {
		if s.Kind == compile.SourceCgroup {
			return true
		}
	}
	return false
}

func (c *creation) makeCgroup() error {
	if err := c.manager.Create(); err != nil {
		// It undoes what it made, and a cgroup that was there stays.
		return fmt.Errorf("unable to apply cgroup configuration: %w", err)
	}
	c.made = true
	c.state.CgroupPaths = c.manager.Paths() // a rootless one may have lost some
	return c.manager.Set(c.resources())
}

// resources are the limits of the configuration, with the devices that every container has.
func (c *creation) resources() *specs.LinuxResources {
	r := specs.LinuxResources{}
	if c.spec.Linux.Resources != nil {
		r = *c.spec.Linux.Resources
	}
	if !c.runtime.Rootless && !c.facts.UserNS {
		r.Devices = cgroup.DeviceRules(r.Devices, c.spec.Linux.Devices)
	} else {
		r.Devices = nil
	}
	return &r
}

// beginUnit asks systemd for the unit, now that there is a process for it. The hands and rung
// go on meanwhile.
func (c *creation) beginUnit() error {
	if !c.runtime.Systemd {
		return nil
	}
	c.jobs = append(c.jobs, job{plan.SyncHost, c.finishUnit})
	return c.manager.Begin(c.hands.Pid(), c.resources())
}

func (c *creation) finishUnit() error {
	err := c.manager.Finish()
	if err == nil && !c.movesUnified() {
		err = c.delegateCgroup(c.hands.Pid())
	}
	if err != nil {
		return err
	}
	return c.openTasks()
}

// enterCgroup puts the process into the unified cgroup, unless it was cloned into it, and
// opens what it enters the v1 hierarchies by.
func (c *creation) enterCgroup() ([]*os.File, error) {
	if c.movesUnified() {
		if err := c.manager.EnterUnified(c.hands.Pid()); err != nil {
			return nil, err
		}
		c.state.CgroupPaths = c.manager.Paths()
		if err := c.delegateCgroup(c.hands.Pid()); err != nil {
			return nil, err
		}
	}
	return c.tasks, nil
}

// warnUnkillable: without a cgroup and a PID namespace nothing keeps the processes together.
func (c *creation) warnUnkillable() {
	if c.runtime.Rootless && !c.state.OwnPid && len(c.state.CgroupPaths) == 0 {
		c.runtime.Log.Warn("a rootless container without a cgroup and without a PID namespace of its own: not all of its processes " +
			"can be found to be killed. Such configuration is strongly discouraged")
	}
}

// left tells of cgroups that are left out, about which runc is silent.
func (c *creation) left(text string) { c.runtime.Log.Debug(text) }
