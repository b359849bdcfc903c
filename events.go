package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
		ArgsUsage: "<container-id>",
		Description: `The events command prints one JSON object a line until the container stops: its statistics
once an interval, and an event each time it runs out of memory.`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: 5 * time.Second, Usage: "set the stats collection interval"},
			&cli.BoolFlag{Name: "stats", Usage: "display the container's stats then exit"},
		},
		Action: onContainer(func(ctx context.Context, cmd *cli.Command, c *libcontainer.Container) error {
			interval := cmd.Duration("interval")
			if interval <= 0 {
				return errors.New("duration interval must be greater than 0")
			}
			out := json.NewEncoder(os.Stdout)
			if cmd.Bool("stats") {
				return statsOnce(c, out)
			}
			return c.Events(ctx, interval, func(e *libcontainer.Event) error { return out.Encode(e) })
		}),
	}
}

func statsOnce(c *libcontainer.Container, out *json.Encoder) error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status == libcontainer.Stopped {
		return fmt.Errorf("container with id %s is not running", c.ID())
	}
	stats, err := c.Stats()
	if err != nil {
		return err
	}
	return out.Encode(&libcontainer.Event{Type: "stats", ID: c.ID(), Data: stats})
}
