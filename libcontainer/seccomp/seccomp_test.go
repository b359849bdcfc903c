package seccomp

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// number returns the number of a system call on an architecture.
func number(t testing.TB, name string, arch libseccomp.ScmpArch) uint32 {
	t.Helper()
	nr, err := libseccomp.GetSyscallFromNameByArch(name, arch)
	if err != nil || nr < 0 {
		t.Fatalf("%s on %v: %d, %v", name, arch, nr, err)
	}
	return uint32(nr)
}

func native(t testing.TB) architecture {
	t.Helper()
	list, err := architectures(&specs.LinuxSeccomp{})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func compile(t testing.TB, s *specs.LinuxSeccomp) *Program {
	t.Helper()
	p, err := Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ptr[T any](v T) *T { return &v }

func TestNoProfile(t *testing.T) {
	for _, s := range []*specs.LinuxSeccomp{nil, {}, {Architectures: []specs.Arch{specs.ArchX86}}} {
		if p, err := Compile(s); p != nil || err != nil {
			t.Errorf("Compile(%+v) = %v, %v", s, p, err)
		}
	}
}

func TestActions(t *testing.T) {
	tests := []struct {
		action specs.LinuxSeccompAction
		errno  *uint
		want   uint32
	}{
		{specs.ActKill, nil, retKillThread},
		{specs.ActKillThread, nil, retKillThread},
		{specs.ActKillProcess, nil, retKillProcess},
		{specs.ActTrap, nil, retTrap},
		{specs.ActErrno, nil, retErrno | 1},
		{specs.ActErrno, ptr(uint(0)), retErrno},
		{specs.ActErrno, ptr(uint(95)), retErrno | 95},
		{specs.ActTrace, nil, retTrace | 1},
		{specs.ActTrace, ptr(uint(40000)), retTrace | 40000},
		{specs.ActLog, nil, retLog},
		{specs.ActNotify, nil, retNotify},
	}
	n := native(t)
	mkdirat := call{nr: number(t, "mkdirat", n.scmp), arch: n.audit}
	for _, tt := range tests {
		p := compile(t, &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"mkdirat"}, Action: tt.action, ErrnoRet: tt.errno}},
		})
		expect(t, p, string(tt.action), mkdirat, tt.want)
		expect(t, p, "default", call{nr: number(t, "unlinkat", n.scmp), arch: n.audit}, retAllow)
		if want := tt.action == specs.ActNotify; p.Listener != want || p.Flags&sys.SeccompFlagNewListener != 0 != want {
			t.Errorf("%s: Listener %v, Flags %#x", tt.action, p.Listener, p.Flags)
		}
	}
}

func TestDefaultActions(t *testing.T) {
	n := native(t)
	tests := []struct {
		action specs.LinuxSeccompAction
		errno  *uint
		want   uint32
	}{
		{specs.ActErrno, nil, retErrno | 1},
		{specs.ActErrno, ptr(uint(13)), retErrno | 13},
		{specs.ActKillProcess, nil, retKillProcess},
		{specs.ActTrap, nil, retTrap},
		{specs.ActLog, nil, retLog},
		{specs.ActTrace, ptr(uint(7)), retTrace | 7},
	}
	for _, tt := range tests {
		p := compile(t, &specs.LinuxSeccomp{
			DefaultAction: tt.action, DefaultErrnoRet: tt.errno,
			Syscalls: []specs.LinuxSyscall{{Names: []string{"getpid", "unlinkat", "openat2"}, Action: specs.ActAllow}},
		})
		expect(t, p, string(tt.action), call{nr: number(t, "mkdirat", n.scmp), arch: n.audit}, tt.want)
		expect(t, p, "getpid", call{nr: number(t, "getpid", n.scmp), arch: n.audit}, retAllow)
	}
}

