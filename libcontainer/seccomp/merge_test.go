package seccomp

import (
	"iter"
	"math/rand/v2"
	"testing"

	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// manyRules returns a profile with that many rules about the second argument of one system call.
func manyRules(count int, archs ...specs.Arch) *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: archs}
	s.Syscalls = append(s.Syscalls, specs.LinuxSyscall{Names: []string{"read", "write", "exit_group"}, Action: specs.ActAllow})
	for i := range count {
		s.Syscalls = append(s.Syscalls, specs.LinuxSyscall{
			Names: []string{"ioctl"}, Action: specs.ActAllow,
			Args: []specs.LinuxSeccompArg{{Index: 1, Value: uint64(0x5401 + 7*i), Op: specs.OpEqualTo}},
		})
	}
	return s
}

// asOne returns the length of the filter that libseccomp makes for all architectures together, as runc has it made.
func asOne(t testing.TB, s *specs.LinuxSeccomp) int {
	t.Helper()
	archs, err := architectures(s)
	if err != nil {
		t.Fatal(err)
	}
	byDefault, _ := action(s.DefaultAction, s.DefaultErrnoRet)
	filter, err := libseccomp.NewFilter(byDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer filter.Release()
	for _, a := range archs {
		if err := filter.AddArch(a.scmp); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.Syscalls {
		if err := addRule(filter, &s.Syscalls[i], byDefault, "syscalls"); err != nil {
			t.Fatal(err)
		}
	}
	if err := filter.SetOptimize(2); err != nil {
		t.Fatal(err)
	}
	code, err := export(filter)
	if err != nil {
		t.Fatal(err)
	}
	return len(code) / instructionSize
}

func linked(t testing.TB, s *specs.LinuxSeccomp) []byte {
	t.Helper()
	archs, err := architectures(s)
	if err != nil {
		t.Fatal(err)
	}
	bodies, err := compileAll(s, archs)
	if err != nil {
		t.Fatal(err)
	}
	return link(bodies)
}

// stubs returns how many instructions the stubs of all architectures have, which libseccomp does not make.
func stubs(t testing.TB, s *specs.LinuxSeccomp) (n int) {
	t.Helper()
	archs, err := architectures(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range archs {
		n += len(enosysStub(s, a))
	}
	return n
}

// profiles are those that the tests of merge have in common.
func profiles(t testing.TB) map[string]*specs.LinuxSeccomp {
	more := dockerLike(t)
	for _, r := range manyRules(1200).Syscalls[1:] {
		r.Names = []string{"bpf"}
		more.Syscalls = append(more.Syscalls, r)
	}
	masked := manyRules(50, specs.ArchX86_64, specs.ArchX86, specs.ArchX32)
	for i := range masked.Syscalls[1:] {
		r := &masked.Syscalls[i+1]
		r.Args = append(r.Args, specs.LinuxSeccompArg{Index: 2, Value: 0xff00000000 + uint64(i), ValueTwo: uint64(i % 3), Op: specs.OpMaskedEqual})
		if i%2 == 0 {
			r.Args[1] = specs.LinuxSeccompArg{Index: 0, Value: 1 << 33, Op: specs.OpGreaterThan}
			r.Action, r.ErrnoRet = specs.ActErrno, ptr(uint(i))
		}
	}
	return map[string]*specs.LinuxSeccomp{
		"Docker's":              dockerLike(t),
		"Docker's and 1200":     more,
		"1360 of three":         manyRules(1360, specs.ArchX86_64, specs.ArchX86, specs.ArchX32),
		"1360 of one":           manyRules(1360),
		"without x32":           manyRules(20, specs.ArchX86_64, specs.ArchX86),
		"of other machines":     manyRules(20, specs.ArchAARCH64, specs.ArchARM),
		"several arguments":     masked,
		"nothing but a default": {DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86_64}},
	}
}

// runc has libseccomp make one filter of all architectures, which shares the parts that are alike.
func TestMergeIsNotLongerThanLibseccomp(t *testing.T) {
	needAMD64(t)
	for name, s := range profiles(t) {
		if got, most := len(merge(linked(t, s)))/instructionSize, asOne(t, s)+stubs(t, s); got > most {
			t.Errorf("%s: %d instructions, libseccomp and the stubs have %d", name, got, most)
		}
	}
}

// 1360 rules for one call came out once for each architecture: more than the kernel takes.
func TestManyRules(t *testing.T) {
	needAMD64(t)
	all := profiles(t)
	for _, name := range []string{"1360 of three", "Docker's and 1200"} {
		if before := len(linked(t, all[name])) / instructionSize; before <= sys.SeccompMaxInstructions {
			t.Errorf("%s: %d instructions before: the test shows nothing", name, before)
		}
		compile(t, all[name])
	}
}

// Every call has the answer that it has of the filter before.
func TestMergeKeepsAnswers(t *testing.T) {
	needAMD64(t)
	for name, s := range profiles(t) {
		before := linked(t, s)
		after := merge(before)
		for c := range calls(s) {
			want, _, err := run(before, c)
			if err != nil {
				t.Fatalf("%s: %+v: %v", name, c, err)
			}
			if got, _, err := run(after, c); err != nil || got != want {
				t.Fatalf("%s: %+v: %#x, before %#x (%v)", name, c, got, want, err)
			}
		}
	}
}

// calls returns all numbers of all architectures, and for those with rules about arguments the values about which a rule
// speaks, and those beside them.
func calls(s *specs.LinuxSeccomp) iter.Seq[call] {
	values := []uint64{0, 1, 1 << 32, 1<<33 + 1, 1<<64 - 1}
	for i := range s.Syscalls {
		if i > 40 && i < len(s.Syscalls)-10 {
			continue // of many rules the first and the last
		}
		for _, a := range s.Syscalls[i].Args {
			values = append(values, a.Value-1, a.Value, a.Value+1, a.Value|1<<40, a.ValueTwo)
		}
	}
	numbers := []uint32{29, 54, 16, 0x7fffffff, 0x80000000, 0xffffffff, armPrivate, armPrivate + 1}
	for nr := range uint32(600) {
		numbers = append(numbers, nr, nr|x32Bit)
	}
	return func(yield func(call) bool) {
		for i := 0; ; i++ {
			a, ok := architectureAt(i)
			if !ok {
				break
			}
			for _, nr := range numbers {
				if !yield(call{nr: nr, arch: a.audit}) {
					return
				}
			}
			for _, nr := range []uint32{16, 54, 29, 514 | x32Bit, 321, 357, 280, 386, 321 | x32Bit} { // ioctl and bpf
				for n, v := range values {
					if !yield(call{nr: nr, arch: a.audit, args: [6]uint64{values[n/2], v, values[len(values)-1-n]}}) {
						return
					}
				}
			}
		}
		yield(call{nr: 1, arch: 0xdeadbeef})
	}
}

// Programs of all kinds of instructions, with jumps as far as they go, answer as before.
func TestMergeOfRandomPrograms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		program := randomProgram(random, 2+random.IntN(700))
		before := encode(nil, program)
		after := merge(before)
		if len(after) > len(before) {
			t.Fatalf("%d instructions, before %d", len(after)/instructionSize, len(before)/instructionSize)
		}
		for range 20 {
			c := call{nr: random.Uint32N(4) | random.Uint32N(4)<<30, arch: random.Uint32N(4)}
			for i := range c.args {
				c.args[i] = uint64(random.Uint32N(4))<<32 | uint64(random.Uint32N(4))
			}
			want, _, err := run(before, c)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := run(after, c); err != nil || got != want {
				t.Fatalf("%+v: %#x, before %#x (%v)", c, got, want, err)
			}
		}
	}
}

