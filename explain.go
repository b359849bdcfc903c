package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "print what create would do with a bundle, without doing it",
		ArgsUsage: "[container-id]",
		Description: `The explain command prints the facts about this machine that matter, each operation with the
field of config.json that it comes from, and what rung itself does while the container process
waits. It needs no root and changes nothing.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the current directory"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "select one of: text or json"},
			&cli.BoolFlag{Name: "run", Usage: "explain run instead of create"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "as of create"},
			&cli.BoolFlag{Name: "no-new-keyring", Usage: "as of create"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atMost); err != nil {
				return err
			}
			r, err := runtimeOf(cmd)
			if err != nil {
				return err
			}
			b, err := loadBundle(cmd.String("bundle"))
			if err != nil {
				return err
			}
			id := cmd.Args().First()
			if id == "" {
				id = "example"
			}
			report, err := r.Explain(id, b, libcontainer.CreateOptions{
				Await: !cmd.Bool("run"), NoPivot: cmd.Bool("no-pivot"), NoKeyring: cmd.Bool("no-new-keyring"),
				Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr},
			})
			if err != nil {
				return err
			}
			switch cmd.String("format") {
			case "text":
				return report.Text(os.Stdout)
			case "json":
				return report.JSON(os.Stdout)
			}
			return fmt.Errorf("invalid format option")
		},
	}
}
