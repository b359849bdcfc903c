package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: "restore a container from a previous checkpoint",
		ArgsUsage: `<container-id>

Where "<container-id>" is the name for the instance of the container to be
restored.`,
		Description: `The restore command makes a container from a bundle and from the images that "rung checkpoint" has
saved, and runs it. The exit status is that of its process, or 128 plus the signal that ended it.`,
		Flags: append(criuFlags(),
			&cli.StringFlag{Name: "console-socket", Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's pseudoterminal"},
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "path to the root of the bundle directory, defaults to the current directory"},
			configFlag(nil),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "detach from the container's process"},
			&cli.StringFlag{Name: "pid-file", Usage: "specify the file to write the process id to"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "disable the use of the subreaper used to reap reparented processes"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "as for run; CRIU enters the root file system in its own way"},
			&cli.StringFlag{Name: "lsm-profile", Usage: "Specify an LSM profile to be used during restore in the form of TYPE:NAME."},
			&cli.StringFlag{Name: "lsm-mount-context", Usage: "Specify an LSM mount context to be used during restore."},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			warnRootless()
			status, err := restore(ctx, cmd)
			if err != nil {
				return err
			}
			exit(status)
			return nil
		},
	}
}

func restore(ctx context.Context, cmd *cli.Command) (status int, err error) {
	r, err := runtimeOf()
	if err != nil {
		return 1, err
	}
	shared, err := criuOptions(cmd)
	if err != nil {
		return 1, err
	}
	pidFile, err := absolutePidFile(cmd.String("pid-file"))
	if err != nil {
		return 1, err
	}
	o := bundleOptions{
		bundle: cmd.String("bundle"), config: cmd.String("config"), consoleSocket: cmd.String("console-socket"),
		detach: cmd.Bool("detach"), noSubreaper: cmd.Bool("no-subreaper"),
	}
	b, io, err := enterBundle(&o)
	if err != nil {
		return 1, err
	}
	defer io.close()
	c, err := r.Restore(ctx, cmd.Args().First(), b, libcontainer.RestoreOptions{
		Common: *shared, LSMProfile: cmd.String("lsm-profile"), LSMMountContext: cmd.String("lsm-mount-context"),
		Stdio: io.stdio, Console: io.socket,
		Ready: func(pid int) error { return io.restored(ctx, pid, pidFile) },
	})
	if err != nil {
		return 1, err
	}
	if o.detach {
		return 0, nil
	}
	return foreground(ctx, c, io, nil, false)
}

// restored is ready for a restored container. Its process may have closed the terminal before the checkpoint; CRIU sends
// no master then, and there is nothing to attach.
func (p *processIO) restored(ctx context.Context, pid int, pidFile string) error {
	if p.terminal != nil && !sys.Readable(p.master) {
		return writePidFile(pidFile, pid)
	}
	return p.ready(ctx, pid, pidFile, "")
}
