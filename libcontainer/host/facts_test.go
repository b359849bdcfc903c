package host

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestProbe(t *testing.T) {
	f, err := Probe()
	if err != nil {
		t.Fatal(err)
	}
	if f.EUID != os.Geteuid() || f.Rootless() != (os.Geteuid() != 0) {
		t.Errorf("euid %d, rootless %v", f.EUID, f.Rootless())
	}
	if f.LastCapability < 40 || f.LastCapability > 63 {
		t.Errorf("last capability %d", f.LastCapability)
	}
	if f.Capabilities>>(f.LastCapability+1) != 0 {
		t.Errorf("capabilities %#x beyond the last one, %d", f.Capabilities, f.LastCapability)
	}
	if f.Cgroups == nil {
		t.Error("no cgroups")
	}
}

func TestPrivileged(t *testing.T) {
	if (&Facts{Capabilities: 1<<capSysAdmin - 1}).Privileged() {
		t.Error("privileged without CAP_SYS_ADMIN")
	}
	if !(&Facts{EUID: 5, Capabilities: 1 << capSysAdmin}).Privileged() {
		t.Error("not privileged with CAP_SYS_ADMIN")
	}
}

func TestIsBind(t *testing.T) {
	tests := []struct {
		m    specs.Mount
		want bool
	}{
		{specs.Mount{Type: "none", Options: []string{"ro", "rbind"}}, true},
		{specs.Mount{Type: "tmpfs", Options: []string{"bind"}}, true},
		{specs.Mount{Type: "bind"}, false}, // the options say so, not the type (config.md)
		{specs.Mount{Options: []string{"binding"}}, false},
	}
	for _, test := range tests {
		if got := IsBind(&test.m); got != test.want {
			t.Errorf("%+v: %v", test.m, got)
		}
	}
}

func TestSourcePath(t *testing.T) {
	for source, want := range map[string]string{
		"/a/../b/": "/a/../b/", "rel": "/bundle/rel", "./x//y": "/bundle/x/y", "../up": "/bundle/../up", "": "/bundle", "/": "/",
		"/a/./b": "/a/b", "/a/..b": "/a/..b", "file/": "/bundle/file/",
	} {
		if got := SourcePath(&specs.Mount{Source: source}, "/bundle"); got != want {
			t.Errorf("%q: %s, want %s", source, got, want)
		}
	}
}

func TestLook(t *testing.T) {
	bundle := t.TempDir()
	rootfs := filepath.Join(bundle, "rootfs")
	for name, mode := range map[string]os.FileMode{"sticky": 0o777 | os.ModeSticky, "closed": 0o700} {
		check(t, os.MkdirAll(filepath.Join(rootfs, name), 0o755))
		check(t, os.Chmod(filepath.Join(rootfs, name), mode))
	}
	check(t, os.Symlink("/closed", filepath.Join(rootfs, "link")))
	check(t, os.Symlink(bundle, filepath.Join(rootfs, "out")))
	check(t, os.WriteFile(filepath.Join(bundle, "hosts"), nil, 0o644))
	bind := func(source string) specs.Mount {
		return specs.Mount{Destination: "/bind", Source: source, Options: []string{"bind"}}
	}
	tmpfs := func(at string) specs.Mount { return specs.Mount{Destination: at, Type: "tmpfs"} }
	check(t, os.MkdirAll(filepath.Join(rootfs, "bind/below"), 0o755)) // covered by an earlier mount
	f := &Facts{}
	f.ProbeBundle(&specs.Spec{Linux: &specs.Linux{}, Mounts: []specs.Mount{
		bind("hosts"), bind("missing"), bind("/proc"), bind(bundle), bind("/dev/null"),
		{Destination: "/vol", Source: "rootfs", Options: []string{"rbind"}}, tmpfs("/vol/closed"),
		tmpfs("/sticky"), tmpfs("/link"), tmpfs("/new"), tmpfs("/out"), tmpfs("/bind/below"), {Destination: "/x", Type: "proc", Source: "proc"},
	}}, bundle, rootfs)

	for source, want := range map[string]Source{
		filepath.Join(bundle, "hosts"):   {},
		filepath.Join(bundle, "missing"): {Err: syscall.ENOENT},
		"/proc":                          {Directory: true, Proc: true},
		bundle:                           {Directory: true},
		rootfs:                           {Directory: true},
		"/dev/null":                      {},
	} {
		got, ok := f.Sources[source]
		if got.Err == 0 && got.Flags == 0 {
			t.Errorf("source %s: no mount flags, not even relatime", source)
		}
		if (got.Err == 0) != (got.ID != FileID{}) {
			t.Errorf("source %s is file %s", source, got.ID)
		}
		got.Flags, got.ID = 0, FileID{} // these depend on the machine
		if !ok || got != want {
			t.Errorf("source %s: %+v, want %+v", source, got, want)
		}
	}
	if len(f.Sources) != 6 {
		t.Errorf("sources %v", f.Sources)
	}
	if f.Devices != nil {
		t.Errorf("devices %v, without a user namespace to bind them for", f.Devices)
	}
	f.ProbeBundle(&specs.Spec{Linux: &specs.Linux{
		Namespaces: []specs.LinuxNamespace{{Type: specs.UserNamespace}},
		Devices:    []specs.LinuxDevice{{Path: "/dev/../dev/null"}, {Path: filepath.Join(bundle, "missing")}, {Path: filepath.Join(bundle, "hosts")}},
	}}, bundle, rootfs)
	if want := (Device{Kind: syscall.S_IFCHR, Rdev: 1<<8 | 3}); f.Devices["/dev/null"] != want || len(f.Devices) != 2 {
		t.Errorf("devices %v", f.Devices)
	}
	if got := f.Targets["/sticky"].Mode; got != 0o1777 {
		t.Errorf("/sticky: %#o", got)
	}
	if got := f.Targets["/vol/closed"].Mode; got != 0o700 {
		t.Errorf("/vol/closed, below a bind mount: %#o", got)
	}
	if got := f.Targets["/link"].Mode; got != 0o700 {
		t.Errorf("/link: %#o", got)
	}
	for _, at := range []string{"/new", "/out", "/bind/below"} {
		if got, ok := f.Targets[at]; ok {
			t.Errorf("%s, which the root file system does not have: %+v", at, got)
		}
	}
}

func TestClosed(t *testing.T) {
	top := t.TempDir()
	if err := os.Chmod(filepath.Dir(top), 0o711); err != nil { // Go makes it unsearchable for other users
		t.Fatal(err)
	}
	deep := filepath.Join(top, "open", "shut", "below", "rootfs")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := closed(deep); got != "" {
		t.Skipf("needs a temporary directory that everybody may search, %s is none", got)
	}
	shut := filepath.Join(top, "open", "shut")
	if err := os.Chmod(shut, 0o700); err != nil {
		t.Fatal(err)
	}
	if got := closed(deep); got != shut {
		t.Errorf("%q, want %q", got, shut)
	}
	if got := closed(shut); got != "" { // closed does not check the directory itself, only those above it
		t.Errorf("%q", got)
	}
}
