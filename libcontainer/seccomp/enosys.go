//go:build cgo

package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const (
	// x32Bit is __X32_SYSCALL_BIT, which is set in the numbers of x32's system calls.
	x32Bit = 1 << 30
	// armPrivate is __ARM_NR_BASE, the lowest number of the system calls that only 32-bit arm has (set_tls, cacheflush).
	armPrivate = 0xf0000
	enosys     = 38
	// retENOSYS is SECCOMP_RET_ERRNO with ENOSYS.
	retENOSYS = 0x00050000 | enosys
)

// needsStub reports whether system calls newer than the profile need enosysStub to fail with ENOSYS. A profile whose
// default action allows, logs or traces them, or is ENOSYS itself, needs no stub.
func needsStub(s *specs.LinuxSeccomp) bool {
	switch s.DefaultAction {
	case specs.ActAllow, specs.ActLog, specs.ActTrace:
		return false
	case specs.ActErrno:
		return s.DefaultErrnoRet == nil || *s.DefaultErrnoRet != enosys
	}
	return true
}

// enosysStub returns the instructions in front of the filter of one architecture. A system call with a number above all
// numbers that the profile mentions did not exist when the profile was written, and fails with ENOSYS. All others fall
// through into the filter. The stub is nil if the profile mentions no system call or needs no stub.
func enosysStub(s *specs.LinuxSeccomp, a architecture) []instruction {
	newest, ok := newestSyscall(s, a)
	if !ok || !needsStub(s) {
		return nil
	}
	stub := []instruction{load(offsetNr)}
	switch a.scmp {
	case libseccomp.ArchS390, libseccomp.ArchS390X:
		// The kernel passes a number that does not fit into the svc instruction as 0. That was setup(2), which no kernel
		// has any more.
		stub = append(stub, jumpIf(opJEQ, 0, 0, 1), ret(retENOSYS))
	case libseccomp.ArchAMD64:
		// x32 numbers reach this stub if the profile does not list x32. They skip it, so that the filter refuses them.
		stub = append(stub, jumpIf(opJSET, x32Bit, 2, 0))
	case libseccomp.ArchX32:
		stub = append(stub, jumpIf(opJSET, x32Bit, 0, 2))
	case libseccomp.ArchARM:
		// The private numbers are as old as the architecture, although they are higher than all others. They skip the stub.
		stub = append(stub, jumpIf(opJGT, armPrivate-1, 2, 0))
	}
	return append(stub, jumpIf(opJGT, newest, 0, 1), ret(retENOSYS))
}

// newestSyscall returns the largest number among the names of the profile, without arm's private numbers. It returns
// false if there is none. A number below zero is libseccomp's mark for "not on this architecture".
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
