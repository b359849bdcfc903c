package sys

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// call is a system call that old kernels lack or seccomp filters deny, and that rung cannot do without.
type call struct {
	number     uintptr
	since      [2]int     // version of Linux
	need       string     // why rung needs it
	probe      [5]uintptr // arguments that the kernel refuses at once or that change nothing, with the errno in answer
	answer     unix.Errno
	capability int  // without it the kernel answers the probe with EPERM; anybody for none
	mounts     bool // rung passes no path to it, so EACCES comes from a Linux security module
}

const (
	all  = ^uintptr(0)
	none = all // -1 as a descriptor

	anybody = -1 // in the place of a capability

	// The kernel refuses these flags of clone(2) together. CLONE_NEWUSER is none of them: some kernels look at a sysctl before.
	impossible = unix.CLONE_NEWNS | unix.CLONE_FS
	noNumber   = 1<<31 - 1 // no process has this number
)

// newCalls is a function because only an error needs the map: a variable would be made at the start of every command.
func newCalls() map[string]call {
	return map[string]call{
		"fsconfig":          {unix.SYS_FSCONFIG, [2]int{5, 2}, needMounts, [5]uintptr{none, all}, unix.EINVAL, anybody, false},
		"fsmount":           {unix.SYS_FSMOUNT, [2]int{5, 2}, needMounts, [5]uintptr{none, all}, unix.EINVAL, unix.CAP_SYS_ADMIN, true},
		"fsopen":            {unix.SYS_FSOPEN, [2]int{5, 2}, needMounts, [5]uintptr{0, all}, unix.EINVAL, unix.CAP_SYS_ADMIN, false},
		"keyctl":            {unix.SYS_KEYCTL, [2]int{2, 6}, "to keep the caller's keys out of the container (--no-new-keyring does without)", [5]uintptr{all}, unix.EOPNOTSUPP, anybody, false},
		"memfd_create":      {unix.SYS_MEMFD_CREATE, [2]int{3, 17}, "for files that nobody else can change", [5]uintptr{0, all}, unix.EINVAL, anybody, false},
		"mount_setattr":     {unix.SYS_MOUNT_SETATTR, [2]int{5, 12}, "to set the attributes of mounts by descriptor", [5]uintptr{none, 0, all}, unix.EINVAL, anybody, true},
		"move_mount":        {unix.SYS_MOVE_MOUNT, [2]int{5, 2}, needMounts, [5]uintptr{none, 0, none, 0, all}, unix.EINVAL, unix.CAP_SYS_ADMIN, true},
		"open_tree":         {unix.SYS_OPEN_TREE, [2]int{5, 2}, needMounts, [5]uintptr{none, 0, all}, unix.EINVAL, anybody, false},
		"openat2":           {unix.SYS_OPENAT2, [2]int{5, 6}, "to follow paths inside the container's root only", [5]uintptr{none, 0, 0, 0}, unix.EINVAL, anybody, false},
		"pidfd_getfd":       {unix.SYS_PIDFD_GETFD, [2]int{5, 6}, "to take the listener of a seccomp filter", [5]uintptr{none, none, all}, unix.EINVAL, anybody, false},
		"pidfd_open":        {unix.SYS_PIDFD_OPEN, [2]int{5, 3}, needPidfd, [5]uintptr{0, 0}, unix.EINVAL, anybody, false},
		"pivot_root":        {unix.SYS_PIVOT_ROOT, [2]int{2, 4}, "to enter the root file system (--no-pivot does without)", [5]uintptr{0, 0}, unix.EFAULT, unix.CAP_SYS_ADMIN, false},
		"pidfd_send_signal": {unix.SYS_PIDFD_SEND_SIGNAL, [2]int{5, 1}, needPidfd, [5]uintptr{none, 0, 0, all}, unix.EINVAL, anybody, false},
		"setns":             {unix.SYS_SETNS, [2]int{3, 0}, "to join namespaces, those of a container for exec", [5]uintptr{none, 0}, unix.EBADF, anybody, false},
		"statx":             {unix.SYS_STATX, [2]int{4, 11}, "to know which mount a file is on", [5]uintptr{none, 0, unix.AT_EMPTY_PATH, unix.STATX__RESERVED}, unix.EINVAL, anybody, false},
		"seccomp":           {unix.SYS_SECCOMP, [2]int{3, 17}, "for a filter that has flags or a listener", [5]uintptr{all}, unix.EINVAL, anybody, false},
	}
}

