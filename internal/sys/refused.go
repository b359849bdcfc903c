package sys

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// newCall is a system call that old kernels lack or seccomp filters deny, and that rung cannot do without.
type newCall struct {
	number uintptr
	since  [2]int     // version of Linux
	need   string     // why rung needs it
	probe  [5]uintptr // arguments that the kernel refuses at once, with the errno in answer
	answer unix.Errno
	admin  bool // without CAP_SYS_ADMIN the kernel answers the probe with EPERM
	mounts bool // rung passes no path to it, so EACCES comes from a Linux security module
}

const (
	all  = ^uintptr(0)
	none = all // -1 as a descriptor
)

// newCalls is a function because only an error needs the map: a variable would be made at the start of every command.
func newCalls() map[string]newCall {
	return map[string]newCall{
		"fsconfig":          {unix.SYS_FSCONFIG, [2]int{5, 2}, needMounts, [5]uintptr{none, all}, unix.EINVAL, false, false},
		"fsmount":           {unix.SYS_FSMOUNT, [2]int{5, 2}, needMounts, [5]uintptr{none, all}, unix.EINVAL, true, true},
		"fsopen":            {unix.SYS_FSOPEN, [2]int{5, 2}, needMounts, [5]uintptr{0, all}, unix.EINVAL, true, false},
		"keyctl":            {unix.SYS_KEYCTL, [2]int{2, 6}, "to keep the caller's keys out of the container (--no-new-keyring does without)", [5]uintptr{all}, unix.EOPNOTSUPP, false, false},
		"memfd_create":      {unix.SYS_MEMFD_CREATE, [2]int{3, 17}, "for files that nobody else can change", [5]uintptr{0, all}, unix.EINVAL, false, false},
		"mount_setattr":     {unix.SYS_MOUNT_SETATTR, [2]int{5, 12}, "to set the attributes of mounts by descriptor", [5]uintptr{none, 0, all}, unix.EINVAL, false, true},
		"move_mount":        {unix.SYS_MOVE_MOUNT, [2]int{5, 2}, needMounts, [5]uintptr{none, 0, none, 0, all}, unix.EINVAL, true, true},
		"open_tree":         {unix.SYS_OPEN_TREE, [2]int{5, 2}, needMounts, [5]uintptr{none, 0, all}, unix.EINVAL, false, false},
		"openat2":           {unix.SYS_OPENAT2, [2]int{5, 6}, "to follow paths inside the container's root only", [5]uintptr{none, 0, 0, 0}, unix.EINVAL, false, false},
		"pidfd_getfd":       {unix.SYS_PIDFD_GETFD, [2]int{5, 6}, "to take the listener of a seccomp filter", [5]uintptr{none, none, all}, unix.EINVAL, false, false},
		"pidfd_open":        {unix.SYS_PIDFD_OPEN, [2]int{5, 3}, needPidfd, [5]uintptr{0, 0}, unix.EINVAL, false, false},
		"pivot_root":        {unix.SYS_PIVOT_ROOT, [2]int{2, 4}, "to enter the root file system (--no-pivot does without)", [5]uintptr{0, 0}, unix.EFAULT, true, false},
		"pidfd_send_signal": {unix.SYS_PIDFD_SEND_SIGNAL, [2]int{5, 1}, needPidfd, [5]uintptr{none, 0, 0, all}, unix.EINVAL, false, false},
		"setns":             {unix.SYS_SETNS, [2]int{3, 0}, "to join namespaces, those of a container for exec", [5]uintptr{none, 0}, unix.EBADF, false, false},
		"statx":             {unix.SYS_STATX, [2]int{4, 11}, "to know which mount a file is on", [5]uintptr{none, 0, unix.AT_EMPTY_PATH, unix.STATX__RESERVED}, unix.EINVAL, false, false},
		"seccomp":           {unix.SYS_SECCOMP, [2]int{3, 17}, "for a filter that has flags or a listener", [5]uintptr{all}, unix.EINVAL, false, false},
	}
}

// replaceable returns the new calls that rung has another way for, where they are denied.
func replaceable() map[string]newCall {
	return map[string]newCall{
		"clone3":      {unix.SYS_CLONE3, [2]int{5, 3}, "to make the container's process in its cgroup", [5]uintptr{0, 0}, unix.EINVAL, false, false},
		"close_range": {unix.SYS_CLOSE_RANGE, [2]int{5, 9}, "to close the caller's descriptors", [5]uintptr{1, 0, 0}, unix.EINVAL, false, false},
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
func ProbeCalls() (out []CallState) {
	for _, table := range []map[string]newCall{newCalls(), replaceable()} {
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
	needMounts = "to make mounts by descriptor"
	needPidfd  = "to be sure which process it means"
)

// WhyRefused returns why this process cannot make a system call that failed with err, and what rung needs it for. It probes
// the kernel with a call that has no effect. It returns "" if the probe shows no cause.
func WhyRefused(name string, err error) string {
	call, known := newCalls()[name]
	access := errors.Is(err, unix.EACCES)
	if !known || !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) && !(access && call.mounts) {
		return "" // EACCES for a path is common and does not come from a filter
	}
	p := call.probed()
	cause := p.cause(&call, access)
	if cause == "" {
		return ""
	}
	return fmt.Sprintf("rung needs %s(2) %s, and %s", name, call.need, cause)
}

// probe is the result of a probe of a call and of its caller.
type probe struct {
	errno    unix.Errno // the answer to the call's probe
	filtered bool       // the caller is under a seccomp filter
	admin    bool       // the caller has CAP_SYS_ADMIN
	release  string     // of the kernel
	profile  string     // profile or label by which a Linux security module confines the caller, or ""
}

func (c *newCall) probed() probe {
	_, _, errno := unix.RawSyscall6(c.number, c.probe[0], c.probe[1], c.probe[2], c.probe[3], c.probe[4], 0)
	mode, err := unix.PrctlRetInt(unix.PR_GET_SECCOMP, 0, 0, 0, 0)
	p := probe{errno: errno, filtered: err == nil && mode == unix.SECCOMP_MODE_FILTER, profile: confinement()}
	const capSysAdmin = 21
	if have, err := PermittedCapabilities(); err == nil {
		p.admin = have>>capSysAdmin&1 == 1
	}
	p.release = Release()
	return p
}

func (p *probe) cause(c *newCall, access bool) string {
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
	case p.filtered && (p.errno != unix.EPERM || p.admin || !c.admin):
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
