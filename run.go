package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

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
		Description: `The run command makes a container from a bundle, starts it, and deletes it when its process
has ended. The exit status is that of the process, or 128 plus the signal that ended it.`,
		Flags: append(createFlags(),
			&cli.BoolFlag{Name: "detach", Destination: &createOptions.detach, Aliases: []string{"d"}, Usage: "detach from the container's process"},
			&cli.BoolFlag{Name: "keep", Destination: &createOptions.keep, Usage: "do not delete the container after it exits"},
			&cli.BoolFlag{Name: "no-subreaper", Destination: &createOptions.noSubreaper, Usage: "disable the use of the subreaper used to reap reparented processes"},
		),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, exactly); err != nil {
				return err
			}
			status, err := runContainer(ctx, cmd.Args().First(), false)
			if errors.Is(err, libcontainer.ErrExec) && !createOptions.detach {
				notExecuted(err)
			}
			if err != nil {
				return fmt.Errorf("%s run failed: %w", programName(), err)
			}
			exit(status)
			return nil
		},
	}
}

// notExecuted ends rung as runc ends if the program of a container in the foreground cannot be executed: with this exit
// status, and the bare error as the one line on stderr. The cause is for the log, and for a person at a terminal.
func notExecuted(err error) {
	if !log.toStderr {
		log.Error(err.Error())
	}
	if !sys.IsTerminal(int(os.Stderr.Fd())) {
		err = bareExecError(err)
	}
	fmt.Fprintln(stderr, err)
	exit(execFailure)
}

// bareExecError returns the error of execve(2) without what has been found out about its cause.
func bareExecError(err error) error {
	for inner := err; errors.Is(inner, libcontainer.ErrExec); inner = errors.Unwrap(inner) {
		err = inner
	}
	return err
}

// runContainer is create (await is true) and run. Both make a container; run also starts it and waits for its end.
func runContainer(ctx context.Context, id string, await bool) (status int, err error) {
	o := &createOptions
	if err := checkName(programName()); err != nil {
		return 1, err
	}
	r, err := runtimeOf()
	if err != nil {
		return 1, err
	}
	pidFile, err := absolutePidFile(o.pidFile)
	if err != nil {
		return 1, err
	}
	o.detach = o.detach || await
	b, io, err := enterBundle(&o.bundleOptions)
	if err != nil {
		return 1, err
	}
	defer io.close()
	preserve, err := preservedFDs(o.preserveFDs)
	if err != nil {
		return 1, err
	}
	listen, notify := listenFDs(), newNotifyProxy()
	if notify != nil && !await {
		io.prepare = func() error { return notify.listen(func() (*os.File, error) { return r.ListenNotify(id) }) }
	}
	c, err := r.Create(ctx, id, b, libcontainer.CreateOptions{
		Await: await, NoPivot: o.noPivot, NoKeyring: o.noNewKeyring, Notify: notify != nil,
		PreserveFDs: listen + preserve, ListenFDs: listen,
		Stdio: io.stdio, Console: io.socket,
		Ready: io.readyFunc(ctx, pidFile, cmp.Or(o.pidfdSocket, b.Spec.Annotations[bundle.AnnotationPidfd])),
	})
	if err != nil {
		return 1, err
	}
	switch {
	case await:
		return 0, nil
	case o.detach:
		if err := notify.relay(ctx, c.State().Pid, c.State().Pid); err != nil {
			log.Warn(err.Error()) // no error: the container runs
		}
		return 0, nil
	}
	return foreground(ctx, c, io, notify, o.keep)
}

// checkName refuses the names by which crun takes a handler for every container, as it refuses that handler by an annotation.
func checkName(name string) error {
	handler, _ := strings.CutPrefix(name, "crun-")
	switch {
	case name == "krun":
		handler = name
	case handler == name:
		return nil
	}
	switch handler {
	case "krun", "wasm", "wasmedge", "wasmer", "wasmtime", "wamr", "spin", "mono":
		return fmt.Errorf("called as %s: rung has no handler %q, and runs nothing without the sandbox that was asked for", name, handler)
	}
	return nil
}

// bundleOptions say what enterBundle does.
type bundleOptions struct {
	bundle, config, consoleSocket string
	detach, noSubreaper           bool
}

// enterBundle loads the bundle, prepares the processIO of its process, and changes to the directory of the bundle.
func enterBundle(o *bundleOptions) (_ *bundle.Bundle, io *processIO, err error) {
	read := stopping.idles("the bundle's config.json")
	b, err := bundle.LoadFile(o.bundle, o.config)
	read()
	if err != nil {
		return nil, nil, err
	}
	collectLess(len(b.Raw))
	terminal := b.Spec.Process != nil && b.Spec.Process.Terminal // not validated yet
	if io, err = newProcessIO(terminal, o.detach, o.consoleSocket); err != nil {
		return nil, nil, err
	}
	if !o.detach {
		if !o.noSubreaper {
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

// collectLess has the garbage collector wait until there is more garbage, if the configuration is large. The collector's threads
// are in the way of the stage, which works at the same time. That takes some MiB more for the time of one command.
func collectLess(config int) {
	const large, percent = 64 << 10, 400
	if config > large && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// foreground waits for the container's process and removes the container.
func foreground(ctx context.Context, c *libcontainer.Container, io *processIO, notify *notifyProxy, keep bool) (int, error) {
	pid := c.State().Pid
	stopping.pass(func(s syscall.Signal) { io.forward(pid, s) })
	notified := notify.relayBeside(pid)
	status, err := io.wait(pid)
	<-notified
	if err != nil {
		return 1, err
	}
	io.close()
	if !keep {
		ctx := stopping.context(context.WithoutCancel(ctx))
		// Not by force: a process that somebody has moved into the cgroup is not run's to kill. Another delete may be quicker.
		if err := c.Delete(ctx, false); err != nil && !errors.Is(err, libcontainer.ErrNotExist) {
			log.Warn(err.Error()) // no error: callers need the exit status of the process
		}
	}
	return status, nil
}
