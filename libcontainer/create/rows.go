package create

import (
	"context"
	"fmt"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/hook"
	"rung/libcontainer/idmap"
	"rung/libcontainer/plan"
	"rung/libcontainer/process"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/status"
)

// newExchange is the conversation of create: what is done for each action of the program, and beside the stage.
func (c *creation) newExchange(ctx context.Context) *exchange.Exchange {
	x := c.table(ctx)
	c.listJobs(x)
	return x
}

// table is the exchange of create without the jobs beside the stage.
func (c *creation) table(ctx context.Context) *exchange.Exchange {
	return &exchange.Exchange{
		Actions: c.program.Actions, Log: c.setup.Log, Timeline: c.setup.Stage.Timeline,
		Rows: exchange.Rows{
			compile.WriteIDMaps:        do(func() error { return c.writeIDMaps(ctx) }),
			compile.SendMounts:         {Ready: c.mounts.ready, Do: c.mounts.answer, Then: c.processExists},
			compile.MapOwners:          {Do: c.mounts.mapOwners},
			compile.SendSources:        {Do: c.mounts.batch},
			compile.LimitDevices:       do(c.setup.LimitDevices),
			compile.EnterCgroup:        {Ready: c.cgroup.ready, Do: c.cgroup.enter},
			compile.JoinResctrl:        do(func() error { return c.setup.Resctrl.Create(c.stage.Pid()) }),
			compile.MoveDevices:        do(c.moveDevices),
			compile.RunPrestart:        {Do: c.hooks(ctx, compile.RunPrestart)},
			compile.RunCreateRuntime:   {Do: c.hooks(ctx, compile.RunCreateRuntime)},
			compile.RunCreateContainer: {Do: c.hooks(ctx, compile.RunCreateContainer)},
			compile.LookInside:         {Ready: c.inside.ready, Do: c.inside.answer, Then: c.inside.verify},
			compile.SetRlimits:         do(func() error { return process.SetRlimits(c.stage.Pid(), c.setup.Spec.Process.Rlimits) }),
			compile.SendListener: {Do: func(listener *os.File) (exchange.Answer, error) {
				return exchange.Answer{}, c.sendListener(ctx, listener)
			}},
			compile.StoreState: {Ready: c.state.ready, Do: c.state.publish, Then: c.state.awaitsStart},
		},
		Points: map[plan.SyncPoint]exchange.Row{
			plan.SyncReady: {Ready: func() bool { return !c.opts.Await }, Do: c.inside.amended},
		},
		Arrived: func(point plan.SyncPoint) {
			if point == plan.SyncInside {
				c.setup.HooksBegin()
			}
		},
	}
}

// do is a row of something that needs the stage to be there, and adds nothing to the answer.
func do(what func() error) exchange.Row {
	return exchange.Row{Do: func(*os.File) (exchange.Answer, error) { return exchange.Answer{}, what() }}
}

// listJobs lists what is done beside the stage, in the order in which it is due. On v1 the stage needs the cgroup
// late. What systemd makes is waited for last of all: it is a process more to be waited for.
func (c *creation) listJobs(x *exchange.Exchange) {
	first := c.cgroup.areFirst() // then the cgroup is there
	if !first {
		x.Later(plan.SyncPlan, c.setup.Announce)
	}
	x.Later(plan.SyncPlan, func() error {
		err := c.mounts.prepare()
		if c.opts.Await {
			x.Last = c.program.Last()
		}
		return err
	})
	switch {
	case c.setup.Systemd: // processExists adds what follows
		x.Later(plan.SyncHost, c.inside.guess)
		x.Later(plan.SyncHost, c.setup.KeepConfig)
		return
	case !first:
		x.Later(plan.SyncHost, c.setup.MakeCgroup)
	}
	x.Later(plan.SyncHost, c.cgroup.open)
	x.Later(plan.SyncInside, c.inside.guess)
	x.Later(plan.SyncReady, c.setup.KeepConfig)
}

func (c *creation) writeIDMaps(ctx context.Context) error {
	return idmap.Write(c.stage.Pid(), c.setup.Spec.Linux.UIDMappings, c.setup.Spec.Linux.GIDMappings,
		idmap.Options{Context: ctx, DenySetgroups: c.deniesSetgroups})
}

// processExists begins what needs the container's process: the unit of systemd, and the state with the PID.
func (c *creation) processExists(*os.File) error {
	if c.setup.Systemd {
		c.exchange.Later(plan.SyncHost, c.cgroup.finishUnit)
		if err := c.setup.BeginUnit(c.stage.Pid()); err != nil {
			return err
		}
	}
	c.exchange.Later(plan.SyncReady, c.state.prepare)
	return nil
}

func (c *creation) moveDevices() error {
	namespace, err := sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/net", c.stage.Pid()))
	if err != nil {
		return fmt.Errorf("linux.netDevices: %w", err)
	}
	return c.setup.MoveDevices(namespace)
}

// hooks runs hooks of create: prestart and createRuntime on the host, createContainer in the container's
// namespaces, before the root is changed.
func (c *creation) hooks(ctx context.Context, kind compile.ActionKind) func(*os.File) (exchange.Answer, error) {
	return func(root *os.File) (exchange.Answer, error) {
		h := c.setup.Spec.Hooks
		c.setup.Container.State.Pid = c.stage.Pid()
		state, note := status.OCI(&c.setup.Container.State, status.Creating), c.setup.Container.NoteHook
		switch kind {
		case compile.RunPrestart:
			return exchange.Answer{}, hook.RunAll(ctx, h.Prestart, "prestart", state, nil, note) //nolint:staticcheck // deprecated, and part of the specification
		case compile.RunCreateRuntime:
			return exchange.Answer{}, hook.RunAll(ctx, h.CreateRuntime, "createRuntime", state, nil, note)
		}
		in := &hook.Inside{Launcher: c.setup.Stage, Root: root, UserNS: c.setup.Container.State.UserNS}
		if err := in.Open(ctx, state.Pid, c.setup.Spec); err != nil {
			return exchange.Answer{}, err
		}
		defer in.Close()
		return exchange.Answer{}, hook.RunAll(ctx, h.CreateContainer, "createContainer", hook.StateInside(c.setup.Spec, state), in.Start, note)
	}
}

func (c *creation) sendListener(ctx context.Context, listener *os.File) error {
	state := status.OCI(&c.setup.Container.State, status.Creating)
	return seccomp.SendListener(ctx, c.setup.Spec.Linux.Seccomp, state, c.stage.Pid(), listener)
}
