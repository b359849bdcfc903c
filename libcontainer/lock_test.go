package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// runtimeWith makes a state directory that has one container, "web".
func runtimeWith(t *testing.T, state State) *Runtime {
	t.Helper()
	r := &Runtime{Root: t.TempDir()}
	dir := filepath.Join(r.Root, "web")
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, stateFile), state.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// The errors that doc.go tells programs to look for.
func TestErrorsOfExecAndEvents(t *testing.T) {
	stat, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	freezer := t.TempDir()
	if err := os.WriteFile(filepath.Join(freezer, "freezer.self_freezing"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exec := func(c *Container) error {
		_, err := c.Exec(&specs.Process{Cwd: "/", Args: []string{"true"}}, ExecOptions{})
		return err
	}
	events := func(c *Container) error { return c.Events(time.Second, nil) }
	for name, c := range map[string]struct {
		pid  int
		verb func(*Container) error
		want error
	}{
		"exec, stopped":   {0, exec, ErrNotRunning},
		"events, stopped": {0, events, ErrNotRunning},
		"exec, paused":    {os.Getpid(), exec, ErrPaused},
	} {
		state := sampleState()
		state.Pid, state.StartTime, state.Unit, state.Early = c.pid, stat.StartTime, "", false
		state.CgroupPaths = map[string]string{"freezer": freezer}
		container, err := runtimeWith(t, state).Load("web")
		if err != nil {
			t.Fatal(err)
		}
		defer container.Close()
		if err := c.verb(container); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A program that goes on after a verb must not keep others from the container.
func TestVerbsGiveTheLockBack(t *testing.T) {
	state := sampleState()
	state.Pid = 0 // it has stopped
	r := runtimeWith(t, state)
	for name, verb := range map[string]func(*Container) error{
		"Start": (*Container).Start, "Pause": (*Container).Pause, "Resume": (*Container).Resume,
	} {
		first, err := r.Load("web")
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		if err := verb(first); err == nil {
			t.Errorf("%s of a stopped container is no error", name)
		}
		second, err := r.Load("web")
		if err != nil {
			t.Fatal(err)
		}
		defer second.Close()
		done := make(chan error, 1)
		go func() { done <- second.Pause() }()
		select {
		case err := <-done:
			if !errors.Is(err, ErrNotRunning) {
				t.Errorf("after %s: %v", name, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s keeps the lock", name)
		}
	}
}
