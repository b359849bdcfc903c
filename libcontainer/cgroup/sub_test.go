package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

func subManager(t *testing.T) (*Manager, string) {
	t.Helper()
	top := t.TempDir()
	for _, dir := range []string{"memory/c/sub", "cpu/c", "unified/c", "memory/c-sibling"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return &Manager{dirs: []cgroupDir{
		{path: top + "/memory/c", keys: []string{"memory"}}, {path: top + "/cpu/c", keys: []string{"cpu", "cpuacct"}},
		{path: top + "/unified/c", keys: []string{""}, v2: true},
	}}, top
}

func TestSub(t *testing.T) {
	for _, c := range []struct {
		names map[string]string
		want  map[string]string // below the directory of the hierarchy
		err   string
	}{
		{map[string]string{"memory": "sub"}, map[string]string{"memory": "/memory/c/sub", "cpu": "/cpu/c", "": "/unified/c"}, ""},
		{map[string]string{"memory": "/"}, map[string]string{"memory": "/memory/c"}, ""},
		{map[string]string{"cpu": "a", "cpuacct": "/a/"}, map[string]string{"cpu": "/cpu/c/a", "cpuacct": "/cpu/c/a"}, ""},
		{map[string]string{"cpu": "a", "cpuacct": "b"}, nil, "the controllers cpu,cpuacct are in one hierarchy, and take one sub-cgroup"},
		{map[string]string{"": "sub"}, map[string]string{"memory": "/memory/c/sub", "cpu": "/cpu/c/sub", "": "/unified/c"}, ""},
		{map[string]string{"memory": ".."}, nil, "bad sub cgroup path: .."},
		{map[string]string{"memory": "../c-sibling"}, nil, "bad sub cgroup path: ../c-sibling"},
		{map[string]string{"": "sub/../../c-sibling/x"}, nil, "bad sub cgroup path: sub/../../c-sibling/x"},
		{map[string]string{"pids": "sub"}, nil, "unknown controller pids"},
	} {
		m, top := subManager(t)
		sub, err := m.Sub(c.names)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%v: error %v, want %s", c.names, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", c.names, err)
			continue
		}
		for key, want := range c.want {
			if got := sub.Paths()[key]; got != top+want {
				t.Errorf("%v: %q is at %s, want %s", c.names, key, got, top+want)
			}
		}
		if m.Paths()["memory"] != top+"/memory/c" {
			t.Errorf("%v: changes the container's own", c.names)
		}
	}
}