func TestOperators(t *testing.T) {
	n := native(t)
	nr := number(t, "socket", n.scmp)
	const big = 1 << 40
	tests := []struct {
		arg      specs.LinuxSeccompArg
		yes, not []uint64
	}{
		{specs.LinuxSeccompArg{Op: specs.OpEqualTo, Value: big}, []uint64{big}, []uint64{0, big + 1, 1 << 41}},
		{specs.LinuxSeccompArg{Op: specs.OpNotEqual, Value: big}, []uint64{0, big + 1}, []uint64{big}},
		{specs.LinuxSeccompArg{Op: specs.OpLessThan, Value: big}, []uint64{0, big - 1}, []uint64{big, big + 1}},
		{specs.LinuxSeccompArg{Op: specs.OpLessEqual, Value: big}, []uint64{0, big}, []uint64{big + 1}},
		{specs.LinuxSeccompArg{Op: specs.OpGreaterThan, Value: big}, []uint64{big + 1}, []uint64{0, big}},
		{specs.LinuxSeccompArg{Op: specs.OpGreaterEqual, Value: big}, []uint64{big, big + 1}, []uint64{0, big - 1}},
		{specs.LinuxSeccompArg{Op: specs.OpMaskedEqual, Value: 0xff, ValueTwo: 0x12}, []uint64{0x12, 0x3412}, []uint64{0x13, 0}},
	}
	for _, tt := range tests {
		for index := range uint(6) {
			tt.arg.Index = index
			p := compile(t, &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow,
				Syscalls:      []specs.LinuxSyscall{{Names: []string{"socket"}, Action: specs.ActErrno, Args: []specs.LinuxSeccompArg{tt.arg}}},
			})
			try := func(values []uint64, want uint32) {
				for _, v := range values {
					c := call{nr: nr, arch: n.audit}
					c.args[index] = v
					expect(t, p, fmt.Sprintf("%s index %d value %#x", tt.arg.Op, index, v), c, want)
				}
			}
			try(tt.yes, retErrno|1)
			try(tt.not, retAllow)
		}
	}
}

func TestSeveralArguments(t *testing.T) {
	n := native(t)
	nr := number(t, "socket", n.scmp)
	profile := func(args ...specs.LinuxSeccompArg) *Program {
		return compile(t, &specs.LinuxSeccomp{
			DefaultAction: specs.ActErrno,
			Syscalls: []specs.LinuxSyscall{
				{Names: []string{"socket"}, Action: specs.ActAllow, Args: args},
				{Names: []string{"openat2"}, Action: specs.ActAllow},
			},
		})
	}
	// Different arguments: all conditions must hold.
	p := profile(specs.LinuxSeccompArg{Index: 0, Value: 2, Op: specs.OpEqualTo}, specs.LinuxSeccompArg{Index: 1, Value: 3, Op: specs.OpEqualTo})
	expect(t, p, "both", call{nr: nr, arch: n.audit, args: [6]uint64{2, 3}}, retAllow)
	expect(t, p, "first only", call{nr: nr, arch: n.audit, args: [6]uint64{2, 4}}, retErrno|1)
	// The same argument twice: one condition is enough.
	p = profile(specs.LinuxSeccompArg{Index: 0, Value: 2, Op: specs.OpEqualTo}, specs.LinuxSeccompArg{Index: 0, Value: 9, Op: specs.OpEqualTo})
	expect(t, p, "one value", call{nr: nr, arch: n.audit, args: [6]uint64{2}}, retAllow)
	expect(t, p, "the other", call{nr: nr, arch: n.audit, args: [6]uint64{9}}, retAllow)
	expect(t, p, "neither", call{nr: nr, arch: n.audit, args: [6]uint64{3}}, retErrno|1)
}

