package launch

import (
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// RlimitHint is what is behind EPERM of prlimit(2).
const RlimitHint = "to raise a hard limit needs CAP_SYS_RESOURCE, and that of open files is never above fs.nr_open"

// Hint says what is behind an errno where that is known and not obvious; else "".
func Hint(op *plan.Op, errno syscall.Errno) string {
	switch {
	case errno == syscall.ENOSPC && (op.Code == plan.Clone || op.Code == plan.Unshare):
		return "a limit of /proc/sys/user/max_*_namespaces is reached"
	case errno == syscall.EDQUOT && op.Code == plan.Keyring:
		return "the key quota of this user is used up: see /proc/sys/kernel/keys/maxkeys, or use --no-new-keyring"
	case errno == syscall.EPERM && op.Code == plan.Unshare && strings.Contains(op.Operands(), "user"):
		return "user namespaces may be restricted: see kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"
	case errno == syscall.EPERM && op.Code == plan.Fsmount && strings.Contains(op.Why.Purpose, "proc"):
		return "a user namespace may mount proc only where the host's is fully visible"
	case errno == syscall.EPERM && op.Code == plan.Fsconfig && strings.Contains(op.Why.Purpose, "sysfs"):
		return "sysfs needs a network namespace of the same user namespace: bind /sys instead"
	case op.Code == plan.Write && strings.HasPrefix(op.Why.Purpose, "AppArmor"):
		return appArmor(errno)
	case errno == syscall.EINVAL && op.Code == plan.Write && op.Why.Field == "process.selinuxLabel":
		return "the SELinux policy does not know this label"
	case errno == syscall.EINVAL && op.Code == plan.Fsconfig && op.Text[0] == "context":
		return "the SELinux policy does not know the label of linux.mountLabel, or of the mount's own context"
	case errno == syscall.ENODEV && op.Code == plan.Fsopen:
		return "this kernel does not know the file system type " + op.Text[0]
	case errno == syscall.EPERM && op.Code == plan.Rlimit:
		return RlimitHint
	case errno == syscall.EPERM && op.Code == plan.SchedAttr:
		return "real-time policies need CAP_SYS_NICE and time of the cgroup; with SCHED_DEADLINE, process scheduler can't be used together with AllowedCPUs (linux.resources.cpu.cpus)"
	case errno == syscall.EAGAIN && op.Code == plan.Clone:
		return "pids.max of the cgroup or RLIMIT_NPROC is reached"
	case errno == syscall.EINVAL && op.Code == plan.PivotRoot:
		return "the host's root is on ramfs or its mounts are shared: try --no-pivot"
	case errno == syscall.EINVAL && op.Code == plan.MoveMount:
		// Docker tells by ENOTDIR's words that it is no fault of its own.
		return "of the source and the mount point one is a directory, the other is not a directory"
	case (errno == syscall.ENOSYS || errno == syscall.EPERM) && (op.Code == plan.Open || op.Code == plan.Mkpath):
		return sys.Openat2Hint
	case errno == syscall.ELOOP && op.Code == plan.Mkpath:
		return "must be mounted on ordinary directory: a component of the path is a symbolic link"
	}
	return ""
}

// appArmor: errnos of a write to attr/exec (security/apparmor/lsm.c).
func appArmor(errno syscall.Errno) string {
	switch errno {
	case syscall.ENOENT:
		return "this profile is not loaded"
	case syscall.EINVAL:
		return "AppArmor is not enabled on this machine, or this is no name of a profile"
	case syscall.EACCES:
		return "the profile that confines rung allows no change to this one"
	}
	return ""
}
