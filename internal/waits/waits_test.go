package waits

import (
	"context"
	"errors"
	"testing"
	"time"
)

var errCause = errors.New("ended by SIGTERM")

func ending(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(errCause) })
	return ctx
}

func TestWhile(t *testing.T) {
	what := func() string { return "the moon" }
	woken := make(chan struct{})
	err := While(ending(t), what, func() { close(woken) }, func() error { <-woken; return errors.New("socket closed") })
	if err == nil || err.Error() != "waiting for the moon: ended by SIGTERM" || !errors.Is(err, errCause) {
		t.Errorf("got %v", err)
	}
	ctx := ending(t)
	own := func() error { <-ctx.Done(); return Ended(ctx, "a hook") }
	if err := While(ctx, what, func() {}, own); err == nil || err.Error() != "waiting for a hook: ended by SIGTERM" {
		t.Errorf("got %v", err)
	}
	errOther := errors.New("other")
	if err := While(t.Context(), what, func() { t.Error("called") }, func() error { return errOther }); err != errOther {
		t.Errorf("got %v", err)
	}
	if err := While(context.Background(), what, nil, func() error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestBeside(t *testing.T) {
	if n, err := Beside(t.Context(), "", func() (int, error) { return 7, nil }, nil); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	release, late := make(chan struct{}), make(chan int)
	_, err := Beside(ending(t), "the moon", func() (int, error) { <-release; return 7, nil }, func(n int) { late <- n })
	if err == nil || err.Error() != "waiting for the moon: ended by SIGTERM" {
		t.Errorf("got %v", err)
	}
	close(release)
	if n := <-late; n != 7 {
		t.Errorf("late: got %d", n)
	}
}

func TestForCleanUp(t *testing.T) {
	live, cancel := context.WithCancel(t.Context())
	if ctx, done := ForCleanUp(live); ctx != live {
		t.Error("another context")
	} else {
		done()
	}
	cancel()
	ctx, done := ForCleanUp(live)
	defer done()
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || !ok || time.Until(deadline) > CleanUp {
		t.Errorf("%v, deadline %v", ctx.Err(), deadline)
	}
}
