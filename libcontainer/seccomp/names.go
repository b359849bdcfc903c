package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// flagTsync is in no version of the specification, but in old profiles.
const flagTsync = specs.LinuxSeccompFlag("SECCOMP_FILTER_FLAG_TSYNC")

// KnownActions lists the actions for `features`, sorted.
func KnownActions() []string {
	return []string{
		string(specs.ActAllow), string(specs.ActErrno), string(specs.ActKill), string(specs.ActKillProcess),
		string(specs.ActKillThread), string(specs.ActLog), string(specs.ActNotify), string(specs.ActTrace),
		string(specs.ActTrap),
	}
}

// KnownOperators lists the operators for `features`, sorted.
func KnownOperators() []string {
	return []string{
		string(specs.OpEqualTo), string(specs.OpGreaterEqual), string(specs.OpGreaterThan), string(specs.OpLessEqual),
		string(specs.OpLessThan), string(specs.OpMaskedEqual), string(specs.OpNotEqual),
	}
}

// KnownFlags lists the flags for `features`, in the order of their values.
func KnownFlags() []string {
	return []string{
		string(flagTsync), string(specs.LinuxSeccompFlagSpecAllow), string(specs.LinuxSeccompFlagLog),
		string(specs.LinuxSeccompFlagWaitKillableRecv),
	}
}

// SupportedFlags lists those of KnownFlags that the kernel takes.
func SupportedFlags() []string {
	var list []string
	for _, f := range KnownFlags() {
		if bit, _ := flagBit(specs.LinuxSeccompFlag(f)); bit == 0 || supported(bit) {
			list = append(list, f)
		}
	}
	return list
}

// supported asks the kernel. WAIT_KILLABLE_RECV is refused without a listener.
func supported(bit uint64) bool {
	if bit == sys.SeccompFlagWaitKillableRecv {
		bit |= sys.SeccompFlagNewListener
	}
	return sys.SeccompFlagsSupported(bit)
}

// flagBit gives the bit of a flag. TSYNC is taken and means nothing: the filter
// is loaded by a process of one thread.
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

// eperm is the errno of SCMP_ACT_ERRNO and SCMP_ACT_TRACE unless the profile
// gives one (config-linux.md).
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
