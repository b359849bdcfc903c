package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const (
	// x32Bit is __X32_SYSCALL_BIT: set in the numbers of x32's system calls.
	x32Bit = 1 << 30
	// armPrivate is __ARM_NR_BASE: from it on there are system calls of 32-bit arm alone (set_tls, cacheflush).
	armPrivate = 0xf0000
	enosys     = 38
	// retENOSYS is SECCOMP_RET_ERRNO with ENOSYS.
	retENOSYS = 0x00050000 | enosys
)

// needsStub says whether unknown system calls are to fail with ENOSYS. A profile
// that lets them pass, traces them, or says ENOSYS itself needs nothing.
func needsStub(s *specs.LinuxSeccomp) bool {
	switch s.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace:
		return false
	case specs.ActErrno:
		return s.DefaultErrnoRet == nil || *s.DefaultErrnoRet != enosys
	}
	return true
}

// enosysStub goes in front of the filter of one architecture: a system call with
// a number above every one that the profile mentions did not exist when the
// profile was written, and fails with ENOSYS. All others fall through into the
// filter. It is nil if the profile mentions none.
func enosysStub(s *specs.LinuxSeccomp, a architecture) []instruction {
	newest, ok := newestSyscall(s, a)
	if !ok || !needsStub(s) {
		return nil
	}
	stub := []instruction{load(offsetNr)}
	switch a.scmp {
	case libseccomp.ArchS390, libseccomp.ArchS390X:
		// The kernel hands a number that does not fit its svc instruction over as
		// 0, which is the long gone setup(2).
		stub = append(stub, jumpIf(opJEQ, 0, 0, 1), ret(retENOSYS))
	case libseccomp.ArchAMD64:
		// Numbers of x32 get here if that is not allowed: the filter's business.
		stub = append(stub, jumpIf(opJSET, x32Bit, 2, 0))
	case libseccomp.ArchX32:
		stub = append(stub, jumpIf(opJSET, x32Bit, 0, 2))
	case libseccomp.ArchARM:
		// They are as old as the architecture, and no call is newer because its number is higher than theirs.
		stub = append(stub, jumpIf(opJGT, armPrivate-1, 2, 0))
	}
	return append(stub, jumpIf(opJGT, newest, 0, 1), ret(retENOSYS))
}

// newestSyscall is the largest number among the names of the profile, arm's private ones left out. Numbers
// below zero are libseccomp's marks for "not on this architecture".
func newestSyscall(s *specs.LinuxSeccomp, a architecture) (uint32, bool) {
	newest := libseccomp.ScmpSyscall(0)
	for i := range s.Syscalls {
		for _, name := range s.Syscalls[i].Names {
			if nr, err := libseccomp.GetSyscallFromNameByArch(name, a.scmp); err == nil && (a.scmp != libseccomp.ArchARM || nr < armPrivate) {
				newest = max(newest, nr)
			}
		}
	}
	return uint32(newest), newest > 0
}
