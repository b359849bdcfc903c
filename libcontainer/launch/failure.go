package launch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// Failure is an op that the kernel refused, or during which the stage died.
type Failure struct {
	Op     *plan.Op
	Index  int // of Op in Plan
	Plan   *plan.Plan
	Errno  syscall.Errno // 0: the stage was killed
	Killed bool

	Path     string // COPY_UP: the current file, relative to the copied directory
	Program  string // EXEC, FIND_PROGRAM: the path that the error is about
	Messages string // FSCONFIG, FSMOUNT: what the kernel says about the file system context
	Call     string // the system call that failed, of an op that makes several; "" if it was none
}

// Outcome reads from the progress page how the stage ended. It returns ErrRunning if the stage
// has executed the program, else the failure: a *Failure if the stage had begun with its plan.
func Outcome(p *Progress, segments []*plan.Plan) error {
	segment, index, errno := p.Segment(), p.Op(), p.Errno()
	if !p.Begun() {
		return notBegun{errno}
	}
	if segment >= len(segments) || index >= len(segments[segment].Ops) {
		return fmt.Errorf("the stage left a progress page that names op %d of segment %d", index, segment)
	}
	current := segments[segment]
	op := &current.Ops[index]
	if errno == 0 && op.Code == plan.Exec {
		return ErrRunning
	}
	f := &Failure{Op: op, Index: index, Plan: current, Errno: errno, Killed: errno == 0}
	f.Call = p.Call()
	switch op.Code {
	case plan.Exec, plan.FindProgram:
		f.Program = programAt(op, segments, p.Candidate())
	case plan.CopyUp:
		f.Path = p.Detail()
	case plan.Fsconfig, plan.Fsmount:
		if errno != 0 {
			f.Messages = sys.Messages(p.Detail())
		}
	}
	return f
}

// notBegun is the error of a stage that ended before it began with its plan.
type notBegun struct{ errno syscall.Errno }

func (e notBegun) Error() string {
	if e.errno == 0 {
		text := "the container process ended before it had its plan"
		if why := sys.WhyDenied("recvmsg", "recvfrom", "sendmsg"); why != "" {
			text += " (" + why + ")"
		}
		return text
	}
	return "prepare the container process (its signals and descriptors): " + e.errno.Error()
}

func (e notBegun) Unwrap() error {
	if e.errno == 0 {
		return nil
	}
	return e.errno
}

// ErrExec is the error of a program that the kernel did not execute, for errors.Is.
var ErrExec = errors.New("exec")

// Is reports whether the failure is ErrExec: the op that failed is EXEC.
func (f *Failure) Is(target error) bool { return target == ErrExec && f.Op.Code == plan.Exec }

// OfProcess reports whether the failure is about the program of the process or its working directory.
func (f *Failure) OfProcess() bool { return f.Op.Code == plan.FindProgram || f.ofCwd() }

func (f *Failure) ofCwd() bool {
	return (f.Op.Code == plan.Chdir || f.Op.Code == plan.Mkpath) && strings.HasSuffix(f.Op.Origin.Field, ".cwd")
}

// Error returns one line: the field, the purpose of the op, the system call, the errno and a hint.
func (f *Failure) Error() string {
	var parts []string
	switch {
	case f.Op.Code == plan.Exec:
		return fmt.Sprintf("exec %s: %v", f.Program, f.Errno)
	case f.Op.Code == plan.FindProgram && !f.Killed:
		return fmt.Sprintf("exec: %q: %s", f.name(), f.notFound())
	case f.ofCwd() && !f.Killed: // runc's words, which people search for
		text := fmt.Sprintf("%s: chdir to cwd (%q): %s: %v", f.Op.Origin.Field, f.Op.Text[0], f.call(), f.Errno)
		switch {
		case f.Errno == syscall.ENOENT: // of exec: create makes it
			text += " (the container has no such directory: name another by --cwd, or make it)"
		case f.Errno == syscall.ELOOP && f.Op.Code == plan.Mkpath:
			text += " (" + linkHint + ")"
		}
		return text
	}
	if f.Op.Origin.Field != "" {
		parts = append(parts, f.Op.Origin.Field)
	}
	parts = append(parts, f.Op.Origin.Purpose)
	if f.Path != "" {
		parts = append(parts, "at "+strconv.Quote(f.Path)) // the path is from the image: it may have any character
	}
	if f.Killed {
		return strings.Join(append(parts, "the container process was killed while it did this"), ": ")
	}
	if option := f.option(); option != "" {
		parts = append(parts, option)
	}
	parts = append(parts, f.call(), f.Errno.Error())
	if hint := f.hint(); hint != "" {
		return strings.Join(parts, ": ") + " (" + hint + ")"
	}
	return strings.Join(parts, ": ")
}

