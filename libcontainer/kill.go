package libcontainer

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
)

// Kill sends a signal to the container's init (runtime.md, "Kill"). Without a PID namespace
// of its own, SIGKILL goes to all of the container, whose processes outlive init.
func (c *Container) Kill(sig syscall.Signal) error {
	if sig == syscall.SIGKILL && !c.state.OwnPid && c.state.Pid != 0 {
		return c.killAll()
	}
	err := c.signalInit(sig)
	if err == nil && sig == syscall.SIGKILL {
		c.thawKilled()
	}
	return err
}

func ownPidNamespace(spec *specs.Spec) bool {
	if spec.Linux == nil {
		return false
	}
	ns := namespaceOf(spec, specs.PIDNamespace)
	return ns != nil && ns.Path == ""
}

func (c *Container) signalInit(sig syscall.Signal) error {
	if c.state.Pid == 0 {
		return ErrNotRunning
	}
	pidfd, err := sys.PidfdOpen(c.state.Pid)
	if sys.Ended(c.state.Pid, err) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer pidfd.Close()
	// After the open: the PID may have become another process's, and the pidfd is of that one then.
	alive, err := c.alive()
	if err != nil {
		return err
	}
	if !alive {
		return ErrNotRunning
	}
	err = sys.PidfdSignal(pidfd, sig)
	if errors.Is(err, syscall.ESRCH) {
		return ErrNotRunning
	}
	if err != nil {
		return fmt.Errorf("send signal %d to the container's init: %w", int(sig), err)
	}
	return nil
}

// thawKilled: a frozen v1 cgroup does not let a killed process die.
func (c *Container) thawKilled() {
	if m, err := c.cgroup(); err == nil {
		if frozen, err := m.Frozen(); err == nil && frozen {
			_ = m.Thaw()
		}
	}
}

func (c *Container) killAll() error {
	m, err := c.cgroup()
	if err != nil {
		return err
	}
	alive, err := c.alive()
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
	if alive, err = c.alive(); err != nil {
		return err
	}
	if !errors.Is(errKill, cgroup.ErrNotExist) && !alive {
		return errKill
	}
	// A process that was sent SIGKILL is alive for a while: gone meanwhile is what was asked for.
	if err = c.signalInit(syscall.SIGKILL); errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}
