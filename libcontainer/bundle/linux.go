package bundle

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/idlist"
)

// checkPaths checks linux.maskedPaths and linux.readonlyPaths. rung mounts over them,
// so they need a mount namespace.
func checkPaths(s *specs.Spec) error {
	lists := [...]struct {
		field string
		paths []string
	}{{"linux.maskedPaths", s.Linux.MaskedPaths}, {"linux.readonlyPaths", s.Linux.ReadonlyPaths}}
	for _, l := range lists {
		if len(l.paths) > 0 && !hasNamespace(s, specs.MountNamespace) {
			return fail(l.field, "unable to restrict sys entries without a private MNT namespace%s", noneListed(s))
		}
		for i, p := range l.paths {
			if p == "" || p[0] != '/' || strings.IndexByte(p, 0) >= 0 {
				return absolute(elementPath(l.field, i, ""), p)
			}
		}
	}
	return nil
}

// checkReadOnly refuses what becomes read-only after all mounts are made, without a mount namespace, as runc does since 1.6.
func checkReadOnly(s *specs.Spec) error {
	if hasNamespace(s, specs.MountNamespace) {
		return nil
	}
	if s.Root.Readonly {
		return fail("root.readonly", "unable to make rootfs read-only without a private MNT namespace%s", noneListed(s))
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if readOnly(m) && (m.Type == "tmpfs" && !isBind(m) || path.Clean("/"+m.Destination) == "/dev") {
			return fail(elementPath("mounts", i, ""), "unable to make %s read-only without a private MNT namespace%s", m.Destination, noneListed(s))
		}
	}
	return nil
}

func checkRootfsPropagation(s *specs.Spec) error {
	switch p := s.Linux.RootfsPropagation; p {
	case "", "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable":
		return nil
	default:
		return fail("linux.rootfsPropagation", "%q is not supported: shared, slave, private or unbindable, or one of these with r before it", p)
	}
}

// checkCgroupsPath checks only for NUL bytes: the rest of the form depends on the cgroup
// driver.
func checkCgroupsPath(s *specs.Spec) error {
	return noNUL("linux.cgroupsPath", s.Linux.CgroupsPath)
}

// checkIntelRdt checks linux.intelRdt (config-linux.md, "IntelRdt"). closID is the name
// of a directory; "/" is the class of the file system's root.
func checkIntelRdt(s *specs.Spec) error {
	rdt := s.Linux.IntelRdt
	if rdt == nil {
		return nil
	}
	switch id := rdt.ClosID; {
	case id == ".", id == "..", id == "info", id == "mon_groups", id == "mon_data", // names that resctrl itself uses
		id != "/" && strings.ContainsAny(id, "/\n\x00"):
		return fail("linux.intelRdt.closID", "invalid class of service %q", id)
	}
	if mb := rdt.MemBwSchema; mb != "" && (!strings.HasPrefix(mb, "MB:") || strings.Contains(mb, "\n")) {
		return fail("linux.intelRdt.memBwSchema", "%q is not one line that starts with MB:", mb)
	}
	for i, line := range rdt.Schemata {
		if strings.Contains(line, "\n") {
			return fail(elementPath("linux.intelRdt.schemata", i, ""), "%q contains a newline", line)
		}
	}
	return nil
}

var memoryPolicyModes = [...]specs.MemoryPolicyModeType{
	specs.MpolDefault, specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferred,
	specs.MpolPreferredMany, specs.MpolLocal,
}

var memoryPolicyFlags = [...]specs.MemoryPolicyFlagType{
	specs.MpolFNumaBalancing, specs.MpolFRelativeNodes, specs.MpolFStaticNodes,
}

// MemoryPolicyModes lists the modes that rung knows (features.md).
func MemoryPolicyModes() []string { return texts(memoryPolicyModes[:]) }

// MemoryPolicyFlags lists the flags that rung knows (features.md).
func MemoryPolicyFlags() []string { return texts(memoryPolicyFlags[:]) }

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = string(item)
	}
	return out
}

// checkMemoryPolicy checks linux.memoryPolicy (set_mempolicy(2)).
func checkMemoryPolicy(s *specs.Spec) error {
	p := s.Linux.MemoryPolicy
	if p == nil {
		return nil
	}
	switch p.Mode {
	case specs.MpolDefault, specs.MpolLocal:
		if p.Nodes != "" {
			list, _ := idlist.Parse(p.Nodes) // any text is wrong here, a malformed list too
			return fail("linux.memoryPolicy.nodes", "%s mode requires 0 nodes but got %d", p.Mode, list.Count())
		}
	case specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferredMany:
		if p.Nodes == "" {
			return fail("linux.memoryPolicy.nodes", "%s requires at least one node", p.Mode)
		}
	case specs.MpolPreferred:
	default:
		return fail("linux.memoryPolicy.mode", "invalid memory policy mode %q", p.Mode)
	}
	for i, f := range p.Flags {
		if !slices.Contains(memoryPolicyFlags[:], f) {
			return fail(elementPath("linux.memoryPolicy.flags", i, ""), "invalid memory policy flag %q", f)
		}
	}
	if err := checkIDList("linux.memoryPolicy.nodes", p.Nodes); err != nil {
		return fmt.Errorf("%w (invalid memory policy node)", err)
	}
	return nil
}

func checkPersonality(s *specs.Spec) error {
	p := s.Linux.Personality
	if p == nil || p.Domain == specs.PerLinux || p.Domain == specs.PerLinux32 {
		return nil
	}
	return fail("linux.personality.domain", "invalid personality domain %q", p.Domain)
}
