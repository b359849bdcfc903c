package launch

import (
	"fmt"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// limit names the limit of the kernel that an op has reached, with what it is now; "" if it is none.
func (f *Failure) limit() string {
	switch f.Errno {
	case syscall.EMFILE:
		if why := f.ownLimit(); why != "" {
			return why
		}
		return sys.OpenFilesLimit()
	case syscall.ENOSPC:
		if attaches(f.Op.Code) {
			return mountLimit(f.attached())
		}
	}
	return ""
}

// ownLimit tells of the limit of open files that the plan itself has set before, "" if it has set none.
func (f *Failure) ownLimit() string {
	for i := f.Index - 1; i >= 0; i-- {
		if op := &f.Plan.Ops[i]; op.Code == plan.Rlimit && op.Ints[0] == syscall.RLIMIT_NOFILE {
			return fmt.Sprintf("%s sets RLIMIT_NOFILE to %d, and the container's process needs more to wait for its start", op.Origin.Field, op.Ints[1])
		}
	}
	return ""
}

// attaches reports whether an op adds mounts to the mount namespace.
func attaches(code plan.Code) bool {
	return code == plan.MoveMount || code == plan.Mount || code == plan.Mask || code == plan.ReadonlyPath
}

// attached counts the ops before the failed one that have added mounts.
func (f *Failure) attached() (n int) {
	for i := range f.Index {
		if attaches(f.Plan.Ops[i].Code) {
			n++
		}
	}
	return n
}

func mountLimit(before int) string {
	most, err := sys.ReadSmall("/proc/sys/fs/mount-max")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("fs.mount-max allows %s mounts in a mount namespace, the host's among them; the container has attached %d, "+
		"and what is mounted below their sources", strings.TrimSpace(most), before)
}
