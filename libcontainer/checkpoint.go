package libcontainer

import (
	"context"

	"rung/libcontainer/checkpoint"
)

// CheckpointOptions is what the caller says of a checkpoint.
type CheckpointOptions = checkpoint.Options

// CRIUOptions is what checkpoint and restore have in common.
type CRIUOptions = checkpoint.Common

// Checkpoint saves the container's processes with CRIU. Without LeaveRunning or PreDump it is
// deleted then, as runc does it. When it fails, or when ctx ends, the container runs on.
func (c *Container) Checkpoint(ctx context.Context, o CheckpointOptions) error {
	if err := c.disk.Lock(ctx); err != nil {
		return err
	}
	defer c.disk.Unlock()
	if err := checkpoint.Dump(ctx, c.disk, c.runtime.Log, o); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	if err := destroy(ctx, c.disk, false, c.runtime.Log); err != nil {
		c.runtime.Log.Warn(err.Error()) // the images are whole
	}
	return nil
}
