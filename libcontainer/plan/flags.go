package plan

import (
	"strconv"
	"strings"
	"syscall"
)

type flagName struct {
	bits uint64
	name string
}

var namespaceFlags = []flagName{
	{0x20000, "mnt"}, {0x02000000, "cgroup"}, {0x04000000, "uts"}, {0x08000000, "ipc"},
	{0x10000000, "user"}, {0x20000000, "pid"}, {0x40000000, "net"}, {0x80, "time"},
}

var attrFlags = []flagName{
	{0x1, "ro"}, {0x2, "nosuid"}, {0x4, "nodev"}, {0x8, "noexec"}, {0x10, "noatime"},
	{0x20, "strictatime"}, {0x80, "nodiratime"}, {0x200000, "nosymfollow"},
}

// attrClearFlags are attrFlags behind the field of the access time: the kernel clears it as a whole.
var attrClearFlags = []flagName{
	{0x70, "atime"}, {0x1, "ro"}, {0x2, "nosuid"}, {0x4, "nodev"}, {0x8, "noexec"}, {0x10, "noatime"},
	{0x20, "strictatime"}, {0x80, "nodiratime"}, {0x200000, "nosymfollow"},
}

// openFlags takes its bits from package syscall, because some differ on arm64, arm and ppc64le. O_PATH, which
// package syscall lacks, is the same everywhere.
var openFlags = []flagName{
	{0x200000, "path"}, {syscall.O_RDWR, "rdwr"}, {syscall.O_WRONLY, "wronly"}, {syscall.O_DIRECTORY, "directory"},
	{syscall.O_NOFOLLOW, "nofollow"}, {syscall.O_NOCTTY, "noctty"}, {syscall.O_NONBLOCK, "nonblock"},
}

var resolveFlags = []flagName{
	{0x1, "no-xdev"}, {0x2, "no-magiclinks"}, {0x4, "no-symlinks"}, {0x8, "beneath"}, {0x10, "in-root"},
}

// flagTables is by the code of the op. It is an array, and the compiler fills it: a map would be made in every process.
var flagTables = [...][4][]flagName{
	Unshare:  {namespaceFlags},
	Setns:    {namespaceFlags},
	Clone:    {namespaceFlags},
	Open:     {openFlags, resolveFlags},
	Mkpath:   {{{1, "mkdir"}, {2, "mkfile"}, {4, "nofollow"}, {8, "noproc"}, {16, "noroot"}}},
	Fsconfig: {{{1, "string"}}},
	Fsmount:  {attrFlags},
	OpenTree: {{{1, "clone"}, {atRecursive, "recursive"}, {0x1000, "empty-path"}}},
	MountAttr: {
		attrFlags, attrClearFlags,
		{{1 << 17, "unbindable"}, {1 << 18, "private"}, {1 << 19, "slave"}, {1 << 20, "shared"}},
		{{atRecursive, "recursive"}},
	},
	MoveMount: {{{CloseA, "close-tree"}, {CloseB, "close-target"}}},
	Mount: {{
		{0x1, "ro"}, {0x2, "nosuid"}, {0x4, "nodev"}, {0x8, "noexec"}, {0x10, "sync"}, {0x40, "mand"},
		{0x80, "dirsync"}, {0x400, "noatime"}, {0x800, "nodiratime"}, {0x1000, "bind"}, {0x4000, "rec"},
	}, {{CloseA, "close-target"}}},
	Umount:  {{{0x2, "detach"}}},
	Seccomp: {{{1, "tsync"}, {2, "log"}, {4, "spec-allow"}, {8, "new-listener"}, {0x20, "wait-killable-recv"}}},
}

// flagNames returns the names of the bits in operand i; "" for none. Two operands of
// MOUNT_ATTR get a prefix, set= or clear=.
func flagNames(code Code, i int, bits uint64) string {
	if bits == 0 {
		return ""
	}
	var names []string
	var table []flagName
	if int(code) < len(flagTables) {
		table = flagTables[code][i]
	}
	for _, f := range table {
		if bits&f.bits == f.bits {
			names = append(names, f.name)
			bits &^= f.bits
		}
	}
	if bits != 0 {
		names = append(names, "0x"+strconv.FormatUint(bits, 16))
	}
	out := strings.Join(names, ",")
	if code == MountAttr && i < 2 {
		out = [2]string{"set=", "clear="}[i] + out
	}
	return out
}

// ErrnoName returns the symbol of an errno that plans tolerate, or its number.
func ErrnoName(errno syscall.Errno) string {
	switch errno {
	case syscall.ELOOP:
		return "ELOOP"
	case syscall.ENOENT:
		return "ENOENT"
	case syscall.EEXIST:
		return "EEXIST"
	case syscall.EPERM:
		return "EPERM"
	case syscall.EACCES:
		return "EACCES"
	case syscall.EINVAL:
		return "EINVAL"
	case syscall.EAGAIN:
		return "EAGAIN"
	case syscall.EBUSY:
		return "EBUSY"
	case syscall.ENOTDIR:
		return "ENOTDIR"
	case syscall.ENODEV:
		return "ENODEV"
	case syscall.ENOSYS:
		return "ENOSYS"
	case syscall.EOPNOTSUPP:
		return "EOPNOTSUPP"
	}
	return "errno " + strconv.Itoa(int(errno))
}
