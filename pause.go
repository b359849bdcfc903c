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
		Action:      onContainer((*libcontainer.Container).Pause),
	}
}

// onContainer is a command whose one argument is a container, and that does one thing to it.
func onContainer(do func(*libcontainer.Container) error) cli.ActionFunc {
	return func(_ context.Context, cmd *cli.Command) error {
		if err := checkArgs(cmd, 1, exactly); err != nil {
			return err
		}
		c, err := loadContainer(cmd)
		if err != nil {
			return err
		}
		return do(c)
	}
}
