package main

import (
	"context"
	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:        "pause",
		Usage:       "pause suspends all processes inside the container",
		ArgsUsage:   "<container-id>",
		Description: "The pause command freezes the container's cgroup.",
		Action:      onContainer(func(ctx context.Context, _ *cli.Command, c *libcontainer.Container) error { return c.Pause(ctx) }),
	}
}
