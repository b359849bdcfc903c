package checkpoint

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
)

// checkForeign refuses a container with a user namespace and another namespace that does not belong to it, where CRIU would fail:
// at once for one that the container joined, and only at the restore, when the container is gone, for what shows the host's.
// In CRIU's restore everything is made inside the user namespace, without rights over the others. spec is without the namespaces
// that are rung's own, which CRIU leaves alone.
func checkForeign(pid int, spec *specs.Spec) error {
	if bundle.NamespaceOf(spec, specs.UserNamespace) == nil {
		return nil
	}
	for _, t := range [...]specs.LinuxNamespaceType{
		specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.CgroupNamespace, specs.TimeNamespace,
	} {
		if bundle.IsNew(spec, t) {
			continue
		}
		dir := fmt.Sprintf("/proc/%d/ns/", pid)
		own, err := sys.OwnedBy(dir+bundle.NamespaceFile(t), dir+"user")
		if err != nil {
			return err
		}
		if own {
			continue
		}
		if err := checkForeignUse(spec, t); err != nil {
			return err
		}
	}
	return nil
}

// checkForeignUse refuses what CRIU cannot do with a foreign namespace of a type.
func checkForeignUse(spec *specs.Spec, t specs.LinuxNamespaceType) error {
	const cannot = "the %s namespace does not belong to the container's user namespace: CRIU cannot %s: %w"
	i := slices.IndexFunc(spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == t })
	if i >= 0 {
		return fmt.Errorf("linux.namespaces[%d]: "+cannot, i, t, "enter it with the container", syscall.EPERM)
	}
	switch t {
	case specs.PIDNamespace:
		return fmt.Errorf("linux.namespaces: "+cannot, t, "mount proc at a restore", syscall.EPERM)
	case specs.IPCNamespace:
		for i := range spec.Mounts {
			if spec.Mounts[i].Type == "mqueue" && !host.IsBind(&spec.Mounts[i]) {
				return fmt.Errorf("mounts[%d]: "+cannot, i, t, "mount mqueue at a restore", syscall.EPERM)
			}
		}
	}
	return nil
}
