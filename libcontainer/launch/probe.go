package launch

import (
	"slices"
	"strings"

	"rung/internal/sys"
)

// userNamespaceDenied names the setting that keeps a process without privilege from making user namespaces.
func userNamespaceDenied() string {
	if !lacks(capSysAdmin) {
		return ""
	}
	return userNamespaceSetting(func(name string) string {
		text, err := sys.ReadSmall("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(text)
	})
}

// userNamespaceSetting is userNamespaceDenied for kernel parameters of that value. The first is a patch of Debian's, the
// second is of Ubuntu and of AppArmor 4.
func userNamespaceSetting(value func(name string) string) string {
	for _, setting := range [...]struct{ name, denies string }{
		{"kernel.unprivileged_userns_clone", "0"}, {"kernel.apparmor_restrict_unprivileged_userns", "1"},
	} {
		if value(setting.name) == setting.denies {
			return setting.name + " is " + setting.denies + ": users without privilege may make no user namespace"
		}
	}
	return ""
}

// procHidden says why a user namespace may mount no proc: one of the mounts that rung sees covers a part of the host's
// (mount_too_revealing of fs/namespace.c).
func procHidden(mounts []*sys.Mount) string {
	const rule = "a user namespace may mount proc only where the host's is fully visible, and "
	var points []string
	for _, m := range mounts {
		points = append(points, m.Mountpoint)
	}
	slices.Sort(points)
	if !slices.Contains(points, "/proc") {
		return rule + "none is mounted at /proc"
	}
	for _, point := range points {
		// The kernel lets what is mounted on a directory that is always empty pass.
		if strings.HasPrefix(point, "/proc/") && point != "/proc/sys/fs/binfmt_misc" {
			return rule + point + " is mounted over a part of it"
		}
	}
	return ""
}

// notOwned says why a user namespace may not mount a file system: rung's namespace that it shows belongs to another.
func notOwned(fstype string, owns func(namespace string) bool) string {
	shown := map[string]struct{ file, name, listed string }{
		"proc": {"pid", "PID", "pid"}, "sysfs": {"net", "network", "network"}, "mqueue": {"ipc", "IPC", "ipc"},
	}[fstype]
	if shown.file == "" || owns(shown.file) {
		return ""
	}
	return fstype + " shows the " + shown.name + " namespace, and that of rung belongs to another user namespace: list a new " +
		shown.listed + " namespace in linux.namespaces, or bind the host's"
}

// rungOwns reports whether rung's namespace belongs to rung's user namespace, or that is not known.
func rungOwns(namespace string) bool {
	own, err := sys.OwnedBy("/proc/self/ns/"+namespace, "/proc/self/ns/user")
	return own || err != nil
}

// unknownLabel says why a file system takes no label.
func unknownLabel(enabled bool, err error) string {
	switch {
	case err != nil:
		return ""
	case !enabled:
		return "SELinux is not enabled on this machine"
	}
	return "the SELinux policy does not know the label of linux.mountLabel, or of the mount's own context"
}

// rootIsFirst reports whether "/" is the very first mount, the root of an initramfs: pivot_root(2) has nowhere to put it.
func rootIsFirst(mounts []*sys.Mount) bool {
	return slices.ContainsFunc(mounts, func(m *sys.Mount) bool { return m.Mountpoint == "/" && m.Parent == m.ID })
}

// ownMounts are none where they cannot be read: then there is no hint.
func ownMounts() []*sys.Mount {
	mounts, err := sys.OwnMounts()
	if err != nil {
		return nil
	}
	return mounts
}
