package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:        "start",
		Usage:       "executes the user defined process in a created container",
		ArgsUsage:   "<container-id>",
		Description: "The start command lets the process of a created container run.",
		Action: onContainer(func(ctx context.Context, _ *cli.Command, c *libcontainer.Container) error {
			notify, err := notifyOfStart(c)
			if err != nil {
				return err
			}
			if err := c.Start(ctx); err != nil {
				return fmt.Errorf("start %s: %w", c.ID(), err)
			}
			return notify.relay(ctx, c.State().Pid, c.State().Pid)
		}),
	}
}

// notifyOfStart makes the notify socket of a container that waits to be started. It returns nil for a container in any
// other state: Start then returns the error.
func notifyOfStart(c *libcontainer.Container) (*notifyProxy, error) {
	notify := newNotifyProxy()
	if notify == nil {
		return nil, nil
	}
	status, err := c.Status()
	if err != nil || status != libcontainer.Created {
		return nil, err
	}
	return notify, notify.listen(c.ListenNotify)
}
