package libcontainer

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// namespaceFiles are the names below /proc/PID/ns (namespaces(7)).
var namespaceFiles = map[specs.LinuxNamespaceType]string{
	specs.PIDNamespace: "pid", specs.NetworkNamespace: "net", specs.MountNamespace: "mnt", specs.IPCNamespace: "ipc",
	specs.UTSNamespace: "uts", specs.UserNamespace: "user", specs.CgroupNamespace: "cgroup", specs.TimeNamespace: "time",
}

// withoutOwn leaves out the namespaces that are to be joined and are rung's own already: the same
// as if they were not listed. So what needs a namespace of the container's (names, kernel
// parameters, masks, network devices) is refused, and the host's mounts are not changed.
func withoutOwn(spec *specs.Spec) (*specs.Spec, error) {
	isOwn := func(ns specs.LinuxNamespace) bool {
		return ns.Path != "" && sameFile(ns.Path, "/proc/self/ns/"+namespaceFiles[ns.Type])
	}
	if !slices.ContainsFunc(spec.Linux.Namespaces, isOwn) {
		return spec, nil
	}
	out, linux := *spec, *spec.Linux
	out.Linux = &linux
	linux.Namespaces = slices.DeleteFunc(slices.Clone(linux.Namespaces), isOwn)
	if namespaceOf(&out, specs.UserNamespace) == nil {
		linux.UIDMappings, linux.GIDMappings = nil, nil
	}
	return &out, bundle.Validate(&out)
}

// withoutShared leaves out, of namespaces that were joined, those that the process of a container shares with rung: exec has
// nothing to join there, and a plain user may not join what is the host's.
func withoutShared(spec *specs.Spec, pid int) *specs.Spec {
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	isShared := func(ns specs.LinuxNamespace) bool {
		return ns.Path != "" && sameFile(dir+namespaceFiles[ns.Type], "/proc/self/ns/"+namespaceFiles[ns.Type])
	}
	if !slices.ContainsFunc(spec.Linux.Namespaces, isShared) {
		return spec
	}
	out, linux := *spec, *spec.Linux
	out.Linux = &linux
	linux.Namespaces = slices.DeleteFunc(slices.Clone(linux.Namespaces), isShared)
	return &out
}

func sameFile(a, b string) bool {
	one, errOne := sys.Stat(a)
	other, errOther := sys.Stat(b)
	return errOne == nil && errOther == nil && one.Dev == other.Dev && one.Ino == other.Ino
}
