package idmap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

func m(inside, outside, size uint32) specs.LinuxIDMapping {
	return specs.LinuxIDMapping{ContainerID: inside, HostID: outside, Size: size}
}

func TestParseRanges(t *testing.T) {
	const file = `# a comment
alice:100000:65536
bob:200000:65536
1000:300000:10

alice:x:1
alice:1
alice:4294967296:1
alice:400000:0
 alice:500000:5
`
	got, err := ParseRanges(strings.NewReader(file), "1000", "alice")
	want := []Range{{100000, 65536}, {300000, 10}, {500000, 5}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := ReadRanges("/no/such/file", "a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestGranted(t *testing.T) {
	ranges := []Range{{200, 100}, {100, 100}, {150, 20}, {1000, 1}, {4294967290, 6}}
	tests := []struct {
		start, count uint32
		want         bool
	}{
		{100, 200, true}, {150, 100, true}, {99, 1, false}, {100, 201, false}, {1000, 1, true}, {1000, 2, false},
		{4294967290, 6, true}, {300, 1, false},
	}
	for _, tt := range tests {
		if got := Granted(ranges, tt.start, tt.count); got != tt.want {
			t.Errorf("Granted(%d, %d) = %v", tt.start, tt.count, got)
		}
	}
}

// unmapped starts a process in a new user namespace with empty maps.
func unmapped(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("/bin/cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("requires user namespaces: %v", err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// proc reads a file of /proc/PID with single spaces.
func proc(t *testing.T, pid int, file string) string {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("requires root")
	}
}

func TestWriteAsRoot(t *testing.T) {
	needRoot(t)
	pid := unmapped(t)
	uid := []specs.LinuxIDMapping{m(0, 100000, 1000), m(1000, 0, 1)}
	gid := []specs.LinuxIDMapping{m(0, 200000, 65536)}
	if privileged, err := sys.CanSetIDs(); err != nil || NeedsHelper(gid, os.Getegid(), privileged) {
		t.Errorf("NeedsHelper is wrong; privileged %v, %v", privileged, err)
	}
	if err := Write(pid, uid, gid, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := proc(t, pid, "uid_map"); got != "0 100000 1000\n1000 0 1" {
		t.Errorf("uid_map %q", got)
	}
	if got := proc(t, pid, "gid_map"); got != "0 200000 65536" {
		t.Errorf("gid_map %q", got)
	}
	if got := proc(t, pid, "setgroups"); got != "allow" {
		t.Errorf("setgroups %q", got)
	}
	if err := Write(pid, uid, gid, Options{}); !errors.Is(err, syscall.EPERM) || !strings.HasPrefix(err.Error(), "linux.uidMappings: ") {
		t.Errorf("written twice: %v", err)
	}
}

func TestWriteDenySetgroups(t *testing.T) {
	needRoot(t)
	pid := unmapped(t)
	if err := Write(pid, nil, []specs.LinuxIDMapping{m(0, 5, 1)}, Options{DenySetgroups: true}); err != nil {
		t.Fatal(err)
	}
	if got := proc(t, pid, "setgroups"); got != "deny" {
		t.Errorf("setgroups %q", got)
	}
	if got := proc(t, pid, "uid_map"); got != "" {
		t.Errorf("uid_map %q, want it left alone", got)
	}
}

func TestWriteManyExtents(t *testing.T) {
	needRoot(t)
	var list []specs.LinuxIDMapping
	for i := range uint32(maxExtents) {
		list = append(list, m(i, 2*i, 1))
	}
	pid := unmapped(t)
	if err := Write(pid, list, list, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(proc(t, pid, "gid_map"), "\n") + 1; got != maxExtents {
		t.Errorf("%d extents", got)
	}
	if err := Write(pid, append(list, m(9999, 9999, 1)), nil, Options{}); err == nil || err.Error() != "linux.uidMappings: 341 mappings, the kernel takes at most 340" {
		t.Errorf("one more: %v", err)
	}
	for i := range list {
		list[i] = m(uint32(i), 4000000000+2*uint32(i), 1)
	}
	if err := Write(pid, nil, list, Options{}); err == nil || !strings.Contains(err.Error(), "bytes of mappings") {
		t.Errorf("longer than a page: %v", err)
	}
}

func TestWriteGoneProcess(t *testing.T) {
	needRoot(t)
	err := Write(1<<22+1, []specs.LinuxIDMapping{m(0, 0, 1)}, nil, Options{})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// The tests below run as a plain user: asUser runs this binary again as nobody.

const asUserEnv = "RUNG_IDMAP_TEST_AS_USER"

// nobody has an entry in every passwd(5): newuidmap requires one.
const nobody = 65534

// asUser runs the test called name as nobody, in a mount namespace where /etc/subuid
// and /etc/subgid have the text subid.
func asUser(t *testing.T, name, subid string) {
	t.Helper()
	needRoot(t)
	for _, tool := range []string{"unshare", "setpriv", "newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("requires %s", tool)
		}
	}
	for _, file := range []string{users().subIDs, groups().subIDs} {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("requires a file to mount over: %v", err)
		}
	}
	dir, err := os.MkdirTemp("", "idmap")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "test")
	copyFile(t, "/proc/self/exe", binary)
	list := filepath.Join(dir, "subid")
	if err := os.WriteFile(list, []byte(subid), 0o644); err != nil { //nolint:gosec // Read by another user.
		t.Fatal(err)
	}
	const script = `mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid && cd / &&
exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=+all "$2" -test.run "^$3\$" -test.v`
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", list, binary, name)
	cmd.Env = append(os.Environ(), asUserEnv+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as nobody: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("as nobody: %s", out)
	}
	if !strings.Contains(string(out), "--- PASS: "+name) {
		t.Errorf("%s did not run:\n%s", name, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close() //nolint:errcheck // Only read.
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func inner(t *testing.T) {
	t.Helper()
	if os.Getenv(asUserEnv) == "" {
		t.Skip("requires to be run by the test without Inner")
	}
}

func TestOwnIDAsUser(t *testing.T) { asUser(t, "TestOwnIDAsUserInner", "") }

func TestOwnIDAsUserInner(t *testing.T) {
	inner(t)
	own := []specs.LinuxIDMapping{m(0, nobody, 1)}
	if privileged, err := sys.CanSetIDs(); err != nil || NeedsHelper(own, os.Getegid(), privileged) {
		t.Errorf("NeedsHelper is wrong; privileged %v, %v", privileged, err)
	}
	// Without helpers in PATH, Write must have written the maps itself.
	t.Setenv("PATH", "/nonexistent")
	pid := unmapped(t)
	if err := Write(pid, own, own, Options{}); err != nil {
		t.Fatal(err)
	}
	if got := proc(t, pid, "uid_map") + ", " + proc(t, pid, "gid_map") + ", " + proc(t, pid, "setgroups"); got != "0 65534 1, 0 65534 1, deny" {
		t.Errorf("maps %q", got)
	}
}

func TestHelperAsUser(t *testing.T) {
	asUser(t, "TestHelperAsUserInner", "nobody:300000:1000\n65534:301000:500\n")
}

func TestHelperAsUserInner(t *testing.T) {
	inner(t)
	list := []specs.LinuxIDMapping{m(0, nobody, 1), m(1, 300000, 1000), m(1001, 301000, 500)}
	if privileged, err := sys.CanSetIDs(); err != nil || !NeedsHelper(list, os.Getegid(), privileged) {
		t.Errorf("NeedsHelper is wrong; privileged %v, %v", privileged, err)
	}
	pid := unmapped(t)
	if err := Write(pid, list, list, Options{}); err != nil {
		t.Fatal(err)
	}
	const want = "0 65534 1\n1 300000 1000\n1001 301000 500"
	if got := proc(t, pid, "uid_map"); got != want {
		t.Errorf("uid_map %q", got)
	}
	if got := proc(t, pid, "gid_map"); got != want {
		t.Errorf("gid_map %q", got)
	}
}

func TestNotGrantedAsUser(t *testing.T) {
	asUser(t, "TestNotGrantedAsUserInner", "nobody:300000:1000\n")
}

func TestNotGrantedAsUserInner(t *testing.T) {
	inner(t)
	own, good, bad := m(0, nobody, 1), m(1, 300000, 1000), m(1, 300500, 1000)
	err := Write(unmapped(t), []specs.LinuxIDMapping{own, bad}, nil, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "linux.uidMappings: /etc/subuid grants user nobody no range that holds 300500-301499 (newuidmap: exit status 1") {
		t.Errorf("users: %v", err)
	}
	err = Write(unmapped(t), []specs.LinuxIDMapping{own, good}, []specs.LinuxIDMapping{own, bad}, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "linux.gidMappings: /etc/subgid grants user nobody no range that holds 300500-301499 (newgidmap: exit status 1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("groups: %v", err)
	}
	t.Setenv("PATH", "/nonexistent")
	err = Write(unmapped(t), []specs.LinuxIDMapping{own, good}, nil, Options{})
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "needs newuidmap") {
		t.Errorf("no helper: %v", err)
	}
}
