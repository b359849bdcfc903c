package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func deleteCommand() *cli.Command {
	return &cli.Command{
		Name:        "delete",
		Usage:       "delete any resources held by the container often used with detached container",
		ArgsUsage:   "<container-id>",
		Description: "The delete command removes a container that has stopped, or that was never started.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "Forcibly deletes the container if it is still running (uses SIGKILL)"},
			regexFlag("deletes"),
		},
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			return onEach(cmd, func(r *libcontainer.Runtime, id string) error {
				return deleteContainer(ctx, r, id, cmd.Bool("force"))
			})
		},
	}
}

func deleteContainer(ctx context.Context, r *libcontainer.Runtime, id string, force bool) error {
	c, err := r.Load(id)
	if errors.Is(err, libcontainer.ErrNotExist) {
		// A create that was killed early may have left a directory without a state.
		if errRemove := r.Remove(id); errRemove != nil {
			return errRemove
		}
		if force {
			return nil
		}
	}
	if _, damaged := err.(*libcontainer.DamagedError); damaged && force {
		log.Warn(err.Error() + ": what is left is found by its cgroup")
		return r.DeleteDamaged(ctx, id)
	}
	if err != nil {
		return err
	}
	defer c.Close() // --regex may match thousands
	return c.Delete(ctx, force)
}
