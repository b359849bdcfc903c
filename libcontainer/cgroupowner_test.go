package libcontainer

import (
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestCgroupOwner(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*specs.Spec)
		uid  uint32
		ok   bool
	}{
		"its own, writable":         {func(*specs.Spec) {}, 7, true},
		"read-only":                 {func(s *specs.Spec) { s.Mounts[0].Options = []string{"ro"} }, 0, false},
		"elsewhere":                 {func(s *specs.Spec) { s.Mounts[0].Destination = "/cgroup" }, 0, false},
		"the host's namespace":      {func(s *specs.Spec) { s.Linux.Namespaces = nil }, 0, false},
		"another's namespace":       {func(s *specs.Spec) { s.Linux.Namespaces[0].Path = "/proc/1/ns/cgroup" }, 0, false},
		"in a user namespace":       {func(s *specs.Spec) { inUserNS(s, 1000) }, 100007, true},
		"a user that is no one":     {func(s *specs.Spec) { inUserNS(s, 5) }, 0, false},
		"an unknown user namespace": {func(s *specs.Spec) { inUserNS(s, 1000); s.Linux.UIDMappings = nil }, 0, false},
	} {
		s := &specs.Spec{
			Process: &specs.Process{User: specs.User{UID: 7}},
			Mounts:  []specs.Mount{{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"rw"}}},
			Linux:   &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.CgroupNamespace}}},
		}
		c.edit(s)
		if uid, ok := cgroupOwner(s); uid != c.uid || ok != c.ok {
			t.Errorf("%s: %d, %v", name, uid, ok)
		}
	}
}

func inUserNS(s *specs.Spec, size uint32) {
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: size}}
}

func TestDelegatedFiles(t *testing.T) {
	if files := delegatedFiles(); !slices.Contains(files, "cgroup.procs") || !slices.Contains(files, "cgroup.subtree_control") {
		t.Errorf("%v", files)
	}
}
