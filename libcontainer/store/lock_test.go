package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"rung/internal/sys"
)

// twoHandles returns handles of one container, of which the first has the lock.
func twoHandles(t *testing.T) (first, second *Container) {
	t.Helper()
	r := rootIn(t.TempDir())
	storeState(t, r, stateFile, endedState())
	handle := func() *Container {
		c, err := r.Load("web")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	first, second = handle(), handle()
	if err := first.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// A wait that the context ends says who holds the lock, and does not get it later.
func TestLockEndsWithTheContext(t *testing.T) {
	first, second := twoHandles(t)
	errCause := errors.New("ended by SIGTERM")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(10*time.Millisecond, func() { cancel(errCause) })
	err := second.Lock(ctx)
	want := fmt.Sprintf("container web: waiting for process %d (%s", os.Getpid(), os.Args[0])
	if !errors.Is(err, errCause) || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), ", which is at work on it: ended by SIGTERM") {
		t.Errorf("error %v", err)
	}
	first.Unlock()
	if err := first.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Unlock()
	if err := second.Lock(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLockAfterAWait(t *testing.T) {
	first, second := twoHandles(t)
	done := make(chan error, 1)
	go func() { done <- second.Lock(t.Context()) }()
	time.Sleep(20 * time.Millisecond)
	first.Unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if took, err := sys.TryFlock(first.file); took || err != nil {
		t.Errorf("the lock that was waited for is not held: %v, %v", took, err)
	}
	second.Unlock()
	if took, err := sys.TryFlock(first.file); !took || err != nil {
		t.Errorf("the lock is held after Unlock: %v, %v", took, err)
	}
}

// A hook that calls is told at once. Nobody else waits for a hook for long.
func TestLockOfAHook(t *testing.T) {
	defer func(d time.Duration) { longHold = d }(longHold)
	longHold = 50 * time.Millisecond
	first, second := twoHandles(t)
	self, err := sys.OwnProcessStat()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		holder holder
		want   string
	}{
		"a process above": {holder{Process: self.Parent}, ", which has called this command"},
		"cannot be seen":  {holder{Process: 1 << 30}, ", which has called this command"},
		"another":         {holder{Process: self.Pid}, "busy for more than 50ms: "},
	} {
		h := test.holder
		if stat, err := sys.ReadProcessStat(h.Process); err == nil {
			h.StartTime = stat.StartTime
		}
		h.Hook, h.Pid = "hooks.poststart[1]", 77
		writeHolder(t, first, h)
		err := second.Lock(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "container web: busy") || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), "which is at work on it and runs hooks.poststart[1] (process 77)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func writeHolder(t *testing.T, c *Container, h holder) {
	t.Helper()
	text := fmt.Sprintf(`{"process":%d,"startTime":%d,"hook":%q,"pid":%d}`, h.Process, h.StartTime, h.Hook, h.Pid)
	if err := os.WriteFile(c.Path(hookFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What a hook that was killed with its rung has left is no hook of the next holder.
func TestLockForgetsHooks(t *testing.T) {
	first, _ := twoHandles(t)
	if err := first.NoteHook("hooks.prestart[0]", 5); err != nil {
		t.Fatal(err)
	}
	if h := first.holder(); h.Hook != "hooks.prestart[0]" || h.Pid != 5 || h.Process != os.Getpid() {
		t.Errorf("%+v", h)
	}
	if err := first.NoteHook("", 0); err != nil || first.holder().Hook != "" {
		t.Errorf("%v, %+v", err, first.holder())
	}
	if err := first.NoteHook("hooks.prestart[0]", 5); err != nil {
		t.Fatal(err)
	}
	first.Unlock()
	if err := first.Lock(t.Context()); err != nil || first.holder().Hook != "" {
		t.Errorf("%v, %+v", err, first.holder())
	}
}
