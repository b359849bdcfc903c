package cgroup

import (
	"path"
	"path/filepath"
	"strings"

	"rung/libcontainer/host"
)

// inner returns the cgroup's path below a hierarchy: linux.cgroupsPath, or the
// container's id without one. It is cleaned as if it began at the hierarchy's
// top, so no ".." leads out; whether it is absolute is kept, for the two are
// resolved differently (config-linux.md, Cgroups Path).
func inner(cfg Config) (string, bool) {
	p := cfg.Path
	if p == "" {
		p = cfg.ID
	}
	return path.Clean("/" + p), path.IsAbs(p)
}

// leaf returns the directory of the cgroup in one hierarchy.
//
// An absolute path starts at the mountpoint. A relative one starts at the
// caller's own cgroup on v1. On pure v2 it starts one above that: the caller's
// cgroup holds processes, so it cannot hand controllers down. The v2 hierarchy
// of a hybrid machine has next to no controllers and starts at the mountpoint,
// as runc has it.
func leaf(h *host.Hierarchy, mode host.CgroupMode, p string, abs bool) string {
	switch {
	case abs, h.V2 && mode == host.CgroupHybrid:
		return h.Mountpoint + p
	case h.V2:
		return path.Join(h.Mountpoint, path.Dir(ownBelow(h)), p)
	}
	return path.Join(h.Mountpoint, ownBelow(h), p)
}

// ownBelow is the caller's cgroup as seen below the mountpoint. In a container
// without a cgroup namespace the mount shows only the part of the hierarchy
// under Root, while /proc/self/cgroup gives paths from the very top.
func ownBelow(h *host.Hierarchy) string {
	rel, err := filepath.Rel(path.Clean(h.Root), path.Clean("/"+h.Own))
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "/"
	}
	return path.Join("/", rel)
}
