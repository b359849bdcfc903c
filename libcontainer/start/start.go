// Package start lets the process of a created container run.
package start

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/internal/waits"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/hook"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
	"rung/libcontainer/process"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/setup"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// HookError is the failure of a hook of startContainer or poststart, after which the container is to be destroyed.
type HookError struct{ error }

func (e HookError) Unwrap() error { return e.error }

// Start starts a container; the caller holds its lock. hooks runs those of startContainer. After a failure later than
// the first check, end is called, which ends the container's processes. The hooks of poststart are Poststart's.
func Start(ctx context.Context, c *store.Container, hooks func(*specs.Spec) error, end func()) error {
	if err := check(c); err != nil {
		return err
	}
	spec, err := c.Config()
	if err != nil {
		return err
	}
	if err := bundle.RequireProcess(spec); err != nil {
		return fmt.Errorf("cannot start a container whose configuration has no process: %w", err)
	}
	conn, err := sys.Connect(c.File(), store.StartSocket)
	if err != nil {
		return c.Init().OrStopped(fmt.Errorf("connect to the container process: %w", err), process.HasStopped)
	}
	defer conn.Close()
	if err := hooks(spec); err != nil {
		end()
		return HookError{err}
	}
	if err := release(ctx, conn, c, spec); err != nil {
		end()
		return err
	}
	return nil
}

// Poststart runs the hooks of poststart. The caller has given up the lock: the container runs, and the hooks may do with it
// what they like.
func Poststart(ctx context.Context, c *store.Container) error {
	spec, err := c.Config()
	if err != nil {
		return err
	}
	if spec.Hooks == nil || len(spec.Hooks.Poststart) == 0 {
		return nil
	}
	state := status.OCI(&c.State, status.Running)
	if err := hook.RunAll(ctx, spec.Hooks.Poststart, "poststart", state, nil, nil); err != nil {
		return HookError{err}
	}
	return nil
}

// check refuses a container whose process does not wait for its start.
func check(c *store.Container) error {
	now, err := status.Of(c)
	if err != nil {
		return err
	}
	switch now {
	case status.Created:
		return checkFrozen(c)
	case status.Stopped:
		return process.HasStopped
	case status.Running:
		return errors.New("cannot start an already running container")
	}
	return fmt.Errorf("cannot start a container in the %s state", now)
}

// checkFrozen refuses a container below a frozen cgroup: its process cannot go on.
func checkFrozen(c *store.Container) error {
	manager, err := c.Cgroup()
	if err != nil {
		return err
	}
	at, err := manager.FrozenAt()
	if err == nil && at != "" {
		err = fmt.Errorf("cannot start a container in the frozen cgroup %s", at)
	}
	return err
}

// release says go, and waits until exec has closed the connection.
func release(ctx context.Context, conn *os.File, c *store.Container, spec *specs.Spec) error {
	if err := sys.SendMessage(conn, []byte{1}); err != nil {
		return fmt.Errorf("start the container process: %w", err)
	}
	what := func() string { return fmt.Sprintf("process %d of the container to execute its program", c.State.Pid) }
	err := waits.While(ctx, what, func() { sys.Shutdown(conn) }, func() error { return awaitExec(ctx, conn, c, spec) })
	if err != nil {
		return err
	}
	if err := outcome(c, spec); err != nil {
		return err
	}
	for _, name := range []string{store.StartSocket, store.ProgressFile} {
		if err := os.Remove(c.Path(name)); err != nil {
			return err
		}
	}
	return nil
}

// awaitExec waits for the end of the connection. The listener of a filter that asks an agent comes before.
func awaitExec(ctx context.Context, conn *os.File, c *store.Container, spec *specs.Spec) error {
	for {
		point, listener, err := launch.ReadPoint(conn, func() int { return c.State.Pid })
		switch {
		case errors.Is(err, launch.ErrClosed):
			return nil
		case err != nil:
			return err
		case point != plan.SyncListener:
			return fmt.Errorf("the container process waits at SYNC %s, which is no part of start", point)
		}
		err = seccomp.SendListener(ctx, spec.Linux.Seccomp, status.OCI(&c.State, status.Created), c.State.Pid, listener)
		listener.Close()
		if err != nil {
			return err
		}
		if err := launch.Answer(conn, point); err != nil {
			return err
		}
	}
}

// outcome reads from the progress page, which another rung made, whether the program runs. Between the start and EXEC
// there is only the load of the seccomp filter.
func outcome(c *store.Container, spec *specs.Spec) error {
	progress, err := c.Progress()
	if err != nil {
		return err
	}
	defer progress.Close()
	errno, executes := progress.Errno(), progress.Op() == c.State.ExecOp
	switch {
	case errno == 0 && executes:
		return nil
	case errno == 0:
		return errors.New("the container process was killed before it could execute the program")
	case !executes:
		return fmt.Errorf("linux.seccomp: load the filter: %w", errno)
	}
	program := spec.Process.Args[0]
	if paths, i := compile.Candidates(spec.Process), progress.Candidate(); i < len(paths) {
		program = paths[i]
	}
	return setup.ExplainExec(spec, c.State.Rootfs, program, notExecuted{program, errno})
}

// notExecuted is the launch.Failure of a container that another rung created.
type notExecuted struct {
	program string
	errno   syscall.Errno
}

func (e notExecuted) Error() string        { return fmt.Sprintf("exec %s: %v", e.program, e.errno) }
func (e notExecuted) Unwrap() error        { return e.errno }
func (e notExecuted) Is(target error) bool { return target == launch.ErrExec }
