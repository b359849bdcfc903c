package sys

import (
	"fmt"
	"os"
	"strings"
)

// Placement is where a process is in one cgroup hierarchy: a line of /proc/PID/cgroup (cgroups(7)).
type Placement struct {
	Controllers []string // of v1; none on v2, and where the hierarchy has but a name
	Name        string   // of a v1 hierarchy: "systemd" of name=systemd
	V2          bool
	Path        string // from the root of the reader's cgroup namespace: "/a/b", with "/.." for what is above
}

// Placements returns the cgroups of a process. A line that is not understood is an error.
func Placements(pid int) ([]Placement, error) {
	return readPlacements("/proc/" + itoa(pid) + "/cgroup")
}

// OwnPlacements returns those of this process, also where /proc is that of another PID namespace.
func OwnPlacements() ([]Placement, error) { return readPlacements("/proc/self/cgroup") }

func readPlacements(path string) ([]Placement, error) {
	text, err := ReadControl(path)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	placements, err := ParsePlacements(text)
	if err != nil {
		return nil, &os.PathError{Op: "parse", Path: path, Err: err}
	}
	return placements, nil
}

// ParsePlacements reads the text of such a file.
func ParsePlacements(text string) ([]Placement, error) {
	var out []Placement
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		id, rest, ok1 := strings.Cut(line, ":")
		names, path, ok2 := strings.Cut(rest, ":")
		if !ok1 || !ok2 || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("malformed line %q", line)
		}
		p := Placement{Path: path, V2: id == "0" && names == ""}
		for n := range strings.SplitSeq(names, ",") {
			if s, named := strings.CutPrefix(n, "name="); named {
				p.Name = s
			} else if n != "" {
				p.Controllers = append(p.Controllers, n)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// Labels are what the file calls the hierarchy: its controllers, "name=systemd", or "" for the unified one.
func (p *Placement) Labels() []string {
	switch {
	case p.V2:
		return []string{""}
	case p.Name != "":
		return append(p.Controllers[:len(p.Controllers):len(p.Controllers)], "name="+p.Name)
	}
	return p.Controllers
}

// InUnifiedCgroup reports whether a process is in the cgroup v2 directory dir.
func InUnifiedCgroup(pid int, dir string) (bool, error) {
	path, err := UnifiedCgroup(pid)
	return path != "" && path != "/" && strings.HasSuffix(dir, path), err
}

// UnifiedCgroup returns the cgroup v2 of a process, as /proc/PID/cgroup names it; "" where there is no such hierarchy.
func UnifiedCgroup(pid int) (string, error) {
	placements, err := Placements(pid)
	for _, p := range placements {
		if p.V2 {
			return p.Path, nil
		}
	}
	return "", err
}
