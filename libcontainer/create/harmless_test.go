package create

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/plan"
)

func harmlessExample(t *testing.T) (spec *specs.Spec, rootfs string) {
	t.Helper()
	rootfs = t.TempDir()
	for _, dir := range []string{"proc", "dev", "data"} {
		if err := os.Mkdir(filepath.Join(rootfs, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	limit := int64(5)
	return &specs.Spec{
		Hostname: "h", Hooks: &specs.Hooks{Poststop: []specs.Hook{{Path: "/x"}}},
		Process: &specs.Process{Cwd: "/", Terminal: true},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"}, {Destination: "/missing", Type: "tmpfs"}, {Destination: "/missing/below", Type: "tmpfs"},
			{Destination: "/dev", Type: "tmpfs", Options: []string{"tmpcopyup", "nosuid"}}, {Destination: "/dev/shm", Type: "tmpfs"},
			{Destination: "/data", Type: "ext4", Source: "/dev/sda"}, {Destination: "/data", Options: []string{"remount", "ro"}},
		},
		Linux: &specs.Linux{
			RootfsPropagation: "rshared", CgroupsPath: "/c", Sysctl: map[string]string{"net.a": "1"},
			Resources: &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &limit}}, IntelRdt: &specs.LinuxIntelRdt{},
			NetDevices: map[string]specs.LinuxNetDevice{"eth0": {}}, Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}},
			Devices: []specs.LinuxDevice{{Path: "/dev/a"}, {Path: "/outside"}},
		},
	}, rootfs
}

// What is left for the trial changes nothing on the host, and the given configuration stays as it is.
func TestHarmless(t *testing.T) {
	spec, rootfs := harmlessExample(t)
	h := harmlessOf(spec, t.TempDir(), rootfs)
	var left []string
	for i := range h.spec.Mounts {
		left = append(left, h.spec.Mounts[i].Destination+" "+strings.Join(h.spec.Mounts[i].Options, ","))
	}
	if got := strings.Join(left, ";"); got != "/proc ;/dev nosuid;/dev/shm " || h.refused != "" {
		t.Errorf("mounts %q, refused %q", got, h.refused)
	}
	l := h.spec.Linux
	if h.spec.Hooks != nil || h.spec.Process.Terminal || l.Resources != nil || l.CgroupsPath != "" || l.NetDevices != nil || l.IntelRdt != nil ||
		l.RootfsPropagation != "" || len(l.Devices) != 1 || l.Sysctl == nil || h.spec.Hostname != "h" {
		t.Errorf("%+v, %+v", h.spec, l)
	}
	if len(h.untried) != 9 || spec.Hooks == nil || len(spec.Mounts) != 7 || spec.Linux.CgroupsPath != "/c" || !spec.Process.Terminal || len(spec.Linux.Devices) != 2 {
		t.Errorf("untried %q", h.untried)
	}
	if got := h.fieldOf("mounts[2].source"); got != "mounts[4].source" {
		t.Errorf("the third mount of the trial is %s", got)
	}
}

func TestHarmlessRefuses(t *testing.T) {
	spec, rootfs := harmlessExample(t)
	spec.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UTSNamespace, Path: "/proc/1/ns/uts"}, {Type: specs.MountNamespace}}
	if h := harmlessOf(spec, rootfs, rootfs); h.spec.Hostname != "" || h.spec.Linux.Sysctl != nil || h.refused != "" {
		t.Errorf("names and parameters of a joined namespace: %+v", h.spec)
	}
	spec.Linux.Namespaces[1].Path = "/proc/1/ns/mnt"
	if h := harmlessOf(spec, rootfs, rootfs); !strings.Contains(h.refused, "linux.namespaces") {
		t.Errorf("a joined mount namespace: %q", h.refused)
	}
	spec, rootfs = harmlessExample(t)
	spec.Mounts = spec.Mounts[:1]
	if h := harmlessOf(spec, rootfs, rootfs); !strings.Contains(h.refused, "linux.devices") {
		t.Errorf("devices in the root file system: %q", h.refused)
	}
}

// What a hook or a mount that is left out may bring is no failure of the trial; a hook that runs later brings nothing.
func TestHides(t *testing.T) {
	missing := &launch.Failure{Op: &plan.Op{Code: plan.FindProgram}, Errno: syscall.ENOENT}
	spec, rootfs := harmlessExample(t)
	spec.Mounts, spec.Linux.IntelRdt, spec.Linux.NetDevices = spec.Mounts[3:4], nil, nil
	if h := harmlessOf(spec, rootfs, rootfs); h.hides(missing) || !strings.Contains(strings.Join(h.untried, ";"), "hooks: ") {
		t.Errorf("a hook that runs at the end hides a program: %q", h.untried)
	}
	spec.Hooks.CreateRuntime = []specs.Hook{{Path: "/x"}}
	if h := harmlessOf(spec, rootfs, rootfs); !h.hides(missing) || h.hides(&launch.Failure{Op: &plan.Op{Code: plan.Fsopen}, Errno: syscall.ENOENT}) {
		t.Error("a program that a hook may bring, or a mount that no hook can mend")
	}
	spec.Hooks = &specs.Hooks{}
	if h := harmlessOf(spec, rootfs, rootfs); h.hides(missing) || strings.Contains(strings.Join(h.untried, ";"), "hooks: ") {
		t.Errorf("no hooks, and they hide a program: %q", h.untried)
	}
}

func TestRename(t *testing.T) {
	h := &harmless{kept: []int{0, 5}}
	failure := &launch.Failure{Op: &plan.Op{Code: plan.Fsopen, Origin: plan.Origin{Field: "mounts[1]"}}, Errno: syscall.ENODEV}
	h.rename(errors.Join(failure))
	opened := &open.Error{Field: "mounts[1].source", Err: syscall.ENOENT}
	h.rename(opened)
	if failure.Op.Origin.Field != "mounts[5]" || opened.Field != "mounts[5].source" {
		t.Errorf("%q, %q", failure.Op.Origin.Field, opened.Field)
	}
	for _, field := range []string{"", "linux.sysctl[1]", "mounts[x]", "mounts[2]", "mounts"} {
		if got := h.fieldOf(field); got != field {
			t.Errorf("%q became %q", field, got)
		}
	}
}

func TestOfDevice(t *testing.T) {
	for name, want := range map[string]bool{
		"sys/net/ipv4/conf/eth0/forwarding": true, "sys/net/ipv6/neigh/eth0/x": true, "sys/net/ipv4/ip_forward": false, "sys/kernel/sem": false,
	} {
		if got := ofDevice(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
