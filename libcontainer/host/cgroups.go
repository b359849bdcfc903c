package host

import (
	"path"
	"slices"
	"strings"

	"rung/internal/sys"
)

// CgroupMode says which cgroup hierarchies this machine has.
type CgroupMode int

const (
	// CgroupV1 has a hierarchy for each controller or for several controllers together.
	CgroupV1 CgroupMode = iota
	// CgroupV2 has the unified hierarchy only, at /sys/fs/cgroup.
	CgroupV2
	// CgroupHybrid has its controllers on v1 and a cgroup2 mount as well.
	CgroupHybrid
)

// String returns "v1", "v2" or "hybrid".
func (m CgroupMode) String() string {
	switch m {
	case CgroupV2:
		return "v2"
	case CgroupHybrid:
		return "hybrid"
	}
	return "v1"
}

// Hierarchy is one mounted cgroup hierarchy.
type Hierarchy struct {
	Mountpoint  string   `json:"mountpoint"`            // "/sys/fs/cgroup/memory"
	Controllers []string `json:"controllers,omitempty"` // v1: {"cpu","cpuacct"}; nil for v2 and for a named hierarchy
	Name        string   `json:"name,omitempty"`        // name of a named v1 hierarchy ("systemd" of name=systemd), else ""
	V2          bool     `json:"v2,omitempty"`
	Root        string   `json:"root"` // the mount's root inside the hierarchy (mountinfo field 4)
	Own         string   `json:"own"`  // the calling process's cgroup in it, from /proc/self/cgroup
}

// Cgroups lists the cgroup hierarchies that the calling process sees.
type Cgroups struct {
	Mode        CgroupMode  `json:"mode"`
	Hierarchies []Hierarchy `json:"hierarchies"`
}

const (
	cgroupMount  = "/sys/fs/cgroup"
	unifiedMount = cgroupMount + "/unified"
)

// ProbeCgroups finds the mounted cgroup hierarchies and the caller's cgroup in
// each. A machine without cgroups gives no hierarchy and no error. Errors are those
// of reading /proc/self/cgroup and /proc/self/mountinfo, and of statfs(2).
//
// It first checks, by file system type and inode, whether every hierarchy of
// /proc/self/cgroup is mounted whole at its usual place. It reads mountinfo only
// if one is not, because mountinfo grows with the containers of the machine (about
// 2 us for each mount).
func ProbeCgroups() (*Cgroups, error) {
	lines, err := sys.OwnPlacements()
	if err != nil {
		return nil, err
	}
	pure, err := isFs(cgroupMount, sys.Cgroup2SuperMagic)
	if err != nil {
		return nil, err
	}
	if pure {
		return &Cgroups{Mode: CgroupV2, Hierarchies: []Hierarchy{unified(lines, cgroupMount, "/")}}, nil
	}
	if c, err := usualPlaces(lines); c != nil || err != nil {
		return c, err
	}
	mounts, err := sys.OwnMounts()
	if err != nil {
		return nil, err
	}
	return fromMounts(mounts, lines, isFs)
}

// isFs reports whether path is on a file system with that magic number. A path that does not exist is not, and any other
// error is returned: if rung took a hierarchy for missing, the container would lose its limits there.
func isFs(path string, magic int64) (bool, error) {
	m, err := sys.FsMagic(path)
	return err == nil && m == magic, sys.UnlessAbsent(err)
}

func hierarchy(p *sys.Placement, mountpoint, root string) Hierarchy {
	return Hierarchy{
		Mountpoint: mountpoint, Controllers: p.Controllers, Name: p.Name,
		V2: p.V2, Root: root, Own: p.Path,
	}
}

