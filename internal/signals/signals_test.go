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
