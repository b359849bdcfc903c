package setup

import (
	"slices"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// WithoutOwn leaves out the namespaces that are to be joined and are rung's own already: the same
// as if they were not listed. So what needs a namespace of the container's (names, kernel
// parameters, masks, network devices) is refused, and the host's mounts are not changed.
func WithoutOwn(spec *specs.Spec) (*specs.Spec, error) {
	isOwn := func(ns specs.LinuxNamespace) bool {
		return ns.Path != "" && sameFile(ns.Path, "/proc/self/ns/"+bundle.NamespaceFile(ns.Type))
	}
	out := without(spec, isOwn)
	if out == spec {
		return spec, nil
	}
	if bundle.NamespaceOf(out, specs.UserNamespace) == nil {
		out.Linux.UIDMappings, out.Linux.GIDMappings = nil, nil
	}
	return out, bundle.Validate(out)
}

// WithoutShared leaves out, of namespaces that were joined, those that the process of a container shares with rung: exec has
// nothing to join there, and a plain user may not join what is the host's.
func WithoutShared(spec *specs.Spec, pid int) *specs.Spec {
	dir := "/proc/" + strconv.Itoa(pid) + "/ns/"
	return without(spec, func(ns specs.LinuxNamespace) bool {
		name := bundle.NamespaceFile(ns.Type)
		return ns.Path != "" && sameFile(dir+name, "/proc/self/ns/"+name)
	})
}

// without returns a copy of the configuration without some namespaces, or the configuration if it has none of them.
func without(spec *specs.Spec, some func(specs.LinuxNamespace) bool) *specs.Spec {
	if !slices.ContainsFunc(spec.Linux.Namespaces, some) {
		return spec
	}
	out, linux := *spec, *spec.Linux
	out.Linux = &linux
	linux.Namespaces = slices.DeleteFunc(slices.Clone(linux.Namespaces), some)
	return &out
}

func sameFile(a, b string) bool {
	one, errOne := sys.Stat(a)
	other, errOther := sys.Stat(b)
	return errOne == nil && errOther == nil && one.Dev == other.Dev && one.Ino == other.Ino
}
