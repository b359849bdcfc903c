package launch

import (
	"strings"
	"syscall"
	"testing"

	"rung/internal/sys"
)

// runc#4069: Ubuntu's restriction of user namespaces. A hint that no probe has shown is not printed.
func TestUserNamespaceSetting(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]string
		want   string
	}{
		"no such settings":  {nil, ""},
		"nothing is denied": {map[string]string{"kernel.unprivileged_userns_clone": "1", "kernel.apparmor_restrict_unprivileged_userns": "0"}, ""},
		"Debian's setting":  {map[string]string{"kernel.unprivileged_userns_clone": "0"}, "kernel.unprivileged_userns_clone is 0"},
		"Ubuntu's setting":  {map[string]string{"kernel.apparmor_restrict_unprivileged_userns": "1"}, "kernel.apparmor_restrict_unprivileged_userns is 1"},
	} {
		got := userNamespaceSetting(func(name string) string { return c.values[name] })
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func mountsAt(points ...string) (mounts []*sys.Mount) {
	for i, point := range points {
		mounts = append(mounts, &sys.Mount{ID: i + 10, Parent: 1, Mountpoint: point})
	}
	return mounts
}

// runc#1658: a proc that is covered in part.
func TestProcHidden(t *testing.T) {
	for want, mounts := range map[string][]*sys.Mount{
		"":                                 mountsAt("/", "/proc", "/proc/sys/fs/binfmt_misc", "/process"),
		"and /proc/kcore is mounted over":  mountsAt("/", "/proc", "/proc/sys", "/proc/kcore"),
		"and none is mounted at /proc":     mountsAt("/"),
		"and /proc/acpi is mounted over a": mountsAt("/", "/proc", "/proc/acpi"),
	} {
		if got := procHidden(mounts); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// podman#18580, podman#21680, crun#396
func TestNotOwned(t *testing.T) {
	none := func(string) bool { return false }
	for fstype, want := range map[string]string{
		"proc": "the PID namespace, and that of rung belongs to another user namespace: list a new pid namespace", "sysfs": "the network namespace",
		"mqueue": "list a new ipc namespace in linux.namespaces, or bind the host's", "tmpfs": "",
	} {
		if got := notOwned(fstype, none); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", fstype, got, want)
		}
		if got := notOwned(fstype, func(string) bool { return true }); got != "" {
			t.Errorf("%s of an own namespace: %q", fstype, got)
		}
	}
}

func TestUnknownLabel(t *testing.T) {
	if got := unknownLabel(true, nil); !strings.Contains(got, "linux.mountLabel") {
		t.Error(got)
	}
	if got := unknownLabel(false, nil); got != "SELinux is not enabled on this machine" {
		t.Error(got)
	}
	if got := unknownLabel(false, syscall.EIO); got != "" {
		t.Error(got)
	}
}

func TestRootIsFirst(t *testing.T) {
	if rootIsFirst(mountsAt("/", "/proc")) {
		t.Error("a root that is mounted on another is taken for the first")
	}
	if !rootIsFirst([]*sys.Mount{{ID: 1, Parent: 1, Mountpoint: "/"}}) {
		t.Error("the first mount is not found")
	}
}
