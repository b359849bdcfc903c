// Package hook runs the hooks of config.json ("POSIX-platform Hooks"): on the
// host, or by a function of the caller's where they belong into the container's
// namespaces.
package hook

import (
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
)

// State is what a hook reads from its standard input.
type State = specs.State

// Process is a hook that runs.
type Process interface {
	// Wait returns when the hook is gone and everything that it has written has
	// been handed to its stdout and stderr. The error is nil for exit status 0,
	// and an *exec.ExitError or one that reads like it otherwise.
	Wait() error
	// Kill ends the hook, with its children where it has a timeout. After it, Wait
	// must not wait for output any more.
	Kill() error
}

// Start starts a hook, with stdin, stdout and stderr as its standard streams, and
// returns without waiting for it. stdin is closed by the caller of Start.
type Start func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (Process, error)

// TimeoutError says that a hook was killed, since it ran for longer than its
// timeout.
type TimeoutError struct{ Timeout time.Duration }

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("hook ran past specified timeout of %.1fs", e.Timeout.Seconds())
}

// Run runs the hook h with state on its standard input, and waits for it. field
// is its place in config.json, such as "hooks.prestart[0]". With start nil the
// hook runs on the host, in the bundle's directory.
//
// An error names field, the exit status and the end of what the hook has
// written, in words that engines know from runc. A hook that outlives its
// timeout is killed with its process group, one that outlives ctx is killed.
func Run(ctx context.Context, h specs.Hook, field string, state *State, start Start) error {
	if err := run(ctx, h, state, start); err != nil {
		return fmt.Errorf("%s: error running %s: %w", field, title(field), err)
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

func run(ctx context.Context, h specs.Hook, state *State, start Start) error {
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
	var stdout, stderr tail
	process, err := start(h, stdin, &stdout, &stderr)
	_ = stdin.Close()
	if err != nil {
		_ = feed.Close()
		return err
	}
	fed := make(chan error, 1)
	go func() { fed <- write(feed, document) }()
	err = wait(ctx, h.Timeout, process)
	// A hook that is gone reads no more, even if a process it left behind still
	// has the pipe: stop feeding it.
	_ = feed.SetWriteDeadline(time.Now())
	fedErr := <-fed
	_ = feed.Close()
	switch {
	case isExit(err):
		return fmt.Errorf("%w, stdout: %s, stderr: %s", err, &stdout, &stderr)
	case err != nil:
		return err
	default:
		return fedErr
	}
}

// isExit tells an exit status from a failure to run or to wait in time.
func isExit(err error) bool {
	var timeout *TimeoutError
	return err != nil && !errors.As(err, &timeout) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// write hands the state over. A hook need not read it, so a broken pipe is no
// error, and neither is the end of the hook's life. (EPIPE comes without
// SIGPIPE: the Go runtime lets that kill only for descriptors 1 and 2.)
func write(feed *os.File, document []byte) error {
	_, err := feed.Write(document)
	_ = feed.Close()
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// wait waits for the hook, its timeout in seconds, or the end of ctx.
func wait(ctx context.Context, timeout *int, p Process) error {
	done := make(chan error, 1)
	go func() { done <- p.Wait() }()
	var late <-chan time.Time
	var limit time.Duration
	if timeout != nil {
		limit = time.Duration(*timeout) * time.Second
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	var cause error
	select {
	case err := <-done:
		return err
	case <-late:
		cause = &TimeoutError{Timeout: limit}
	case <-ctx.Done():
		cause = ctx.Err()
	}
	if err := p.Kill(); err != nil {
		return fmt.Errorf("%w, and killing it failed: %w", cause, err)
	}
	<-done //nolint:errcheck // how it died is no news
	return cause
}
