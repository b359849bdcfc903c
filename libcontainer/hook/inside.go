package hook

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
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/launch"
)

// Inside starts hooks of createContainer in the namespaces of a container, each by a plan of its own.
type Inside struct {
	Launcher *launch.Launcher
	Root     *os.File // the container's root, where the hooks start
	UserNS   bool     // the container's user namespace is not rung's

	ctx   context.Context // ends the wait for the stage of a hook
	pidfd *os.File
	flags uint64 // the namespaces
}

// Open opens the container's first process. The caller closes the Inside.
func (in *Inside) Open(ctx context.Context, pid int, spec *specs.Spec) (err error) {
	in.ctx = ctx
	if in.pidfd, err = sys.PidfdOpen(pid); err != nil {
		return err
	}
	for _, ns := range spec.Linux.Namespaces {
		in.flags |= bundle.NamespaceFlag(ns.Type)
	}
	return nil
}

// Close closes what Open has opened.
func (in *Inside) Close() { in.pidfd.Close() }

// Start is the Start for Run.
func (in *Inside) Start(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (Process, error) {
	streams, err := NewStreams(stdout, stderr)
	if err != nil {
		return nil, err
	}
	defer streams.CloseWriters()
	progress, err := launch.NewProgress(false)
	if err != nil {
		return nil, err
	}
	stage, err := in.Launcher.Start(launch.Request{
		Plan:  compile.Hook(compile.HookInput{Hook: h, Flags: in.flags, UserNS: in.UserNS}),
		Slots: []*os.File{in.pidfd, in.Root}, Progress: progress,
		Stdio: streams.Stdio(stdin),
	})
	if err != nil {
		return nil, err
	}
	next := func() (err error) {
		_, _, err = stage.Next()
		return err
	}
	if err := stage.Until(in.ctx, next); !errors.Is(err, launch.ErrRunning) {
		stage.Abort()
		return nil, cmp.Or(err, errors.New("the stage waits at a SYNC, which is no part of a hook"))
	}
	defer stage.Close()
	return streams.Process(stage.Pid()), nil
}

// Streams copies what a hook in the container writes.
type Streams struct {
	out, err [2]*os.File
	done     sync.WaitGroup
}

// NewStreams begins to copy to stdout and stderr.
func NewStreams(stdout, stderr io.Writer) (*Streams, error) {
	s := &Streams{}
	for _, pair := range []struct {
		pipe *[2]*os.File
		to   io.Writer
	}{{&s.out, stdout}, {&s.err, stderr}} {
		r, w, err := os.Pipe()
		if err != nil {
			s.CloseWriters()
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

// Stdio returns the standard streams of the hook.
func (s *Streams) Stdio(stdin *os.File) [3]*os.File { return [3]*os.File{stdin, s.out[1], s.err[1]} }

// CloseWriters closes the hook's ends, once the hook has them.
func (s *Streams) CloseWriters() {
	for _, p := range []*[2]*os.File{&s.out, &s.err} {
		if p[1] != nil {
			p[1].Close()
			p[1] = nil
		}
	}
}

// closeReaders ends the copying.
func (s *Streams) closeReaders() {
	s.out[0].Close()
	s.err[0].Close()
}

// Process returns the running hook of a PID, which is a child of this program and leads a session.
func (s *Streams) Process(pid int) Process { return &insideProcess{pid: pid, streams: s} }

type insideProcess struct {
	pid     int
	streams *Streams
	killed  sync.Once
}

// ExitError is the failure of a process, in the words of os/exec.
type ExitError struct{ Status syscall.WaitStatus }

func (e *ExitError) Error() string {
	if e.Status.Signaled() {
		return "signal: " + e.Status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", e.Status.ExitStatus())
}

// Wait reaps the hook and waits for its output, for OutputGrace at most: another process may have the pipe too.
func (p *insideProcess) Wait() error {
	status, err := sys.Wait(p.pid)
	if err != nil {
		return err
	}
	late := time.AfterFunc(OutputGrace, p.streams.closeReaders)
	p.streams.done.Wait()
	late.Stop()
	if status.ExitStatus() != 0 {
		return &ExitError{status}
	}
	return nil
}

// PID returns the hook's PID.
func (p *insideProcess) PID() int { return p.pid }

// Kill kills the hook's process group: the plan has made it a leader.
func (p *insideProcess) Kill() error {
	p.killed.Do(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		p.streams.closeReaders()
	})
	return nil
}
