package bundle

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// NamespaceOf returns the entry of linux.namespaces with that type. It returns nil if the container uses rung's namespace.
// s.Linux must not be nil (Validate).
func NamespaceOf(s *specs.Spec, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range s.Linux.Namespaces {
		if s.Linux.Namespaces[i].Type == t {
			return &s.Linux.Namespaces[i]
		}
	}
	return nil
}

func hasNamespace(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	return NamespaceOf(s, t) != nil
}

// checkNamespaces checks linux.namespaces (config-linux.md, "Namespaces").
func checkNamespaces(s *specs.Spec) error {
	list := s.Linux.Namespaces
	for i, ns := range list {
		switch ns.Type {
		case specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
			specs.UTSNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace:
		default:
			return fail(elementPath("linux.namespaces", i, ".type"), "namespace %q does not exist: one of pid, network, mount, ipc, uts, user, cgroup, time", ns.Type)
		}
		for _, earlier := range list[:i] {
			if earlier.Type == ns.Type {
				return fail(elementPath("linux.namespaces", i, ".type"), "duplicated %s namespace", ns.Type)
			}
		}
		if ns.Path == "" {
			continue
		}
		if err := absolute(elementPath("linux.namespaces", i, ".path"), ns.Path); err != nil {
			return err
		}
	}
	return nil
}

// maxExtents is UID_GID_MAP_MAX_EXTENTS of <linux/user_namespace.h> (Linux 4.15).
const maxExtents = 340

// checkIDMappings checks linux.uidMappings and linux.gidMappings. A new user namespace
// needs both; without a user namespace they are an error. Together with the path of a
// namespace to join they are allowed, because containerd and CRI-O give both. Then they
// must be equal to those of the namespace, which can only be checked on the host.
func checkIDMappings(s *specs.Spec) error {
	uids, gids := s.Linux.UIDMappings, s.Linux.GIDMappings
	ns := NamespaceOf(s, specs.UserNamespace)
	maps := [...]struct {
		field string
		list  []specs.LinuxIDMapping
	}{{"linux.uidMappings", uids}, {"linux.gidMappings", gids}}
	for _, m := range maps {
		if ns == nil {
			if len(m.list) > 0 {
				return fail(m.field, "user namespace mappings specified, but user namespace isn't enabled in the config")
			}
			continue
		}
		if ns.Path == "" {
			if len(m.list) == 0 {
				return fail(m.field, "user namespaces enabled, but no namespace path to join nor mappings to apply specified")
			}
			if !mapped(0, m.list) {
				return fail(m.field, "id 0 of the container is not mapped")
			}
		}
		if err := checkExtents(m.list, m.field); err != nil {
			return err
		}
	}
	return nil
}

// checkExtents checks an id map (user_namespaces(7), "User and group ID mappings").
// An extent must not be empty, must fit into 32 bits, and must not overlap another one,
// in the container or on the host.
func checkExtents(list []specs.LinuxIDMapping, field string) error {
	if len(list) > maxExtents {
		return fail(field, "%d mappings, the kernel takes at most %d", len(list), maxExtents)
	}
	for i, m := range list {
		if m.Size == 0 {
			return fail(elementPath(field, i, ".size"), "must be greater than zero")
		}
		if uint64(m.ContainerID)+uint64(m.Size) > noID {
			return fail(elementPath(field, i, ".size"), "container ids %d and %d more do not fit into 32 bits", m.ContainerID, m.Size)
		}
		if uint64(m.HostID)+uint64(m.Size) > noID {
			return fail(elementPath(field, i, ".size"), "host ids %d and %d more do not fit into 32 bits", m.HostID, m.Size)
		}
		for j, n := range list[:i] {
			if overlap(m.ContainerID, m.Size, n.ContainerID, n.Size) {
				return fail(elementPath(field, i, ".containerID"), "overlaps %s", elementPath(field, j, ""))
			}
			if overlap(m.HostID, m.Size, n.HostID, n.Size) {
				return fail(elementPath(field, i, ".hostID"), "overlaps %s", elementPath(field, j, ""))
			}
		}
	}
	return nil
}

func overlap(a, sizeA, b, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

func mapped(id uint32, list []specs.LinuxIDMapping) bool {
	for _, m := range list {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return true
		}
	}
	return false
}

// CheckProcessIDs refuses a process whose ids are not mapped in its new user namespace.
// The mappings of a namespace to join are not known here.
func CheckProcessIDs(s *specs.Spec) error {
	ns := NamespaceOf(s, specs.UserNamespace)
	if ns == nil || ns.Path != "" || s.Process == nil {
		return nil
	}
	u := &s.Process.User
	if !mapped(u.UID, s.Linux.UIDMappings) {
		return fail("process.user.uid", "%d is not mapped by linux.uidMappings", u.UID)
	}
	if !mapped(u.GID, s.Linux.GIDMappings) {
		return fail("process.user.gid", "%d is not mapped by linux.gidMappings", u.GID)
	}
	for i, gid := range u.AdditionalGids {
		if !mapped(gid, s.Linux.GIDMappings) && !KeepsGroups(s) {
			return fail(elementPath("process.user.additionalGids", i, ""), "%d is not mapped by linux.gidMappings", gid)
		}
	}
	return nil
}

// checkTimeOffsets checks linux.timeOffsets (time_namespaces(7)). Offsets can only be
// set before the first process enters the namespace, so never in one to join.
func checkTimeOffsets(s *specs.Spec) error {
	if len(s.Linux.TimeOffsets) == 0 {
		return nil
	}
	ns := NamespaceOf(s, specs.TimeNamespace)
	if ns == nil {
		return fail("linux.timeOffsets", "time namespace offsets specified, but time namespace isn't enabled in the config")
	}
	if ns.Path != "" {
		return fail("linux.timeOffsets", "both a time namespace path and time offsets specified, you may only provide one")
	}
	for clock, offset := range s.Linux.TimeOffsets {
		if clock != "monotonic" && clock != "boottime" {
			return fail(memberPath("linux.timeOffsets", clock), "unknown clock, need monotonic or boottime")
		}
		if offset.Nanosecs >= 1e9 {
			return fail("linux.timeOffsets."+clock+".nanosecs", "%d is a second or more", offset.Nanosecs)
		}
	}
	return nil
}
