package setup

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// elfOf is the beginning of a program of a machine, with 64 bits and the least significant byte first.
func elfOf(machine uint16) string {
	head := make([]byte, 64)
	copy(head, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(head[16:], 2)
	binary.LittleEndian.PutUint16(head[elfMachine:], machine)
	return string(head)
}

func TestFormat(t *testing.T) {
	others, known := otherFormats()
	if others {
		t.Skip("requires a kernel without further formats of programs")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{
		"self": "#!/exe\n", "exe": elfOf(machineOfTests()), "crlf": "#!/exe\r\n", "none": "#! \n", "text": "echo\n", "empty": "", "short": "\x7fELF\x02",
		"gone": "#!/no/where -x\n", "loop": "#!/loop\n", "foreign": elfOf(0x1234), "by-plain": "#!/plain\n", "by-dir": "#!/dir\n", "relative": "#!exe\n",
		"on-mount": "#!/mnt/none\n", "by-link": "#!/link/none\n", "to-nothing": "#!/dangling/none\n", "below-bin": "#!sub\n", "data": "\x00\x01",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte(elfOf(machineOfTests())), 0o644); err != nil { //nolint:gosec // as in an image
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir"), 0o755); err != nil { //nolint:gosec // as in an image
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": "mnt", "dangling": "gone-too"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	spec := &specs.Spec{Process: &specs.Process{Cwd: "/"}, Mounts: []specs.Mount{{Destination: "/mnt"}}, Linux: &specs.Linux{}}
	for name, want := range map[string]struct {
		errno syscall.Errno
		why   string
	}{
		"exe": {}, "self": {}, "relative": {}, "on-mount": {}, "not-there": {}, "mnt/none": {}, "by-link": {}, "to-nothing": {},
		"below-bin": {syscall.ENOENT, "interpreter sub is not"},
		"crlf":      {syscall.ENOENT, `carriage return`},
		"gone":      {syscall.ENOENT, "/gone is there, but its interpreter /no/where is not"},
		"none":      {syscall.ENOEXEC, "no interpreter"},
		"text":      {syscall.ENOEXEC, "neither an ELF program nor a script"},
		"empty":     {syscall.ENOEXEC, "is empty"},
		"short":     {syscall.ENOEXEC, "only 5 bytes"},
		"data":      {syscall.ENOEXEC, "neither an ELF program nor a script"},
		"foreign":   {syscall.ENOEXEC, "is a program for machine number 4660 of elf.h"},
		"loop":      {syscall.ELOOP, "more than 5 scripts"},
		"by-plain":  {syscall.EACCES, "nobody may execute /plain, the interpreter of /by-plain"},
		"by-dir":    {syscall.EACCES, "nobody may execute /dir"},
	} {
		got := Format(spec, dir, "/"+name)
		if (name == "foreign" || name == "data") && !known { // another mount of binfmt_misc may have its format
			if got != nil {
				t.Errorf("%s, which is not known: %v", name, got)
			}
			got = format(spec, dir, "/"+name, true)
		}
		switch {
		case want.errno == 0 && got != nil:
			t.Errorf("%s: %v", name, got)
		case want.errno != 0 && (got == nil || got.errno != want.errno || !strings.Contains(got.why, want.why)):
			t.Errorf("%s: %v, want %v: %s", name, got, want.errno, want.why)
		}
	}
}

// A program in another directory is looked for where the process begins.
func TestFormatOfARelativeInterpreter(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil { //nolint:gosec // as in an image
		t.Fatal(err)
	}
	for name, content := range map[string]string{"script": "#!exe\n", "bin/exe": elfOf(machineOfTests())} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil { //nolint:gosec // a program
			t.Fatal(err)
		}
	}
	spec := &specs.Spec{Process: &specs.Process{Cwd: "/bin"}, Linux: &specs.Linux{}}
	if got := Format(spec, dir, "/script"); got != nil {
		t.Error(got)
	}
	// ".." is above what a link leads to
	if err := os.MkdirAll(filepath.Join(dir, "bin", "below"), 0o755); err != nil { //nolint:gosec // as in an image
		t.Fatal(err)
	}
	if err := os.Symlink("bin/below", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "above"), []byte("#!../exe\n"), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	spec.Process.Cwd = "/link"
	if got := Format(spec, dir, "/above"); got != nil {
		t.Error(got)
	}
	spec.Process.Cwd = "/"
	if got := Format(spec, dir, "/script"); got == nil || got.errno != syscall.ENOENT {
		t.Error(got)
	}
}

func machineOfTests() uint16 {
	if known := machines[runtime.GOARCH]; len(known) > 0 {
		return known[0]
	}
	return 0
}
