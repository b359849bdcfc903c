package bundle

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkSeccomp checks linux.seccomp (config-linux.md, "Seccomp"). It does not check
// the names of system calls: a profile lists those of all architectures and kernels.
func checkSeccomp(s *specs.Spec) error {
	c := s.Linux.Seccomp
	if c == nil || c.DefaultAction == "" && len(c.Syscalls) == 0 {
		// An empty profile means no seccomp, as for runc.
		return nil
	}
	const field = "linux.seccomp"
	if c.DefaultAction == specs.ActNotify {
		return fail(field+".defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action")
	}
	if err := checkAction(c.DefaultAction, c.DefaultErrnoRet, field+".defaultAction", field+".defaultErrnoRet"); err != nil {
		return err
	}
	for i, a := range c.Architectures {
		if !knownArch(a) {
			return fail(elementPath(field+".architectures", i, ""), "unknown architecture %q: rung features lists them, as SCMP_ARCH_X86_64", a)
		}
	}
	for i := range c.Syscalls {
		if err := checkRule(&c.Syscalls[i], elementPath(field+".syscalls", i, "")); err != nil {
			return err
		}
	}
	return checkSeccompFlags(c, field)
}

func checkSeccompFlags(c *specs.LinuxSeccomp, field string) error {
	notify := false
	for i := range c.Syscalls {
		notify = notify || c.Syscalls[i].Action == specs.ActNotify
	}
	if notify && c.ListenerPath == "" {
		return fail(field+".listenerPath", "SCMP_ACT_NOTIFY needs a seccomp agent to send its descriptor to")
	}
	if c.ListenerPath == "" && c.ListenerMetadata != "" {
		return fail(field+".listenerMetadata", "must not be set without listenerPath")
	}
	for i, f := range c.Flags {
		switch f {
		// The specification has TSYNC; specs-go does not.
		case "SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow:
		case specs.LinuxSeccompFlagWaitKillableRecv:
			if !notify {
				return fail(elementPath(field+".flags", i, ""), "%s needs a rule with SCMP_ACT_NOTIFY", f)
			}
		default:
			return fail(elementPath(field+".flags", i, ""), "unknown seccomp flag %q", f)
		}
	}
	return nil
}

// errnoMax is the largest errno that libseccomp takes: one less than MAX_ERRNO of <linux/err.h>.
const errnoMax = 4094

func checkAction(a specs.LinuxSeccompAction, errnoRet *uint, field, errnoField string) error {
	switch a {
	case specs.ActErrno:
		if errnoRet != nil && *errnoRet > errnoMax {
			return fail(errnoField, "%d is larger than %d", *errnoRet, errnoMax)
		}
	case specs.ActTrace:
		if errnoRet != nil && *errnoRet > 1<<16-1 {
			return fail(errnoField, "%d is larger than %d", *errnoRet, 1<<16-1)
		}
	case specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActAllow, specs.ActLog, specs.ActNotify:
		if errnoRet != nil {
			return fail(errnoField, "action %s does not take an errno", a)
		}
	default:
		return fail(field, "unknown seccomp action %q: rung features lists them, as SCMP_ACT_ERRNO", a)
	}
	return nil
}

func checkRule(r *specs.LinuxSyscall, field string) error {
	if len(r.Names) == 0 {
		return fail(field+".names", "must contain at least one entry")
	}
	if err := checkAction(r.Action, r.ErrnoRet, field+".action", field+".errnoRet"); err != nil {
		return err
	}
	for i, name := range r.Names {
		if name == "" {
			return fail(elementPath(field+".names", i, ""), "empty string is not a valid syscall")
		}
		// The stage needs write(2) to hand over the listener, while the agent does not have it yet.
		if name == "write" && r.Action == specs.ActNotify {
			return fail(elementPath(field+".names", i, ""), "SCMP_ACT_NOTIFY cannot be used for the write syscall")
		}
	}
	for i, a := range r.Args {
		if a.Index > 5 {
			return fail(elementPath(field+".args", i, ".index"), "%d: a system call has 6 arguments, 0 to 5", a.Index)
		}
		switch a.Op {
		case specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo, specs.OpGreaterEqual,
			specs.OpGreaterThan, specs.OpMaskedEqual:
		default:
			return fail(elementPath(field+".args", i, ".op"), "unknown operator %q: rung features lists them, as SCMP_CMP_EQ", a.Op)
		}
	}
	return nil
}

// knownArch reports whether the specification has an architecture. This build of
// libseccomp may not support it.
func knownArch(a specs.Arch) bool {
	switch a {
	case specs.ArchX86, specs.ArchX86_64, specs.ArchX32, specs.ArchARM, specs.ArchAARCH64, specs.ArchMIPS,
		specs.ArchMIPS64, specs.ArchMIPS64N32, specs.ArchMIPSEL, specs.ArchMIPSEL64, specs.ArchMIPSEL64N32,
		specs.ArchPPC, specs.ArchPPC64, specs.ArchPPC64LE, specs.ArchS390, specs.ArchS390X, specs.ArchPARISC,
		specs.ArchPARISC64, specs.ArchRISCV64, specs.ArchLOONGARCH64, specs.ArchM68K, specs.ArchSH, specs.ArchSHEB:
		return true
	}
	return false
}
