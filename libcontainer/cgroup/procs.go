package cgroup

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// Pids returns the processes of the cgroup and its sub-cgroups, sorted. It returns none if the cgroup does not exist,
// and ErrNotExist if the container has a cgroup in no hierarchy.
func (m *Manager) Pids() ([]int, error) {
	d := m.main()
	if d == nil {
		return nil, ErrNotExist
	}
	pids, err := pidsBelow(d.path)
	if err != nil && isGone(err) {
		return nil, nil
	}
	return pids, err
}

// HasMain reports whether the cgroup is there that Pids reads.
func (m *Manager) HasMain() bool {
	d := m.main()
	return d != nil && exists(d.path)
}

// Anywhere returns the processes that are in the cgroup in any of the hierarchies, sorted: on cgroup v1 a process may be moved into
// one of them alone.
func (m *Manager) Anywhere() ([]int, error) {
	var pids []int
	for i := range m.dirs {
		found, err := pidsBelow(m.dirs[i].path)
		if err != nil && !isGone(err) {
			return nil, err
		}
		pids = append(pids, found...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

func pidsBelow(dir string) ([]int, error) {
	pids, err := appendPids(nil, dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// appendPids walks the tree. It skips sub-cgroups that vanish during the walk.
func appendPids(pids []int, dir string) ([]int, error) {
	text, err := sys.ReadControl(dir + "/cgroup.procs")
	if err == syscall.EOPNOTSUPP { // a threaded cgroup lists only threads
		text, err = sys.ReadControl(dir + "/cgroup.threads")
	}
	if err != nil {
		return pids, fmt.Errorf("read %s/cgroup.procs: %w", dir, err)
	}
	for s := range strings.FieldsSeq(text) {
		pid, err := strconv.Atoi(s)
		if err != nil {
			return pids, fmt.Errorf("parse %s/cgroup.procs: %q is not a process", dir, s)
		}
		pids = append(pids, pid)
	}
	subs, err := children(dir)
	if err != nil && !isGone(err) {
		return pids, err
	}
	for _, s := range subs {
		var err error
		if pids, err = appendPids(pids, s); err != nil && !isGone(err) {
			return pids, err
		}
	}
	return pids, nil
}

// children lists the sub-cgroups of dir. A link count of 2 means that there are none, which saves reading a directory
// of a hundred files.
func children(dir string) ([]string, error) {
	if n, err := sys.DirLinks(dir); err != nil || n == 2 {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() {
			out = append(out, dir+"/"+e.Name())
		}
	}
	return out, nil
}
