package main

import "syscall"

// calls has calls with the same number on every architecture.
var calls = map[string]uint32{
	"pidfd_send_signal": 424, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
	"pidfd_open": 434, "clone3": 435, "close_range": 436, "openat2": 437, "pidfd_getfd": 438, "mount_setattr": 442,
}

// architecture has an AUDIT_ARCH_* of linux/audit.h, and the calls whose numbers differ between architectures.
type architecture struct {
	audit uint32
	calls map[string]uint32
}

// architectures has the architectures by their Go names.
var architectures = map[string]architecture{
	"amd64":   {0xc000003e, map[string]uint32{"memfd_create": 319, "seccomp": 317, "statx": 332, "keyctl": 250, "setns": 308, "pivot_root": 155, "unshare": 272}},
	"arm64":   {0xc00000b7, map[string]uint32{"memfd_create": 279, "seccomp": 277, "statx": 291, "keyctl": 219, "setns": 268, "pivot_root": 41, "unshare": 97}},
	"riscv64": {0xc00000f3, map[string]uint32{"memfd_create": 279, "seccomp": 277, "statx": 291, "keyctl": 219, "setns": 268, "pivot_root": 41, "unshare": 97}},
	"ppc64le": {0xc0000015, map[string]uint32{"memfd_create": 360, "seccomp": 358, "statx": 383, "keyctl": 271, "setns": 350, "pivot_root": 203, "unshare": 282}},
	"s390x":   {0x80000016, map[string]uint32{"memfd_create": 350, "seccomp": 348, "statx": 379, "keyctl": 280, "setns": 339, "pivot_root": 217, "unshare": 303}},
	"386":     {0x40000003, map[string]uint32{"memfd_create": 356, "seccomp": 354, "statx": 383, "keyctl": 288, "setns": 346, "pivot_root": 217, "unshare": 310}},
	"arm":     {0x40000028, map[string]uint32{"memfd_create": 385, "seccomp": 383, "statx": 397, "keyctl": 311, "setns": 375, "pivot_root": 218, "unshare": 337}},
}

// old has calls that every kernel has.
var old = map[string]uint32{
	"capset":      syscall.SYS_CAPSET,
	"chdir":       syscall.SYS_CHDIR,
	"clone":       syscall.SYS_CLONE,
	"fchdir":      syscall.SYS_FCHDIR,
	"flock":       syscall.SYS_FLOCK,
	"ioctl":       syscall.SYS_IOCTL,
	"kill":        syscall.SYS_KILL,
	"mkdirat":     syscall.SYS_MKDIRAT,
	"openat":      syscall.SYS_OPENAT,
	"pipe2":       syscall.SYS_PIPE2,
	"prctl":       syscall.SYS_PRCTL,
	"prlimit64":   syscall.SYS_PRLIMIT64,
	"sethostname": syscall.SYS_SETHOSTNAME,
	"setgroups":   syscall.SYS_SETGROUPS,
	"setresgid":   syscall.SYS_SETRESGID,
	"setresuid":   syscall.SYS_SETRESUID,
	"symlinkat":   syscall.SYS_SYMLINKAT,
	"umount2":     syscall.SYS_UMOUNT2,
}
