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
			status, err := runContainer(ctx, cmd, true)
			if err != nil {
				return fmt.Errorf("%s create failed: %w", programName(), err)
			}
			exit(status)
			return nil
		},
	}
}

// createFlags are the flags that create and run share.
func createFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the current directory"},
		configFlag("f"),
		&cli.StringFlag{Name: "console-socket", Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's pseudoterminal"},
		&cli.StringFlag{Name: "pidfd-socket", Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the init process"},
		&cli.StringFlag{Name: "pid-file", Usage: "specify the file to write the process id to"},
		&cli.BoolFlag{Name: "no-pivot", Usage: "do not use pivot root to jail process inside rootfs. This should be used whenever the rootfs is on top of a ramdisk"},
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "do not create a new session keyring for the container. This will cause the container to inherit the calling processes session key"},
		&cli.IntFlag{Name: "preserve-fds", Usage: "pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)"},
	}
}

// configFlag is an option of crun.
func configFlag(aliases ...string) cli.Flag {
	return &cli.StringFlag{Name: "config", Aliases: aliases, Usage: "configuration file to use in place of config.json; a relative path starts at the bundle"}
}
