// Code generated from nsenter/ops.h by plan/gen. DO NOT EDIT.

package plan

// Constants of the wire format.
const (
	StageIdentity  = 0x2532e765
	PlanMagic      = 0x6e616c70676e7572
	ProgressMagic  = 0x676f7270676e7572
	NoSlot         = -1
	MostSlots      = 0x1000000
	MaxOk          = 4
	MaxBlob        = 0x8000000
	MaxVectors     = 8
	HeaderSize     = 32
	OpSize         = 72
	ProgressSize   = 512
	MaxReplyFds    = 100
	SkipIfOk       = 1
	SkipIfEmpty    = 2
	MkpathNone     = 0
	MkpathDir      = 1
	MkpathFile     = 2
	MkpathNofollow = 4
	MkpathNoproc   = 8
	MkpathNoroot   = 16
	CloseA         = 1
	CloseB         = 2
)

// The operations of the stage.
const (
	opNone Code = iota
	Unshare
	Setns
	Clone
	Sync
	HandOver
	EnterCgroup
	Dumpable
	Setsid
	Keyring
	Open
	Mkpath
	Mknod
	Chown
	Symlink
	Unlink
	Write
	Xattr
	VerifyDevice
	VerifyFs
	Close
	Fsopen
	Fsconfig
	Fsmount
	OpenTree
	MountAttr
	MoveMount
	CopyUp
	Mount
	Umount
	Mask
	ReadonlyPath
	PivotRoot
	Chroot
	Chdir
	Fchdir
	VerifyCwd
	Hostname
	Domainname
	Loopback
	Pty
	SendFd
	Dup
	Ctty
	StdioOwner
	Setgroups
	Setgid
	Setuid
	SetuidButSaved
	Keepcaps
	Bounding
	Capset
	Ambient
	NoNewPrivs
	Umask
	Rlimit
	NofileBack
	Personality
	SchedAttr
	Affinity
	Ioprio
	Mempolicy
	Seccomp
	HoldSignals
	AwaitStart
	FindProgram
	Exec
)

