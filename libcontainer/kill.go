package libcontainer

import (
	"errors"
	"syscall"

	"rung/libcontainer/cgroup"
	"rung/libcontainer/process"
	"rung/libcontainer/store"
)

// Kill sends a signal to the container's init (runtime.md, "Kill"). Without a PID namespace
// of its own, SIGKILL goes to all of the container, whose processes outlive init.
func (c *Container) Kill(sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		defer c.warnImmortal()
	}
	if sig == syscall.SIGKILL && !c.disk.State.OwnPid && c.disk.State.Pid != 0 {
		return killAll(c.disk)
	}
	creating, err := c.disk.Creating()
	if err != nil {
		return err
	}
	if creating {
		return process.NotRunning("container not running: " + c.disk.Holder())
	}
	err = c.disk.Init().Signal(sig)
	if err == nil && sig == syscall.SIGKILL {
		c.disk.ThawTree() // a frozen v1 cgroup does not let a killed process die
	}
	return err
}

// warnImmortal warns of a frozen cgroup above the container's that lets no killed process die. The signal is sent all the same,
// as kill(2) does.
func (c *Container) warnImmortal() {
	if m, err := c.disk.Cgroup(); err == nil {
		if err := m.CheckMortal(c.disk.State.Pid); err != nil {
			c.runtime.Log.Warn(err.Error())
		}
	}
}

func killAll(c *store.Container) error {
	m, err := c.Cgroup()
	if err != nil {
		return err
	}
	alive, err := c.Init().Alive()
	if err != nil {
		return err
	}
	if !alive {
		left, err := m.Pids()
		if err != nil && !errors.Is(err, cgroup.ErrNotExist) {
			return err
		}
		if len(left) == 0 {
			return ErrNotRunning
		}
	}
	errKill := m.Kill()
	if alive, err = c.Init().Alive(); err != nil {
		return err
	}
	if !errors.Is(errKill, cgroup.ErrNotExist) && !alive {
		return errKill
	}
	// A process that was sent SIGKILL is alive for a while. It is no error if it ends meanwhile.
	if err = c.Init().Signal(syscall.SIGKILL); errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}
