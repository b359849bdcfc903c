package check

import (
	"fmt"
	"slices"

	"rung/internal/sys"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
)

// lsm looks at the security modules that labels of the bundle need.
func lsm(s *Subject) []Need {
	var profile, label bool
	if p := s.Spec.Process; p != nil {
		profile, label = p.ApparmorProfile != "", p.SelinuxLabel != ""
	}
	label = label || s.Spec.Linux.MountLabel != ""
	on, err := sys.AppArmorEnabled()
	apparmor := Need{Name: "AppArmor", State: OK, Required: profile}
	if err == nil && !on {
		apparmor.State, apparmor.Found = Missing, "it is not enabled on this machine"
		apparmor.Who, apparmor.Do = administrator, "boot with apparmor=1 security=apparmor, or remove process.apparmorProfile"
	}
	selinux := Need{Name: "SELinux", State: OK, Required: label}
	if !s.Facts.Selinux {
		selinux.State, selinux.Found = Missing, "it is not enabled on this machine, or has no policy"
		selinux.Who, selinux.Do = administrator, "boot with selinux=1 security=selinux and load a policy, or remove process.selinuxLabel and linux.mountLabel"
	}
	if profile {
		apparmor.Field = "process.apparmorProfile"
	}
	if label {
		selinux.Field = "process.selinuxLabel"
	}
	return []Need{apparmor, selinux}
}

// filesystems looks for the types of the mounts, and for overlay, which engines make root file systems of.
func filesystems(s *Subject) (out []Need) {
	fields := map[string]string{}
	types := []string{"proc", "sysfs", "tmpfs", "devpts", "mqueue", "overlay"}
	for i := range s.Spec.Mounts {
		m := &s.Spec.Mounts[i]
		if host.IsBind(m) || m.Type == "cgroup" || m.Type == "" { // what cgroup means depends on the host; without a type it is refused
			continue
		}
		if _, listed := fields[m.Type]; !listed {
			fields[m.Type] = fmt.Sprintf("mounts[%d]", i)
		}
		if !slices.Contains(types, m.Type) {
			types = append(types, m.Type)
		}
	}
	for _, fstype := range types {
		field, required := fields[fstype]
		n := Need{Name: "file system " + fstype, State: OK, Required: required, Field: field}
		if known, module := sys.KnownFilesystem(fstype); !known && !module {
			n.State, n.Found = Missing, "this kernel does not know it, and has no module for it"
			n.Who, n.Do = administrator, "modprobe "+fstype+", of a kernel that has it"
		} else if !known {
			n.Found = "its module is not loaded: the kernel loads it at the first mount"
		}
		out = append(out, n)
	}
	return out
}

func seccompFilter(s *Subject) []Need {
	n := Need{Name: "seccomp filters", State: OK, Required: s.Spec.Linux.Seccomp != nil}
	if n.Required {
		n.Field = "linux.seccomp"
	}
	if there, err := sys.Exists("/proc/sys/kernel/seccomp/actions_avail"); err == nil && !there {
		n.State, n.Found = Missing, "this kernel was built without CONFIG_SECCOMP_FILTER"
		n.Who, n.Do = administrator, "boot a kernel that has it"
	}
	return []Need{n}
}

// Cgroups returns the needs for the cgroup of the bundle. err is why its place could not be decided.
func Cgroups(s *Subject, m *cgroup.Manager, err error) (out []Need) {
	whole := Need{Name: "cgroup", State: OK, Required: true, For: "to limit the container, and to find its processes"}
	if err != nil {
		return []Need{OfError(s, whole.Name, whole.For, err)}
	}
	for _, obstacle := range m.Obstacles(s.Spec.Linux.Resources) {
		n := OfError(s, whole.Name, whole.For, obstacle)
		if n.Field == "" && len(out) > 0 && out[0].Field == "" { // another hierarchy
			out[0].Do += "; " + n.Do
			continue
		}
		out = append(out, n)
	}
	if len(out) > 0 {
		return out
	}
	if left := m.Unwritable(); left != nil {
		whole.State, whole.Required = Restricted, false
		whole.Found = left.Error() + "; the container runs without a cgroup of its own there, and without limits"
		whole.Who, whole.Do = administrator, delegate
	}
	return []Need{whole}
}

// delegate is how a user of systemd gets controllers (systemd.resource-control(5)).
const delegate = "systemd-run --user --scope -p Delegate=yes rung ..., with [Service] Delegate=yes in /etc/systemd/system/user@.service.d/delegate.conf"
