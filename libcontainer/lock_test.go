package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A program that goes on after a verb must not keep others from the container.
func TestVerbsGiveTheLockBack(t *testing.T) {
	r := &Runtime{Root: t.TempDir()}
	dir := filepath.Join(r.Root, "web")
	if err := os.Mkdir(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	state := sampleState()
	state.Pid = 0 // it has stopped
	if err := os.WriteFile(filepath.Join(dir, stateFile), state.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
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
