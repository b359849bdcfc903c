// Package seccomp compiles the seccomp profile of a container into a BPF
// program. It loads nothing.
package seccomp

import (
	"fmt"
	"io"
	"os"
	"sync"

	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Program is what seccomp(2) needs to load a profile.
type Program struct {
	// Filter is an array of struct sock_filter, 8 bytes each, in the byte order
	// of this machine; at most BPF_MAXINSNS (4096) of them.
	Filter []byte
	// Flags are the SECCOMP_FILTER_FLAG_* to pass, NEW_LISTENER included where
	// Listener is true.
	Flags uint64
	// Listener says that the filter asks an agent (SCMP_ACT_NOTIFY): seccomp(2)
	// will return a descriptor, to be sent to the profile's listenerPath.
	Listener bool
}

// Instructions is the length of the filter in BPF instructions.
func (p *Program) Instructions() int { return len(p.Filter) / instructionSize }

// treeThreshold is the number of names from which on the filter looks a system
// call up in a binary tree (see Compile). libseccomp puts 4 system calls into a
// leaf, so for few names a tree is all overhead; and up to 2.5.4 it fails on a
// tree without rules.
const treeThreshold = 32

// Compile compiles a profile that has passed bundle.Validate. The result is nil
// for a profile that means "no seccomp": without default action and rules.
//
// Names of system calls that libseccomp does not know are skipped, since a
// profile serves all kernels and architectures, and so are rules whose action is
// the default one. System calls newer than the newest one that the profile
// mentions fail with ENOSYS rather than with the default action, so that a C
// library falls back to an older call (runc#2151).
//
// A long profile becomes a binary tree over the system calls: for one like
// Docker's the kernel executes some 25 instructions a system call instead of 300.
// libseccomp's time grows with the square of what is in one filter, so each
// architecture is compiled on its own, at the same time as the others, and the
// results are linked.
//
// Errors name the field of config.json.
func Compile(s *specs.LinuxSeccomp) (*Program, error) {
	if s == nil || s.DefaultAction == "" && len(s.Syscalls) == 0 {
		return nil, nil
	}
	archs, err := architectures(s)
	if err != nil {
		return nil, err
	}
	listener, err := usesListener(s)
	if err != nil {
		return nil, err
	}
	flags, err := flagBits(s, listener)
	if err != nil {
		return nil, err
	}
	bodies, err := compileAll(s, archs)
	if err != nil {
		return nil, err
	}
	p := &Program{Filter: link(bodies), Flags: flags, Listener: listener}
	if n := p.Instructions(); n > sys.SeccompMaxInstructions {
		return nil, fail("", "the filter has %d instructions, the kernel takes at most %d", n, sys.SeccompMaxInstructions)
	}
	return p, nil
}

// compileAll compiles the filters of all architectures side by side.
func compileAll(s *specs.LinuxSeccomp, archs []architecture) ([]body, error) {
	bodies := make([]body, len(archs))
	errs := make([]error, len(archs))
	var others sync.WaitGroup
	one := func(i int) {
		defer others.Done()
		var filter []byte
		filter, errs[i] = compileRules(s, archs[i], archs[0])
		bodies[i] = body{archs[i], append(encode(nil, enosysStub(s, archs[i])), filter...)}
	}
	others.Add(len(archs))
	for i := range archs[1:] {
		go one(i + 1)
	}
	one(0)
	others.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return bodies, nil
}

// usesListener says whether a rule asks an agent. The default action must not:
// the process has to live until the agent has its descriptor.
func usesListener(s *specs.LinuxSeccomp) (bool, error) {
	if s.DefaultAction == specs.ActNotify {
		return false, fail("defaultAction", "%s cannot be used as default action", specs.ActNotify)
	}
	for i := range s.Syscalls {
		if s.Syscalls[i].Action == specs.ActNotify {
			return true, nil
		}
	}
	return false, nil
}

// flagBits turns the profile's flags into seccomp(2)'s. A profile that does not
// say anything, not even an empty list, gets SPEC_ALLOW, as from runc: the
// mitigation that it turns off is expensive, and off by default since Linux 5.16.
func flagBits(s *specs.LinuxSeccomp, listener bool) (uint64, error) {
	var bits uint64
	if s.Flags == nil {
		bits = sys.SeccompFlagSpecAllow
	}
	for i, f := range s.Flags {
		bit, ok := flagBit(f)
		if !ok {
			return 0, fail(at("flags", i), "unknown seccomp flag %q", f)
		}
		if bit == sys.SeccompFlagWaitKillableRecv && !supported(bit) {
			return 0, fail(at("flags", i), "this kernel does not have %s, it came with Linux 5.19", f)
		}
		bits |= bit
	}
	if listener {
		bits |= sys.SeccompFlagNewListener
	}
	return bits, nil
}

// compileRules runs libseccomp for one architecture.
func compileRules(s *specs.LinuxSeccomp, arch, native architecture) ([]byte, error) {
	byDefault, ok := action(s.DefaultAction, s.DefaultErrnoRet)
	if !ok {
		return nil, fail("defaultAction", "unknown seccomp action %q", s.DefaultAction)
	}
	filter, err := libseccomp.NewFilter(byDefault)
	if err != nil {
		return nil, fail("defaultAction", "%w", err)
	}
	defer filter.Release()
	if err := filter.SetBadArchAction(libseccomp.ActKillProcess); err != nil { // as retBadArch
		return nil, fail("architectures", "%w", err)
	}
	if arch.scmp != native.scmp {
		if err := filter.AddArch(arch.scmp); err != nil {
			return nil, fail("architectures", "%s: %w", arch.name, err)
		}
		if err := filter.RemoveArch(native.scmp); err != nil {
			return nil, fail("architectures", "%s: %w", native.name, err)
		}
	}
	names := 0
	for i := range s.Syscalls {
		names += len(s.Syscalls[i].Names)
		if err := addRule(filter, &s.Syscalls[i], byDefault, at("syscalls", i)); err != nil {
			return nil, err
		}
	}
	if names >= treeThreshold {
		if err := filter.SetOptimize(2); err != nil {
			return nil, fail("", "libseccomp: binary tree: %w", err)
		}
	}
	return export(filter)
}

// export generates the filter. A memfd takes it whole, where a pipe would block
// on a long one.
func export(filter *libseccomp.ScmpFilter) ([]byte, error) {
	f, err := sys.SeccompScratch()
	if err != nil {
		return nil, fail("", "%w", err)
	}
	defer f.Close() //nolint:errcheck // Nothing of value is in it.
	if err := filter.ExportBPF(f); err != nil {
		return nil, fail("", "libseccomp: generate the filter: %w", err)
	}
	return readBack(f)
}

func readBack(f *os.File) ([]byte, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fail("", "%w", err)
	}
	buf := make([]byte, size)
	if _, err := f.ReadAt(buf, 0); err != nil {
		return nil, fail("", "%w", err)
	}
	return buf, nil
}

// fail names a field below linux.seccomp, or that itself if field is "".
func fail(field, format string, args ...any) error {
	if field != "" {
		field = "." + field
	}
	return fmt.Errorf("linux.seccomp"+field+": "+format, args...)
}

func at(field string, i int) string {
	return fmt.Sprintf("%s[%d]", field, i)
}
