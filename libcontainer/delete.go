package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/internal/waits"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/hook"
	"rung/libcontainer/open"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// Delete removes a container that has stopped, or that was never started, as runc does; with
// force one in any state. It may be repeated after a crash at any step. Poststop hooks run when the container is removed, and are
// killed if ctx ends. Another wait that ctx ends is an error, and the rest of the container is left to another delete.
func (c *Container) Delete(ctx context.Context, force bool) error {
	if force && c.disk.Hookless() {
		// The verb that holds the lock may wait for a process that somebody has stopped.
		_ = c.disk.Init().Signal(syscall.SIGKILL)
	}
	err := c.disk.Lock(ctx)
	if force && errors.Is(err, ErrNotExist) { // another delete was quicker
		return nil
	}
	if err != nil {
		return err
	}
	defer c.disk.Unlock()
	if !force {
		if err := checkDelete(ctx, c.disk); err != nil {
			return err
		}
	}
	return destroy(ctx, c.disk, force, c.runtime.Log)
}

// checkDelete refuses a container that needs force.
func checkDelete(ctx context.Context, c *store.Container) error {
	now, err := status.Of(c)
	if err != nil {
		return err
	}
	if now == Running {
		ended, err := c.Init().AwaitEnding(ctx)
		if err != nil {
			return err
		}
		if ended {
			now = Stopped
		}
	}
	if now != Stopped && now != Created {
		return fmt.Errorf("cannot delete container %s that is not stopped: %s", c.State.ID, now)
	}
	if c.State.Pid == 0 {
		return checkEmpty(c)
	}
	return nil
}

// checkEmpty refuses a container whose state tells of no process, but whose cgroup has one: the file that told of it has gone.
func checkEmpty(c *store.Container) error {
	manager, err := c.Cgroup()
	if err != nil {
		return err
	}
	pids, err := manager.Pids()
	if err != nil && !errors.Is(err, cgroup.ErrNotExist) {
		return err
	}
	if len(pids) > 0 {
		return fmt.Errorf("cannot delete container %s that is not stopped: process %d is in its cgroup", c.State.ID, pids[0])
	}
	return nil
}

// destroy ends all processes, then removes the cgroup and the state, which is last of these so that a crash leaves something
// to delete. The hooks of poststop run after that (runtime.md, "Lifecycle", steps 12 and 13): they see no container, and may
// make another one of its name. If ctx has ended already, it does what takes waits.CleanUp at most.
func destroy(ctx context.Context, c *store.Container, force bool, log *slog.Logger) error {
	ctx, done := waits.ForCleanUp(ctx)
	defer done()
	if err := endProcesses(ctx, c); err != nil {
		return err
	}
	m, err := c.Cgroup()
	if err != nil {
		return err
	}
	m.SetContext(ctx)
	if err := removeCgroup(m, force); err != nil {
		return err
	}
	if group := groupOf(c); group != nil {
		if err := group.Destroy(); err != nil {
			return err
		}
	}
	if err := open.DetachRoot(&c.Dir, c.State.Rootfs); err != nil {
		return err
	}
	spec, errSpec := poststopSpec(c)
	if err := c.Remove(); err != nil {
		return err
	}
	if errSpec != nil {
		log.Warn("hooks of poststop are not run, if there are any: " + errSpec.Error())
	}
	if spec != nil {
		hook.Poststop(ctx, spec, status.OCI(&c.State, Stopped), log)
	}
	return nil
}

// removeCgroup removes the cgroup. A process that is in it now is none of the container's, which have ended: somebody has moved it
// there. With force it is killed, as crun does.
func removeCgroup(m *cgroup.Manager, force bool) error {
	err := m.Destroy()
	if force && errors.Is(err, syscall.EBUSY) && m.CheckMortal(0) == nil && m.KillAnywhere() == nil {
		err = m.Destroy()
	}
	if err == nil {
		return nil
	}
	if err := m.CheckMortal(0); err != nil {
		return err
	}
	if pids, errPids := m.Anywhere(); errPids == nil && len(pids) > 0 {
		return fmt.Errorf("%w: process %d (%s) is in it", err, pids[0], sys.CommandLine(pids[0]))
	}
	return err
}

func endProcesses(ctx context.Context, c *store.Container) error {
	alive, err := c.Init().Alive()
	if err != nil {
		return err
	}
	if alive {
		if err := checkMortal(c); err != nil {
			return err
		}
		if err := c.Init().Kill(ctx, c.ThawTree); err != nil {
			return err
		}
	}
	if c.State.OwnPid && c.State.Pid != 0 && !c.State.Restored {
		return nil // the kernel has ended all others with init; but not the CRIU of a restore that was killed
	}
	m, err := c.Cgroup()
	if err != nil {
		return err
	}
	if err := m.Kill(); err != nil && !errors.Is(err, cgroup.ErrNotExist) {
		return err
	}
	return nil
}

// checkMortal fails if the processes cannot die because a cgroup above theirs is frozen. They are killed all the same, so that
// they end when it is thawed.
func checkMortal(c *store.Container) error {
	m, err := c.Cgroup()
	if err != nil {
		return err
	}
	if err := m.CheckMortal(c.State.Pid); err != nil {
		return errors.Join(err, c.Init().Signal(syscall.SIGKILL))
	}
	return nil
}

// poststopSpec returns the configuration with the hooks of poststop. It is nil for a create that was killed before it had kept
// its configuration, or while it did.
func poststopSpec(c *store.Container) (*specs.Spec, error) {
	spec, err := c.Config()
	if errors.Is(err, fs.ErrNotExist) || err != nil && c.State.Pid == 0 {
		return nil, nil
	}
	return spec, err
}

// DeleteDamaged is Delete, with force, of a container whose Load ended with a DamagedError: its processes are found by the
// cgroup that its create announced, or that config.json in the state directory names. If both are damaged too, processes in
// the cgroup that a container of this id has by default are an error. Of processes outside of it nothing is known any more.
// Hooks are not run.
func (r *Runtime) DeleteDamaged(ctx context.Context, id string) error {
	r.setDefaults()
	c, err := r.store().Open(id)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.LockNew(ctx); err != nil {
		return err
	}
	defer c.Unlock()
	manager, err := r.config().GuessCgroup(c)
	if err != nil {
		return err
	}
	manager.SetContext(ctx)
	if err := manager.Kill(); err != nil && !errors.Is(err, cgroup.ErrNotExist) {
		return err
	}
	if err := removeCgroup(manager, true); err != nil {
		return err
	}
	if err := open.DetachRootAnywhere(&c.Dir); err != nil {
		return err
	}
	return os.RemoveAll(c.File().Name())
}