func TestSkippedRules(t *testing.T) {
	n := native(t)
	p := compile(t, &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"no_such_system_call", "getpid"}, Action: specs.ActAllow},
			{Names: []string{"mkdirat"}, Action: specs.ActErrno},
			{Names: []string{"unlinkat"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(1))},
			{Names: []string{"openat2"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(2))},
		},
	})
	for name, want := range map[string]uint32{"getpid": retAllow, "mkdirat": retErrno | 1, "unlinkat": retErrno | 1, "openat2": retErrno | 2} {
		expect(t, p, name, call{nr: number(t, name, n.scmp), arch: n.audit}, want)
	}
}

func TestFlags(t *testing.T) {
	notify := []specs.LinuxSyscall{{Names: []string{"mkdirat"}, Action: specs.ActNotify}}
	tests := []struct {
		flags []specs.LinuxSeccompFlag
		rules []specs.LinuxSyscall
		want  uint64
	}{
		{nil, nil, 4},
		{[]specs.LinuxSeccompFlag{}, nil, 0},
		{[]specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_TSYNC"}, nil, 0},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow}, nil, 6},
		{nil, notify, 4 | 8},
		{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog}, notify, 2 | 8},
	}
	if slices.Contains(SupportedFlags(), string(specs.LinuxSeccompFlagWaitKillableRecv)) {
		tests = append(tests, struct {
			flags []specs.LinuxSeccompFlag
			rules []specs.LinuxSyscall
			want  uint64
		}{[]specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv}, notify, 32 | 8})
	}
	for _, tt := range tests {
		p := compile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: tt.flags, Syscalls: tt.rules})
		if p.Flags != tt.want {
			t.Errorf("flags %q, %d rules: got %#x, want %#x", tt.flags, len(tt.rules), p.Flags, tt.want)
		}
	}
}

func TestSupportedFlags(t *testing.T) {
	got := SupportedFlags()
	for _, want := range []string{"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is missing: every kernel from 5.14 has it", want)
		}
	}
	if sys.SeccompFlagsSupported(1 << 30) {
		t.Error("a flag that does not exist is supported")
	}
}

func TestErrors(t *testing.T) {
	r := func(r specs.LinuxSyscall) []specs.LinuxSyscall {
		return []specs.LinuxSyscall{{Names: []string{"getpid"}, Action: specs.ActLog}, r}
	}
	tests := []struct {
		s    specs.LinuxSeccomp
		want string
	}{
		{specs.LinuxSeccomp{DefaultAction: "X"}, "linux.seccomp.defaultAction: "},
		{specs.LinuxSeccomp{DefaultAction: specs.ActNotify}, "linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be used as default action"},
		{specs.LinuxSeccomp{Architectures: []specs.Arch{specs.ArchX86, "SCMP_ARCH_VAX"}}, `linux.seccomp.architectures[1]: unknown architecture "SCMP_ARCH_VAX"`},
		{specs.LinuxSeccomp{Flags: []specs.LinuxSeccompFlag{"X"}}, "linux.seccomp.flags[0]: "},
		{specs.LinuxSeccomp{Syscalls: r(specs.LinuxSyscall{Action: "X"})}, "linux.seccomp.syscalls[1].action: "},
		{specs.LinuxSeccomp{Syscalls: r(specs.LinuxSyscall{Names: []string{"read", "write"}, Action: specs.ActNotify})}, "linux.seccomp.syscalls[1].names[1]: SCMP_ACT_NOTIFY cannot be used for the write syscall"},
		{specs.LinuxSeccomp{Syscalls: r(specs.LinuxSyscall{Action: specs.ActKill, Args: []specs.LinuxSeccompArg{{Op: "X"}}})}, "linux.seccomp.syscalls[1].args[0].op: "},
		{specs.LinuxSeccomp{Syscalls: r(specs.LinuxSyscall{Action: specs.ActKill, Args: []specs.LinuxSeccompArg{{Op: specs.OpEqualTo, Index: 6}}})}, "linux.seccomp.syscalls[1].args[0]: "},
	}
	for _, tt := range tests {
		if tt.s.DefaultAction == "" {
			tt.s.DefaultAction = specs.ActAllow
		}
		p, err := Compile(&tt.s)
		if p != nil || err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
}

// dockerLike returns a profile with the size and shape of Docker's default profile: it allows every system call of this
// machine's table except a few, and some only with certain arguments.
func dockerLike(t testing.TB) *specs.LinuxSeccomp {
	t.Helper()
	denied := []string{"keyctl", "add_key", "request_key", "mount", "umount2", "reboot", "kexec_load", "init_module",
		"delete_module", "swapon", "swapoff", "setns", "unshare", "pivot_root", "bpf", "userfaultfd",
		"socket", "personality", "clone", "clone3"}
	var allowed []string
	for nr := range libseccomp.ScmpSyscall(500) {
		if name, err := nr.GetName(); err == nil && !slices.Contains(denied, name) {
			allowed = append(allowed, name)
		}
	}
	// x86-64 does not have these calls of i386.
	allowed = append(allowed, "socketcall", "waitpid", "clock_gettime64", "_llseek", "mmap2", "fstatat64", "set_thread_area")
	personality := func(v uint64) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: []string{"personality"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Index: 0, Value: v, Op: specs.OpEqualTo}}}
	}
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
		Syscalls: []specs.LinuxSyscall{
			{Names: allowed, Action: specs.ActAllow},
			{Names: []string{"socket"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 0, Value: 40, Op: specs.OpNotEqual}}},
			personality(0), personality(8), personality(0x20000), personality(0x20008), personality(0xffffffff),
			{Names: []string{"clone"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 0, Value: 0x7e020000, Op: specs.OpMaskedEqual}}},
			{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: ptr(uint(38))},
		},
	}
}

