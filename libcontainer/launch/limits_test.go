package launch

import (
	"strings"
	"syscall"
	"testing"

	"rung/libcontainer/plan"
)

func TestLimits(t *testing.T) {
	p := &plan.Plan{Ops: []plan.Op{{Code: plan.MoveMount}, {Code: plan.Close}, {Code: plan.Mask}, {Code: plan.MoveMount}, {Code: plan.Open}}}
	for _, c := range []struct {
		op    int
		errno syscall.Errno
		want  string // "": nothing
	}{
		{3, syscall.ENOSPC, "fs.mount-max allows "},
		{3, syscall.ENOSPC, "the container has attached 2,"},
		{4, syscall.EMFILE, "RLIMIT_NOFILE is "},
		{4, syscall.ENOSPC, ""}, // of a disk
		{3, syscall.EINVAL, ""},
	} {
		f := &Failure{Op: &p.Ops[c.op], Index: c.op, Plan: p, Errno: c.errno}
		if got := f.limit(); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%v of %v: %q, want %q", c.errno, f.Op.Code, got, c.want)
		}
		if !strings.Contains(f.Error(), c.want) {
			t.Errorf("%q lacks %q", f.Error(), c.want)
		}
	}
}
