package cgroup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"syscall"
)

var errCause = errors.New("ended by SIGTERM")

func endingSoon(t *testing.T) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errCause) })
	return ctx
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestFrozenAt(t *testing.T) {
	for _, test := range []struct {
		name    string
		key     string
		files   map[string]string
		at, top string // below the mountpoint
	}{
		{"v2", "", map[string]string{"a/cgroup.freeze": "0\n", "a/b/cgroup.freeze": "0\n"}, "", ""},
		{"v2 above", "", map[string]string{"a/cgroup.freeze": "1\n", "a/b/cgroup.freeze": "0\n"}, "a", "a"},
		{"v2 itself", "", map[string]string{"a/cgroup.freeze": "0\n", "a/b/cgroup.freeze": "1\n"}, "a/b", ""},
		{"v2 both", "", map[string]string{"a/cgroup.freeze": "1\n", "a/b/cgroup.freeze": "1\n"}, "a/b", "a"},
		{"v1", "freezer", map[string]string{"a/b/freezer.state": "THAWED\n", "a/freezer.state": "THAWED\n", "a/b/freezer.self_freezing": "1\n"}, "", ""},
		{"v1 above", "freezer", map[string]string{
			"a/b/freezer.state": "FROZEN\n", "a/b/freezer.self_freezing": "0\n",
			"a/freezer.state": "FROZEN\n", "a/freezer.self_freezing": "1\n",
		}, "a", "a"},
		{"v1 freezing", "freezer", map[string]string{
			"a/b/freezer.state": "FREEZING\n", "a/b/freezer.self_freezing": "1\n", "a/freezer.state": "THAWED\n",
		}, "a/b", ""},
		{"v1 above the mountpoint", "freezer", map[string]string{
			"a/b/freezer.state": "FROZEN\n", "a/b/freezer.self_freezing": "0\n",
			"a/freezer.state": "FROZEN\n", "a/freezer.self_freezing": "0\n",
		}, "a/b", "a"},
		{"gone", "freezer", nil, "", ""},
	} {
		mount := t.TempDir()
		for name, text := range test.files {
			put(t, filepath.Join(mount, name), text)
		}
		m := &Manager{dirs: []cgroupDir{{path: mount + "/a/b", mount: mount, keys: []string{test.key}, v2: test.key == ""}}}
		for what, ask := range map[string]struct {
			call func() (string, error)
			want string
		}{"FrozenAt": {m.FrozenAt, test.at}, "FrozenAbove": {m.FrozenAbove, test.top}} {
			at, err := ask.call()
			if rel, _ := strings.CutPrefix(at, mount+"/"); rel != ask.want || err != nil {
				t.Errorf("%s: %s: %q, %v, want %q", test.name, what, at, err, ask.want)
			}
		}
	}
}

// An error is no answer.
func TestFrozenAtUnknown(t *testing.T) {
	mount := t.TempDir()
	if err := os.MkdirAll(mount+"/a/b/freezer.state", 0o755); err != nil {
		t.Fatal(err)
	}
	m := &Manager{dirs: []cgroupDir{{path: mount + "/a/b", mount: mount, keys: []string{"freezer"}}}}
	if at, err := m.FrozenAt(); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("%q, %v", at, err)
	}
}

// A process that does not stand still: the freeze ends with the context, and the cgroup is thawed.
func TestFreezeEndsWithTheContext(t *testing.T) {
	f := newTree(t).file("cgroup.events", "populated 1\nfrozen 0\n").file("cgroup.freeze", "0\n")
	m := &Manager{dirs: []cgroupDir{{path: f.top + "/c", mount: f.top, keys: []string{""}, v2: true}}}
	m.SetContext(endingSoon(t))
	begin := time.Now()
	err := m.Freeze()
	if !errors.Is(err, errCause) || !strings.Contains(err.Error(), "waiting for all processes to stand still: ended by SIGTERM") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > freezeLimit/2 {
		t.Errorf("took %v", took)
	}
	f.want("cgroup.freeze", "0")
}

// A cgroup that stays busy: a directory that is not empty in the role of one with processes.
func TestDestroyEndsWithTheContext(t *testing.T) {
	f := newTree(t).file("cgroup.procs", "1\n")
	m := &Manager{dirs: []cgroupDir{{path: f.top + "/c", mount: f.top, keys: []string{""}, v2: true}}}
	m.SetContext(endingSoon(t))
	begin := time.Now()
	err := m.Destroy()
	if want := "waiting for the processes of " + f.top + "/c to end: ended by SIGTERM"; !errors.Is(err, errCause) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if took := time.Since(begin); took > rmdirLimit {
		t.Errorf("took %v", took)
	}
}
