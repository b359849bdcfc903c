package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/urfave/cli/v3"

	"rung/internal/sys"
	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "create and run a container",
		ArgsUsage: idArgument,
		Description: `The run command makes a container of a bundle, starts it, and deletes it when its process
has ended. The exit status is that of the process, or 128 plus the signal that ended it.`,
		Flags: append(createFlags(),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "detach from the container's process"},
			&cli.BoolFlag{Name: "keep", Usage: "do not delete the container after it exits"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "disable the use of the subreaper used to reap reparented processes"},
		),
		Action: func(_ context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			status, err := runContainer(cmd, false)
			if errors.Is(err, libcontainer.ErrExec) && !cmd.Bool("detach") {
				notExecuted(err)
			}
			if err != nil {
				return fmt.Errorf("%s run failed: %w", programName(), err)
			}
			os.Exit(status)
			return nil
		},
	}
}

// notExecuted ends rung with the status, and the one bare line, that runc has where the program
// of a container in the foreground cannot be executed.
func notExecuted(err error) {
	if !log.toStderr {
		log.Error(err.Error())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(execFailure)
}

// runContainer is create and run: both make a container, run waits for its end too.
func runContainer(cmd *cli.Command, await bool) (status int, err error) {
	r, err := runtimeOf(cmd)
	if err != nil {
		return 1, err
	}
	pidFile := absolutePidFile(cmd)
	detach := await || cmd.Bool("detach")
	b, io, err := enterBundle(cmd, detach)
	if err != nil {
		return 1, err
	}
	defer io.close()
	preserve, err := preservedFDs(cmd)
	if err != nil {
		return 1, err
	}
	id, listen, notify := cmd.Args().First(), listenFDs(), newNotifyProxy()
	if notify != nil && !await {
		io.prepare = func() error { return notify.listen(func() (*os.File, error) { return r.ListenNotify(id) }) }
	}
	c, err := r.Create(id, b, libcontainer.CreateOptions{
		Await: await, NoPivot: cmd.Bool("no-pivot"), NoKeyring: cmd.Bool("no-new-keyring"), Notify: notify != nil,
		PreserveFDs: listen + preserve, ListenFDs: listen,
		Stdio: io.stdio, Console: io.socket,
		Ready: io.readyFunc(pidFile, cmd.String("pidfd-socket")),
	})
	if err != nil {
		return 1, err
	}
	switch {
	case await:
		return 0, nil
	case detach:
		if err := notify.relay(c.State().Pid, c.State().Pid); err != nil {
			log.Warn(err.Error()) // the container runs
		}
		return 0, nil
	}
	return foreground(c, io, notify, cmd.Bool("keep"))
}

// enterBundle loads the bundle, changes to its directory, and makes ready what connects its
// process with the caller.
func enterBundle(cmd *cli.Command, detach bool) (_ *bundle.Bundle, io *processIO, err error) {
	b, err := loadBundle(cmd.String("bundle"))
	if err != nil {
		return nil, nil, err
	}
	if io, err = newProcessIO(b.Spec.Process.Terminal, detach, cmd.String("console-socket")); err != nil {
		return nil, nil, err
	}
	if !detach {
		if !cmd.Bool("no-subreaper") {
			_ = sys.SetSubreaper()
		}
		err = io.catchSignals()
	}
	if err == nil {
		err = os.Chdir(b.Dir)
	}
	if err != nil {
		io.close()
		return nil, nil, err
	}
	return b, io, nil
}

// foreground waits for the container's process and removes the container.
func foreground(c *libcontainer.Container, io *processIO, notify *notifyProxy, keep bool) (int, error) {
	pid := c.State().Pid
	notified := notify.relayBeside(pid)
	status, err := io.wait(pid)
	<-notified
	if err != nil {
		return 1, err
	}
	io.close()
	if !keep {
		if err := c.Delete(true); err != nil {
			log.Warn(err.Error()) // the status of the process is what callers wait for
		}
	}
	return status, nil
}

// loadBundle loads and validates, and tells of what is ignored.
func loadBundle(dir string) (*bundle.Bundle, error) {
	b, err := bundle.Load(dir)
	if err != nil {
		return nil, err
	}
	if err := bundle.Validate(b.Spec); err != nil {
		return nil, err
	}
	for _, w := range bundle.Warnings(b.Spec) {
		log.Warn(w)
	}
	return b, nil
}
