package cgroup

import (
	"errors"
	"fmt"
	"os"
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

// TakesProcesses reports whether a process may enter the v2 cgroup: it is there, and has
// handed no controller to children, which makes the kernel refuse one (EBUSY). It is true
// where there is no v2.
func (m *Manager) TakesProcesses() bool {
	d := m.dir("")
	if d == nil {
		return true
	}
	given, err := sys.ReadControl(d.path + "/cgroup.subtree_control")
	return !isGone(err) && strings.TrimSpace(given) == ""
}

// UseUnified makes this Manager stand for another directory of the v2 hierarchy.
func (m *Manager) UseUnified(dir string) {
	if d := m.dir(""); d != nil {
		d.path = dir
	}
}
