package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"

	"rung/libcontainer"
	"rung/libcontainer/bundle"
)

// execFailure is the exit status of exec when the process could not be run. It is runc's.
const execFailure = 255

func execCommand() *cli.Command {
	one := 1
	return &cli.Command{
		Name:  "exec",
		Usage: "execute new process inside the container",
		ArgsUsage: `<container-id> <command> [command options]  || -p process.json <container-id>

Where "<command>" can't be empty unless a "-p" flag provided.`,
		StopOnNthArg: &one, // flags after the container's id belong to the process
		Flags:        execFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			if err := checkArgs(cmd, 1, atLeast); err != nil {
				return err
			}
			status, err := execProcess(ctx, cmd)
			if err != nil {
				fatalCode(fmt.Errorf("exec failed: %w", err), execFailure)
			}
			exit(status)
			return nil
		},
	}
}

// execOptions has the values of execFlags, for the reason that global has one.
var execOptions struct {
	consoleSocket, pidfdSocket, cwd, user, process, pidFile, label, apparmor string
	env, capabilities, cgroups                                               []string
	groups                                                                   []int64
	tty, detach, ignorePaused                                                bool
	preserveFDs                                                              int
}

func execFlags() []cli.Flag {
	o := &execOptions
	return []cli.Flag{
		&cli.StringFlag{Name: "console-socket", Destination: &o.consoleSocket, Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of the console's pseudoterminal"},
		&cli.StringFlag{Name: "pidfd-socket", Destination: &o.pidfdSocket, Usage: "path to an AF_UNIX socket which will receive a file descriptor referencing the exec process"},
		&cli.StringFlag{Name: "cwd", Destination: &o.cwd, Usage: "current working directory in the container"},
		&cli.StringSliceFlag{Name: "env", Destination: &o.env, Aliases: []string{"e"}, Usage: "set environment variables"},
		&cli.BoolFlag{Name: "tty", Destination: &o.tty, Aliases: []string{"t"}, Usage: "allocate a pseudo-TTY"},
		&cli.StringFlag{Name: "user", Destination: &o.user, Aliases: []string{"u"}, Usage: "UID (format: <uid>[:<gid>])"},
		&cli.Int64SliceFlag{Name: "additional-gids", Destination: &o.groups, Aliases: []string{"g"}, Usage: "additional gids"},
		&cli.StringFlag{Name: "process", Destination: &o.process, Aliases: []string{"p"}, Usage: "path to the process.json"},
		&cli.BoolFlag{Name: "detach", Destination: &o.detach, Aliases: []string{"d"}, Usage: "detach from the container's process"},
		&cli.StringFlag{Name: "pid-file", Destination: &o.pidFile, Usage: "specify the file to write the process id to"},
		&cli.StringFlag{Name: "process-label", Destination: &o.label, Usage: "set the asm process label for the process commonly used with selinux"},
		&cli.StringFlag{Name: "apparmor", Destination: &o.apparmor, Usage: "set the apparmor profile for the process"},
		&cli.BoolFlag{Name: "no-new-privs", Usage: "set the no new privileges value for the process"},
		&cli.StringSliceFlag{Name: "cap", Destination: &o.capabilities, Aliases: []string{"c"}, Usage: "add a capability to the bounding set for the process"},
		&cli.IntFlag{Name: "preserve-fds", Destination: &o.preserveFDs, Usage: "pass N additional file descriptors to the container (stdio + N in total)"},
		&cli.StringSliceFlag{Name: "cgroup", Destination: &o.cgroups, Usage: "run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>"},
		&cli.BoolFlag{Name: "ignore-paused", Destination: &o.ignorePaused, Usage: "allow exec in a paused container"},
	}
}

func execProcess(ctx context.Context, cmd *cli.Command) (int, error) {
	o := &execOptions
	c, err := loadContainer(cmd)
	if err != nil {
		return 0, err
	}
	p, err := processOf(cmd, c)
	if err != nil {
		return 0, err
	}
	cgroups, err := subCgroups(o.cgroups)
	if err != nil {
		return 0, err
	}
	for _, w := range bundle.ProcessWarnings(p, "process") {
		log.Warn(w)
	}
	io, err := newProcessIO(p.Terminal, o.detach, o.consoleSocket)
	if err != nil {
		return 0, err
	}
	defer io.close()
	if !o.detach {
		if err := io.catchSignals(); err != nil {
			return 1, err
		}
	}
	preserve, err := preservedFDs(o.preserveFDs)
	if err != nil {
		return 1, err
	}
	pidFile, err := absolutePidFile(o.pidFile)
	if err != nil {
		return 1, err
	}
	process, err := c.Exec(ctx, p, libcontainer.ExecOptions{
		IgnorePaused: o.ignorePaused, Cgroups: cgroups, PreserveFDs: preserve,
		Stdio: io.stdio, Console: io.socket,
		Ready: func(pid int) error { return io.ready(ctx, pid, pidFile, o.pidfdSocket) },
	})
	if err != nil || o.detach {
		return 0, err
	}
	stopping.pass(func(s syscall.Signal) { io.forward(process.Pid, s) })
	return io.wait(process.Pid)
}

// processOf returns the process of --process, or the container's own process with the changes that the command line asks
// for.
func processOf(cmd *cli.Command, c *libcontainer.Container) (*specs.Process, error) {
	o := &execOptions
	if o.process != "" {
		defer stopping.idles("--process " + o.process)()
		return bundle.LoadProcess(o.process)
	}
	p, err := c.Process()
	if errors.Is(err, libcontainer.ErrNotRunning) {
		return nil, fmt.Errorf("cannot exec in a creating container: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if cmd.NArg() < 2 {
		return nil, errors.New("exec args cannot be empty")
	}
	p.Args = cmd.Args().Slice()[1:]
	p.Terminal = o.tty
	p.Env = append(p.Env, o.env...)
	p.Cwd = cmp.Or(o.cwd, p.Cwd, "/") // created without a process
	p.ApparmorProfile = cmp.Or(o.apparmor, p.ApparmorProfile)
	p.SelinuxLabel = cmp.Or(o.label, p.SelinuxLabel)
	if cmd.IsSet("no-new-privs") {
		p.NoNewPrivileges = cmd.Bool("no-new-privs")
	}
	addCapabilities(p, o.capabilities)
	return p, setUser(p, o.user, o.groups)
}

// subCgroups reads the values of --cgroup: one path for all hierarchies (key ""), or a path for each named v1 controller.
func subCgroups(values []string) (map[string]string, error) {
	out := map[string]string{}
	for _, value := range values {
		controllers, path, prefixed := strings.Cut(value, ":")
		if !prefixed {
			if len(values) > 1 {
				return nil, fmt.Errorf("invalid --cgroup argument: %s (missing <controller>: prefix)", value)
			}
			return map[string]string{"": value}, nil
		}
		for _, name := range strings.Split(controllers, ",") {
			if name == "" {
				return nil, fmt.Errorf("invalid --cgroup argument: %s (empty <controller> prefix)", value)
			}
			if _, twice := out[name]; twice {
				return nil, fmt.Errorf("invalid --cgroup argument(s): controller %s specified multiple times", name)
			}
			out[name] = path
		}
	}
	return out, nil
}

// addCapabilities adds to all sets but the inheritable one (CVE-2022-29162). The kernel allows only inheritable
// capabilities to be ambient, so an empty inheritable set means no ambient capabilities.
func addCapabilities(p *specs.Process, names []string) {
	if len(names) == 0 {
		return
	}
	if p.Capabilities == nil {
		p.Capabilities = &specs.LinuxCapabilities{}
	}
	c := p.Capabilities
	c.Bounding = append(c.Bounding, names...)
	c.Effective = append(c.Effective, names...)
	c.Permitted = append(c.Permitted, names...)
	if len(c.Inheritable) > 0 {
		c.Ambient = append(c.Ambient, names...)
	}
}

// setUser reads numbers strictly: any text behind a number is an error (CVE-2026-30892).
func setUser(p *specs.Process, user string, groups []int64) error {
	if user != "" {
		uid, gid, both := strings.Cut(user, ":")
		n, err := strconv.ParseUint(uid, 10, 32)
		if err != nil {
			return badID("bad uid", uid, err)
		}
		p.User.UID = uint32(n)
		if both {
			if n, err = strconv.ParseUint(gid, 10, 32); err != nil {
				return badID("bad gid", gid, err)
			}
			p.User.GID = uint32(n)
		}
	}
	for _, g := range groups {
		if g < 0 || g > 1<<32-1 {
			return fmt.Errorf("additional-gids must be a positive number %d", g)
		}
		p.User.AdditionalGids = append(p.User.AdditionalGids, uint32(g))
	}
	return nil
}

// badID is runc's error of a number that --user does not have, without the name of the parser.
func badID(what, text string, err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) {
		err = number.Err
	}
	return fmt.Errorf("%s: %q: %w: --user takes numbers, uid[:gid]", what, text, err)
}