func randomProgram(random *rand.Rand, length int) []instruction {
	program := make([]instruction, length)
	for i := range program {
		left := length - i - 2 // how far a jump may go
		value := random.Uint32N(4)
		switch kind := random.IntN(12); {
		case left < 0 || kind == 0:
			program[i] = ret(value)
		case kind < 3:
			program[i] = load(4 * random.Uint32N(16))
		case kind == 3:
			program[i] = load(offsetArch)
		case kind == 4:
			program[i] = load(offsetNr)
		case kind == 5:
			program[i] = instruction{code: opStore, k: value}
		case kind == 6:
			program[i] = instruction{code: 0x60, k: value} // ld M[k]
		case kind == 7:
			program[i] = instruction{code: 0x54, k: value} // and
		case kind == 8:
			program[i] = jumpTo(random.IntN(left + 1))
		default:
			code := []uint16{opJEQ, opJGT, opJGE, opJSET}[random.IntN(4)]
			switch {
			case code == opJSET && random.IntN(2) == 0:
				value = x32Bit
			case random.IntN(2) == 0:
				value |= random.Uint32N(4) << 30
			}
			most := min(left, longestJump) + 1
			program[i] = jumpIf(code, value, uint8(random.IntN(most)), uint8(random.IntN(most)))
		}
	}
	return program
}
