package libcontainer

import (
	"context"
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup/limits"
)

// Update changes the limits of a container that has not stopped. What r does not name stays as
// it is, devices among it, and values that somebody else has set. Where a value is refused, what the update has changed by
// then is set again.
// Errors name the field as in config.json.
func (c *Container) Update(ctx context.Context, r *specs.LinuxResources) (err error) {
	if r.Devices != nil {
		return errors.New("linux.resources.devices: cannot be updated")
	}
	if err := bundle.ValidateResources(r, "linux.resources"); err != nil {
		return err
	}
	manager, now, err := locked(ctx, c.disk)
	defer c.disk.Unlock()
	if err != nil {
		return err
	}
	if now == Stopped || now == Creating {
		return ErrNotRunning
	}
	defer func() { err = c.disk.Init().OrStopped(err, ErrNotRunning) }()
	before, err := c.disk.Resources()
	if err != nil {
		return err
	}
	manager.SetWarn(func(text string) { c.runtime.Log.Warn(text) })
	r = limits.WithoutZeros(r)
	if !manager.SumsSwap() {
		inForce, err := manager.HasSwapSum(limits.SwapSum(before))
		if err != nil {
			return err
		}
		r = limits.WithSwap(r, before, inForce)
	}
	if err := manager.Update(r); err != nil {
		return err
	}
	merged, err := limits.Merge(before, r)
	if err != nil {
		return err
	}
	return c.disk.WriteResources(merged)
}
