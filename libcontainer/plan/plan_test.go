package plan

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// finish completes the builder's ops to a segment that Check accepts.
func finish(b *Builder) *Plan {
	b.For("process.args", "become the program")
	b.Exec("/bin/true", []string{"true"}, nil)
	return b.Plan(true)
}

func TestCheckAcceptsWhatTheBuilderMakes(t *testing.T) {
	b := NewBuilder()
	root := b.Inherit()
	b.For("mounts[0]", "a test")
	tree, _ := b.Filesystem("tmpfs", []Option{{"mode", "755"}, {"noswap", ""}}, 1)
	target, _ := b.Mkpath(root, "/dev", MkpathDir, 0o755)
	b.MoveMount(tree, target)
	b.Close(target)
	first, _ := b.SyncFor(SyncHost, None, 2)
	b.EnterCgroup(first + 1).IfSlots()
	if err := Check(finish(b)); err != nil {
		t.Error(err)
	}
}

// A MOVE_MOUNT closes its slots itself, unless it may be skipped or fail.
func TestCloseAfterMoveMount(t *testing.T) {
	for name, c := range map[string]struct {
		move func(OpRef) OpRef
		want int // ops
	}{
		"certain":   {func(r OpRef) OpRef { return r }, 3},
		"tolerated": {func(r OpRef) OpRef { return r.Tolerate(syscall.EINVAL) }, 5},
		"if slots":  {OpRef.IfSlots, 5},
		"unless":    {func(r OpRef) OpRef { return r.Unless(OpRef{r.b, 0}) }, 5},
	} {
		b := NewBuilder()
		tree, _ := b.OpenTree(None, "/usr", 1)
		target, _ := b.Open(None, "/mnt", 0, 0)
		c.move(b.MoveMount(tree, target))
		b.Close(target)
		b.Close(tree)
		if got := len(b.ops); got != c.want {
			t.Errorf("%s: %d ops, want %d", name, got, c.want)
		}
		if left := finish(b).Filled(); len(left) != 0 {
			t.Errorf("%s: %v are left open", name, left)
		}
		b.Fchdir(target)
		if err := Check(finish(b)); err == nil {
			t.Errorf("%s: a closed slot may be read", name)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	tests := []struct {
		name, want string
		make       func(b *Builder)
	}{
		{"a slot that is read before it is set", "slot 7 is read before it is set", func(b *Builder) { b.Fchdir(7) }},
		{"an optional slot that is read before it is set", "slot 9 is read before it is set", func(b *Builder) { b.Clone(9, 0) }},
		{"a missing slot", "slot -1 is outside the table", func(b *Builder) { b.Fchdir(None) }},
		{"a slot outside of the table", "slot 512 is outside the table", func(b *Builder) {
			b.add(Op{Code: Fsopen, Slots: slots(FirstLocal), Text: text("tmpfs")})
		}},
		{"an answer outside of the table", "2 answered slots from 511 on are outside the table", func(b *Builder) {
			b.Number(Sync, uint64(SyncHost), uint64(FirstLocal)-1, 2)
		}},
		{"an answer that no message can carry", "100 answered slots from 0 on are outside the table, or too many", func(b *Builder) {
			b.Number(Sync, uint64(SyncHost), 0, Batch+1)
		}},
		{"more vectors than the stage keeps apart", "more than 8 vectors", func(b *Builder) {
			for range MaxVectors/2 + 1 {
				b.Exec("/x", nil, nil)
			}
		}},
		{"a skip that depends on itself", "skip depends on op 0", func(b *Builder) { b.Number(Setsid).Unless(OpRef{b, 0}) }},
		{"a skip forward", "skip depends on op 3", func(b *Builder) { b.Number(Setsid).Unless(OpRef{b, 3}) }},
		{"a skip of before the plan", "skip depends on op -2", func(b *Builder) { b.Number(Setsid).Unless(OpRef{b, -2}) }},
		{"an unlisted SYNC", "sync 9 is unlisted or out of order", func(b *Builder) { b.SyncAt(SyncSources+1, None) }},
		{"SYNC map behind SYNC inside", "sync 7 is unlisted or out of order", func(b *Builder) {
			b.SyncAt(SyncInside, None)
			b.SyncAt(SyncMap, None)
		}},
		{"SYNC sources behind SYNC inside", "sync 8 is unlisted or out of order", func(b *Builder) {
			b.SyncAt(SyncInside, None)
			b.SyncAt(SyncSources, None)
		}},
		{"SYNC zero", "sync 0 is unlisted or out of order", func(b *Builder) { b.SyncAt(0, None) }},
		{"SYNCs out of order", "sync 1 is unlisted or out of order", func(b *Builder) {
			b.SyncAt(SyncHost, None)
			b.SyncAt(SyncIDs, None)
		}},
		{"the same SYNC twice", "sync 3 is unlisted or out of order", func(b *Builder) {
			b.SyncAt(SyncHost, None)
			b.SyncAt(SyncHost, None)
		}},
		{"NUL in a path", "operand 0 holds a NUL byte", func(b *Builder) { b.Text(Chdir, "/a\x00b") }},
		{"NUL in a string", "operand 1 holds a NUL byte", func(b *Builder) { b.Mount(None, "none", "tm\x00pfs", "", 0) }},
		{"a slot that was closed", "slot 512 is read before it is set", func(b *Builder) {
			s, _ := b.Open(None, "/x", 0, 0)
			b.Close(s)
			b.Fchdir(s)
		}},
		{"a context that FSMOUNT closed", "slot 512 is read before it is set", func(b *Builder) {
			b.Filesystem("tmpfs", nil, 0)
			b.Fchdir(512)
		}},
		{"NUL in an argument", "a string of operand 1 holds a NUL byte", func(b *Builder) { b.Exec("/x", []string{"a\x00"}, nil) }},
		{"NUL in the environment", "a string of operand 2 holds a NUL byte", func(b *Builder) { b.Exec("/x", nil, []string{"A=\x00"}) }},
		{"NUL in a candidate", "a string of operand 0 holds a NUL byte", func(b *Builder) { b.FindProgram([]string{"/x\x00"}) }},
		{"no program", "no path, and no FIND_PROGRAM before it", func(b *Builder) { b.Exec("", []string{"x"}, nil) }},
		{"no operation", "unknown operation 0", func(b *Builder) { b.add(Op{}) }},
		{"too many inherited slots", "513 inherited slots", func(b *Builder) {
			for range FirstLocal + 1 {
				b.Inherit()
			}
		}},
		{"too many ops", "ops, not 1 to 196608", func(b *Builder) {
			for range MostOps {
				b.Number(Setsid)
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := NewBuilder()
			b.For("mounts[3]", "a test")
			test.make(b)
			err := Check(finish(b))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestCheckRefusesUnknownCode(t *testing.T) {
	p := &Plan{Ops: []Op{{Code: Code(len(signatures))}, {Code: Exec}}, Slots: int(FirstLocal)}
	if err := Check(p); err == nil || !strings.Contains(err.Error(), "unknown operation") {
		t.Errorf("got %v", err)
	}
}

func TestCheckRefusesOtherEnds(t *testing.T) {
	b := NewBuilder()
	b.Number(Setsid)
	if err := Check(b.Plan(true)); err == nil || !strings.Contains(err.Error(), "ends with SETSID") {
		t.Errorf("got %v", err)
	}
	if err := Check(&Plan{}); err == nil || !strings.Contains(err.Error(), "0 ops") {
		t.Errorf("got %v", err)
	}
}

func TestCheckNamesOpAndPurpose(t *testing.T) {
	b := NewBuilder()
	b.For("root.path", "enter the root")
	b.Fchdir(500)
	err := Check(finish(b))
	if want := "plan: op 0 FCHDIR (enter the root): slot 500 is read before it is set"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSegmentsShareSlots(t *testing.T) {
	b := NewBuilder()
	inherited := b.Inherit()
	opened, _ := b.Open(inherited, "x", 0, 0)
	answered, _ := b.SyncFor(SyncInside, opened, 3)
	first := b.Plan(true)
	if err := Check(first); err != nil {
		t.Fatal(err)
	}
	want := []Slot{inherited, opened, answered, answered + 1, answered + 2}
	if got := first.Filled(); !slices.Equal(got, want) {
		t.Errorf("Filled() = %v, want %v", got, want)
	}

	b = b.Next(1)
	own, _ := b.Open(answered+2, "y", 0, 0)
	if slices.Contains(want, own) {
		t.Errorf("slot %d of the first segment is given out again", own)
	}
	b.Fchdir(opened)
	b.Fchdir(inherited)
	b.Exec("/bin/true", nil, nil)
	second := b.Plan(false)
	if second.Inherited != 0 {
		t.Errorf("the second segment inherits %d slots", second.Inherited)
	}
	if err := Check(second, first.Filled()...); err != nil {
		t.Error(err)
	}
	if err := Check(second); err == nil {
		t.Error("slots of the first segment are not needed")
	}
}

func TestSyncsMayFollowAcrossSegments(t *testing.T) {
	b := NewBuilder()
	for _, s := range []SyncPoint{SyncIDs, SyncPlan, SyncHost, SyncInside, SyncReady} {
		b.SyncAt(s, None)
	}
	if err := Check(b.Plan(true)); err != nil {
		t.Error(err)
	}
}

func TestBuilderReusesSlots(t *testing.T) {
	b := NewBuilder()
	one, _ := b.Open(None, "/1", 0, 0)
	two, _ := b.Open(None, "/2", 0, 0)
	if one < FirstLocal || two == one {
		t.Fatalf("slots %d and %d", one, two)
	}
	b.Close(one)
	three, _ := b.Open(None, "/3", 0, 0)
	if three != one {
		t.Errorf("slot %d after slot %d was closed", three, one)
	}
	if four, _ := b.Open(None, "/4", 0, 0); four == two || four == three {
		t.Errorf("slot %d is in use", four)
	}
	inherited := b.Inherit()
	b.Close(inherited)
	if five, _ := b.Open(None, "/5", 0, 0); five < FirstLocal {
		t.Errorf("an inherited slot, %d, is given out again", five)
	}
}

func TestFilesystemFreesItsContext(t *testing.T) {
	b := NewBuilder()
	tree, _ := b.Filesystem("tmpfs", nil, 0)
	other, _ := b.Open(None, "/", 0, 0)
	if other == tree || other != b.ops[0].Slots[0] {
		t.Errorf("the context %d is not free for reuse: got %d beside %d", b.ops[0].Slots[0], other, tree)
	}
}

// If the kernel refuses the mount, the context stays open, and the op after FSMOUNT must close it.
func TestTryFilesystem(t *testing.T) {
	b := NewBuilder()
	_, mount := b.TryFilesystem("cgroup2", nil, 0, syscall.EPERM)
	closing := b.ops[len(b.ops)-1]
	if closing.Code != Close || int(closing.SkipIfDone) != mount.i+1 || closing.Slots[0] != b.ops[0].Slots[0] {
		t.Errorf("last op is %s", closing.Format())
	}
	for _, op := range b.ops[1 : len(b.ops)-1] {
		if !op.OK.Has(syscall.EPERM) {
			t.Errorf("%s does not tolerate EPERM", op.Format())
		}
	}
}

func TestUnusedSlotsAreAbsent(t *testing.T) {
	b := NewBuilder()
	b.Number(Umask, 0o22)
	b.Open(None, "/", 0, 0)
	if s := b.ops[0].Slots; s != [3]Slot{None, None, None} {
		t.Errorf("slots of UMASK: %v", s)
	}
	if s := b.ops[1].Slots; s[0] != None || s[2] != None || s[1] == None {
		t.Errorf("slots of OPEN: %v", s)
	}
}

// everyOp returns a plan with each operation once, with operands of every kind that it takes.
func everyOp() *Plan {
	p := &Plan{Inherited: 3, Slots: 1000}
	for code := Code(1); int(code) < len(signatures); code++ {
		op := Op{Code: code, Slots: [3]Slot{None, None, None}, Origin: Origin{"field", "purpose"}}
		sig := code.signature()
		for i, kind := range sig.slots {
			if kind != '-' {
				op.Slots[i] = Slot(i)
			}
		}
		for i, kind := range sig.ints {
			if kind != '-' {
				op.Ints[i] = 1
			}
		}
		for i, kind := range sig.strings {
			switch kind {
			case 'v':
				if op.Lists == nil {
					op.Lists = new([3][]string)
				}
				op.Lists[i] = []string{"one", "two"}
			case '-':
			default:
				op.Text[i] = fmt.Sprintf("text%03d", i)
			}
		}
		p.Ops = append(p.Ops, op)
	}
	return p
}

func TestEveryOpHasOneSignature(t *testing.T) {
	seen := map[string]bool{}
	for code := Code(1); int(code) < len(signatures); code++ {
		sig := code.signature()
		if sig.name == "" || seen[sig.name] || sig.calls == "" {
			t.Errorf("code %d: %+v", code, sig)
		}
		seen[sig.name] = true
		if len(sig.slots) != 3 || len(sig.ints) != 4 || len(sig.strings) != 3 {
			t.Errorf("%s: %+v", sig.name, sig)
		}
		if strings.Trim(sig.slots, "iomw-") != "" || strings.Trim(sig.ints, "nfode-") != "" || strings.Trim(sig.strings, "psbv-") != "" {
			t.Errorf("%s has an unknown letter: %+v", sig.name, sig)
		}
	}
	if Code(9999).String() != "UNKNOWN" {
		t.Errorf("code 9999 is %s", Code(9999))
	}
}
