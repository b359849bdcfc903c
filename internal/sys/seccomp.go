package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Flags of seccomp(2), SECCOMP_SET_MODE_FILTER.
const (
	SeccompFlagTsync            = unix.SECCOMP_FILTER_FLAG_TSYNC
	SeccompFlagLog              = unix.SECCOMP_FILTER_FLAG_LOG                // Linux 4.14
	SeccompFlagSpecAllow        = unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW         // Linux 4.17
	SeccompFlagNewListener      = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER       // Linux 5.0
	SeccompFlagWaitKillableRecv = unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV // Linux 5.19
)

// SeccompMaxInstructions is BPF_MAXINSNS, the longest filter that the kernel
// takes.
const SeccompMaxInstructions = unix.BPF_MAXINSNS

// SeccompFlagsSupported reports whether the kernel knows all of flags. The kernel
// checks the flags before the filter, so a null filter fails with EFAULT only if
// it knows the flags. Nothing is loaded.
func SeccompFlagsSupported(flags uint64) bool {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), 0)
	return errno == unix.EFAULT
}

// SeccompScratch returns an empty file in memory, to which libseccomp writes a
// filter.
func SeccompScratch() (*os.File, error) {
	return Memfd("seccomp")
}
