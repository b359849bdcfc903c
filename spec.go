package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"rung/libcontainer/bundle"
)

func specCommand() *cli.Command {
	return &cli.Command{
		Name:      "spec",
		Usage:     "create a new specification file",
		ArgsUsage: " ",
		Description: `The spec command writes an example config.json into the bundle: a shell in a new container
whose root file system is in "rootfs". Edit it as needed, then run the container with "rung run".`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory"},
			&cli.BoolFlag{Name: "rootless", Usage: "generate a configuration for a rootless container"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 0, exactly); err != nil {
				return err
			}
			if dir := cmd.String("bundle"); dir != "" {
				if err := os.Chdir(dir); err != nil {
					return err
				}
			}
			if _, err := os.Lstat(bundle.ConfigName); err == nil {
				return fmt.Errorf("File %s exists. Remove it first", bundle.ConfigName)
			}
			data, err := json.MarshalIndent(bundle.Default(cmd.Bool("rootless")), "", "\t")
			if err != nil {
				return err
			}
			return os.WriteFile(bundle.ConfigName, data, 0o666)
		},
	}
}
