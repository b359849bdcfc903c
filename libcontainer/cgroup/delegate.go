package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// delegateList names the files of a cgroup that may be handed to a user (Linux
// 4.15; cgroup-v2.rst, Delegation).
const delegateList = "/sys/kernel/cgroup/delegate"

// Delegate makes a user of the host the owner of the v2 cgroup: of the directory
// and of the files that the kernel lists for it, so that the container can make
// cgroups below its own but not change its limits (config-linux.md, Cgroup
// ownership). Groups stay as they are. On v1 nothing is done: no part of it is
// safe to hand out. A rootless caller that may not is no error.
func (m *Manager) Delegate(uid int) error {
	d := m.dir("")
	if d == nil || len(m.dirs) > 1 {
		return nil
	}
	for _, name := range append([]string{"."}, delegatedFiles()...) {
		err := os.Chown(d.path+"/"+name, uid, -1)
		switch {
		case err == nil, errors.Is(err, syscall.ENOENT): // not every controller is there
		case m.cfg.Rootless && isPermission(err):
			return nil
		default:
			return fmt.Errorf("delegate the cgroup to user %d: %w", uid, err)
		}
	}
	return nil
}

func delegatedFiles() []string {
	text, err := sys.ReadControl(delegateList)
	if err != nil { // sysfs may be hidden
		return []string{"cgroup.procs", "cgroup.threads", "cgroup.subtree_control"}
	}
	return strings.Fields(text)
}

// Nest is for one more process of a container whose process pid has made cgroups
// below its own: where the container's v2 cgroup has handed its controllers to
// children and takes no process itself (EBUSY), this Manager stands for the
// cgroup that pid is in, as runc has it (runc#2356).
func (m *Manager) Nest(pid int) {
	d := m.dir("")
	if d == nil {
		return
	}
	given, err := sys.ReadControl(d.path + "/cgroup.subtree_control")
	if err != nil || strings.TrimSpace(given) == "" {
		return
	}
	if place := placeOf(d.mount, pid); strings.HasPrefix(place, d.path+"/") {
		d.path = place
	}
}

// placeOf returns the v2 directory of a process, "" if it is not below the mount.
func placeOf(mount string, pid int) string {
	text, err := sys.ReadControl(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(text) {
		if p, ok := strings.CutPrefix(line, "0::"); ok {
			return path.Join(mount, strings.TrimSuffix(p, "\n"))
		}
	}
	return ""
}
