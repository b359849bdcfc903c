package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
)

const idArgument = `<container-id>

Where "<container-id>" is your name for the instance of the container. It must be unique
on this machine.`

func createCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "create a container",
		ArgsUsage: idArgument,
		Description: `The create command makes a container from a bundle: a directory with a config.json and a
root file system. The process of the container waits until "rung start".`,
		Flags: createFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			status, err := runContainer(ctx, cmd.Args().First(), true)
			if err != nil {
				return fmt.Errorf("%s create failed: %w", programName(), err)
			}
			exit(status)
			return nil
		},
	}
}

// createOptions has the values of createFlags and those of run, for the reason that global has one.
var createOptions struct {
	bundleOptions
	pidfdSocket, pidFile        string
	noPivot, noNewKeyring, keep bool
	preserveFDs                 int
}

// createFlags are the flags that create and run share.
func createFlags() []cli.Flag {
	o := &createOptions
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Destination: &o.bundle, Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the current directory"},
		configFlag(&o.config, "f"),
		&cli.StringFlag{Name: "console-socket", Destination: &o.consoleSocket, Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's pseudoterminal"},
		&cli.StringFlag{Name: "pidfd-socket", Destination: &o.pidfdSocket, Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the init process"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.pidFile, Usage: "specify the file to write the process id to"},
		&cli.BoolFlag{Name: "no-pivot", Destination: &o.noPivot, Usage: "do not use pivot root to jail process inside rootfs. This should be used whenever the rootfs is on top of a ramdisk"},
		&cli.BoolFlag{Name: "no-new-keyring", Destination: &o.noNewKeyring, Usage: "do not create a new session keyring for the container. This will cause the container to inherit the calling processes session key"},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.preserveFDs, Usage: "pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)"},
	}
}

// configFlag is an option of crun.
func configFlag(to *string, aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: "config", Destination: to, Aliases: aliases, Usage: "configuration file to use in place of config.json; a relative path starts at the bundle"}
}