func needAMD64(t testing.TB) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("requires amd64: the profile is for x86-64, x32 and i386")
	}
}

func TestDockerLike(t *testing.T) {
	needAMD64(t)
	p := compile(t, dockerLike(t))
	nr := func(name string) uint32 { return number(t, name, libseccomp.ArchAMD64) }
	i386 := func(name string) uint32 { return number(t, name, libseccomp.ArchX86) }
	x32 := func(name string) uint32 { return number(t, name, libseccomp.ArchX32) }
	tests := []struct {
		what string
		c    call
		want uint32
	}{
		{"read", call{nr: nr("read"), arch: auditX8664}, retAllow},
		{"mount", call{nr: nr("mount"), arch: auditX8664}, retErrno | 1},
		{"bpf", call{nr: nr("bpf"), arch: auditX8664}, retErrno | 1},
		{"clone3", call{nr: nr("clone3"), arch: auditX8664}, retErrno | 38},
		{"clone of a thread", call{nr: nr("clone"), arch: auditX8664, args: [6]uint64{0x3d0f00}}, retAllow},
		{"clone with a user namespace", call{nr: nr("clone"), arch: auditX8664, args: [6]uint64{0x10000000}}, retErrno | 1},
		{"socket inet", call{nr: nr("socket"), arch: auditX8664, args: [6]uint64{2}}, retAllow},
		{"socket vsock", call{nr: nr("socket"), arch: auditX8664, args: [6]uint64{40}}, retErrno | 1},
		{"personality query", call{nr: nr("personality"), arch: auditX8664, args: [6]uint64{0xffffffff}}, retAllow},
		{"personality odd", call{nr: nr("personality"), arch: auditX8664, args: [6]uint64{1}}, retErrno | 1},
		{"newer than the profile", call{nr: 1000, arch: auditX8664}, retENOSYS},
		{"i386 read", call{nr: i386("read"), arch: auditI386}, retAllow},
		{"i386 socketcall", call{nr: i386("socketcall"), arch: auditI386}, retAllow},
		{"i386 mount", call{nr: i386("mount"), arch: auditI386}, retErrno | 1},
		{"i386 newer", call{nr: 1000, arch: auditI386}, retENOSYS},
		{"x32 read", call{nr: x32("read"), arch: auditX8664}, retAllow},
		{"x32 mount", call{nr: x32("mount"), arch: auditX8664}, retErrno | 1},
		{"x32 newer", call{nr: x32Bit | 1000, arch: auditX8664}, retENOSYS},
		{"arm64 is not in the list", call{nr: 1, arch: auditARM64}, retKillProcess},
	}
	for _, tt := range tests {
		expect(t, p, tt.what, tt.c, tt.want)
	}
}

