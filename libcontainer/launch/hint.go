package launch

import (
	"encoding/binary"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// RlimitHint is what is behind EPERM of prlimit(2).
const RlimitHint = "to raise a hard limit needs CAP_SYS_RESOURCE, and that of open files is never above fs.nr_open"

// NotThatDevice is what is behind ENODEV of a device whose path the image has.
const NotThatDevice = "what the image has there is not that device: leave out the device, name another path, or remove the file from the image"

// NoSuchNamespace is what may be behind EINVAL of setns(2).
const NoSuchNamespace = "that file is no namespace of this kind"

// Hint says what is behind an errno where that is known and not obvious; else "". call is the op's system call that failed,
// or "" if that is not known.
func Hint(op *plan.Op, call string, errno syscall.Errno) string {
	if why := whyRefused(op, call, errno); why != "" {
		return why
	}
	switch {
	case errno == syscall.ESTALE && op.Code == plan.CopyUp:
		return "something else has taken its place while it was copied"
	case errno == syscall.EFBIG && op.Code == plan.CopyUp:
		return sys.SizeLimit()
	case errno == syscall.ENOSPC && (op.Code == plan.Clone || op.Code == plan.Unshare):
		return "a limit of /proc/sys/user/max_*_namespaces, or that of 32 nested namespaces, is reached" // clone(2)
	case errno == syscall.EDQUOT && op.Code == plan.Keyring:
		return "the key quota of this user is used up: see /proc/sys/kernel/keys/maxkeys, or use --no-new-keyring"
	case errno == syscall.EPERM && op.Code == plan.Unshare && strings.Contains(op.Operands(), "user"):
		return userNamespaceDenied()
	case errno == syscall.EPERM && op.Code == plan.Fsmount && call != "fsconfig" && strings.Contains(op.Origin.Purpose, "proc"):
		return procHidden(ownMounts())
	case op.Code == plan.Write && strings.HasPrefix(op.Origin.Purpose, "AppArmor"):
		return appArmor(errno)
	case errno == syscall.EINVAL && op.Code == plan.Write && op.Origin.Field == "process.selinuxLabel":
		return "the SELinux policy does not know this label"
	case errno == syscall.EINVAL && op.Code == plan.Fsconfig && op.Text[0] == "context":
		return unknownLabel(sys.SelinuxEnabled())
	case errno == syscall.ENODEV && op.Code == plan.Fsopen && isBindType(op.Text[0]):
		return "a bind mount has bind or rbind in its options, and these have neither"
	case errno == syscall.ENODEV && op.Code == plan.Fsopen:
		return "this kernel does not know the file system type " + op.Text[0]
	case errno == syscall.EAGAIN && op.Code == plan.Clone:
		return "pids.max of the cgroup or RLIMIT_NPROC is reached"
	case errno == syscall.EINVAL && op.Code == plan.PivotRoot && rootIsFirst(ownMounts()):
		return "the host's root is that of an initramfs, which nothing can take the place of: use --no-pivot"
	case errno == syscall.ENOTDIR && op.Code == plan.MoveMount:
		return "one of the source and the mount point is a directory, and the other is not"
	case errno == syscall.EXDEV && op.Code == plan.Open && op.Text[0] == "/dev":
		return "the image's /dev is a link into another mount, and devices must not be made there: mount a tmpfs on /dev"
	case errno == syscall.ENODEV && op.Code == plan.VerifyDevice && strings.HasPrefix(op.Origin.Field, "linux.devices["):
		return NotThatDevice
	case errno == syscall.ENODEV && op.Code == plan.VerifyDevice && op.Origin.Field == "" && op.Ints[1] == sys.Mkdev(1, 3): // of the container
		return "what is there is not the null device: a mount, an entry of linux.devices or a file of the image is in its place"
	case errno == syscall.EBUSY && (op.Code == plan.Mkpath || op.Code == plan.Mask || op.Code == plan.ReadonlyPath):
		return "a symbolic link of the image leads to the root of the container, which cannot be covered"
	case errno == syscall.ELOOP && op.Code == plan.Mkpath && op.Ints[0]&(plan.MkpathNofollow|plan.MkpathNoproc) != 0:
		return "must be mounted on ordinary directory: a component of the path is a symbolic link"
	case errno == syscall.ELOOP && (op.Code == plan.Mkpath || op.Code == plan.Mask || op.Code == plan.ReadonlyPath):
		return linkHint
	}
	return rightHint(op, call, errno)
}

// linkHint is about ELOOP of a look-up that follows no magic links (RESOLVE_NO_MAGICLINKS).
const linkHint = "a loop of symbolic links, or a link of /proc to a file of a process, which is not followed"

// rightHint says which right is behind an errno for which the kernel has no other reason.
func rightHint(op *plan.Op, call string, errno syscall.Errno) string {
	switch {
	case errno == syscall.EPERM && op.Code == plan.Rlimit:
		return RlimitHint
	case errno == syscall.EACCES && op.Code == plan.Write && call == "write" && op.Origin.Field == "process.oomScoreAdj": // oom_adj of fs/proc/base.c
		return "a value below that of the caller of rung needs CAP_SYS_RESOURCE"
	case errno == syscall.EPERM && op.Code == plan.Ioprio: // ioprio_check_cap of block/ioprio.c
		return "the real-time class needs CAP_SYS_NICE or CAP_SYS_ADMIN"
	case errno == syscall.EPERM && op.Code == plan.SchedAttr && nice(op):
		return "a nice value below that of the caller of rung needs CAP_SYS_NICE, and so does leaving the caller's own policy"
	case errno == syscall.EPERM && op.Code == plan.SchedAttr:
		return "real-time policies need CAP_SYS_NICE and time of the cgroup; with SCHED_DEADLINE, process scheduler can't be used together with AllowedCPUs (linux.resources.cpu.cpus)"
	}
	return ""
}

// nice reports whether the op is for a policy that has nice values, not priorities: SCHED_OTHER, SCHED_BATCH, SCHED_IDLE.
func nice(op *plan.Op) bool {
	const policy = 4 // offset in struct sched_attr (sched_setattr(2))
	attr := op.Text[0]
	if len(attr) < policy+4 {
		return false
	}
	number := binary.NativeEndian.Uint32([]byte(attr[policy : policy+4]))
	return number == 0 || number == 3 || number == 5
}

// isBindType reports whether somebody who wrote this type of a mount meant a bind mount: its type has no meaning (config.md).
func isBindType(fstype string) bool { return fstype == "bind" || fstype == "rbind" || fstype == "none" }

// whyRefused asks which of an op's system calls something stands in the way of: rung is under the same filter as the stage.
func whyRefused(op *plan.Op, failed string, errno syscall.Errno) string {
	calls := strings.Fields(op.Code.Syscalls())
	if failed != "" {
		calls = []string{failed}
	}
	for _, call := range calls {
		if call == "statx" {
			continue // the stage has another way (nsenter/status.c)
		}
		if why := sys.WhyRefused(call, errno); why != "" {
			return why
		}
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
