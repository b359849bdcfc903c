package cgroup

import (
	"path"
	"path/filepath"
	"strings"

	"rung/libcontainer/host"
)

// inner returns the cgroup's path below a hierarchy: linux.cgroupsPath, or the container's id if that is empty. inner
// cleans the path as if it began at the hierarchy's top, so that no ".." leads out. The second result reports whether
// the path was absolute, because absolute and relative paths are resolved differently (config-linux.md, Cgroups Path).
func inner(cfg Config) (string, bool) {
	p := cfg.Path
	if p == "" {
		p = cfg.ID
	}
	return path.Clean("/" + p), path.IsAbs(p)
}

// leaf returns the directory of the cgroup in one hierarchy.
//
// An absolute path starts at the mountpoint. On v1 a relative path starts at the caller's own cgroup. On pure v2 it
// starts at the parent of that cgroup, because the caller's cgroup holds processes and therefore cannot enable
// controllers for children. In the v2 hierarchy of a hybrid machine, which has hardly any controllers, every path
// starts at the mountpoint, as with runc.
func leaf(h *host.Hierarchy, mode host.CgroupMode, p string, abs bool) string {
	switch {
	case abs, h.V2 && mode == host.CgroupHybrid:
		return h.Mountpoint + p
	case h.V2:
		return path.Join(h.Mountpoint, path.Dir(ownBelow(h)), p)
	}
	return path.Join(h.Mountpoint, ownBelow(h), p)
}

// ownBelow returns the path of the caller's cgroup below the mountpoint. In a container without a cgroup namespace the
// mount shows only the part of the hierarchy under Root, while the paths in /proc/self/cgroup begin at the real top.
func ownBelow(h *host.Hierarchy) string {
	rel, err := filepath.Rel(path.Clean(h.Root), path.Clean("/"+h.Own))
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "/"
	}
	return path.Join("/", rel)
}