// TestTreeIsCheap holds the filter to the figure in Compile's comment.
func TestTreeIsCheap(t *testing.T) {
	needAMD64(t)
	p := compile(t, dockerLike(t))
	total, n, most := 0, 0, 0
	for nr := range uint32(450) {
		_, steps, err := run(p.Filter, call{nr: nr, arch: auditX8664})
		if err != nil {
			t.Fatal(err)
		}
		total, n, most = total+steps, n+1, max(most, steps)
	}
	t.Logf("%d instructions; executed: %d on average, %d at most", p.Instructions(), total/n, most)
	if total/n > 30 || most > 50 {
		t.Errorf("executed: %d on average, %d at most", total/n, most)
	}
}

func TestNullArchitecturesMeanNative(t *testing.T) {
	needAMD64(t)
	p := compile(t, &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"getpid", "openat2", "set_tls"}, Action: specs.ActAllow}},
	})
	expect(t, p, "native", call{nr: number(t, "getpid", libseccomp.ArchAMD64), arch: auditX8664}, retAllow)
	expect(t, p, "i386", call{nr: number(t, "getpid", libseccomp.ArchX86), arch: auditI386}, retKillProcess)
	expect(t, p, "x32", call{nr: number(t, "getpid", libseccomp.ArchX32), arch: auditX8664}, retKillProcess)
	// If the profile does not list x32, the filter refuses x32's numbers, even the largest ones.
	expect(t, p, "x32 newer", call{nr: x32Bit | 1000, arch: auditX8664}, retKillProcess)
}

func TestEnosysStubBoundary(t *testing.T) {
	n := native(t)
	newest := number(t, "openat2", n.scmp)
	p := compile(t, &specs.LinuxSeccomp{
		DefaultAction: specs.ActKillProcess,
		// Compile skips the second rule, but its name still counts as the newest system call.
		Syscalls: []specs.LinuxSyscall{
			{Names: []string{"getpid"}, Action: specs.ActAllow},
			{Names: []string{"openat2"}, Action: specs.ActKillProcess},
		},
	})
	expect(t, p, "the newest", call{nr: newest, arch: n.audit}, retKillProcess)
	expect(t, p, "one newer", call{nr: newest + 1, arch: n.audit}, retENOSYS)
}

func TestNoEnosysStub(t *testing.T) {
	n := native(t)
	for _, s := range []specs.LinuxSeccomp{
		{DefaultAction: specs.ActAllow}, {DefaultAction: specs.ActLog}, {DefaultAction: specs.ActTrace},
		{DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(uint(38))},
	} {
		s.Syscalls = []specs.LinuxSyscall{{Names: []string{"mkdirat"}, Action: specs.ActKillProcess}}
		if stub := enosysStub(&s, n); stub != nil {
			t.Errorf("%s has a stub of %d instructions", s.DefaultAction, len(stub))
		}
		compile(t, &s)
	}
	// A profile that mentions no system call has no stub.
	p := compile(t, &specs.LinuxSeccomp{DefaultAction: specs.ActErrno})
	expect(t, p, "empty profile", call{nr: 1000, arch: n.audit}, retErrno|1)
}

