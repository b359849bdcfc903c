package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:        "start",
		Usage:       "executes the user defined process in a created container",
		ArgsUsage:   "<container-id>",
		Description: "The start command lets the process of a created container run.",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			c, err := loadContainer(cmd)
			if err != nil {
				return err
			}
			if err := c.Start(); err != nil {
				return fmt.Errorf("start %s: %w", c.ID(), err)
			}
			return nil
		},
	}
}
