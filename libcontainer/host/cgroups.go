package host

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"rung/internal/sys"
)

// CgroupMode says which cgroup hierarchies this machine has.
type CgroupMode int

const (
	// CgroupV1 has one hierarchy for each controller, or a few together.
	CgroupV1 CgroupMode = iota
	// CgroupV2 has the unified hierarchy only, at /sys/fs/cgroup.
	CgroupV2
	// CgroupHybrid has its controllers on v1 and a cgroup2 mount beside them.
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
	Mountpoint  string   // "/sys/fs/cgroup/memory"
	Controllers []string // v1: {"cpu","cpuacct"}; nil on v2 and for named ones
	Name        string   // v1 named hierarchy ("systemd" of name=systemd), else ""
	V2          bool
	Root        string // the mount's root inside the hierarchy (mountinfo field 4)
	Own         string // path of the calling process in it, from /proc/self/cgroup
}

// Cgroups is what the calling process sees of the cgroup filesystems.
type Cgroups struct {
	Mode        CgroupMode
	Hierarchies []Hierarchy
}

const (
	cgroupMount  = "/sys/fs/cgroup"
	unifiedMount = cgroupMount + "/unified"
)

// ProbeCgroups finds the mounted cgroup hierarchies and the caller's place in
// each. A machine without any gives no hierarchy and no error. Errors are those
// of reading /proc/self/cgroup and /proc/self/mountinfo.
//
// Where every hierarchy of /proc/self/cgroup is mounted whole at its usual
// place, which is checked by filesystem type and inode, mountinfo is not read:
// its cost grows with the containers of the machine (~2 us a mount).
func ProbeCgroups() (*Cgroups, error) {
	own, err := sys.ReadControl("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("read /proc/self/cgroup: %w", err)
	}
	lines, err := parseProcCgroup(own)
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
	mi, err := sys.ReadControl("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read /proc/self/mountinfo: %w", err)
	}
	return fromMountinfo(mi, lines, isFs)
}

// isFs: an error is no answer. A hierarchy that is taken for missing would leave the container without its limits.
func isFs(path string, magic int64) (bool, error) {
	m, err := sys.FsMagic(path)
	return err == nil && m == magic, sys.UnlessAbsent(err)
}

// procCgroup is one line of /proc/PID/cgroup (cgroups(7)).
type procCgroup struct {
	controllers []string // nil for v2 and for a named hierarchy
	name        string
	v2          bool
	path        string
}

