// Package create makes containers: it compiles a configuration, starts a stage with it, and holds the conversation
// with the stage until the container's process waits for its start, or runs.
package create

import (
	"cmp"
	"context"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/idmap"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/setup"
	"rung/libcontainer/store"
)

// Options is what the caller says beside config.json.
type Options struct {
	Await       bool // the process waits for start; otherwise it runs when Create returns
	NoPivot     bool // chroot(2) where pivot_root(2) cannot be: the host's root is an initramfs
	NoKeyring   bool // the process keeps the session keyring of the caller
	Notify      bool // the process gets a socket for sd_notify(3), which ListenNotify makes
	PreserveFDs int  // number of descriptors 3 and up that the process gets, with those of ListenFDs; closed ones stay closed
	ListenFDs   int
	Stdio       [3]*os.File
	Console     *os.File            // socket that gets the pty, where process.terminal is set
	Ready       func(pid int) error // called when all is set up, before the process may run
}

// creation is a container under way.
type creation struct {
	setup    *setup.Setup
	opts     Options
	program  *compile.Program
	stage    *launch.Stage
	exchange *exchange.Exchange

	// The steps.
	mounts *mounts
	inside *inside
	cgroup *cgroups
	state  *publication

	deniesSetgroups bool // the new user namespace does
}

// Create makes a container of a validated bundle. The caller ends the returned list: Keep gives up the lock,
// Run removes the container. Nothing is left behind on an error, and if ctx ends. Errors name the field.
func Create(ctx context.Context, config setup.Config, id string, b *bundle.Bundle, o Options) (*store.Container, *setup.Undo, error) {
	s, err := setup.New(ctx, config, id, b)
	if err != nil {
		return nil, nil, err
	}
	s.Spec = withProcess(s.Spec)
	c := &creation{setup: s, opts: o}
	if err := c.create(ctx); err != nil {
		s.Undo.Run()
		return nil, nil, err
	}
	return s.Container, &s.Undo, nil
}

func (c *creation) create(ctx context.Context) error {
	if c.opts.Notify {
		if err := c.addNotify(); err != nil {
			return err
		}
	}
	prepared := c.setup.Stage.Timeline.Begin(launch.Work, "look at the host and compile the first segment")
	if err := c.prepare(); err != nil {
		return err
	}
	prepared()
	c.addSteps(ctx)
	err := c.launch(ctx)
	err = cmp.Or(err, c.mounts.opener.RemoveNodes()) // one that masks are cloned from needs its name until then
	c.mounts.close()
	c.inside.close()
	open.CloseAll(c.cgroup.tasks)
	if c.stage != nil {
		c.setup.Stage.LogTrace(c.stage, c.setup.Log)
	}
	if err != nil {
		return mountError(c.setup.Spec, c.explain(err))
	}
	return nil
}

// prepare does all that comes before the process: the state, the place of the cgroup, the first segment.
func (c *creation) prepare() error {
	if err := c.setup.Begin(c.opts.NoKeyring); err != nil {
		return err
	}
	streams, err := c.streams()
	if err != nil {
		return err
	}
	if err := c.setup.PlanResctrl(); err != nil {
		return err
	}
	return c.compile(streams)
}

// streams tells what the standard streams are. With a terminal the process has others than the caller.
func (c *creation) streams() (setup.StreamFacts, error) {
	if c.opts.Console != nil {
		return setup.StreamFacts{Missing: true}, nil
	}
	return setup.Streams(c.opts.Stdio, &c.setup.Container.State)
}