// usualPlaces returns nil if a v1 hierarchy is not mounted from its top at
// /sys/fs/cgroup/NAMES. The top of a hierarchy has inode 1, and the top of a bind
// mount of a part of it has another inode.
func usualPlaces(lines []sys.Placement) (*Cgroups, error) {
	c := &Cgroups{Hierarchies: make([]Hierarchy, 0, len(lines))}
	for i := range lines {
		l := &lines[i]
		mountpoint, magic := cgroupMount+"/", int64(sys.CgroupSuperMagic)
		switch {
		case l.V2:
			mountpoint, magic = unifiedMount, sys.Cgroup2SuperMagic
		case l.Name != "":
			mountpoint += l.Name
		default:
			mountpoint += strings.Join(l.Controllers, ",")
		}
		mounted, err := isFs(mountpoint, magic)
		switch {
		case err != nil:
			return nil, err
		case !mounted && l.V2:
			continue // pure v1
		case !mounted:
			return nil, nil
		}
		st, err := sys.Stat(mountpoint)
		if err != nil {
			return nil, err
		}
		if st.Ino != 1 {
			return nil, nil
		}
		c.add(hierarchy(l, mountpoint, "/"))
	}
	if c.Mode == CgroupHybrid && len(c.Hierarchies) == 1 {
		return nil, nil
	}
	return c, nil
}

func (c *Cgroups) add(h Hierarchy) {
	if h.V2 {
		c.Mode = CgroupHybrid
	}
	c.Hierarchies = append(c.Hierarchies, h)
}

func unified(lines []sys.Placement, mountpoint, root string) Hierarchy {
	for i := range lines {
		if lines[i].V2 {
			return hierarchy(&lines[i], mountpoint, root)
		}
	}
	return Hierarchy{Mountpoint: mountpoint, V2: true, Root: root, Own: "/"}
}

// fromMounts matches the cgroup mounts of a mountinfo with the
// hierarchies of /proc/self/cgroup. It leaves out a mount that is hidden under
// another one: isFs reports whether the mountpoint still shows the file system.
func fromMounts(all []*sys.Mount, lines []sys.Placement, isFs func(string, int64) (bool, error)) (*Cgroups, error) {
	mounts := cgroupMounts(all)
	c := &Cgroups{}
	for i := range lines {
		l := &lines[i]
		if l.V2 {
			continue
		}
		for _, m := range mounts {
			if v2(m) || !carries(m, l) {
				continue
			}
			shown, err := isFs(m.Mountpoint, sys.CgroupSuperMagic)
			if err != nil {
				return nil, err
			}
			if shown {
				c.add(hierarchy(l, m.Mountpoint, m.Root))
				break
			}
		}
	}
	v1 := len(c.Hierarchies)
	for _, m := range mounts {
		// Beside v1, a cgroup2 mount with another name is private to some program (BPF agents make one).
		usual := v1 == 0 || path.Base(m.Mountpoint) == path.Base(unifiedMount)
		if !v2(m) || !usual {
			continue
		}
		shown, err := isFs(m.Mountpoint, sys.Cgroup2SuperMagic)
		if err != nil {
			return nil, err
		}
		if shown {
			c.add(unified(lines, m.Mountpoint, m.Root))
			break
		}
	}
	if v1 == 0 && len(c.Hierarchies) > 0 {
		c.Mode = CgroupV2
	}
	return c, nil
}

func v2(m *sys.Mount) bool { return m.FSType == "cgroup2" }

// carries reports whether a mount shows the hierarchy of l: the superblock options
// contain all its controllers, or its name.
func carries(m *sys.Mount, l *sys.Placement) bool {
	options := strings.Split(m.VFSOptions, ",")
	if l.Name != "" {
		return slices.Contains(options, "name="+l.Name)
	}
	for _, c := range l.Controllers {
		if !slices.Contains(options, c) {
			return false
		}
	}
	return len(l.Controllers) > 0
}

// cgroupMounts lists the cgroup mounts: only the last one of each mountpoint, and
// first those that show a whole hierarchy.
func cgroupMounts(all []*sys.Mount) (out []*sys.Mount) {
	for _, m := range all {
		if m.FSType != "cgroup" && m.FSType != "cgroup2" {
			continue
		}
		out = slices.DeleteFunc(out, func(o *sys.Mount) bool { return o.Mountpoint == m.Mountpoint })
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b *sys.Mount) int { return len(a.Root) - len(b.Root) })
	return out
}
