package libcontainer

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// endedPid is no process: the kernel gives no such number (PID_MAX_LIMIT).
const endedPid = 1<<22 + 1

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
		"exec, stopped":   {endedPid, exec, ErrNotRunning},
		"events, stopped": {endedPid, events, ErrNotRunning},
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
	state.Pid = endedPid
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

// Who waits long learns for whom.
func TestLockThatTakesLong(t *testing.T) {
	defer func(d time.Duration) { slowLock = d }(slowLock)
	slowLock = time.Millisecond
	state := sampleState()
	state.Pid = endedPid
	r := runtimeWith(t, state)
	first, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	told := make(chan string, 1)
	r.Log = slog.New(slog.NewTextHandler(writerFunc(func(text []byte) { told <- string(text) }), nil))
	second, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.lock(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- second.Pause() }()
	select {
	case text := <-told:
		if want := fmt.Sprintf("container web: waiting for process %d (%s", os.Getpid(), os.Args[0]); !strings.Contains(text, want) {
			t.Errorf("%q has no %q", text, want)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was told")
	}
	first.unlock()
	if err := <-done; !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(text []byte) (int, error) {
	f(text)
	return len(text), nil
}

// storeState writes the state of a container, and loads it.
func storeState(t *testing.T, r *Runtime, file string, state *State) *Container {
	t.Helper()
	dir := filepath.Join(r.Root, "web")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), state.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Who waits for a create under way must not go by what the state was before.
func TestLockAfterACreate(t *testing.T) {
	r := &Runtime{Root: t.TempDir()}
	state := sampleState()
	state.Pid, state.CgroupPaths, state.Unit, state.Resctrl = 0, nil, "", nil
	c := storeState(t, r, creatingFile, &state)
	stat, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	state.Pid, state.StartTime = os.Getpid(), stat.StartTime
	storeState(t, r, stateFile, &state)
	if err := c.Delete(false); err == nil || !strings.Contains(err.Error(), "that is not stopped: running") {
		t.Errorf("delete without force: %v", err)
	}
	if _, err := os.Stat(filepath.Join(r.Root, "web", stateFile)); err != nil {
		t.Error(err)
	}
}

// Who waits for a delete must leave alone what has the name by now.
func TestLockAfterADelete(t *testing.T) {
	r := &Runtime{Root: t.TempDir()}
	state := sampleState()
	state.Pid, state.CgroupPaths, state.Unit, state.Resctrl = endedPid, nil, "", nil
	first, second := storeState(t, r, stateFile, &state), storeState(t, r, stateFile, &state)
	if err := os.RemoveAll(filepath.Join(r.Root, "web")); err != nil {
		t.Fatal(err)
	}
	storeState(t, r, stateFile, &state)
	if err := first.Delete(false); !errors.Is(err, ErrNotExist) {
		t.Errorf("delete: %v", err)
	}
	if err := second.Delete(true); err != nil {
		t.Errorf("delete with force: %v", err)
	}
	if err := second.Pause(); !errors.Is(err, ErrNotExist) {
		t.Errorf("pause: %v", err)
	}
	if _, err := r.Load("web"); err != nil {
		t.Errorf("the other container: %v", err)
	}
}