// compile compiles the first segment, which is short: the stage executes it while the rest is compiled.
func (c *creation) compile(streams setup.StreamFacts) (err error) {
	state := &c.setup.Container.State
	c.setup.Facts.ProbeForeign(c.setup.Spec)
	c.deniesSetgroups = c.losesSetgroups()
	c.program, err = compile.Create(compile.Input{Spec: c.setup.Spec, Facts: c.setup.Facts, Options: compile.Options{
		ID: state.ID, Bundle: c.setup.Bundle.Dir, Await: c.opts.Await, Program: programOf(c.setup.Bundle.Spec.Process),
		NoPivot: c.opts.NoPivot, NoKeyring: c.opts.NoKeyring, Console: c.opts.Console != nil,
		ListenFDs: c.opts.ListenFDs, PreserveFDs: c.opts.PreserveFDs, CgroupPaths: state.CgroupPaths,
		CgroupLate: c.setup.Systemd, SetgroupsOff: c.deniesSetgroups, NullStreams: streams.Null,
		GivenStreams: bundle.NamespaceOf(c.setup.Spec, specs.UserNamespace) == nil && streams.OwnedBy(c.setup.Spec.Process.User.UID),
	}})
	if err != nil {
		return err
	}
	if setup.KillsAtStart(c.setup.Spec) {
		c.setup.Log.Warn("linux.seccomp kills the process at execve, by which its program begins")
	}
	c.setup.DevicesLate = c.program.DevicesLate
	c.setup.Notice(c.program.Notices)
	return nil
}

// losesSetgroups reports whether setgroups(2) is given up in a new user namespace: a plain user who maps only
// its own id, without newgidmap, must do so (user_namespaces(7)). The map of users has no part in that.
func (c *creation) losesSetgroups() bool {
	return bundle.IsNew(c.setup.Spec, specs.UserNamespace) && c.setup.Facts.Rootless() &&
		!idmap.NeedsHelper(c.setup.Spec.Linux.GIDMappings, c.setup.Facts.EGID, c.setup.Facts.MapsIDs)
}

// addSteps makes the steps of a compiled program.
func (c *creation) addSteps(ctx context.Context) {
	container, pid := c.setup.Container, func() int { return c.stage.Pid() }
	opener := &open.Opener{
		Dir: &container.Dir, Launcher: c.setup.Stage, Cgroup: c.setup.Cgroup, Console: c.opts.Console, Binds: map[string]string{},
		Context: ctx,
	}
	container.State.Binds = opener.Binds
	c.mounts = &mounts{setup: c.setup, opts: &c.opts, program: c.program, opener: opener}
	c.inside = &inside{setup: c.setup, program: c.program, opener: opener}
	c.cgroup = &cgroups{setup: c.setup, program: c.program, pid: pid}
	c.state = &publication{setup: c.setup, opts: &c.opts, inside: c.inside, pid: pid}
	c.inside.changed = c.state.prepare
}

// launch starts the stage and serves it until the process runs or waits for start.
func (c *creation) launch(ctx context.Context) error {
	if c.cgroup.areFirst() {
		if err := c.setup.Announce(); err != nil {
			return err
		}
		if err := c.setup.MakeCgroup(); err != nil {
			return err
		}
		if err := c.setup.Delegate(0); err != nil { // without a user namespace
			return err
		}
	}
	if err := c.start(); err != nil {
		return err
	}
	c.exchange = c.newExchange(ctx)
	c.inside.exchange, c.inside.uncovered = c.exchange, c.stage.Uncovered
	c.stage.Unfreeze = c.setup.Cgroup.Unfreeze
	return c.stage.Until(ctx, func() error { return c.exchange.Run(c.stage, c.program.First) })
}

// start spawns the stage with the first segment.
func (c *creation) start() error {
	defer c.setup.Stage.Timeline.Begin(launch.Work, "start the stage")()
	progress, err := c.newProgress()
	if err != nil {
		return err
	}
	slots, err := c.mounts.opener.All(c.program.Sources[:c.program.First.Inherited])
	defer open.CloseAll(slots)
	if err != nil {
		return err
	}
	c.stage, err = c.setup.Stage.Start(launch.Request{
		Plan: c.program.First, Slots: slots, Stdio: c.opts.Stdio,
		Preserve: c.opts.PreserveFDs, Progress: progress, Parallel: true,
	})
	if err != nil {
		return err
	}
	c.setup.Undo.PushBoth(c.stage.Abort, c.stage.Close)
	return nil
}

func (c *creation) newProgress() (*launch.Progress, error) {
	if c.opts.Await {
		return c.setup.Container.NewProgress(c.setup.Stage.Traces())
	}
	return launch.NewProgress(c.setup.Stage.Traces())
}
