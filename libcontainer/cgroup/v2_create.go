package cgroup

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// enableControllers makes every controller of the top available in d: it writes cgroup.subtree_control from the top
// down to d's parent. A controller that cannot be enabled (not delegated, or a cgroup holds processes) is no error
// here. If a limit needs it, Set returns an error with the reason. Below a threaded parent a new cgroup is "domain
// invalid" and useless until it becomes threaded too (cgroup-v2.rst, Threads).
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

// joinThreaded makes a cgroup threaded if it is in a threaded tree.
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

// enableDown enables all controllers for the children of each directory from top to dir.
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
	// EBUSY means that dir holds processes. The kernel would still enable cpu, cpuset and pids if they were written
	// alone. But that would make somebody else's cgroup a threaded domain, and the cgroups below it could not hold a
	// process (cgroup-v2.rst, Threads).
	err = sys.WriteControl(file, "+"+strings.Join(names, " +"))
	if err == nil || errors.Is(err, syscall.EBUSY) {
		return
	}
	for _, n := range names { // one refused controller must not prevent the others
		_ = sys.WriteControl(file, "+"+n)
	}
}

// whyMissing returns the reason why the cgroup lacks a controller: the v2 hierarchy lacks it, or which ancestor does
// not enable it. It returns "" if no reason is found.
func (d *cgroupDir) whyMissing(controller string) string {
	if !listed(d.mount+"/cgroup.controllers", controller) {
		if !inKernel(controller) {
			return "this kernel has no controller " + controller
		}
		return "controller " + controller + " is not available in the v2 hierarchy (in use by v1, or not in the kernel)"
	}
	dir := d.mount
	for part := range strings.SplitSeq(strings.TrimPrefix(d.path, d.mount+"/"), "/") {
		if !listed(dir+"/cgroup.subtree_control", controller) {
			return "controller " + controller + " is not delegated: " + dir + "/cgroup.subtree_control does not enable it" + inTheWay(dir, controller)
		}
		dir += "/" + part
	}
	return ""
}

// inKernel reports whether the kernel has a controller, as far as can be known: /proc/cgroups names those that are built for v1, in
// its words.
func inKernel(controller string) bool {
	text, err := sys.ReadSmall("/proc/cgroups")
	if err != nil || slices.Contains([]string{"io", "memory", "cpuset"}, controller) { // blkio; MEMCG_V1, CPUSETS_V1
		return true
	}
	return strings.Contains(text, "\n"+controller+"\t")
}

// threadedControllers are those that a threaded tree has (cgroup-v2.rst, "Threads").
var threadedControllers = []string{"cpu", "cpuset", "perf_event", "pids"}

// inTheWay returns why dir cannot enable a controller for its children: it is in a threaded tree, or it holds processes
// (cgroup-v2.rst, "Threads", "No Internal Process Constraint"). Neither is so for the root cgroup, which has no cgroup.type.
func inTheWay(dir, controller string) string {
	kind, err := sys.ReadControl(dir + "/cgroup.type")
	if err != nil {
		return ""
	}
	kind = strings.TrimSpace(kind)
	if kind != "domain" && !slices.Contains(threadedControllers, controller) {
		return ", and cannot: it is in a threaded tree (cgroup.type is \"" + kind + "\"), which has only the controllers " +
			strings.Join(threadedControllers, ", ")
	}
	if text, err := sys.ReadControl(dir + "/cgroup.procs"); err != nil || text == "" {
		return ""
	}
	return ", and cannot: it has processes, which must move to a cgroup below it"
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
