package sys

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestKnownFilesystem(t *testing.T) {
	if known, _ := KnownFilesystem("proc"); !known {
		t.Error("proc is not known")
	}
	if known, module := KnownFilesystem("no-such-fs"); known {
		t.Errorf("no-such-fs is known, module %v", module)
	}
}

func TestFilesystemContext(t *testing.T) {
	var none *FilesystemContext
	if errno, said := none.Set("anything", "", unix.FSCONFIG_SET_FLAG); errno != 0 || said != "" {
		t.Errorf("%v, %q", errno, said)
	}
	none.Close()
	context, err := OpenContext("tmpfs")
	if err == unix.EPERM {
		t.Skip("requires CAP_SYS_ADMIN")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer context.Close()
	if errno, said := context.Set("size", "64k", unix.FSCONFIG_SET_STRING); errno != 0 {
		t.Errorf("%v, %q", errno, said)
	}
	if errno, said := context.Set("no-such-option", "", unix.FSCONFIG_SET_FLAG); errno != unix.EINVAL || !strings.Contains(said, "no-such-option") {
		t.Errorf("%v, %q", errno, said)
	}
}

func TestNamespaceKind(t *testing.T) {
	for path, want := range map[string]uint64{"/proc/self/ns/uts": unix.CLONE_NEWUTS, "/proc/self/ns/net": unix.CLONE_NEWNET, "/etc/passwd": 0} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := NamespaceKind(file)
		file.Close()
		if want == 0 && err == nil || want != 0 && got != want {
			t.Errorf("%s: %#x, %v", path, got, err)
		}
	}
}

func TestMayWriteAndGainsRights(t *testing.T) {
	dir := t.TempDir()
	if err := MayWrite(dir); err != nil {
		t.Error(err)
	}
	if err := MayWrite(dir + "/none"); err != unix.ENOENT {
		t.Error(err)
	}
	program := dir + "/program"
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if gains, err := GainsRights(program); gains || err != nil {
		t.Errorf("%v, %v", gains, err)
	}
	if err := os.Chmod(program, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if gains, err := GainsRights(program); !gains || err != nil {
		t.Errorf("set-user-id: %v, %v", gains, err)
	}
	if os.Geteuid() != 0 {
		if err := MayWrite("/"); err == nil {
			t.Error("a plain user may write to /")
		}
	}
}
