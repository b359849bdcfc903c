package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
)

// endTimeout is how long delete waits for a killed process, in milliseconds.
const endTimeout = 10_000

// Delete removes a container that has stopped, or that was never started, as runc does; with
// force one in any state. It may be repeated after a crash at any step.
func (c *Container) Delete(force bool) error {
	err := c.lock()
	if force && errors.Is(err, ErrNotExist) { // somebody else was quicker
		return nil
	}
	if err != nil {
		return err
	}
	defer c.unlock()
	status, err := c.Status()
	if err != nil && !force {
		return err
	}
	if !force && status == Running {
		ended, err := c.awaitEnding()
		if err != nil {
			return err
		}
		if ended {
			status = Stopped
		}
	}
	if !force && status != Stopped && status != Created {
		return fmt.Errorf("cannot delete container %s that is not stopped: %s", c.state.ID, status)
	}
	return c.destroy()
}

// awaitEnding waits for the end of a container that has been killed, or whose program is exiting:
// the kernel takes a moment for it, and whoever kills and deletes has nothing to wait for it by.
func (c *Container) awaitEnding() (bool, error) {
	pidfd, err := sys.PidfdOpen(c.state.Pid)
	if err != nil {
		return sys.Ended(c.state.Pid, err), unlessEnded(c.state.Pid, err)
	}
	defer pidfd.Close()
	stat, err := sys.ReadProcessStat(c.state.Pid)
	switch {
	case err != nil:
		return sys.Ended(c.state.Pid, err), unlessEnded(c.state.Pid, err)
	case stat.StartTime != c.state.StartTime:
		return true, nil
	case !stat.Ending:
		return false, nil
	}
	return sys.PidfdWait(pidfd, endTimeout)
}

func unlessEnded(pid int, err error) error {
	if sys.Ended(pid, err) {
		return nil
	}
	return err
}

// Remove deletes what a create that was killed before it wrote a state has left.
func (r *Runtime) Remove(id string) error {
	if err := ValidateID(id); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(r.Root, id))
}

// destroy ends all processes, then removes the cgroup, runs poststop and removes the state,
// which is last so that a crash leaves something to delete.
func (c *Container) destroy() error {
	if err := c.endProcesses(); err != nil {
		return err
	}
	m, err := c.cgroup()
	if err != nil {
		return err
	}
	if err := m.Destroy(); err != nil {
		return err
	}
	if err := c.destroyResctrl(); err != nil {
		return err
	}
	if err := c.detachRoot(); err != nil {
		return err
	}
	errHook := c.poststop()
	if err := c.removeDir(); err != nil {
		return err
	}
	return errHook
}

// removeDir removes the files that it knows by name, and any others the long way.
func (c *Container) removeDir() error {
	for _, name := range [...]string{startSocket, progressFile, configFile, creatingFile, newStateFile, stateFile} {
		_ = syscall.Unlink(c.path(name))
	}
	if err := syscall.Rmdir(c.dir.Name()); err == nil || errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return os.RemoveAll(c.dir.Name())
}

func (c *Container) endProcesses() error {
	alive, err := c.alive()
	if err != nil {
		return err
	}
	if alive {
		if err := c.endInit(); err != nil {
			return err
		}
	}
	if c.state.OwnPid && c.state.Pid != 0 && !c.state.Restored {
		return nil // the kernel has ended all others with init; but for the CRIU of a restore that was killed
	}
	m, err := c.cgroup()
	if err != nil {
		return err
	}
	if err := m.Kill(); err != nil && !errors.Is(err, cgroup.ErrNotExist) {
		return err
	}
	return nil
}

func (c *Container) endInit() error {
	pidfd, err := sys.PidfdOpen(c.state.Pid)
	if err != nil {
		return unlessEnded(c.state.Pid, err)
	}
	defer pidfd.Close()
	if err := c.signalInit(syscall.SIGKILL); err != nil && !errors.Is(err, ErrNotRunning) {
		return err
	}
	c.thawKilled()
	ended, err := sys.PidfdWait(pidfd, endTimeout)
	if err == nil && !ended {
		return errors.New("container init still running")
	}
	return err
}

// poststop hooks: the specification wants all of them run, and their failures only told.
func (c *Container) poststop() error {
	spec, err := c.Spec()
	// A create that was killed before it had kept its configuration, or while it did.
	if errors.Is(err, fs.ErrNotExist) || err != nil && c.state.Pid == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	c.runPoststop(spec)
	return nil
}

func (c *Container) runPoststop(spec *specs.Spec) {
	if spec.Hooks == nil {
		return
	}
	for i := range spec.Hooks.Poststop {
		if err := runHook(spec.Hooks.Poststop, i, "poststop", c.OCI(Stopped), nil); err != nil {
			c.runtime.Log.Warn(err.Error())
		}
	}
}

// end stops a container whose start failed; its state stays for delete.
func (c *Container) end() {
	_ = c.endProcesses()
	_ = os.Remove(c.path(startSocket))
}

// Wait waits for the container's init, a child of this process, and returns its status.
func (c *Container) Wait() (syscall.WaitStatus, error) { return sys.Wait(c.state.Pid) }