// oldCalls returns calls that every kernel has and seccomp filters deny.
func oldCalls() map[string]call {
	calls := map[string]call{}
	add := func(name string, number uintptr, need string, probe [5]uintptr, answer unix.Errno, capability int) {
		calls[name] = call{number, [2]int{2, 6}, need, probe, answer, capability, false}
	}
	add("capget", unix.SYS_CAPGET, needCapabilities, [5]uintptr{}, unix.EFAULT, anybody)
	add("capset", unix.SYS_CAPSET, needCapabilities, [5]uintptr{}, unix.EFAULT, anybody)
	add("chdir", unix.SYS_CHDIR, needDirectory, [5]uintptr{}, unix.EFAULT, anybody)
	add("chroot", unix.SYS_CHROOT, "to enter the root file system", [5]uintptr{}, unix.EFAULT, anybody)
	add("clone", unix.SYS_CLONE, needNamespaces, [5]uintptr{impossible, impossible}, unix.EINVAL, anybody) // the order differs on s390x
	add("dup3", unix.SYS_DUP3, "for the container's streams", [5]uintptr{none, none}, unix.EINVAL, anybody)
	add("execve", unix.SYS_EXECVE, "to execute the program", [5]uintptr{}, unix.EFAULT, anybody)
	add("fchdir", unix.SYS_FCHDIR, needDirectory, [5]uintptr{none}, unix.EBADF, anybody)
	add("fchown", unix.SYS_FCHOWN, needOwners, [5]uintptr{none}, unix.EBADF, anybody)
	add("fchownat", unix.SYS_FCHOWNAT, needOwners, [5]uintptr{none, 0, 0, 0, all}, unix.EINVAL, anybody)
	add("flock", unix.SYS_FLOCK, "so that one command at a time works on a container", [5]uintptr{none, unix.LOCK_SH}, unix.EBADF, anybody)
	add("fstatfs", unix.SYS_FSTATFS, "to know the file systems", [5]uintptr{none}, unix.EBADF, anybody)
	add("getcwd", unix.SYS_GETCWD, "to be sure that the working directory is inside the container", [5]uintptr{}, unix.ERANGE, anybody)
	add("ioctl", unix.SYS_IOCTL, "for terminals and the loopback device", [5]uintptr{none}, unix.EBADF, anybody)
	add("ioprio_set", unix.SYS_IOPRIO_SET, "for process.ioPriority", [5]uintptr{all}, unix.EINVAL, anybody)
	add("kill", unix.SYS_KILL, "to send signals and to look for processes", [5]uintptr{noNumber}, unix.ESRCH, anybody)
	add("mkdirat", unix.SYS_MKDIRAT, needFiles, [5]uintptr{none}, unix.EFAULT, anybody)
	add("mknodat", unix.SYS_MKNODAT, needFiles, [5]uintptr{none, 0, unix.S_IFMT}, unix.EINVAL, anybody)
	add("mount", unix.SYS_MOUNT, "to make mounts by type", [5]uintptr{}, unix.EFAULT, anybody)
	add("openat", unix.SYS_OPENAT, "to open files", [5]uintptr{none}, unix.EFAULT, anybody)
	add("personality", unix.SYS_PERSONALITY, "for linux.personality", [5]uintptr{1<<32 - 1}, 0, anybody) // asks for the present one
	add("pipe2", unix.SYS_PIPE2, needTalk, [5]uintptr{0, all}, unix.EINVAL, anybody)
	add("pread64", unix.SYS_PREAD64, "to read files", [5]uintptr{none}, unix.EBADF, anybody)
	add("prctl", unix.SYS_PRCTL, needCapabilities, [5]uintptr{all}, unix.EINVAL, anybody)
	add("prlimit64", unix.SYS_PRLIMIT64, "to set limits of resources", [5]uintptr{0, all}, unix.EINVAL, anybody)
	add("read", unix.SYS_READ, "to read files", [5]uintptr{none}, unix.EBADF, anybody)
	add("recvfrom", unix.SYS_RECVFROM, needTalk, [5]uintptr{none}, unix.EBADF, anybody)
	add("recvmsg", unix.SYS_RECVMSG, needTalk, [5]uintptr{none}, unix.EBADF, anybody)
	add("sched_setaffinity", unix.SYS_SCHED_SETAFFINITY, "for process.execCPUAffinity", [5]uintptr{all}, unix.ESRCH, anybody)
	add("sched_setattr", unix.SYS_SCHED_SETATTR, "for process.scheduler", [5]uintptr{}, unix.EINVAL, anybody)
	add("sendmsg", unix.SYS_SENDMSG, needTalk, [5]uintptr{none}, unix.EBADF, anybody)
	add("sendto", unix.SYS_SENDTO, needTalk, [5]uintptr{none}, unix.EBADF, anybody)
	add("setdomainname", unix.SYS_SETDOMAINNAME, "for domainname", [5]uintptr{0, all}, unix.EINVAL, unix.CAP_SYS_ADMIN)
	add("setgroups", unix.SYS_SETGROUPS, needUser, [5]uintptr{all}, unix.EINVAL, unix.CAP_SETGID)
	add("sethostname", unix.SYS_SETHOSTNAME, "for hostname", [5]uintptr{0, all}, unix.EINVAL, unix.CAP_SYS_ADMIN)
	add("setresgid", unix.SYS_SETRESGID, needUser, [5]uintptr{all, all, all}, 0, anybody) // keeps all ids
	add("setresuid", unix.SYS_SETRESUID, needUser, [5]uintptr{all, all, all}, 0, anybody)
	add("socket", unix.SYS_SOCKET, needTalk, [5]uintptr{all, unix.SOCK_STREAM}, unix.EAFNOSUPPORT, anybody)
	add("socketpair", unix.SYS_SOCKETPAIR, needTalk, [5]uintptr{0, all}, unix.EINVAL, anybody)
	add("statfs", unix.SYS_STATFS, "to know the file systems", [5]uintptr{}, unix.EFAULT, anybody)
	add("symlinkat", unix.SYS_SYMLINKAT, needFiles, [5]uintptr{0, none}, unix.EFAULT, anybody)
	add("umount2", unix.SYS_UMOUNT2, "to let go of the host's root file system", [5]uintptr{0, 1 << 31}, unix.EINVAL, anybody)
	add("unlinkat", unix.SYS_UNLINKAT, needFiles, [5]uintptr{none, 0, all}, unix.EINVAL, anybody)
	add("wait4", unix.SYS_WAIT4, "to know when processes end", [5]uintptr{0, 0, all}, unix.EINVAL, anybody)
	add("unshare", unix.SYS_UNSHARE, needNamespaces, [5]uintptr{unix.CLONE_NEWNS | 1}, unix.EINVAL, anybody)
	return calls
}