// hint returns what a probe shows, and what the kernel says; "" if neither does.
func (f *Failure) hint() string {
	why := f.probed()
	switch {
	case f.Messages == "":
		return why
	case why == "":
		return "the kernel says: " + f.Messages
	}
	return why + "; the kernel says: " + f.Messages
}

func (f *Failure) probed() string {
	if missing := f.layerMissing(); missing != "" {
		return missing
	}
	if f.Errno == syscall.EPERM && f.makes() {
		if why := notOwned(f.fstype(), rungOwns); why != "" {
			return why
		}
	}
	return cmp.Or(Hint(f.Op, f.Call, f.Errno), f.unprivileged(), f.limit())
}

// unprivileged says which right is missing, of a plan that makes or joins no user namespace first: there it has all.
func (f *Failure) unprivileged() string {
	if f.Errno != syscall.EPERM {
		return ""
	}
	switch f.Op.Code {
	case plan.Clone, plan.Unshare:
		if f.afterUserNamespace() || !lacks(capSysAdmin) {
			return ""
		}
		return NeedsUserNamespace
	case plan.Loopback:
		if f.afterUserNamespace() || !lacks(capNetAdmin) {
			return ""
		}
		return "a new network namespace needs CAP_NET_ADMIN, which rung was started without"
	}
	return ""
}

// Numbers of linux/capability.h.
const (
	capNetAdmin = 12
	capSysAdmin = 21
)

func lacks(capability int) bool {
	have, err := sys.PermittedCapabilities()
	return err == nil && have>>capability&1 == 0
}

// afterUserNamespace reports whether the op makes a user namespace, or is done in one that the plan has made or joined.
func (f *Failure) afterUserNamespace() bool {
	for i := range f.Plan.Ops[:f.Index+1] {
		op := &f.Plan.Ops[i]
		if i < f.Index && op.Code == plan.Setns || op.Code == plan.Unshare && (i < f.Index || strings.Contains(op.Operands(), "user")) {
			return true
		}
	}
	return false
}

// NeedsUserNamespace is what is behind EPERM of new namespaces for a process without CAP_SYS_ADMIN.
const NeedsUserNamespace = "without CAP_SYS_ADMIN, a capability of root, new namespaces need one of users: list it in linux.namespaces with its id maps, as rung spec --rootless does"

// Filtered reports whether the process had loaded the container's own seccomp filter before.
func (f *Failure) Filtered() bool {
	return slices.ContainsFunc(f.Plan.Ops[:f.Index], func(op plan.Op) bool { return op.Code == plan.Seccomp })
}

// Syscall returns the system call that failed, or the name of an op that makes several.
func (f *Failure) Syscall() string { return f.call() }

// call returns the system call that failed. An error of a composite op may come from none; then call returns the name of the
// op.
func (f *Failure) call() string {
	if f.Call != "" {
		return f.Call
	}
	calls := f.Op.Code.Syscalls()
	if strings.Contains(calls, " ") {
		return strings.ToLower(f.Op.Code.String())
	}
	return calls
}

// Unwrap returns the errno, or nil if the stage was killed.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// Around returns the lines of the plan near the op that failed, for --debug.
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