func parseProcCgroup(text string) ([]procCgroup, error) {
	var out []procCgroup
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		id, rest, ok1 := strings.Cut(line, ":")
		names, p, ok2 := strings.Cut(rest, ":")
		if !ok1 || !ok2 || !strings.HasPrefix(p, "/") {
			return nil, fmt.Errorf("/proc/self/cgroup: malformed line %q", line)
		}
		c := procCgroup{path: p, v2: id == "0" && names == ""}
		for n := range strings.SplitSeq(names, ",") {
			if s, named := strings.CutPrefix(n, "name="); named {
				c.name = s
			} else if n != "" {
				c.controllers = append(c.controllers, n)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func (c *procCgroup) at(mountpoint, root string) Hierarchy {
	return Hierarchy{
		Mountpoint: mountpoint, Controllers: c.controllers, Name: c.name,
		V2: c.v2, Root: root, Own: c.path,
	}
}

// usualPlaces returns nil if a v1 hierarchy is not mounted from its top at
// /sys/fs/cgroup/NAMES. The inode of the top of a hierarchy is 1; a bind mount
// of a part of it has another.
func usualPlaces(lines []procCgroup) (*Cgroups, error) {
	c := &Cgroups{Hierarchies: make([]Hierarchy, 0, len(lines))}
	for i := range lines {
		l := &lines[i]
		at, magic := cgroupMount+"/", int64(sys.CgroupSuperMagic)
		switch {
		case l.v2:
			at, magic = unifiedMount, sys.Cgroup2SuperMagic
		case l.name != "":
			at += l.name
		default:
			at += strings.Join(l.controllers, ",")
		}
		there, err := isFs(at, magic)
		switch {
		case err != nil:
			return nil, err
		case !there && l.v2:
			continue // pure v1
		case !there:
			return nil, nil
		}
		st, err := sys.Stat(at)
		if err != nil {
			return nil, err
		}
		if st.Ino != 1 {
			return nil, nil
		}
		c.add(l.at(at, "/"))
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

func unified(lines []procCgroup, mountpoint, root string) Hierarchy {
	for i := range lines {
		if lines[i].v2 {
			return lines[i].at(mountpoint, root)
		}
	}
	return Hierarchy{Mountpoint: mountpoint, V2: true, Root: root, Own: "/"}
}

// fromMountinfo matches the cgroup mounts of a mountinfo text with the
// hierarchies of /proc/self/cgroup. isFs tells if a mountpoint still shows a
// filesystem: a mount hidden under another one is not listed.
func fromMountinfo(text string, lines []procCgroup, isFs func(string, int64) (bool, error)) (*Cgroups, error) {
	mounts := cgroupMounts(text)
	c := &Cgroups{}
	for i := range lines {
		l := &lines[i]
		if l.v2 {
			continue
		}
		for _, m := range mounts {
			if m.v2 || !m.carries(l) {
				continue
			}
			shown, err := isFs(m.mountpoint, sys.CgroupSuperMagic)
			if err != nil {
				return nil, err
			}
			if shown {
				c.add(l.at(m.mountpoint, m.root))
				break
			}
		}
	}
	v1 := len(c.Hierarchies)
	for _, m := range mounts {
		// Beside v1, a cgroup2 mount elsewhere is somebody's own (BPF agents do it).
		usual := v1 == 0 || path.Base(m.mountpoint) == path.Base(unifiedMount)
		if !m.v2 || !usual {
			continue
		}
		shown, err := isFs(m.mountpoint, sys.Cgroup2SuperMagic)
		if err != nil {
			return nil, err
		}
		if shown {
			c.add(unified(lines, m.mountpoint, m.root))
			break
		}
	}
	if v1 == 0 && len(c.Hierarchies) > 0 {
		c.Mode = CgroupV2
	}
	return c, nil
}

type cgroupMountLine struct {
	root, mountpoint string
	options          []string // of the superblock
	v2               bool
}

// carries says if the mount is of the hierarchy of l: the superblock options
// name all its controllers, or its name.
func (m *cgroupMountLine) carries(l *procCgroup) bool {
	if l.name != "" {
		return slices.Contains(m.options, "name="+l.name)
	}
	for _, c := range l.controllers {
		if !slices.Contains(m.options, c) {
			return false
		}
	}
	return len(l.controllers) > 0
}

// cgroupMounts lists the cgroup mounts of a mountinfo text, the last one of a
// mountpoint only, those that show the whole hierarchy first (proc(5)).
func cgroupMounts(text string) []cgroupMountLine {
	var out []cgroupMountLine
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		if !ok || !strings.HasPrefix(right, "cgroup") {
			continue
		}
		f, s := strings.Fields(left), strings.Fields(right)
		if len(f) < 6 || len(s) < 3 || (s[0] != "cgroup" && s[0] != "cgroup2") {
			continue
		}
		m := cgroupMountLine{
			root: sys.UnescapeMountinfo(f[3]), mountpoint: sys.UnescapeMountinfo(f[4]),
			options: strings.Split(s[len(s)-1], ","), v2: s[0] == "cgroup2",
		}
		out = slices.DeleteFunc(out, func(o cgroupMountLine) bool { return o.mountpoint == m.mountpoint })
		out = append(out, m)
	}
	slices.SortStableFunc(out, func(a, b cgroupMountLine) int { return len(a.root) - len(b.root) })
	return out
}
