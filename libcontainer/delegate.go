package libcontainer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// delegateCgroup hands the container's cgroup to its process's user, if it shall manage it: cgroup
// v2, a cgroup namespace of its own and a writable cgroup mount (config-linux.md, "Cgroup ownership").
// pid is a process in the container's user namespace; it is not asked for where there is none.
func (c *creation) delegateCgroup(pid int) error {
	if c.facts.Cgroups == nil || c.facts.Cgroups.Mode != host.CgroupV2 || !managesCgroup(c.spec) {
		return nil
	}
	uid := 0
	if c.spec.Process != nil {
		uid = int(c.spec.Process.User.UID)
	}
	if hasUserNS(c.spec) {
		var ok bool
		if uid, ok = hostUser(pid, uid); !ok {
			return nil // that this user does not exist is said where it is set
		}
	}
	return c.manager.Delegate(uid)
}

func managesCgroup(s *specs.Spec) bool {
	ns := namespaceOf(s, specs.CgroupNamespace)
	if ns == nil || ns.Path != "" {
		return false
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if strings.HasPrefix(m.Type, "cgroup") && path.Clean(m.Destination) == "/sys/fs/cgroup" {
			return !slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")
		}
	}
	return false
}

// hostUser asks the kernel, which knows the map of a joined user namespace too.
func hostUser(pid, uid int) (int, bool) {
	text, err := sys.ReadControl(fmt.Sprintf("/proc/%d/uid_map", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(text) {
		var inside, outside, size int
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err == nil && uid >= inside && uid-inside < size {
			return outside + uid - inside, true
		}
	}
	return 0, false
}
