package status

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"rung/internal/sys"
	"rung/libcontainer/store"
)

// A status that is asked while a create is under way is not "stopped" when the create ends before the lock is
// looked at (crun's test "state-created").
func TestOfACreateThatEnds(t *testing.T) {
	root := store.Root{Path: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	making, err := root.Create("web")
	if err != nil {
		t.Fatal(err)
	}
	defer making.Close()
	making.State = store.State{Format: store.Format, About: store.About{ID: "web"}}
	if err := making.Announce(); err != nil {
		t.Fatal(err)
	}
	load := func() *store.Container {
		c, err := root.Load("web")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	c, gone, under := load(), load(), load()
	if err := making.LockNew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := Of(under); now != Creating || err != nil {
		t.Errorf("%q, %v, want creating", now, err)
	}
	making.Unlock()
	self, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	making.State.Pid, making.State.StartTime = os.Getpid(), self.StartTime
	if err := making.Write(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(making.Path(store.StartSocket), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if now, err := Of(c); now != Created || err != nil {
		t.Errorf("%q, %v, want created", now, err)
	}
	if err := os.RemoveAll(filepath.Join(root.Path, "web")); err != nil {
		t.Fatal(err)
	}
	if now, err := Of(gone); !errors.Is(err, store.ErrNotExist) {
		t.Errorf("%q, %v of a create that failed, want %v", now, err, store.ErrNotExist)
	}
}
