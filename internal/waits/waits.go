// Package waits ends the waits of a command with its context. The error says what was waited for, and why the wait ended.
package waits

import (
	"context"
	"errors"
	"time"
)

// CleanUp is how long what must be cleaned up after the end of a context may take, where it waits for others: a command
// that SIGTERM ends is to be gone within a second.
const CleanUp = 500 * time.Millisecond

// Several is called before several goroutines work of which one may be in a system call for long. With one processor for Go code
// the others run only when the monitor of Go's runtime has seen that, and rung's command starts it late: main puts
// nsenter.StartMonitor here.
var Several = func() {}

// Ended returns the error of a wait that the context ended: the cause, and the error of the context, for errors.Is.
func Ended(ctx context.Context, what string) error {
	return &ended{what, context.Cause(ctx), ctx.Err()}
}

type ended struct {
	what       string
	cause, err error
}

func (e *ended) Error() string   { return "waiting for " + e.what + ": " + e.cause.Error() }
func (e *ended) Unwrap() []error { return []error{e.cause, e.err} }

// While calls do, which waits. If ctx ends before, it calls end, which must make do return, and the error is Ended,
// unless do already returned the cause.
func While(ctx context.Context, what func() string, end func(), do func() error) error {
	if ctx.Done() == nil {
		return do()
	}
	called := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(called)
		end()
	})
	err := do()
	if stop() {
		return err
	}
	<-called
	if err != nil && errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return Ended(ctx, what())
}

// Beside calls do, which nothing can make return, in a goroutine of its own. If ctx ends before, the error is Ended, and
// late is called with what do returns, if it ever does. late may be nil.
func Beside[T any](ctx context.Context, what string, do func() (T, error), late func(T)) (T, error) {
	if ctx.Done() == nil {
		return do()
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := do()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
	}
	go func() {
		if r := <-done; r.err == nil && late != nil {
			late(r.value)
		}
	}()
	var none T
	return none, Ended(ctx, what)
}

// ForCleanUp returns a context for what is cleaned up: ctx, or if that has ended, one that ends CleanUp from now.
func ForCleanUp(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), CleanUp)
}
