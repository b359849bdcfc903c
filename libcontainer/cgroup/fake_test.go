package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rung/libcontainer/host"
)

// tree is a directory in the role of a hierarchy with one cgroup "c".
type tree struct {
	t   *testing.T
	top string
}

func newTree(t *testing.T) tree { return tree{t, t.TempDir()} }

// file makes a control file of the cgroup.
func (f tree) file(name, content string) tree {
	f.t.Helper()
	p := filepath.Join(f.top, "c", name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
	return f
}

// files makes empty control files.
func (f tree) files(names ...string) tree {
	f.t.Helper()
	for _, n := range names {
		f.file(n, "")
	}
	return f
}

func (f tree) read(name string) string {
	f.t.Helper()
	b, err := os.ReadFile(filepath.Join(f.top, "c", name))
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.TrimRight(string(b), "\n")
}

func (f tree) want(name, content string) {
	f.t.Helper()
	if got := f.read(name); got != content {
		f.t.Errorf("%s: %q, want %q", name, got, content)
	}
}

// v2 makes a manager with the tree as the unified hierarchy. The controllers are available at the top and in the cgroup.
func (f tree) v2(controllers string) *Manager {
	f.t.Helper()
	f.file("cgroup.controllers", controllers+"\n")
	for _, n := range []string{"cgroup.controllers", "cgroup.subtree_control"} {
		if err := os.WriteFile(filepath.Join(f.top, n), []byte(controllers+"\n"), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
	h := &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{{Mountpoint: f.top, V2: true, Root: "/", Own: "/"}}}
	return Load(h, map[string]string{"": f.top + "/c"})
}

// v1 makes a manager with all the named controllers in one hierarchy.
func (f tree) v1(controllers ...string) *Manager {
	f.t.Helper()
	h := &host.Cgroups{Mode: host.CgroupV1, Hierarchies: []host.Hierarchy{{Mountpoint: f.top, Controllers: controllers, Root: "/", Own: "/"}}}
	paths := map[string]string{}
	for _, c := range controllers {
		paths[c] = f.top + "/c"
	}
	f.files()
	if err := os.MkdirAll(f.top+"/c", 0o755); err != nil {
		f.t.Fatal(err)
	}
	return Load(h, paths)
}

// fresh marks the cgroup as made by this manager.
func fresh(m *Manager) *Manager {
	for i := range m.dirs {
		m.dirs[i].fresh = true
	}
	return m
}

func ptr[T any](v T) *T { return &v }

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one with %q", parts)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not contain %q", err, p)
		}
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("unexpected error: %v", err)
	}
}
