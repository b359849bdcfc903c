//go:build cgo

// Package seccomp compiles the seccomp profile of a container into a BPF program. It does not load the program.
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

// Program is a compiled profile: the arguments for seccomp(2).
type Program struct {
	// Filter is an array of at most BPF_MAXINSNS (4096) struct sock_filter of 8 bytes, in the byte order of this machine.
	Filter []byte
	// Flags are the SECCOMP_FILTER_FLAG_* for seccomp(2). They include NEW_LISTENER if Listener is true.
	Flags uint64
	// Listener is true if the filter asks an agent (SCMP_ACT_NOTIFY). seccomp(2) then returns a descriptor, which the
	// caller must send to the profile's listenerPath.
	Listener bool
}

// Instructions returns the length of the filter in BPF instructions.
func (p *Program) Instructions() int { return len(p.Filter) / instructionSize }

// treeThreshold is the smallest number of names for which the filter is a binary tree (see Compile). libseccomp puts 4
// system calls into a leaf, so with few names a tree only adds overhead. libseccomp up to 2.5.4 also fails on a tree
// without rules.
const treeThreshold = 32

// Compile compiles a profile that has passed bundle.Validate. It returns nil for a profile without default action and
// rules, which means "no seccomp". Errors name the field of config.json.
//
// Compile skips names of system calls that libseccomp does not know, because a profile serves all kernels and
// architectures. It also skips rules with the default action. A system call newer than the newest one in the profile
// fails with ENOSYS instead of the default action, so that a C library falls back to an older call (runc#2151).
//
// A long profile becomes a binary tree over the system calls. For a profile like Docker's the kernel then executes about
// 25 instructions per system call instead of 300. libseccomp's time grows with the square of a filter's size, so Compile
// compiles the architectures separately and in parallel, and links the results.
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
	p := &Program{Filter: merge(link(bodies)), Flags: flags, Listener: listener}
	if n := p.Instructions(); n > sys.SeccompMaxInstructions {
		return nil, fail("", "the filter has %d instructions, the kernel takes at most %d", n, sys.SeccompMaxInstructions)
	}
	return p, nil
}

// compileAll compiles the filters of all architectures in parallel.
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

// usesListener reports whether a rule asks an agent. The default action must not ask one, because the process must be
// able to make system calls before the agent has its descriptor.
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

// flagBits converts the profile's flags to those of seccomp(2). A profile without a list of flags gets SPEC_ALLOW, as
// with runc, because the mitigation that this flag turns off is expensive. Linux turns it off by default since 5.16. An
// empty list means no flags.
func flagBits(s *specs.LinuxSeccomp, listener bool) (uint64, error) {
	var bits uint64
	if s.Flags == nil {
		bits = sys.SeccompFlagSpecAllow
	}
	for i, f := range s.Flags {
		bit, ok := flagBit(f)
		if !ok {
			return 0, fail(item("flags", i), "unknown seccomp flag %q", f)
		}
		if bit == sys.SeccompFlagWaitKillableRecv && !supported(bit) {
			return 0, fail(item("flags", i), "this kernel does not have %s, it came with Linux 5.19", f)
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
	if err := filter.SetBadArchAction(libseccomp.ActKillProcess); err != nil { // for the reason of retBadArch
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
		if err := addRule(filter, &s.Syscalls[i], byDefault, item("syscalls", i)); err != nil {
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

// export generates the filter. libseccomp writes it to a memfd, because the write of a long filter to a pipe blocks.
func export(filter *libseccomp.ScmpFilter) ([]byte, error) {
	f, err := sys.SeccompScratch()
	if err != nil {
		return nil, fail("", "%w", err)
	}
	defer f.Close() //nolint:errcheck // The file is dropped.
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

// fail returns an error that names a field below linux.seccomp, or linux.seccomp itself if field is "".
func fail(field, format string, args ...any) error {
	if field != "" {
		field = "." + field
	}
	return fmt.Errorf("linux.seccomp"+field+": "+format, args...)
}

func item(field string, i int) string {
	return fmt.Sprintf("%s[%d]", field, i)
}
