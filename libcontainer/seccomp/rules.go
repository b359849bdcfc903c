//go:build cgo

package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// addRule adds one element of the profile's syscalls to the filter. It skips a rule with the default action, because
// libseccomp refuses such rules.
func addRule(filter *libseccomp.ScmpFilter, r *specs.LinuxSyscall, byDefault libseccomp.ScmpAction, field string) error {
	act, ok := action(r.Action, r.ErrnoRet)
	if !ok {
		return fail(field+".action", "unknown seccomp action %q", r.Action)
	}
	conditions, err := conditions(r.Args, field)
	if err != nil || act == byDefault {
		return err
	}
	for i, name := range r.Names {
		if name == "write" && act == libseccomp.ActNotify {
			return fail(field+item(".names", i), "%s cannot be used for the write syscall", specs.ActNotify)
		}
		nr, err := libseccomp.GetSyscallFromName(name)
		if err != nil {
			continue
		}
		if err := addSyscall(filter, nr, act, conditions, repeated(r.Args)); err != nil {
			return fail(field+item(".names", i), "%s: %w", name, err)
		}
	}
	return nil
}

// addSyscall adds the rules for one system call. All conditions must hold, unless separate is true because several
// conditions are about the same argument. Then each condition is a rule of its own, and one is enough. libseccomp
// refuses several conditions on one argument in a rule. runc reads profiles in this way too, and profiles rely on it.
func addSyscall(filter *libseccomp.ScmpFilter, nr libseccomp.ScmpSyscall, act libseccomp.ScmpAction, conditions []libseccomp.ScmpCondition, separate bool) error {
	if len(conditions) == 0 {
		return filter.AddRule(nr, act)
	}
	if !separate {
		return filter.AddRuleConditional(nr, act, conditions)
	}
	for i := range conditions {
		if err := filter.AddRuleConditional(nr, act, conditions[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func conditions(args []specs.LinuxSeccompArg, field string) ([]libseccomp.ScmpCondition, error) {
	if len(args) == 0 {
		return nil, nil
	}
	list := make([]libseccomp.ScmpCondition, len(args))
	for i, a := range args {
		op, ok := operator(a.Op)
		if !ok {
			return nil, fail(field+item(".args", i)+".op", "unknown operator %q", a.Op)
		}
		c, err := libseccomp.MakeCondition(a.Index, op, a.Value, a.ValueTwo)
		if err != nil {
			return nil, fail(field+item(".args", i), "%w", err)
		}
		list[i] = c
	}
	return list, nil
}

// repeated reports whether two conditions are about the same argument.
func repeated(args []specs.LinuxSeccompArg) bool {
	var seen [6]bool
	for _, a := range args {
		if seen[a.Index] {
			return true
		}
		seen[a.Index] = true
	}
	return false
}