var signatures = [...]signature{
	opNone:         {"", "---", "----", "---", ""},
	Unshare:        {"UNSHARE", "---", "f---", "---", "unshare"},
	Setns:          {"SETNS", "i--", "f---", "---", "setns"},
	Clone:          {"CLONE", "m--", "f---", "---", "clone3 openat2 write close clone sched_yield exit_group"},
	Sync:           {"SYNC", "m--", "nnn-", "---", "sendmsg ppoll read recvfrom recvmsg statx fcntl mmap mremap lseek close"},
	HandOver:       {"HAND_OVER", "i--", "n---", "---", "write read"},
	EnterCgroup:    {"ENTER_CGROUP", "i--", "----", "---", "write"},
	Dumpable:       {"DUMPABLE", "---", "n---", "---", "prctl"},
	Setsid:         {"SETSID", "---", "----", "---", "setsid"},
	Keyring:        {"KEYRING", "---", "n---", "s--", "keyctl"},
	Open:           {"OPEN", "mo-", "ff--", "p--", "openat2"},
	Mkpath:         {"MKPATH", "io-", "fo--", "p--", "openat2 mkdirat mknodat readlinkat fstatfs statx close"},
	Mknod:          {"MKNOD", "i--", "od--", "p--", "mknodat"},
	Chown:          {"CHOWN", "i--", "nn--", "p--", "fchownat"},
	Symlink:        {"SYMLINK", "i--", "----", "sp-", "symlinkat"},
	Unlink:         {"UNLINK", "i--", "----", "p--", "unlinkat"},
	Write:          {"WRITE", "i--", "----", "pb-", "openat2 write close"},
	Xattr:          {"XATTR", "i--", "----", "sb-", "fsetxattr"},
	VerifyDevice:   {"VERIFY_DEVICE", "i--", "od--", "---", "statx"},
	VerifyFs:       {"VERIFY_FS", "i--", "n---", "---", "fstatfs"},
	Close:          {"CLOSE", "i--", "----", "---", "close"},
	Fsopen:         {"FSOPEN", "o--", "----", "s--", "fsopen"},
	Fsconfig:       {"FSCONFIG", "i--", "f---", "ss-", "fsconfig read"},
	Fsmount:        {"FSMOUNT", "io-", "f---", "---", "fsconfig fsmount read close"},
	OpenTree:       {"OPEN_TREE", "mo-", "f---", "p--", "open_tree"},
	MountAttr:      {"MOUNT_ATTR", "mm-", "ffff", "p--", "mount_setattr"},
	MoveMount:      {"MOVE_MOUNT", "ii-", "f---", "---", "move_mount statx close"},
	CopyUp:         {"COPY_UP", "ii-", "----", "---", "rt_sigaction mmap open_tree mount_setattr openat2 statx getdents64 mremap mkdirat read write lseek ftruncate readlinkat symlinkat mknodat linkat fchownat fchmodat flistxattr fgetxattr fsetxattr fchdir llistxattr lgetxattr lsetxattr utimensat unlinkat close chdir munmap"},
	Mount:          {"MOUNT", "i--", "ff--", "pss", "fchdir mount close"},
	Umount:         {"UMOUNT", "---", "f---", "p--", "umount2"},
	Mask:           {"MASK", "iii", "----", "p--", "openat2 statx open_tree move_mount close"},
	ReadonlyPath:   {"READONLY_PATH", "i--", "----", "p--", "openat2 statx open_tree mount_setattr move_mount close"},
	PivotRoot:      {"PIVOT_ROOT", "---", "----", "---", "pivot_root"},
	Chroot:         {"CHROOT", "---", "----", "p--", "chroot"},
	Chdir:          {"CHDIR", "---", "----", "p--", "chdir"},
	Fchdir:         {"FCHDIR", "i--", "----", "---", "fchdir"},
	VerifyCwd:      {"VERIFY_CWD", "---", "----", "---", "getcwd"},
	Hostname:       {"HOSTNAME", "---", "----", "s--", "sethostname"},
	Domainname:     {"DOMAINNAME", "---", "----", "s--", "setdomainname"},
	Loopback:       {"LOOPBACK", "---", "----", "---", "socket ioctl close"},
	Pty:            {"PTY", "io-", "nnnn", "---", "ioctl fchown"},
	SendFd:         {"SEND_FD", "ii-", "----", "s--", "sendmsg"},
	Dup:            {"DUP", "i--", "n---", "---", "dup3"},
	Ctty:           {"CTTY", "i--", "----", "---", "ioctl"},
	StdioOwner:     {"STDIO_OWNER", "---", "nn--", "---", "statx fchown"},
	Setgroups:      {"SETGROUPS", "---", "----", "b--", "setgroups"},
	Setgid:         {"SETGID", "---", "n---", "---", "setresgid"},
	Setuid:         {"SETUID", "---", "n---", "---", "setresuid"},
	SetuidButSaved: {"SETUID_BUT_SAVED", "---", "n---", "---", "setresuid"},
	Keepcaps:       {"KEEPCAPS", "---", "n---", "---", "prctl"},
	Bounding:       {"BOUNDING", "---", "en--", "---", "prctl"},
	Capset:         {"CAPSET", "---", "eee-", "---", "capset"},
	Ambient:        {"AMBIENT", "---", "e---", "---", "prctl"},
	NoNewPrivs:     {"NO_NEW_PRIVS", "---", "----", "---", "prctl"},
	Umask:          {"UMASK", "---", "o---", "---", "umask"},
	Rlimit:         {"RLIMIT", "---", "nnn-", "---", "prlimit64"},
	NofileBack:     {"NOFILE_BACK", "---", "----", "---", "prlimit64"},
	Personality:    {"PERSONALITY", "---", "n---", "---", "personality"},
	SchedAttr:      {"SCHED_ATTR", "---", "----", "b--", "sched_setattr"},
	Affinity:       {"AFFINITY", "---", "----", "b--", "sched_setaffinity"},
	Ioprio:         {"IOPRIO", "---", "n---", "---", "ioprio_set"},
	Mempolicy:      {"MEMPOLICY", "---", "nn--", "b--", "set_mempolicy"},
	Seccomp:        {"SECCOMP", "-w-", "f---", "b--", "seccomp prctl"},
	HoldSignals:    {"HOLD_SIGNALS", "o--", "----", "---", "rt_sigprocmask signalfd4"},
	AwaitStart:     {"AWAIT_START", "ii-", "----", "---", "ppoll read exit_group accept4 close rt_sigprocmask"},
	FindProgram:    {"FIND_PROGRAM", "---", "----", "v--", "statx faccessat2"},
	Exec:           {"EXEC", "---", "----", "pvv", "execve"},
}