// replaceable returns the new calls that rung has another way for, where they are denied.
func replaceable() map[string]call {
	return map[string]call{
		"clone3":      {unix.SYS_CLONE3, [2]int{5, 3}, "to make the container's process in its cgroup", [5]uintptr{0, 0}, unix.EINVAL, anybody, false},
		"close_range": {unix.SYS_CLOSE_RANGE, [2]int{5, 9}, "to close the caller's descriptors", [5]uintptr{1, 0, 0}, unix.EINVAL, anybody, false},
	}
}

// CallState is the answer of ProbeCalls for one system call.
type CallState struct {
	Name    string
	Need    string // what rung needs it for
	Refusal string // why this process cannot make it; "" if it can, or a missing capability hides that
	Missing bool   // the kernel does not have it
}

// ProbeCalls probes the system calls that old kernels lack and filters deny, by calls that have no effect. They are sorted by name.
// Those that every kernel has are not among them: a filter may kill for one that is not needed.
func ProbeCalls() (out []CallState) {
	for _, table := range []map[string]call{newCalls(), replaceable()} {
		for name, call := range table {
			p := call.probed()
			why := p.cause(&call, false)
			out = append(out, CallState{name, call.need, why, why != "" && strings.HasPrefix(why, "this kernel")})
		}
	}
	slices.SortFunc(out, func(a, b CallState) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Release returns the release of the kernel, such as "6.1.0-9-amd64".
func Release() string {
	var uts unix.Utsname
	if unix.Uname(&uts) != nil {
		return ""
	}
	return unix.ByteSliceToString(uts.Release[:])
}

const (
	needMounts       = "to make mounts by descriptor"
	needPidfd        = "to be sure which process it means"
	needCapabilities = "to set the container's capabilities"
	needDirectory    = "to enter directories"
	needOwners       = "to give files their owners"
	needNamespaces   = "to make processes and namespaces"
	needFiles        = "to make mount points, devices and links"
	needTalk         = "to talk to the container's process"
	needUser         = "to become process.user"
)

// WhyRefused returns why this process cannot make a system call that failed with err, and what rung needs it for. It probes
// the kernel with a call that has no effect. It returns "" if the probe shows no cause.
func WhyRefused(name string, err error) string {
	call, known := callOf(name)
	access := errors.Is(err, unix.EACCES)
	if !known || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) && !(access && call.mounts) {
		return "" // EACCES for a path is common and does not come from a filter
	}
	return call.refusal(name, access)
}

// WhyDenied returns why this process can make none or only some of these system calls, "" if it can make all of them.
func WhyDenied(names ...string) string {
	for _, name := range names {
		if call, known := callOf(name); known {
			if why := call.refusal(name, false); why != "" {
				return why
			}
		}
	}
	return ""
}

func callOf(name string) (found call, known bool) {
	if found, known = newCalls()[name]; !known {
		found, known = oldCalls()[name]
	}
	return found, known
}

func (c *call) refusal(name string, access bool) string {
	p := c.probed()
	cause := p.cause(c, access)
	if cause == "" {
		return ""
	}
	return fmt.Sprintf("rung needs %s(2) %s, and %s", name, c.need, cause)
}

// Explained adds to an error why the system call that failed is refused, if the error names one, a probe shows a cause, and the
// error does not tell it yet.
func Explained(err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSYS) || strings.Contains(err.Error(), "(rung needs ") {
		return err
	}
	if why := WhyDenied(callsOf(err)...); why != "" {
		return fmt.Errorf("%w (%s)", err, why)
	}
	return err
}

