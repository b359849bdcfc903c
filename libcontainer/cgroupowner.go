package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// ownCgroup gives a container that has its cgroup to itself the right to divide it: the directory
// and the files that the kernel names belong to its user (config-linux.md, "Cgroup Ownership").
func (c *creation) ownCgroup() error {
	dir := c.state.CgroupPaths[""]
	uid, ok := cgroupOwner(c.spec)
	if !ok || dir == "" || c.facts.Cgroups.Mode != host.CgroupV2 || int(uid) == os.Geteuid() {
		return nil
	}
	for _, name := range append([]string{""}, delegatedFiles()...) {
		err := os.Lchown(filepath.Join(dir, name), int(uid), -1)
		if errors.Is(err, os.ErrPermission) && c.facts.Rootless() {
			return nil // a plain user may give nothing away
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("linux.cgroupsPath: give the cgroup to the container: %w", err)
		}
	}
	return nil
}

// cgroupOwner returns the host's id of the process's user, if the container has a cgroup
// namespace of its own and a writable mount of it.
func cgroupOwner(s *specs.Spec) (uid uint32, ok bool) {
	ns := namespaceOf(s, specs.CgroupNamespace)
	if ns == nil || ns.Path != "" || !slices.ContainsFunc(s.Mounts, writableCgroup) {
		return 0, false
	}
	uid = s.Process.User.UID
	if !hasUserNS(s) {
		return uid, true
	}
	for _, m := range s.Linux.UIDMappings {
		if uid >= m.ContainerID && uid-m.ContainerID < m.Size {
			return m.HostID + (uid - m.ContainerID), true
		}
	}
	return 0, false
}

func writableCgroup(m specs.Mount) bool {
	return m.Source == "cgroup" && filepath.Clean(m.Destination) == "/sys/fs/cgroup" &&
		!slices.Contains(m.Options, "ro") && !slices.Contains(m.Options, "rro")
}

// delegatedFiles are those that the kernel says may be given away (cgroups(7), Linux 4.15).
func delegatedFiles() []string {
	text, err := sys.ReadSmall("/sys/kernel/cgroup/delegate")
	if err != nil {
		return []string{"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
	}
	return strings.Fields(text)
}