// TestStubOfOtherArchitectures puts stubs in front of filters that only return, because libseccomp compiles for the byte
// order of one architecture at a time.
func TestStubOfOtherArchitectures(t *testing.T) {
	s := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"getpid", "openat2", "set_tls"}, Action: specs.ActAllow}},
	}
	// verdict returns what the filter of architecture i returns.
	verdict := func(i int) uint32 { return uint32(0x1000 + i) }
	linked := func(names ...specs.Arch) *Program {
		var bodies []body
		for i, name := range names {
			a, ok := find(func(a architecture) bool { return a.name == name })
			if !ok {
				t.Fatalf("no %s", name)
			}
			bodies = append(bodies, body{a, encode(nil, append(enosysStub(s, a), ret(verdict(i))))})
		}
		return &Program{Filter: link(bodies)}
	}
	const openat2 = 437 // the same number on all these architectures
	p := linked(specs.ArchS390X, specs.ArchAARCH64)
	expect(t, p, "s390x multiplexer", call{nr: 0, arch: auditS390X}, retENOSYS)
	expect(t, p, "s390x known", call{nr: openat2, arch: auditS390X}, verdict(0))
	expect(t, p, "s390x newer", call{nr: openat2 + 1, arch: auditS390X}, retENOSYS)
	expect(t, p, "arm64 zero", call{nr: 0, arch: auditARM64}, verdict(1))
	expect(t, p, "arm64 newer", call{nr: openat2 + 1, arch: auditARM64}, retENOSYS)
	expect(t, p, "unlisted", call{nr: 1000, arch: auditI386}, retKillProcess)

	p = linked(specs.ArchARM)
	expect(t, p, "arm newer", call{nr: openat2 + 1, arch: auditARM}, retENOSYS)
	expect(t, p, "arm's own", call{nr: armPrivate + 5, arch: auditARM}, verdict(0))

	p = linked(specs.ArchX32)
	expect(t, p, "x32 known", call{nr: x32Bit | openat2, arch: auditX8664}, verdict(0))
	expect(t, p, "x32 newer", call{nr: x32Bit | 1000, arch: auditX8664}, retENOSYS)
	expect(t, p, "x86-64 is for x32's filter to refuse", call{nr: 1000, arch: auditX8664}, verdict(0))

	p = linked(specs.ArchX86_64)
	expect(t, p, "x32 is for x86-64's filter to refuse", call{nr: x32Bit | 1000, arch: auditX8664}, verdict(0))

	for _, order := range [][]specs.Arch{
		{specs.ArchAARCH64, specs.ArchX32, specs.ArchX86_64},
		{specs.ArchX86_64, specs.ArchAARCH64, specs.ArchX32},
	} {
		p = linked(order...)
		x86, x32 := slices.Index(order, specs.ArchX86_64), slices.Index(order, specs.ArchX32)
		expect(t, p, "x32 newer", call{nr: x32Bit | 1000, arch: auditX8664}, retENOSYS)
		expect(t, p, "x32 known", call{nr: x32Bit | openat2, arch: auditX8664}, verdict(x32))
		expect(t, p, "x86-64 newer", call{nr: 1000, arch: auditX8664}, retENOSYS)
		expect(t, p, "x86-64 known", call{nr: openat2, arch: auditX8664}, verdict(x86))
		expect(t, p, "arm64 known", call{nr: openat2, arch: auditARM64}, verdict(slices.Index(order, specs.ArchAARCH64)))
	}
}

