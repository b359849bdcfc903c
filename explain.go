package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "print what create would do with a bundle, without doing it",
		ArgsUsage: "[container-id]",
		Description: `The explain command prints the facts about this machine that matter, each operation with the
field of config.json that it comes from, and what rung itself does while the process of the
container waits. It needs no root, makes no process and changes nothing. What create would refuse,
as far as that can be known without doing it, explain refuses too, by the same field. With --summary
it prints what the container sees, may do and may use.

The plan is the one for the caller. With --as-root a plain user gets the plan for root, to run
the container with sudo later: with root's id, the capabilities that the bounding set allows,
root's cgroups and root's --root. Files and directories that only root may read are listed as
not seen, with what explain assumes about them.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the current directory"},
			configFlag(nil),
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "text", Usage: "select one of: text or json"},
			&cli.BoolFlag{Name: "summary", Usage: "print in short what the container sees, may do and may use"},
			&cli.BoolFlag{Name: "as-root", Usage: "explain to a plain user what root would do"},
			&cli.BoolFlag{Name: "run", Usage: "explain run instead of create"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "as for create"},
			&cli.BoolFlag{Name: "no-new-keyring", Usage: "as for create"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atMost); err != nil {
				return err
			}
			r, explain, err := explainerOf(cmd)
			if err != nil {
				return err
			}
			b, err := bundle.LoadFile(cmd.String("bundle"), cmd.String("config"))
			if err != nil {
				return err
			}
			id := cmd.Args().First()
			if id == "" {
				id = "example"
			}
			report, err := explain(r, id, b, libcontainer.CreateOptions{
				Await: !cmd.Bool("run"), NoPivot: cmd.Bool("no-pivot"), NoKeyring: cmd.Bool("no-new-keyring"),
				Stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr},
			})
			if err == nil {
				err = report.Refusal
			}
			if err != nil {
				return err
			}
			switch format := cmd.String("format"); {
			case cmd.Bool("summary") && format != "text":
				return errors.New("--summary is text only")
			case cmd.Bool("summary"):
				return report.Summary(os.Stdout)
			case format == "text":
				return report.Text(os.Stdout)
			case format == "json":
				return report.JSON(os.Stdout)
			}
			return fmt.Errorf("invalid format option")
		},
	}
}

type explainer func(*libcontainer.Runtime, string, *bundle.Bundle, libcontainer.CreateOptions) (*libcontainer.Explanation, error)

// explainerOf returns the runtime and the explain function of the caller, or with --as-root those of root.
func explainerOf(cmd *cli.Command) (*libcontainer.Runtime, explainer, error) {
	if !cmd.Bool("as-root") {
		r, err := runtimeOf()
		return r, (*libcontainer.Runtime).Explain, err
	}
	r, err := rootsRuntime(cmd)
	return r, (*libcontainer.Runtime).ExplainAsRoot, err
}

// rootsRuntime is the runtime that root would have.
func rootsRuntime(cmd *cli.Command) (*libcontainer.Runtime, error) {
	r, err := runtimeFor(0)
	if err == nil && !cmd.IsSet("root") {
		r.Root = systemRoot
	}
	return r, err
}
