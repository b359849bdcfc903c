package bundle

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// namespaceKinds are the kinds of namespaces: the name below /proc/PID/ns (namespaces(7)), which is CRIU's name too, and the
// flag of clone(2).
var namespaceKinds = [...]struct {
	of   specs.LinuxNamespaceType
	file string
	flag uint64
}{
	{specs.UserNamespace, "user", sys.CLONE_NEWUSER},
	{specs.CgroupNamespace, "cgroup", sys.CLONE_NEWCGROUP},
	{specs.IPCNamespace, "ipc", sys.CLONE_NEWIPC},
	{specs.UTSNamespace, "uts", sys.CLONE_NEWUTS},
	{specs.NetworkNamespace, "net", sys.CLONE_NEWNET},
	{specs.TimeNamespace, "time", sys.CLONE_NEWTIME},
	{specs.PIDNamespace, "pid", sys.CLONE_NEWPID},
	{specs.MountNamespace, "mnt", sys.CLONE_NEWNS},
}

// NamespaceFlag returns the clone(2) flag of a namespace type, 0 for an unknown one.
func NamespaceFlag(t specs.LinuxNamespaceType) uint64 {
	for i := range namespaceKinds {
		if namespaceKinds[i].of == t {
			return namespaceKinds[i].flag
		}
	}
	return 0
}

// NamespaceFile returns the name of a namespace type below /proc/PID/ns, "" for an unknown one.
func NamespaceFile(t specs.LinuxNamespaceType) string {
	for i := range namespaceKinds {
		if namespaceKinds[i].of == t {
			return namespaceKinds[i].file
		}
	}
	return ""
}

// IsNew reports whether the container gets a new namespace of a type.
func IsNew(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	ns := NamespaceOf(s, t)
	return ns != nil && ns.Path == ""
}
