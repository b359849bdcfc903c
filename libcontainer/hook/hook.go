// Package hook runs the hooks of config.json ("POSIX-platform Hooks"). It runs them on the host, or with a function of
// the caller if they must run in the container's namespaces.
package hook

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/waits"
	"rung/libcontainer/launch"
)

// State is the state of the container, which a hook reads from its standard input.
type State = specs.State

// Process is a running hook.
type Process interface {
	// Wait returns when the hook has ended and all its output has been written to stdout and stderr. The error is nil for
	// exit status 0, else an *exec.ExitError or an error with the same text.
	Wait() error
	// Kill kills the hook. If the hook has a timeout, Kill also kills its children. After Kill, Wait must not wait for
	// output.
	Kill() error
	// PID returns the hook's PID.
	PID() int
}

// Note tells others which hook runs: with pid 0 before there is a process, then with its PID, and with field "" when it has
// ended. A nil Note does nothing.
type Note func(field string, pid int) error

func (n Note) tell(field string, pid int) error {
	if n == nil {
		return nil
	}
	return n(field, pid)
}

// Start starts a hook with the given standard streams and returns without waiting for it. The caller of Start closes
// stdin. stdout and stderr may be files of the host: a hook on the host may have their descriptors, and one in the container may
// not.
type Start func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (Process, error)

// TimeoutError is the error for a hook that was killed because it ran for longer than its timeout.
type TimeoutError struct{ Timeout time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("hook ran past specified timeout of %.1fs", e.Timeout.Seconds())
}

// Run runs the hook h with state on its standard input, and waits for it. field is its place in config.json, such as
// "hooks.prestart[0]". If start is nil, the hook runs on the host in the bundle's directory.
//
// The output goes to the files that the annotations of state name, if they name any (bundle.AnnotationHooksStdout).
//
// An error names field, the exit status and the end of the hook's output. It has runc's words, which engines match. Run
// kills a hook that runs longer than its timeout (*TimeoutError) or than ctx (the error of ctx). A hook on the host with
// a timeout is killed with its process group.
func Run(ctx context.Context, h specs.Hook, field string, state *State, start Start, note Note) error {
	out, err := openOutput(state.Annotations)
	if err != nil {
		return fmt.Errorf("%s: error running %s: %w", field, title(field), err)
	}
	defer out.close()
	return runTo(ctx, h, field, state, out, start, note)
}

// runTo is Run with files that are open.
func runTo(ctx context.Context, h specs.Hook, field string, state *State, out *output, start Start, note Note) error {
	err := note.tell(field, 0)
	if err == nil {
		err = run(ctx, h, state, out, start, func(pid int) error { return note.tell(field, pid) })
		err = cmp.Or(err, note.tell("", 0))
	}
	if errors.Is(err, launch.ErrExec) {
		err = notExecuted{err}
	}
	if err != nil {
		return fmt.Errorf("%s: error running %s: %w", field, title(field), err)
	}
	return nil
}

// notExecuted is the error of a hook in the container that the kernel did not execute. It is not launch.ErrExec, which is about the
// container's program, but its errno.
type notExecuted struct{ failure error }

func (e notExecuted) Error() string { return e.failure.Error() }

func (e notExecuted) Unwrap() error {
	var errno syscall.Errno
	if errors.As(e.failure, &errno) {
		return errno
	}
	return nil
}

// title turns "hooks.prestart[0]" into runc's "prestart hook #0".
func title(field string) string {
	name, rest, ok := strings.Cut(strings.TrimPrefix(field, "hooks."), "[")
	if !ok {
		return "hook"
	}
	return name + " hook #" + strings.TrimSuffix(rest, "]")
}

func run(ctx context.Context, h specs.Hook, state *State, out *output, start Start, runs func(pid int) error) error {
	if start == nil {
		start = hostStart(state.Bundle)
	}
	document, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	stdin, feed, err := os.Pipe()
	if err != nil {
		return err
	}
	process, err := start(h, stdin, out.stdout.writer(), out.stderr.writer())
	_ = stdin.Close()
	if err != nil {
		_ = feed.Close()
		return err
	}
	fed := make(chan error, 1)
	waits.Several()
	go func() { fed <- write(feed, document) }()
	if err = runs(process.PID()); err == nil {
		err = wait(ctx, h.Timeout, process)
	} else {
		err = end(process, ended(process), err)
	}
	// The hook has ended, so stop writing to it: a process that it left behind may still hold the pipe without reading.
	_ = feed.SetWriteDeadline(time.Now())
	fedErr := <-fed
	_ = feed.Close()
	switch {
	case isExit(err):
		return fmt.Errorf("%w, stdout: %s, stderr: %s", err, &out.stdout, &out.stderr)
	case err != nil:
		return err
	default:
		return fedErr
	}
}

// isExit reports whether err is the failure of the hook itself, and not a timeout or the end of the context.
func isExit(err error) bool {
	var timeout *TimeoutError
	return err != nil && !errors.As(err, &timeout) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// write writes the state and closes the pipe. A hook need not read the state, so a broken pipe is no error, and neither
// is the deadline that run sets when the hook has ended. EPIPE comes without SIGPIPE here: the Go runtime lets SIGPIPE
// kill the program only for descriptors 1 and 2.
func write(feed *os.File, document []byte) error {
	_, err := feed.Write(document)
	_ = feed.Close()
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// wait waits for the end of the hook. It kills the hook after its timeout in seconds, or when ctx ends.
func wait(ctx context.Context, timeout *int, p Process) error {
	done := ended(p)
	var expired <-chan time.Time
	var limit time.Duration
	if timeout != nil {
		limit = time.Duration(*timeout) * time.Second
		timer := time.NewTimer(limit)
		defer timer.Stop()
		expired = timer.C
	}
	var cause error
	select {
	case err := <-done:
		return err
	case <-expired:
		cause = &TimeoutError{Timeout: limit}
	case <-ctx.Done():
		cause = waits.Ended(ctx, fmt.Sprintf("process %d", p.PID()))
	}
	return end(p, done, cause)
}

// ended returns what brings the result of Wait.
func ended(p Process) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	return done
}

// end kills the hook because of cause, which it returns, and reaps it: a hook inside the container that nobody reaps keeps the PID
// namespace, and so the container's first process.
func end(p Process, done <-chan error, cause error) error {
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) { // the signal has ended both
		return fmt.Errorf("%w, and killing it failed: %w", cause, err)
	}
	select {
	case <-done: //nolint:errcheck // it was killed, which cause explains
	case <-time.After(waits.CleanUp): // in a frozen cgroup, or in a system call that does not end
	}
	return cause
}
