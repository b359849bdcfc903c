package create

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/plan"
)

// What MKPATH and MKNOD make on a bind mount: only one that is read-only stands in the way, and only where something is missing.
func TestMakes(t *testing.T) {
	rootfs, source := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(source, "there"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(source, "link")); err != nil {
		t.Fatal(err)
	}
	f := &foresight{rootfs: rootfs, bundle: rootfs, spec: &specs.Spec{
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}},
		Mounts: []specs.Mount{
			{Destination: "/ro", Source: source, Options: []string{"rw", "bind", "ro"}}, {Destination: "/rw", Source: source, Options: []string{"bind"}},
			{Destination: "/ro/below", Type: "tmpfs"}, {Destination: "/tmpfs", Type: "tmpfs"},
		},
	}}
	for _, c := range []struct {
		code      plan.Code
		field     string
		name      string
		kind      uint64
		wantCall  string
		wantErrno syscall.Errno
	}{
		{plan.Mkpath, "mounts[2]", "/ro/below", plan.MkpathDir, "mkdirat", syscall.EROFS},
		{plan.Mkpath, "process.cwd", "/ro/new", plan.MkpathDir, "mkdirat", syscall.EROFS},
		{plan.Mkpath, "process.cwd", "/ro/below/new", plan.MkpathDir, "", 0}, // the tmpfs is there by then
		{plan.Mkpath, "mounts[2]", "/ro/there", plan.MkpathDir, "", 0},
		{plan.Mkpath, "x", "/ro/there", plan.MkpathDir, "", 0},
		{plan.Mkpath, "x", "/ro/link", plan.MkpathDir, "", 0}, // a mount may bring what it leads to
		{plan.Mkpath, "x", "/ro/file", plan.MkpathFile, "mknodat", syscall.EROFS},
		{plan.Mkpath, "x", "/ro/new/file", plan.MkpathFile, "mkdirat", syscall.EROFS},
		{plan.Mkpath, "x", "/ro/new", plan.MkpathNone, "", 0},
		{plan.Mkpath, "x", "/rw/new", plan.MkpathDir, "", 0},
		{plan.Mkpath, "x", "/tmpfs/new", plan.MkpathDir, "", 0},
		{plan.Mkpath, "x", "/new", plan.MkpathDir, "", 0},
		{plan.Mkpath, "x", "relative", plan.MkpathDir, "", 0},
		{plan.Mknod, "linux.devices[0]", "/ro/device", 0, "mknodat", syscall.EROFS},
		{plan.Mknod, "linux.devices[0]", "/rw/device", 0, "", 0},
	} {
		op := &plan.Op{Code: c.code, Origin: plan.Origin{Field: c.field, Purpose: "make " + c.name}}
		op.Text[0], op.Ints[0] = c.name, c.kind
		if call, errno := f.makes(op); call != c.wantCall || errno != c.wantErrno {
			t.Errorf("%v %s: %q %v, want %q %v", c.code, c.name, call, errno, c.wantCall, c.wantErrno)
		}
	}
	f.spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/x"}}}
	op := &plan.Op{Code: plan.Mkpath}
	op.Text[0], op.Ints[0] = "/ro/new", plan.MkpathDir
	if call, errno := f.makes(op); errno != 0 {
		t.Errorf("%q %v, and a hook may make it", call, errno)
	}
}

func TestMountIndex(t *testing.T) {
	for field, want := range map[string]int{"mounts[0]": 0, "mounts[12].source": 12, "mounts[12": -1, "mounts[-1]": -1, "mounts[x]": -1, "mounts": -1, "x[1]": -1} {
		i, ok := mountIndex(field)
		if ok != (want >= 0) || ok && i != want {
			t.Errorf("%s: %d, %v", field, i, ok)
		}
	}
}