// callsOf returns the names of the system calls that an error may be of.
func callsOf(err error) []string {
	if failed := (*os.SyscallError)(nil); errors.As(err, &failed) {
		return []string{failed.Syscall}
	}
	failed := (*os.PathError)(nil)
	if !errors.As(err, &failed) {
		return nil
	}
	switch failed.Op {
	case "chdir", "statfs":
		return []string{failed.Op}
	case "mkdir":
		return []string{"mkdirat"}
	case "open":
		return []string{"openat", "openat2"}
	case "read":
		return []string{"read", "pread64"}
	case "unlink":
		return []string{"unlinkat"}
	}
	return nil
}

// probe is the result of a probe of a call and of its caller.
type probe struct {
	errno    unix.Errno // the answer to the call's probe
	filtered bool       // the caller is under a seccomp filter
	may      bool       // the caller has the right that the probe takes, if it takes one
	release  string     // of the kernel
	profile  string     // profile or label by which a Linux security module confines the caller, or ""
}

func (c *call) probed() probe {
	_, _, errno := unix.RawSyscall6(c.number, c.probe[0], c.probe[1], c.probe[2], c.probe[3], c.probe[4], 0)
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	filtered := mode == unix.SECCOMP_MODE_FILTER
	if err != nil {
		filtered = !errors.Is(err, unix.EINVAL) // of a kernel without filters; any other error is that of a filter
	}
	p := probe{errno: errno, filtered: filtered, profile: confinement()}
	p.may = c.mayProbe()
	p.release = Release()
	return p
}

// mayProbe reports whether the kernel gives the probe its answer: this process has the capability where the call needs it.
func (c *call) mayProbe() bool {
	if c.capability == anybody {
		return true
	}
	have, err := PermittedCapabilities()
	if err != nil || have>>c.capability&1 == 0 {
		return false
	}
	inside, err := InUserNamespace()
	if err != nil || !inside {
		return err == nil
	}
	var owned bool
	switch c.number {
	case unix.SYS_SETGROUPS:
		text, errRead := ReadSmall("/proc/self/setgroups")
		owned, err = strings.HasPrefix(text, "allow"), errRead
	case unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME:
		owned, err = OwnedBy("/proc/self/ns/uts", "/proc/self/ns/user")
	default:
		owned, err = OwnedBy("/proc/self/ns/mnt", "/proc/self/ns/user")
	}
	return owned && err == nil
}

func (p *probe) cause(c *call, access bool) string {
	switch {
	case p.errno == c.answer:
		if access && c.mounts && p.profile != "" {
			return "the security profile that rung is confined by (" + p.profile + ") denies it"
		}
		return ""
	case p.errno == unix.ENOSYS && Older(p.release, c.since):
		return fmt.Sprintf("this kernel (%s) does not have it: it is of Linux %d.%d", p.release, c.since[0], c.since[1])
	case p.errno == unix.ENOSYS && !p.filtered:
		return fmt.Sprintf("this kernel (%s) was built without it", p.release)
	case p.filtered && (p.errno == unix.ENOSYS || p.errno == unix.EACCES || p.errno == unix.EPERM && p.may):
		return "a seccomp filter that rung itself runs under denies it"
	}
	return ""
}

// Older reports whether a release such as "5.4.0-12-amd64" is older than a version; false if the release cannot be read.
func Older(release string, version [2]int) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major < version[0] || major == version[0] && minor < version[1]
}

// confinement returns the AppArmor profile or the SELinux label of this process; "" if it is not confined.
func confinement() string {
	text, err := ReadSmall("/proc/self/attr/current")
	text = strings.TrimRight(text, "\x00\n")
	if err != nil || text == "unconfined" || text == "kernel" {
		return ""
	}
	return text
}

// refused is os.NewSyscallError with the cause, if a probe shows one.
func refused(call string, err error) error { return withCause(call, os.NewSyscallError(call, err)) }

// withCause adds the cause to the error of a call, if a probe shows one.
func withCause(call string, err error) error {
	if err == nil {
		return nil
	}
	if why := WhyRefused(call, err); why != "" {
		return fmt.Errorf("%w (%s)", err, why)
	}
	return err
}
