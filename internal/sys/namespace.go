package sys

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// InUserNamespace reports whether this process is in another user namespace than the initial one. The file of the initial
// one has had the same inode number since Linux 3.8 (PROC_USER_INIT_INO; USER_NS_INIT_INO of linux/nsfs.h since 6.18). The
// id map is no proof: a namespace may map all ids to themselves (runc#5396). After an error the answer is not known.
func InUserNamespace() (bool, error) {
	const initial = 0xEFFFFFFD
	st, err := Stat("/proc/self/ns/user")
	if errors.Is(err, syscall.ENOENT) {
		if IsProc("/proc") {
			if there, err := Exists("/proc/self/ns"); err != nil || !there {
				return true, fmt.Errorf("%w (the proc file system at /proc is of another PID namespace, which rung is no process of)", syscall.ENOENT)
			}
			return false, nil // a kernel without user namespaces
		}
		return true, fmt.Errorf("%w (rung needs a proc file system to know its own rights, and none is mounted at /proc)", err)
	}
	if err != nil {
		return true, err
	}
	return st.Ino != initial, nil
}

// SameUserNamespace reports whether a process is in rung's user namespace.
func SameUserNamespace(pid int) (bool, error) { return sameNamespace(pid, "user") }

// SameTimeNamespace reports whether a process is in rung's time namespace.
func SameTimeNamespace(pid int) (bool, error) { return sameNamespace(pid, "time") }

// sameNamespace compares a namespace of a process with rung's. If the kernel has no namespaces of that kind, all processes
// share one.
func sameNamespace(pid int, kind string) (bool, error) {
	ours, err := os.Readlink("/proc/self/ns/" + kind)
	if errors.Is(err, syscall.ENOENT) && IsProc("/proc") {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	theirs, err := os.Readlink("/proc/" + itoa(pid) + "/ns/" + kind)
	return ours == theirs, err
}

// SetgroupsDenied reports whether the user namespace of a process denies setgroups(2).
func SetgroupsDenied(pid int) (bool, error) {
	text, err := ReadSmall("/proc/" + itoa(pid) + "/setgroups")
	return strings.HasPrefix(text, "deny"), err
}
