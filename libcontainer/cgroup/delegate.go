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

// Delegate makes uid, a user of the host, the owner of the v2 cgroup's directory and of the files that the kernel
// lists in delegateList. The container can then make cgroups below its own but not change its limits (config-linux.md,
// Cgroup ownership). Delegate does not change the group. It does nothing where the container has a v1 cgroup: no part
// of v1 is safe to delegate. A rootless caller without permission gets no error.
func (m *Manager) Delegate(uid int) error {
	d := m.dir("")
	if d == nil || len(m.dirs) > 1 {
		return nil
	}
	for _, name := range append([]string{"."}, delegatedFiles()...) {
		err := os.Chown(d.path+"/"+name, uid, -1)
		switch {
		case err == nil, errors.Is(err, syscall.ENOENT): // a cgroup lacks the files of controllers that are not enabled
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

// TakesProcesses reports whether a process can enter the v2 cgroup: it exists and enables no controller for its
// children. The kernel refuses processes (EBUSY) otherwise. TakesProcesses is true where there is no v2.
func (m *Manager) TakesProcesses() bool {
	d := m.dir("")
	if d == nil {
		return true
	}
	given, err := sys.ReadControl(d.path + "/cgroup.subtree_control")
	return !isGone(err) && strings.TrimSpace(given) == ""
}

// UseUnified changes the v2 directory that this Manager works on to dir.
func (m *Manager) UseUnified(dir string) {
	if d := m.dir(""); d != nil {
		d.path = dir
	}
}
