package create

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// Rehearsal is what Rehearse did not try.
type Rehearsal struct {
	Untried []string // field and reason
}

// ErrUntried is the error of a configuration that cannot be rehearsed, because its set-up would change something outside of
// its own namespaces.
var ErrUntried = errors.New("not tried")

// errReady ends a rehearsal whose container is as it would be before its program begins.
var errReady = errors.New("the container is ready")

// Rehearse makes the container of a validated bundle in a process that is thrown away before its program begins: namespaces, id
// maps, mounts, masks, sysctls, labels, capabilities, the search for the program and the seccomp filter. Nothing is made that
// is outside of the process's new namespaces: no state, no cgroup, no hook, no mount point in the root file system. The error
// is the one that Create would return, or ErrUntried.
func Rehearse(ctx context.Context, config setup.Config, id string, b *bundle.Bundle, facts *host.Facts, o Options) (Rehearsal, error) {
	var r Rehearsal
	rootfs, err := setup.Rootfs(b)
	if err != nil {
		return r, err
	}
	config.NoCgroup, config.Systemd, config.Log = true, false, slog.New(slog.DiscardHandler)
	s, err := setup.NewDry(config, b, facts)
	if err != nil {
		return r, err
	}
	harmless := harmlessOf(s.Spec, b.Dir, rootfs)
	r.Untried = harmless.untried
	if harmless.refused != "" {
		return r, errorUntried(harmless.refused)
	}
	s.Spec = withProcess(harmless.spec)
	s.Container.State.ID, s.Container.State.Rootfs = id, rootfs
	c := &creation{setup: s, opts: Options{NoPivot: o.NoPivot, NoKeyring: o.NoKeyring, Stdio: o.Stdio}}
	defer s.Undo.Run()
	if err = c.rehearse(ctx, id); err != nil {
		harmless.rename(err)
		err = mountError(b.Spec, c.explain(err))
	}
	if harmless.hides(err) {
		return r, errorUntried("process.args: what it needs may come from a mount or a hook that was not tried")
	}
	return r, err
}

func errorUntried(reason string) error { return fmt.Errorf("%w: %s", ErrUntried, reason) }

func (c *creation) rehearse(ctx context.Context, id string) error {
	streams, err := c.streams()
	if err != nil {
		return err
	}
	if err := c.setup.PlaceCgroup(id); err != nil {
		return err
	}
	if err := c.compile(streams); err != nil {
		return err
	}
	c.addSteps(ctx)
	defer c.mounts.close()
	defer c.inside.close()
	c.inside.changed = func() error { return nil }
	if err := c.start(); err != nil {
		return err
	}
	c.exchange = c.rehearsal(ctx)
	c.inside.exchange, c.inside.uncovered = c.exchange, c.stage.Uncovered
	err = c.stage.Until(ctx, func() error { return c.exchange.Run(c.stage, c.program.First) })
	if errors.Is(err, errReady) || isEnd(err) {
		return nil
	}
	return err
}

// rehearsal is the conversation of create without what is done outside of the container. At SYNC ready the stage gets the rest
// of its plan but for the program.
func (c *creation) rehearsal(ctx context.Context) *exchange.Exchange {
	x := c.table(ctx)
	nothing := exchange.Row{Ready: func() bool { return true }}
	sent := x.Rows[compile.SendMounts]
	sent.Then = nil
	x.Rows[compile.SendMounts] = sent
	x.Rows[compile.LimitDevices] = nothing
	x.Rows[compile.StoreState] = exchange.Row{}
	x.Rows[compile.SendListener] = exchange.Row{Do: func(*os.File) (exchange.Answer, error) { return exchange.Answer{}, errReady }}
	x.Points[plan.SyncReady] = exchange.Row{Do: c.lastOps}
	x.Arrived = nil
	x.Later(plan.SyncPlan, c.prepareHarmless)
	x.Later(plan.SyncHost, c.cgroup.open)
	x.Later(plan.SyncInside, c.inside.guess)
	return x
}

// prepareHarmless refuses what would be made in the directory of the container's state.
func (c *creation) prepareHarmless() error {
	if err := c.mounts.compile(); err != nil {
		return err
	}
	for i := range c.program.Sources {
		switch s := &c.program.Sources[i]; s.Kind {
		case compile.SourceDevice, compile.SourceHostRoot:
			return errorUntried(s.Origin.Field + ": " + s.Origin.Purpose)
		}
	}
	return c.mounts.open()
}

// lastOps is the rest of the plan without EXEC. A plan that ends without it ends the stage with ENOEXEC.
func (c *creation) lastOps(*os.File) (a exchange.Answer, err error) {
	rest, err := c.program.AfterReady(c.inside.guessed)
	if err != nil {
		return a, err
	}
	rest.Ops = rest.Ops[:len(rest.Ops)-1]
	if len(rest.Ops) == 0 {
		return a, errReady
	}
	segment, err := launch.Seal(rest)
	if err != nil {
		return a, err
	}
	c.setup.Undo.Push(segment.Close)
	return exchange.Answer{Segment: segment}, nil
}

// isEnd reports whether an error is that of a plan that has ended without EXEC.
func isEnd(err error) bool {
	var failure *launch.Failure
	return errors.As(err, &failure) && failure.Errno == syscall.ENOEXEC && failure.Op.Code != plan.Exec
}

// CgroupOf returns where the cgroup of a container would be. If systemd is to make it, it must answer.
func CgroupOf(ctx context.Context, config setup.Config, id string, b *bundle.Bundle, facts *host.Facts) (*cgroup.Manager, error) {
	s, err := setup.NewDry(config, b, facts)
	if err != nil {
		return nil, err
	}
	if err := s.PlaceCgroup(id); err != nil || !config.Systemd {
		return s.Cgroup, err
	}
	s.Cgroup.SetContext(ctx)
	return s.Cgroup, s.Cgroup.Connect()
}

// TryIDMapped maps the owners of a detached clone of the root file system, which is gone when the function returns. The error is
// that the kernel, or the file system, has no id-mapped mounts.
func TryIDMapped(ctx context.Context, config setup.Config, b *bundle.Bundle, facts *host.Facts) error {
	if !facts.Privileged() {
		return fmt.Errorf("mount_setattr: %w: only a process with CAP_SYS_ADMIN may map the owners of a file system", syscall.EPERM)
	}
	rootfs, err := setup.Rootfs(b)
	if err != nil {
		return err
	}
	tree, err := sys.CloneTree(rootfs, false)
	if err != nil {
		return err
	}
	defer tree.Close()
	opener := &open.Opener{Launcher: config.Stage, Context: ctx}
	defer opener.Close()
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	return opener.MapOwners(tree, &compile.IDMapping{UIDs: ids, GIDs: ids})
}
