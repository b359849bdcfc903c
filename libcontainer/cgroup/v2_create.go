package cgroup

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// enableControllers makes every controller of the top available in d, by
// cgroup.subtree_control from the top to d's parent. What cannot be enabled
// (not delegated, processes in the way) is no error here: it is one, with the
// reason, when a limit needs it. A parent in threaded mode leaves d as "domain
// invalid", good for nothing until it is threaded too (cgroup-v2.rst, Threads).
func (m *Manager) enableControllers(d *cgroupDir) error {
	parent := path.Dir(d.path)
	want, err := readText(d.mount, "cgroup.controllers")
	if err != nil {
		return err
	}
	if len(want) > 1 {
		if have, err := readText(d.path, "cgroup.controllers"); err != nil {
			return err
		} else if have != want {
			enableDown(d.mount, parent)
		}
	}
	return d.joinThreaded(d.path)
}

// joinThreaded makes a cgroup of a threaded tree threaded as well.
func (d *cgroupDir) joinThreaded(dir string) error {
	if path.Dir(dir) == d.mount { // the top is never threaded
		return nil
	}
	kind, err := sys.ReadControl(dir + "/cgroup.type")
	if err == nil && kind == "domain invalid\n" {
		if err := sys.WriteControl(dir+"/cgroup.type", "threaded"); err != nil {
			return fmt.Errorf("cgroup %s is in a threaded tree: write cgroup.type: %w", dir, err)
		}
	}
	return nil
}

// enableDown enables all controllers for the children of each directory from
// top to dir.
func enableDown(top, dir string) {
	if len(dir) > len(top) {
		enableDown(top, path.Dir(dir))
	}
	avail, err := sys.ReadControl(dir + "/cgroup.controllers")
	if err != nil {
		return
	}
	names := strings.Fields(avail)
	if len(names) == 0 {
		return
	}
	file := dir + "/cgroup.subtree_control"
	// EBUSY: dir has processes. Alone, cpu, cpuset and pids would be granted, and make a threaded
	// domain of somebody's cgroup, with no place below for a process (cgroup-v2.rst, Threads).
	err = sys.WriteControl(file, "+"+strings.Join(names, " +"))
	if err == nil || errors.Is(err, syscall.EBUSY) {
		return
	}
	for _, n := range names { // one refused controller must not cost the others
		_ = sys.WriteControl(file, "+"+n)
	}
}

// whyMissing tells where on the way down a controller got lost.
func (d *cgroupDir) whyMissing(controller string) string {
	if !listed(d.mount+"/cgroup.controllers", controller) {
		return "controller " + controller + " is not available in the v2 hierarchy (in use by v1, or not in the kernel)"
	}
	dir := d.mount
	for part := range strings.SplitSeq(strings.TrimPrefix(d.path, d.mount+"/"), "/") {
		if !listed(dir+"/cgroup.subtree_control", controller) {
			return "controller " + controller + " is not delegated: " + dir + "/cgroup.subtree_control does not enable it" + inTheWay(dir)
		}
		dir += "/" + part
	}
	return ""
}

// inTheWay: a cgroup with processes hands no controllers down, but for the top (cgroup-v2.rst, "No
// Internal Process Constraint").
func inTheWay(dir string) string {
	if text, err := sys.ReadControl(dir + "/cgroup.procs"); err != nil || text == "" {
		return ""
	}
	return ", and can not: it has processes, which must move to a cgroup below it"
}

func listed(file, name string) bool {
	text, err := sys.ReadControl(file)
	if err != nil {
		return false
	}
	for f := range strings.FieldsSeq(text) {
		if f == name {
			return true
		}
	}
	return false
}
