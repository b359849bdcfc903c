//go:build cgo

package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// flagTsync is a flag of old profiles. No version of the specification has it.
const flagTsync = specs.LinuxSeccompFlag("SECCOMP_FILTER_FLAG_TSYNC")

// KnownActions returns the actions for `features`, sorted.
func KnownActions() []string {
	return []string{
		string(specs.ActAllow), string(specs.ActErrno), string(specs.ActKill), string(specs.ActKillProcess),
		string(specs.ActKillThread), string(specs.ActLog), string(specs.ActNotify), string(specs.ActTrace),
		string(specs.ActTrap),
	}
}

// KnownOperators returns the operators for `features`, sorted.
func KnownOperators() []string {
	return []string{
		string(specs.OpEqualTo), string(specs.OpGreaterEqual), string(specs.OpGreaterThan), string(specs.OpLessEqual),
		string(specs.OpLessThan), string(specs.OpMaskedEqual), string(specs.OpNotEqual),
	}
}

// KnownFlags returns the flags for `features`, in the order of their values.
func KnownFlags() []string {
	return []string{
		string(flagTsync), string(specs.LinuxSeccompFlagSpecAllow), string(specs.LinuxSeccompFlagLog),
		string(specs.LinuxSeccompFlagWaitKillableRecv),
	}
}

// SupportedFlags returns the flags of KnownFlags that the kernel accepts.
func SupportedFlags() []string {
	var list []string
	for _, f := range KnownFlags() {
		if bit, _ := flagBit(specs.LinuxSeccompFlag(f)); bit == 0 || supported(bit) {
			list = append(list, f)
		}
	}
	return list
}

// supported asks the kernel whether it accepts a flag. The kernel refuses WAIT_KILLABLE_RECV without a listener.
func supported(bit uint64) bool {
	if bit == sys.SeccompFlagWaitKillableRecv {
		bit |= sys.SeccompFlagNewListener
	}
	return sys.SeccompFlagsSupported(bit)
}

// flagBit returns the bit of a flag, and false for an unknown flag. TSYNC is accepted without a bit: it would have no
// effect, because a process with one thread loads the filter.
func flagBit(f specs.LinuxSeccompFlag) (uint64, bool) {
	switch f {
	case flagTsync:
		return 0, true
	case specs.LinuxSeccompFlagLog:
		return sys.SeccompFlagLog, true
	case specs.LinuxSeccompFlagSpecAllow:
		return sys.SeccompFlagSpecAllow, true
	case specs.LinuxSeccompFlagWaitKillableRecv:
		return sys.SeccompFlagWaitKillableRecv, true
	}
	return 0, false
}

// eperm is the errno of SCMP_ACT_ERRNO and SCMP_ACT_TRACE if the profile gives none (config-linux.md).
const eperm = 1

func action(a specs.LinuxSeccompAction, errnoRet *uint) (libseccomp.ScmpAction, bool) {
	code := int16(eperm)
	if errnoRet != nil {
		code = int16(*errnoRet)
	}
	switch a {
	case specs.ActKill, specs.ActKillThread:
		return libseccomp.ActKillThread, true
	case specs.ActKillProcess:
		return libseccomp.ActKillProcess, true
	case specs.ActTrap:
		return libseccomp.ActTrap, true
	case specs.ActErrno:
		return libseccomp.ActErrno.SetReturnCode(code), true
	case specs.ActTrace:
		return libseccomp.ActTrace.SetReturnCode(code), true
	case specs.ActAllow:
		return libseccomp.ActAllow, true
	case specs.ActLog:
		return libseccomp.ActLog, true
	case specs.ActNotify:
		return libseccomp.ActNotify, true
	}
	return libseccomp.ActInvalid, false
}

func operator(op specs.LinuxSeccompOperator) (libseccomp.ScmpCompareOp, bool) {
	switch op {
	case specs.OpNotEqual:
		return libseccomp.CompareNotEqual, true
	case specs.OpLessThan:
		return libseccomp.CompareLess, true
	case specs.OpLessEqual:
		return libseccomp.CompareLessOrEqual, true
	case specs.OpEqualTo:
		return libseccomp.CompareEqual, true
	case specs.OpGreaterEqual:
		return libseccomp.CompareGreaterEqual, true
	case specs.OpGreaterThan:
		return libseccomp.CompareGreater, true
	case specs.OpMaskedEqual:
		return libseccomp.CompareMaskedEqual, true
	}
	return libseccomp.CompareInvalid, false
}
