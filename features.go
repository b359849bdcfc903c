package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func featuresCommand() *cli.Command {
	return &cli.Command{
		Name:        "features",
		Usage:       "show the enabled features",
		ArgsUsage:   " ",
		Description: "The features command prints the features document of the runtime specification.",
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 0, exactly); err != nil {
				return err
			}
			enc := json.NewEncoder(os.Stdout)
			enc.SetIndent("", "    ")
			return enc.Encode(libcontainer.Features(version(), commit()))
		},
	}
}
