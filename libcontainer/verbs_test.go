package libcontainer

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/store"
)

// endedPid is no process: the kernel gives no such number (PID_MAX_LIMIT).
const endedPid = 1<<22 + 1

// runtimeWith makes a state directory that has one container, "web".
func runtimeWith(t *testing.T, state store.State) *Runtime {
	t.Helper()
	r := &Runtime{Root: t.TempDir()}
	write(t, r, state)
	return r
}

func write(t *testing.T, r *Runtime, state store.State) {
	t.Helper()
	c, err := store.Root{Path: r.Root, Log: slog.New(slog.DiscardHandler)}.Create("web")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.State = state
	c.State.Format, c.State.ID = store.Format, "web"
	if state.Pid == 0 {
		err = c.Announce()
	} else {
		err = c.Write()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func load(t *testing.T, r *Runtime) *Container {
	t.Helper()
	c, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ownState is the state of a container whose process is this one.
func ownState() (store.State, error) {
	stat, err := sys.ReadProcessStat(os.Getpid())
	return store.State{Life: store.Life{Pid: os.Getpid(), StartTime: stat.StartTime}}, err
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
		_, err := c.Exec(t.Context(), &specs.Process{Cwd: "/", Args: []string{"true"}}, ExecOptions{})
		return err
	}
	events := func(c *Container) error { return c.Events(t.Context(), time.Second, nil) }
	for name, c := range map[string]struct {
		pid  int
		verb func(*Container) error
		want error
	}{
		"exec, stopped":   {endedPid, exec, ErrNotRunning},
		"events, stopped": {endedPid, events, ErrNotRunning},
		"exec, paused":    {os.Getpid(), exec, ErrPaused},
	} {
		state := store.State{Life: store.Life{Pid: c.pid, StartTime: stat.StartTime}}
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
	r := runtimeWith(t, store.State{Life: store.Life{Pid: endedPid, StartTime: 1}})
	for name, verb := range map[string]func(*Container) error{
		"Start": func(c *Container) error { return c.Start(t.Context()) }, "Pause": func(c *Container) error { return c.Pause(t.Context()) }, "Resume": func(c *Container) error { return c.Resume(t.Context()) },
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
		go func() { done <- second.Pause(t.Context()) }()
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

// A delete that waited for a delete must leave alone what has the name by now.
func TestDeleteAfterADelete(t *testing.T) {
	state := store.State{Life: store.Life{Pid: endedPid, StartTime: 1}}
	r := runtimeWith(t, state)
	first, second := load(t, r), load(t, r)
	if err := os.RemoveAll(filepath.Join(r.Root, "web")); err != nil {
		t.Fatal(err)
	}
	write(t, r, state)
	if err := first.Delete(t.Context(), false); !errors.Is(err, ErrNotExist) {
		t.Errorf("delete: %v", err)
	}
	if err := second.Delete(t.Context(), true); err != nil {
		t.Errorf("delete with force: %v", err)
	}
	if err := second.Pause(t.Context()); !errors.Is(err, ErrNotExist) {
		t.Errorf("pause: %v", err)
	}
	load(t, r) // the other container
}

// A delete that waited for a create finds its process.
func TestDeleteAfterACreate(t *testing.T) {
	r := runtimeWith(t, store.State{})
	c := load(t, r)
	stat, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	c.disk.State.Pid, c.disk.State.StartTime = os.Getpid(), stat.StartTime
	if err := c.disk.Write(); err != nil { // as the create does
		t.Fatal(err)
	}
	c.disk.State.Pid = 0
	if err := c.Delete(t.Context(), false); err == nil || !strings.Contains(err.Error(), "that is not stopped: running") {
		t.Errorf("delete without force: %v", err)
	}
	load(t, r)
}

// The configuration is kept late: until then a container that is being made has none.
func TestSpecOfACreate(t *testing.T) {
	r := &Runtime{Root: filepath.Join(t.TempDir(), "state")}
	making, err := r.store().Create("web")
	if err != nil {
		t.Fatal(err)
	}
	defer making.Close()
	if err := making.LockNew(t.Context()); err != nil {
		t.Fatal(err)
	}
	making.State = store.State{Format: store.Format, About: store.About{ID: "web"}}
	if err := making.Announce(); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, r).Spec(); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), "web is being created by process ") {
		t.Errorf("error %v", err)
	}
}
