package sys

import (
	"errors"
	"os"
	"strings"
	"syscall"
)

// InUserNamespace reports whether this process is in another user namespace than the initial one, whose file has had one
// inode number since Linux 3.8 (PROC_USER_INIT_INO; USER_NS_INIT_INO of linux/nsfs.h since 6.18). The map does not tell: a
// namespace may map all ids to themselves (runc#5396). An error says that it cannot be known.
func InUserNamespace() (bool, error) {
	const initial = 0xEFFFFFFD
	st, err := Stat("/proc/self/ns/user")
	if errors.Is(err, syscall.ENOENT) && IsProc("/proc") {
		return false, nil // a kernel without user namespaces
	}
	if err != nil {
		return true, err
	}
	return st.Ino != initial, nil
}

// SameUserNamespace reports whether a process is in rung's user namespace.
func SameUserNamespace(pid int) bool {
	ours, err := os.Readlink("/proc/self/ns/user")
	if err != nil {
		return true // a kernel without them
	}
	theirs, err := os.Readlink("/proc/" + itoa(pid) + "/ns/user")
	return err == nil && ours == theirs
}

// SameTimeNamespace reports whether a process has this one's time namespace. Where it cannot be
// known, or the kernel has none, they are the same.
func SameTimeNamespace(pid int) bool {
	theirs, err := os.Readlink("/proc/" + itoa(pid) + "/ns/time")
	if err != nil {
		return true
	}
	ours, err := os.Readlink("/proc/self/ns/time")
	return err != nil || ours == theirs
}

// SetgroupsDenied reports whether the user namespace of a process denies setgroups(2).
func SetgroupsDenied(pid int) bool {
	text, err := ReadSmall("/proc/" + itoa(pid) + "/setgroups")
	return err == nil && strings.HasPrefix(text, "deny")
}

// InUnifiedCgroup reports whether a process is in the cgroup v2 directory dir.
func InUnifiedCgroup(pid int, dir string) bool {
	path, ok := UnifiedCgroup(pid)
	return ok && path != "/" && strings.HasSuffix(dir, path)
}

// UnifiedCgroup returns the cgroup v2 of a process, as /proc/PID/cgroup names it.
func UnifiedCgroup(pid int) (string, bool) {
	text, err := ReadSmall("/proc/" + itoa(pid) + "/cgroup")
	if err != nil {
		return "", false
	}
	for _, line := range strings.Split(text, "\n") {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			return path, true
		}
	}
	return "", false
}
