package cgroup

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
)

// Manages reports whether the container's process is to manage its cgroup: it has a cgroup namespace of its own and a
// writable cgroup mount (config-linux.md, "Cgroup ownership").
func Manages(s *specs.Spec) bool {
	if !bundle.IsNew(s, specs.CgroupNamespace) {
		return false
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if strings.HasPrefix(m.Type, "cgroup") && path.Clean(m.Destination) == "/sys/fs/cgroup" {
			return !slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")
		}
	}
	return false
}

// DirectoryOf returns the directory of the unified cgroup that a process is in, "" if it can not be seen.
func DirectoryOf(h *host.Cgroups, pid int) (string, error) {
	below, err := sys.UnifiedCgroup(pid)
	if below == "" {
		return "", err
	}
	for i := range h.Hierarchies {
		hierarchy := &h.Hierarchies[i]
		if !hierarchy.V2 {
			continue
		}
		if rel, err := filepath.Rel(hierarchy.Root, below); err == nil && filepath.IsLocal(rel) {
			return filepath.Join(hierarchy.Mountpoint, rel), nil
		}
		break
	}
	return "", nil
}
