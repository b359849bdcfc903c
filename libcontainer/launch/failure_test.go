package launch

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"rung/libcontainer/plan"
)

// copying returns the progress page of a stage that ended during COPY_UP.
func copying(t *testing.T, errno syscall.Errno, path, call string) *Progress {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "progress")
	if err != nil {
		t.Fatal(err)
	}
	p, err := ProgressIn(file, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	*(*uint32)(unsafe.Pointer(&p.data[20])) = uint32(errno)
	*(*uint32)(unsafe.Pointer(&p.data[36])) = 1
	copy(p.data[40:64], call)
	copy(p.data[64:512], path)
	return p
}

func TestOutcomeOfACopy(t *testing.T) {
	origin := plan.Origin{Field: "mounts[3]", Purpose: "copy what is at /seed into the tmpfs"}
	segments := []*plan.Plan{{Ops: []plan.Op{{Code: plan.CopyUp, Origin: origin}}}}
	for _, c := range []struct {
		errno            syscall.Errno
		path, call, want string
	}{
		{syscall.ENOSPC, "a/b", "write", `mounts[3]: copy what is at /seed into the tmpfs: at "a/b": write: no space left on device`},
		{syscall.EPERM, "a\nb", "mknodat", `mounts[3]: copy what is at /seed into the tmpfs: at "a\nb": mknodat: operation not permitted`},
		{syscall.ENOTDIR, "", "openat2", "mounts[3]: copy what is at /seed into the tmpfs: openat2: not a directory"},
		{syscall.ESTALE, "a", "openat2", `mounts[3]: copy what is at /seed into the tmpfs: at "a": openat2: ` + syscall.ESTALE.Error() + ` (something else has taken its place while it was copied)`},
		{0, "big", "", `mounts[3]: copy what is at /seed into the tmpfs: at "big": the container process was killed while it did this`},
	} {
		err := Outcome(copying(t, c.errno, c.path, c.call), segments)
		var failure *Failure
		if !errors.As(err, &failure) || err.Error() != c.want {
			t.Errorf("%v at %q: %v, want %s", c.errno, c.path, err, c.want)
		}
	}
}

// The path of a finished copy must not appear in the failure of a later op.
func TestOutcomeBehindACopy(t *testing.T) {
	segments := []*plan.Plan{{Ops: []plan.Op{{Code: plan.MoveMount, Origin: plan.Origin{Purpose: "attach"}}}}}
	err := Outcome(copying(t, syscall.EPERM, "a", "move_mount"), segments)
	if err.Error() != "attach: move_mount: operation not permitted" {
		t.Error(err)
	}
}

// A composite op says which of its calls failed, or that it was none.
func TestOutcomeNamesTheCall(t *testing.T) {
	segments := []*plan.Plan{{Ops: []plan.Op{{Code: plan.Mkpath, Origin: plan.Origin{Field: "mounts[7]", Purpose: "mount point /sys/nodir"}}}}}
	for call, want := range map[string]string{
		"mkdirat": "mounts[7]: mount point /sys/nodir: mkdirat: operation not permitted",
		"":        "mounts[7]: mount point /sys/nodir: mkpath: operation not permitted",
	} {
		if err := Outcome(copying(t, syscall.EPERM, "", call), segments); err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
