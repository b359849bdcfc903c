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
		return sys.OpenFilesLimit()
	case syscall.ENOSPC:
		if attaches(f.Op.Code) {
			return mountLimit(f.attached())
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