// TestLinkedAsWhole compares the linked filter with the filter that libseccomp makes for all architectures at once, for
// every system call.
func TestLinkedAsWhole(t *testing.T) {
	needAMD64(t)
	s := dockerLike(t)
	// With ENOSYS as default there is no stub, which libseccomp's filter does not have.
	s.DefaultErrnoRet = ptr(uint(enosys))
	byDefault, _ := action(s.DefaultAction, s.DefaultErrnoRet)
	filter, err := libseccomp.NewFilter(byDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer filter.Release()
	if err := filter.SetBadArchAction(libseccomp.ActKillProcess); err != nil {
		t.Fatal(err)
	}
	for _, a := range []libseccomp.ScmpArch{libseccomp.ArchX86, libseccomp.ArchX32} {
		if err := filter.AddArch(a); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.Syscalls {
		if err := addRule(filter, &s.Syscalls[i], byDefault, ""); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := export(filter)
	if err != nil {
		t.Fatal(err)
	}
	linked := compile(t, s)
	for _, base := range []call{{arch: auditX8664}, {arch: auditX8664, nr: x32Bit}, {arch: auditI386}, {arch: auditARM64}} {
		for nr := range uint32(620) {
			for _, arg := range []uint64{0, 1, 2, 8, 40, 0x20008, 0x10000000, 0x3d0f00, 0xffffffff, 1 << 33} {
				c := base
				c.nr |= nr
				c.args[0] = arg
				want, _, err := run(whole, c)
				if err != nil {
					t.Fatal(err)
				}
				expect(t, linked, fmt.Sprintf("%#x nr %#x arg %#x", c.arch, c.nr, arg), c, want)
			}
		}
	}
	for _, arch := range []uint32{auditX8664, auditI386} {
		c := call{arch: arch, nr: 0xffffffff} // a tracer sets this number to skip a call
		want, _, _ := run(whole, c)
		expect(t, linked, "nr -1", c, want)
	}
}

func TestKnownArchsAreSortedAndMapped(t *testing.T) {
	names := KnownArchs()
	if !slices.IsSorted(names) || len(names) != 23 {
		t.Errorf("%d names: %q", len(names), names)
	}
	for _, list := range [][]string{KnownActions(), KnownOperators()} {
		if !slices.IsSorted(list) {
			t.Errorf("not sorted: %q", list)
		}
	}
	for _, name := range KnownActions() {
		if _, ok := action(specs.LinuxSeccompAction(name), nil); !ok {
			t.Errorf("%s is known, but has no action", name)
		}
	}
	for _, name := range KnownOperators() {
		if _, ok := operator(specs.LinuxSeccompOperator(name)); !ok {
			t.Errorf("%s is known, but has no operator", name)
		}
	}
}

// TestKernelTakesFilter loads the filter on a thread of its own, which ends with its goroutine, and checks the kernel's
// verdicts.
func TestKernelTakesFilter(t *testing.T) {
	needAMD64(t)
	p := compile(t, dockerLike(t))
	const sysSeccomp, sysPrctl, prSetNoNewPrivs, setModeFilter = 317, 157, 38, 1
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall6(sysPrctl, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			t.Errorf("no_new_privs: %v", errno)
			return
		}
		prog := struct {
			length uint16
			filter *byte
		}{uint16(p.Instructions()), &p.Filter[0]}
		if _, _, errno := syscall.RawSyscall(sysSeccomp, setModeFilter, uintptr(p.Flags), uintptr(unsafe.Pointer(&prog))); errno != 0 {
			t.Errorf("seccomp: %v", errno)
			return
		}
		keyctl := number(t, "keyctl", libseccomp.ArchAMD64)
		if _, _, errno := syscall.RawSyscall(uintptr(keyctl), 0xffff, 0, 0); errno != syscall.EPERM {
			t.Errorf("keyctl: %v, want EPERM", errno)
		}
		if _, _, errno := syscall.RawSyscall(1000, 0, 0, 0); errno != syscall.ENOSYS {
			t.Errorf("system call 1000: %v, want ENOSYS", errno)
		}
		if _, _, errno := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0); errno != 0 {
			t.Errorf("getpid: %v", errno)
		}
	}()
	wg.Wait()
}

func BenchmarkCompileDockerLike(b *testing.B) {
	needAMD64(b)
	s := dockerLike(b)
	for b.Loop() {
		if _, err := Compile(s); err != nil {
			b.Fatal(err)
		}
	}
}
