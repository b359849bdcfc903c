package cgroup

import (
	"strings"
	"testing"

	"rung/libcontainer/host"
)

func v1Host(root, own string) *host.Cgroups {
	return &host.Cgroups{Mode: host.CgroupHybrid, Hierarchies: []host.Hierarchy{
		{Mountpoint: "/cg/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}, Root: root, Own: own},
		{Mountpoint: "/cg/systemd", Name: "systemd", Root: "/", Own: "/init.scope"},
		{Mountpoint: "/cg/openrc", Name: "openrc", Root: "/", Own: "/"},
		{Mountpoint: "/cg/unified", V2: true, Root: "/", Own: "/user.slice/s.scope"},
	}}
}

func v2Host(own string) *host.Cgroups {
	return &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{
		{Mountpoint: "/cg", V2: true, Root: "/", Own: own},
	}}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		name string
		h    *host.Cgroups
		path string
		key  string
		want string
	}{
		{"v1 empty: id below own", v1Host("/", "/own"), "", "cpu", "/cg/cpu,cpuacct/own/id"},
		{"v1 relative", v1Host("/", "/own"), "a/b", "cpuacct", "/cg/cpu,cpuacct/own/a/b"},
		{"v1 absolute", v1Host("/", "/own"), "/a/b", "cpu", "/cg/cpu,cpuacct/a/b"},
		{"v1 without cgroup namespace", v1Host("/docker/x", "/docker/x/y"), "c", "cpu", "/cg/cpu,cpuacct/y/c"},
		{"v1 own outside the mount", v1Host("/docker/x", "/other"), "c", "cpu", "/cg/cpu,cpuacct/c"},
		{"named", v1Host("/", "/own"), "c", "name=systemd", "/cg/systemd/init.scope/c"},
		{"hybrid v2 relative", v1Host("/", "/own"), "c", "", "/cg/unified/c"},
		{"hybrid v2 absolute", v1Host("/", "/own"), "/c", "", "/cg/unified/c"},
		{"v2 empty: beside own", v2Host("/user/s.scope"), "", "", "/cg/user/id"},
		{"v2 at the top", v2Host("/"), "a", "", "/cg/a"},
		{"v2 absolute", v2Host("/user/s.scope"), "/a", "", "/cg/a"},
		{"relative dots stay inside", v1Host("/", "/own"), "../../../a", "cpu", "/cg/cpu,cpuacct/own/a"},
		{"absolute dots stay inside", v2Host("/"), "/x/../../../etc", "", "/cg/etc"},
	} {
		m, err := New(c.h, Config{ID: "id", Path: c.path})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := m.Paths()[c.key]; got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if _, ok := m.Paths()["name=openrc"]; ok {
			t.Errorf("%s: joins a foreign named hierarchy", c.name)
		}
	}
}

func TestRootCgroupIsRefused(t *testing.T) {
	for _, p := range []string{"/", ".", "..", "/..", "a/.."} {
		_, err := New(v2Host("/"), Config{ID: "id", Path: p})
		if err == nil || !strings.Contains(err.Error(), "linux.cgroupsPath") {
			t.Errorf("%q: error %v, want one that names linux.cgroupsPath", p, err)
		}
	}
}

func TestNoHierarchy(t *testing.T) {
	if _, err := New(&host.Cgroups{}, Config{ID: "id"}); err == nil {
		t.Error("no error without a hierarchy")
	}
	m, err := New(&host.Cgroups{}, Config{ID: "id", Rootless: true})
	if err != nil || len(m.Paths()) != 0 {
		t.Errorf("rootless: %v, %v", m, err)
	}
}

func TestLoadGivesThePathsBack(t *testing.T) {
	h := v1Host("/", "/own")
	m, err := New(h, Config{ID: "id"})
	if err != nil {
		t.Fatal(err)
	}
	want := m.Paths()
	want["pids"] = "/elsewhere/pids/id" // its hierarchy is not mounted there now
	l := Load(h, want)
	got := l.Paths()
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for k, p := range want {
		if got[k] != p {
			t.Errorf("%s: %q, want %q", k, got[k], p)
		}
	}
	if l.dir("cpu") != l.dir("cpuacct") {
		t.Error("comounted controllers became two directories")
	}
}
