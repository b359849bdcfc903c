package launch

import (
	"fmt"
	"strings"
	"syscall"

	"rung/libcontainer/plan"
)

// programAt returns the path of the program that an EXEC or FIND_PROGRAM of one of the segments is about.
func programAt(op *plan.Op, segments []*plan.Plan, candidate int) string {
	if op.Code == plan.Exec && op.Text[0] != "" {
		return op.Text[0]
	}
	for _, segment := range segments {
		for i := range segment.Ops {
			if find := &segment.Ops[i]; find.Code == plan.FindProgram && candidate < len(find.Lists[0]) {
				return find.Lists[0][candidate]
			}
		}
	}
	return ""
}

// name returns args[0] of the plan's program.
func (f *Failure) name() string {
	last := &f.Plan.Ops[len(f.Plan.Ops)-1]
	if last.Code != plan.Exec || len(last.Lists[1]) == 0 {
		return ""
	}
	return last.Lists[1][0]
}

// notFound says why FIND_PROGRAM has found none, in the words of runc, which are those of Go's os/exec: engines match them for
// the exit statuses 126 and 127.
func (f *Failure) notFound() string {
	searched := !strings.Contains(f.name(), "/")
	switch {
	case searched && f.Errno == syscall.EACCES && f.Call == "statx": // it may not even be there
		return fmt.Sprintf("executable file not found in $PATH (no right to search the directories above %s)", f.Program)
	case searched && f.Errno == syscall.EACCES: // "permission denied" would be another status than runc's
		return fmt.Sprintf("executable file not found in $PATH (no right to execute %s)", f.Program)
	case searched && meansNoProgram(f.Errno):
		return "executable file not found in $PATH"
	case f.Errno == syscall.EISDIR: // execve(2) returns EACCES, and engines know only some of these words
		return fmt.Sprintf("%v (%v)", f.Errno, syscall.EACCES)
	case f.Call == "statx":
		return fmt.Sprintf("stat %s: %v", f.Program, f.Errno)
	}
	return f.Errno.Error()
}

// meansNoProgram reports whether an errno says that a path leads to no program (is_no_program in op_process.c).
func meansNoProgram(errno syscall.Errno) bool {
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.EISDIR, syscall.EACCES, syscall.ELOOP, syscall.ENAMETOOLONG:
		return true
	}
	return false
}
