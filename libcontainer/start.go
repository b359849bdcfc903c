package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/waits"
	"rung/libcontainer/exec"
	"rung/libcontainer/setup"
	"rung/libcontainer/start"
	"rung/libcontainer/store"
)

// Start lets the process of a created container run (runtime.md, "Start"). The hooks of
// startContainer run before it, those of poststart after; a failure of either destroys the
// container (runtime.md, Lifecycle, steps 7, 9 and 12). If ctx ends, the hook that runs is killed, which is a failure.
//
// The hooks of poststart run without the container's lock: other commands, and the hooks themselves, may change the container,
// or delete it.
func (c *Container) Start(ctx context.Context) error {
	if err := c.disk.Lock(ctx); err != nil {
		return err
	}
	err := startLocked(ctx, c.runtime.config(), c.disk)
	if err == nil {
		c.disk.Unlock()
		if err = start.Poststart(ctx, c.disk); err == nil {
			return nil
		}
		switch errLock := lockForCleanUp(ctx, c.disk); {
		case errors.Is(errLock, ErrNotExist):
			return err
		case errLock != nil:
			return fmt.Errorf("%w; the container is not destroyed: %w", err, errLock)
		}
	}
	defer c.disk.Unlock()
	var failed start.HookError
	if errors.As(err, &failed) {
		if errDestroy := destroy(ctx, c.disk, false, c.runtime.Log); errDestroy != nil {
			return fmt.Errorf("%w; the container is stopped, and not destroyed: %w", err, errDestroy)
		}
	}
	return err
}

// lockForCleanUp takes the lock again after a failure, also if ctx has ended.
func lockForCleanUp(ctx context.Context, c *store.Container) error {
	ctx, done := waits.ForCleanUp(ctx)
	defer done()
	return c.Lock(ctx)
}

// startLocked is Start; the caller holds the lock.
func startLocked(ctx context.Context, config setup.Config, c *store.Container) error {
	hooks := func(spec *specs.Spec) error { return exec.StartHooks(ctx, config, c, spec) }
	return start.Start(ctx, c, hooks, func() { end(ctx, c) })
}

// end stops a container whose start failed; its state stays for delete.
func end(ctx context.Context, c *store.Container) {
	ctx, done := waits.ForCleanUp(ctx)
	defer done()
	_ = endProcesses(ctx, c)
	_ = os.Remove(c.Path(store.StartSocket))
}
