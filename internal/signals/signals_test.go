package signals

import (
	"syscall"
	"testing"
)

func TestNext(t *testing.T) {
	want := []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP, 40, syscall.SIGCHLD}
	q, err := Catch(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range want {
		if err := syscall.Kill(syscall.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		got, err := q.Next()
		if err != nil || got != s {
			t.Errorf("got %v, %v after %v was sent", got, err, s)
		}
	}
}

func TestInterrupts(t *testing.T) {
	all, err := Catch([]syscall.Signal{syscall.SIGTERM, syscall.SIGINT})
	if err != nil {
		t.Fatal(err)
	}
	i, err := CatchInterrupts()
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		divert bool
		from   *Queue
	}{{false, &i.Queue}, {true, all}, {false, &i.Queue}} {
		i.Divert(step.divert)
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			if err := syscall.Kill(syscall.Getpid(), s); err != nil {
				t.Fatal(err)
			}
			if got, err := step.from.Next(); err != nil || got != s {
				t.Errorf("diverted %v: got %v, %v after %v was sent", step.divert, got, err, s)
			}
		}
	}
}
