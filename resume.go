package main

import (
	"context"
	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:        "resume",
		Usage:       "resumes all processes that have been previously paused",
		ArgsUsage:   "<container-id>",
		Description: "The resume command thaws the container's cgroup.",
		Action:      onContainer(func(ctx context.Context, _ *cli.Command, c *libcontainer.Container) error { return c.Resume(ctx) }),
	}
}
