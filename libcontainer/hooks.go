package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/hook"
	"rung/libcontainer/launch"
)

// runHooks runs a list of hooks in its order; the first failure ends it.
func runHooks(list []specs.Hook, name string, state *specs.State, start hook.Start) error {
	for i := range list {
		if err := runHook(list, i, name, state, start); err != nil {
			return err
		}
	}
	return nil
}

func runHook(list []specs.Hook, i int, name string, state *specs.State, start hook.Start) error {
	return hook.Run(context.Background(), list[i], fmt.Sprintf("hooks.%s[%d]", name, i), state, start)
}

// runCreateHooks runs those of create: prestart and createRuntime on the host,
// createContainer in the container's namespaces, before the root is changed.
func (c *creation) runCreateHooks(kind compile.ActionKind, root *os.File) error {
	h := c.spec.Hooks
	c.state.Pid = c.hands.Pid()
	state := c.OCI(Creating)
	switch kind {
	case compile.RunPrestart:
		return runHooks(h.Prestart, "prestart", state, nil) //nolint:staticcheck // deprecated, and part of the specification
	case compile.RunCreateRuntime:
		return runHooks(h.CreateRuntime, "createRuntime", state, nil)
	}
	inside, err := newInsideHooks(c.Container, c.spec, root)
	if err != nil {
		return err
	}
	defer inside.pidfd.Close()
	return runHooks(h.CreateContainer, "createContainer", stateInside(c.spec, state), inside.start)
}

// stateInside is what a hook inside reads: the PID is that of the container's namespace.
func stateInside(spec *specs.Spec, s *specs.State) *specs.State {
	inside := *s
	if ns := namespaceOf(spec, specs.PIDNamespace); ns != nil && ns.Path == "" {
		inside.Pid = 1
	}
	return &inside
}

// insideHooks spawns the hooks of createContainer in the namespaces of a container, by a plan of
// their own.
type insideHooks struct {
	pidfd  *os.File
	flags  uint64
	root   *os.File // where the hooks start
	userns bool
}

func newInsideHooks(c *Container, spec *specs.Spec, root *os.File) (*insideHooks, error) {
	pidfd, err := sys.PidfdOpen(c.state.Pid)
	if err != nil {
		return nil, err
	}
	in := &insideHooks{pidfd: pidfd, root: root, userns: c.state.UserNS}
	for _, ns := range spec.Linux.Namespaces {
		in.flags |= compile.NamespaceFlag(ns.Type)
	}
	return in, nil
}

func (in *insideHooks) start(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (hook.Process, error) {
	streams, err := newStreams(stdout, stderr)
	if err != nil {
		return nil, err
	}
	defer streams.closeWriters()
	progress, err := launch.NewProgress(false)
	if err != nil {
		return nil, err
	}
	hands, err := launch.Start(launch.Request{
		Plan:  compile.Hook(compile.HookInput{Hook: h, Flags: in.flags, UserNS: in.userns}),
		Slots: []*os.File{in.pidfd, in.root}, Progress: progress,
		Stdio: [3]*os.File{stdin, streams.out[1], streams.err[1]},
	})
	if err != nil {
		return nil, err
	}
	if _, _, err := hands.Next(); !errors.Is(err, launch.ErrRunning) {
		hands.Abort()
		return nil, cmp.Or(err, errors.New("the hands wait at a SYNC, which is no part of a hook"))
	}
	defer hands.Close()
	return &insideProcess{pid: hands.Pid(), streams: streams}, nil
}

// streams copies what a hook writes.
type streams struct {
	out, err [2]*os.File
	done     sync.WaitGroup
}

func newStreams(stdout, stderr io.Writer) (*streams, error) {
	s := &streams{}
	for _, pair := range []struct {
		pipe *[2]*os.File
		to   io.Writer
	}{{&s.out, stdout}, {&s.err, stderr}} {
		r, w, err := os.Pipe()
		if err != nil {
			s.closeWriters()
			return nil, err
		}
		*pair.pipe = [2]*os.File{r, w}
		s.done.Add(1)
		go func() {
			defer s.done.Done()
			_, _ = io.Copy(pair.to, r)
			r.Close()
		}()
	}
	return s, nil
}

func (s *streams) closeWriters() {
	for _, p := range []*[2]*os.File{&s.out, &s.err} {
		if p[1] != nil {
			p[1].Close()
			p[1] = nil
		}
	}
}

// closeReaders ends the copying.
func (s *streams) closeReaders() {
	s.out[0].Close()
	s.err[0].Close()
}

type insideProcess struct {
	pid     int
	streams *streams
	killed  sync.Once
}

// exitError reads like that of os/exec.
type exitError struct{ status syscall.WaitStatus }

func (e *exitError) Error() string {
	if e.status.Signaled() {
		return "signal: " + e.status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", e.status.ExitStatus())
}

// Wait reaps the hook, and waits for its output: not for long where another process has it too.
func (p *insideProcess) Wait() error {
	status, err := sys.Wait(p.pid)
	if err != nil {
		return err
	}
	late := time.AfterFunc(hook.OutputGrace, p.streams.closeReaders)
	p.streams.done.Wait()
	late.Stop()
	if status.ExitStatus() != 0 {
		return &exitError{status}
	}
	return nil
}

// Kill ends the hook's session: the plan makes it a leader.
func (p *insideProcess) Kill() error {
	p.killed.Do(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		p.streams.closeReaders()
	})
	return nil
}
