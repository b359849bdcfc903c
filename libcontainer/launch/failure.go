package launch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"rung/libcontainer/plan"
)

// Failure is an op that the kernel refused, or during which the hands died.
type Failure struct {
	Op     *plan.Op
	Index  int
	Plan   *plan.Plan
	Errno  syscall.Errno // 0: the hands were killed
	Killed bool
}

// Outcome reads from the progress page how the hands ended: ErrRunning when the program
// took over, else a *Failure.
func Outcome(p *Progress, segments []*plan.Plan) error {
	segment, index, errno := p.Segment(), p.Op(), p.Errno()
	if !p.Begun() {
		return notBegun{errno}
	}
	if segment >= len(segments) || index >= len(segments[segment].Ops) {
		return fmt.Errorf("the hands left a progress page that names op %d of segment %d", index, segment)
	}
	current := segments[segment]
	op := &current.Ops[index]
	if errno == 0 && op.Code == plan.Exec {
		return ErrRunning
	}
	return &Failure{Op: op, Index: index, Plan: current, Errno: errno, Killed: errno == 0}
}

// notBegun is the end of hands that had not begun with their plan.
type notBegun struct{ errno syscall.Errno }

func (e notBegun) Error() string {
	if e.errno == 0 {
		return "the container process ended before it had its plan"
	}
	return "prepare the container process (its signals and descriptors): " + e.errno.Error()
}

func (e notBegun) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

// ErrExec is what Is finds of a program that the kernel would not execute.
var ErrExec = errors.New("exec")

// Is lets errors.Is find ErrExec.
func (f *Failure) Is(target error) bool { return target == ErrExec && f.Op.Code == plan.Exec }

// Error names the field, what was being done, the system call and the errno, on one line.
func (f *Failure) Error() string {
	var parts []string
	if f.Op.Code == plan.Exec {
		return fmt.Sprintf("exec %s: %v", f.program(), f.Errno)
	}
	if f.Op.Why.Field != "" {
		parts = append(parts, f.Op.Why.Field)
	}
	parts = append(parts, f.Op.Why.Purpose)
	if f.Killed {
		return strings.Join(append(parts, "the container process was killed while it did this"), ": ")
	}
	parts = append(parts, f.call(), f.Errno.Error())
	if hint := Hint(f.Op, f.Errno); hint != "" {
		return strings.Join(parts, ": ") + " (" + hint + ")"
	}
	return strings.Join(parts, ": ")
}

func (f *Failure) program() string {
	if argv := f.Op.Lists[1]; len(argv) > 0 {
		return argv[0]
	}
	return f.Op.Text[0]
}

// call is the system call of a simple op, the name of a composite one.
func (f *Failure) call() string {
	calls := f.Op.Code.Syscalls()
	if strings.Contains(calls, " ") {
		return strings.ToLower(f.Op.Code.String())
	}
	return calls
}

// Unwrap gives the errno, so that errors.Is works.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// Around prints the plan near the failing op, for --debug.
func (f *Failure) Around() string {
	var out strings.Builder
	for i := max(0, f.Index-3); i < min(len(f.Plan.Ops), f.Index+4); i++ {
		mark := "  "
		if i == f.Index {
			mark = "=>"
		}
		fmt.Fprintf(&out, "%s %3d  %s\n", mark, i, f.Plan.Ops[i].Format())
	}
	return out.String()
}
