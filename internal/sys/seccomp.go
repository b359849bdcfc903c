package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// Flags of seccomp(2), SECCOMP_SET_MODE_FILTER. The golang.org/x/sys names are
// repeated so that other packages need not import it.
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

// SeccompFlagsSupported says whether the kernel knows all of flags: it checks
// them before it looks at the filter, so a null filter fails with EFAULT only
// if they are good. Nothing is loaded.
func SeccompFlagsSupported(flags uint64) bool {
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(flags), 0)
	return errno == unix.EFAULT
}

// SeccompScratch makes an empty file in memory, for libseccomp to write a filter
// to.
func SeccompScratch() (*os.File, error) {
	fd, err := unix.MemfdCreate("seccomp", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	return os.NewFile(uintptr(fd), "seccomp"), nil
}
