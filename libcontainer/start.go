package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

// ErrExec is what errors.Is finds where all was set up and the program itself could not be executed.
var ErrExec = launch.ErrExec

// Start lets the process of a created container run (runtime.md, "Start"). The hooks of
// startContainer run before it, those of poststart after; a failure of either destroys the
// container (runtime.md, Lifecycle, steps 7, 9 and 12).
func (c *Container) Start() error {
	if err := c.lock(); err != nil {
		return err
	}
	defer c.unlock()
	err := c.start()
	var failed startHookError
	if errors.As(err, &failed) {
		if errDestroy := c.destroy(); errDestroy != nil {
			return fmt.Errorf("%w; the container is stopped, and not destroyed: %w", err, errDestroy)
		}
	}
	return err
}

// startHookError is the failure of a hook of startContainer or poststart.
type startHookError struct{ error }

func (e startHookError) Unwrap() error { return e.error }

// start is Start for who has the lock.
func (c *Container) start() error {
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch status {
	case Created:
	case Stopped:
		return errors.New("cannot start a container that has stopped")
	case Running:
		return errors.New("cannot start an already running container")
	default:
		return fmt.Errorf("cannot start a container in the %s state", status)
	}
	spec, err := c.Spec()
	if err != nil {
		return err
	}
	conn, err := sys.Connect(c.dir, startSocket)
	if err != nil {
		return fmt.Errorf("connect to the container process: %w", err)
	}
	defer conn.Close()
	if err := c.startContainerHooks(spec); err != nil {
		c.end()
		return startHookError{err}
	}
	if err := c.release(conn, spec); err != nil {
		c.end()
		return err
	}
	return c.poststart(spec)
}

// release says go, and waits until exec has closed the connection.
func (c *Container) release(conn *os.File, spec *specs.Spec) error {
	if err := sys.SendMessage(conn, []byte{1}); err != nil {
		return fmt.Errorf("start the container process: %w", err)
	}
	if err := c.untilExec(conn, spec); err != nil {
		return err
	}
	if err := c.outcome(); err != nil {
		return err
	}
	for _, name := range []string{startSocket, progressFile} {
		if err := os.Remove(c.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// untilExec waits for the end of the connection; a filter that asks an agent has its listener
// taken before.
func (c *Container) untilExec(conn *os.File, spec *specs.Spec) error {
	for {
		point, listener, err := launch.ReadPoint(conn, func() int { return c.state.Pid })
		switch {
		case errors.Is(err, launch.ErrClosed):
			return nil
		case err != nil:
			return err
		case point != plan.SyncListener:
			return fmt.Errorf("the container process waits at SYNC %s, which is no part of start", point)
		}
		err = c.sendListener(spec, Created, c.state.Pid, listener)
		listener.Close()
		if err != nil {
			return err
		}
		if err := launch.Answer(conn, point); err != nil {
			return err
		}
	}
}

// outcome reads the page of a container that another rung created. Between the start and
// EXEC there is only the load of the seccomp filter.
func (c *Container) outcome() error {
	progress, err := c.progress()
	if err != nil {
		return err
	}
	defer progress.Close()
	errno, executes := progress.Errno(), progress.Op() == c.state.ExecOp
	switch {
	case errno == 0 && executes:
		return nil
	case errno == 0:
		return errors.New("the container process was killed before it could execute the program")
	case !executes:
		return fmt.Errorf("linux.seccomp: load the filter: %w", errno)
	}
	spec, err := c.Spec()
	if err != nil {
		return err
	}
	return notExecuted{spec.Process.Args[0], errno}
}

// progress opens the page of a container that another rung created, and that was not started.
func (c *Container) progress() (*launch.Progress, error) {
	file, err := os.OpenFile(c.path(progressFile), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return launch.OpenProgress(file)
}

// awaitsStart reports whether the process of a created container still waits for start. The socket alone does not tell: a
// start that was killed leaves it behind.
func (c *Container) awaitsStart() (bool, error) {
	progress, err := c.progress()
	executes := false
	if err == nil {
		executes = progress.Op() == c.state.ExecOp
		progress.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// The socket last: start removes it first.
	_, err = sys.Stat(c.path(startSocket))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && !executes, err
}

// notExecuted is a launch.Failure of a container that another rung created.
type notExecuted struct {
	program string
	errno   syscall.Errno
}

func (e notExecuted) Error() string        { return fmt.Sprintf("exec %s: %v", e.program, e.errno) }
func (e notExecuted) Unwrap() error        { return e.errno }
func (e notExecuted) Is(target error) bool { return target == ErrExec }

func (c *Container) poststart(spec *specs.Spec) error {
	if spec.Hooks == nil || len(spec.Hooks.Poststart) == 0 {
		return nil
	}
	if err := runHooks(spec.Hooks.Poststart, "poststart", c.OCI(Running), nil); err != nil {
		c.end()
		return startHookError{err}
	}
	return nil
}
