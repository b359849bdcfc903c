package cgroup

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func rule(allow bool, kind string, major, minor int64, acc string) specs.LinuxDeviceCgroup {
	return specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Major: number(major), Minor: number(minor), Access: acc}
}

var denyAll = specs.LinuxDeviceCgroup{Access: "rwm"}

func TestDeviceRules(t *testing.T) {
	got := DeviceRules([]specs.LinuxDeviceCgroup{denyAll}, []specs.LinuxDevice{{Path: "/dev/tty"}, {Path: "/dev/fuse"}})
	_, rules, err := compileRules(got)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, r := range rules {
		text = append(text, r.text())
	}
	want := "c *:* m|b *:* m|c 1:3 rwm|c 1:8 rwm|c 1:7 rwm|c 1:5 rwm|c 1:9 rwm|c 136:* rwm|c 5:2 rwm|c 10:200 rwm"
	if s := strings.Join(text, "|"); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

func TestBadDeviceRules(t *testing.T) {
	for want, r := range map[string]specs.LinuxDeviceCgroup{
		"devices[0].access": {Allow: true},
		"devices[0].type":   {Type: "p", Access: "r"},
		"devices[0].major":  {Type: "c", Major: ptr(int64(1 << 32)), Access: "r"},
		"devices[0].minor":  {Type: "c", Minor: ptr(int64(-2)), Access: "r"},
	} {
		_, _, err := compileRules([]specs.LinuxDeviceCgroup{r})
		wantError(t, err, "linux.resources."+want)
	}
	_, _, err := compileRules([]specs.LinuxDeviceCgroup{{Allow: true, Access: "x"}})
	wantError(t, err, "devices[0].access", "r, w, m")
	_, _, err = compileRules([]specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm"), rule(false, "c", 1, 3, "rx")})
	wantError(t, err, "devices[1].access", "r, w, m")
}

func TestV1Exceptions(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules []specs.LinuxDeviceCgroup
		allow bool
		want  string
		err   string
	}{
		{"deny by default", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rw")}, false, "c 1:3 rw", ""},
		{"merge", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "r"), rule(true, "b", 8, -1, "r"), rule(true, "c", 1, 3, "w")}, false, "c 1:3 rw|b 8:* r", ""},
		{"reset", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "r"), denyAll, rule(true, "c", 1, 5, "r")}, false, "c 1:5 r", ""},
		{"take back", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rwm"), rule(false, "c", 1, 3, "w")}, false, "c 1:3 rm", ""},
		{"wildcard denies what came before", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rwm"), rule(true, "c", 2, 3, "r"), rule(false, "c", 1, -1, "rwm")}, false, "c 2:3 r", ""},
		{"hole", []specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "r"), rule(false, "c", 1, 3, "r")}, false, "", "punch a hole"},
		{"cross", []specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "r"), rule(false, "c", -1, 3, "r")}, false, "", "punch a hole"},
		{"other access is no hole", []specs.LinuxDeviceCgroup{rule(true, "c", -1, -1, "m"), rule(false, "c", 1, 3, "rw")}, false, "c *:* m", ""},
		{"unknown letters that deny", []specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rwm"), rule(false, "c", 1, 3, "rwa"), rule(false, "c", 1, 3, "x")}, false, "c 1:3 m", ""},
		{"allow by default", []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm"), rule(false, "b", 8, 0, "rw")}, true, "b 8:0 rw", ""},
		{"all kinds, some access", []specs.LinuxDeviceCgroup{rule(true, "", -1, -1, "m")}, false, "b *:* m|c *:* m", ""},
	} {
		allow, rules, err := compileRules(c.rules)
		if err != nil {
			t.Fatal(err)
		}
		e, err := v1Exceptions(allow, rules)
		if c.err != "" {
			wantError(t, err, devicesField, c.err)
			continue
		}
		var text []string
		for _, r := range e.list {
			text = append(text, r.text())
		}
		if got := strings.Join(text, "|"); err != nil || got != c.want || e.allowAll != c.allow {
			t.Errorf("%s: %v %q %v, want %v %q", c.name, e.allowAll, got, err, c.allow, c.want)
		}
	}
}

func TestDevicesV1Writes(t *testing.T) {
	list := []specs.LinuxDeviceCgroup{denyAll, rule(true, "c", 1, 3, "rwm"), rule(true, "c", 1, 5, "r")}
	for _, c := range []struct{ name, list, allow, deny string }{
		{"allow by default is reset", "a *:* rwm\n", "c 1:3 rwm\nc 1:5 r", "a"},
		{"the same", "c 1:3 rwm\nc 1:5 r\n", "", ""},
		{"a difference", "c 1:3 rw\nc 1:5 rw\nb *:* m\n", "c 1:3 m", "c 1:5 w\nb *:* m"},
	} {
		f := newTree(t).files("devices.allow", "devices.deny").file("devices.list", c.list)
		ok(t, f.v1("devices").Set(&specs.LinuxResources{Devices: list}))
		f.want("devices.allow", c.allow)
		f.want("devices.deny", c.deny)
	}
	f := newTree(t).files("devices.allow", "devices.deny")
	ok(t, fresh(f.v1("devices")).Set(&specs.LinuxResources{Devices: list}))
	f.want("devices.deny", "a")
	wantError(t, newTree(t).v1("cpu").Set(&specs.LinuxResources{Devices: list}), devicesField, "devices")
}

// run interprets a program on one access, as the kernel would.
func run(t *testing.T, p asm.Instructions, a access, kind, major, minor uint32) bool {
	t.Helper()
	var r [11]uint32
	ctx := [3]uint32{uint32(a)<<16 | kind, major, minor}
	for pc, steps := 0, 0; pc >= 0 && pc < len(p); pc++ {
		if steps++; steps > len(p) {
			t.Fatal("the program loops")
		}
		in := p[pc]
		jumps := false
		switch in.OpCode {
		case asm.LoadMemOp(asm.Word):
			r[in.Dst] = ctx[in.Offset/4]
		case asm.Mov.Op32(asm.RegSource):
			r[in.Dst] = r[in.Src]
		case asm.Mov.Op(asm.ImmSource):
			r[in.Dst] = uint32(in.Constant)
		case asm.And.Op32(asm.ImmSource):
			r[in.Dst] &= uint32(in.Constant)
		case asm.RSh.Op32(asm.ImmSource):
			r[in.Dst] >>= uint32(in.Constant)
		case asm.JEq.Imm32(asm.R0, 0, "").OpCode:
			jumps = r[in.Dst] == uint32(in.Constant)
		case asm.JNE.Imm32(asm.R0, 0, "").OpCode:
			jumps = r[in.Dst] != uint32(in.Constant)
		case asm.Ja.Op(asm.ImmSource): // the kernel replaces a test by it if the result is always the same
			jumps = true
		case asm.Return().OpCode:
			return r[asm.R0] == 1
		default:
			t.Fatalf("instruction %d: %v", pc, in)
		}
		if jumps {
			pc += int(in.Offset)
		}
	}
	t.Fatal("the program runs off its end")
	return false
}

// verdict applies the rules as config-linux.md describes, for each access bit alone: in the order listed, the last
// matching rule decides, and access is denied if no rule matches.
func verdict(list []specs.LinuxDeviceCgroup, a access, kind byte, major, minor int64) bool {
	for _, bit := range []access{accMknod, accRead, accWrite} {
		if a&bit == 0 {
			continue
		}
		allowed := false
		for _, r := range list {
			ra, err := parseAccess(r.Access, true)
			if err != nil {
				return false
			}
			if (r.Type == "" || r.Type == "a" || r.Type[0] == kind) && ra&bit != 0 &&
				(r.Major == nil || *r.Major == major) && (r.Minor == nil || *r.Minor == minor) {
				allowed = r.Allow
			}
		}
		if !allowed {
			return false
		}
	}
	return true
}

// byteOrder returns the machine's byte order as one of the two values that the library compares with.
func byteOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// compileProgram returns the program for a list as cilium/ebpf reads it.
func compileProgram(t *testing.T, list []specs.LinuxDeviceCgroup) asm.Instructions {
	t.Helper()
	allow, rules, err := compileRules(list)
	if err != nil {
		t.Fatal(err)
	}
	var encoded bytes.Buffer
	if err := binary.Write(&encoded, binary.NativeEndian, deviceProgram(allow, rules)); err != nil {
		t.Fatal(err)
	}
	p, err := asm.AppendInstructions(nil, bytes.NewReader(encoded.Bytes()), byteOrder(), "linux")
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := p.Marshal(&again, byteOrder()); err != nil || !bytes.Equal(again.Bytes(), encoded.Bytes()) {
		t.Errorf("the library encodes it as\n%x, %v, not\n%x", again.Bytes(), err, encoded.Bytes())
	}
	return p
}

// agrees asks a program and the specification about devices on both sides of each number in the rules.
func agrees(t *testing.T, p asm.Instructions, list []specs.LinuxDeviceCgroup) {
	t.Helper()
	majors, minors := []int64{0, 1<<32 - 1}, []int64{0, 1<<32 - 1}
	around := func(to []int64, n *int64) []int64 {
		if n == nil || *n < 0 {
			return to
		}
		for _, near := range []int64{*n - 1, *n, *n + 1} {
			if near >= 0 && near < 1<<32 && !slices.Contains(to, near) {
				to = append(to, near)
			}
		}
		return to
	}
	for _, r := range list {
		majors, minors = around(majors, r.Major), around(minors, r.Minor)
	}
	for a := access(1); a <= accAll; a++ {
		for kind, name := range map[uint32]byte{devBlock: 'b', devChar: 'c'} {
			for _, major := range majors {
				for _, minor := range minors {
					want := verdict(list, a, name, major, minor)
					if got := run(t, p, a, kind, uint32(major), uint32(minor)); got != want {
						t.Fatalf("rules %+v: access %d on %c %d:%d: %v, want %v\n%v", list, a, name, major, minor, got, want, p)
					}
				}
			}
		}
	}
}

func TestDeviceProgramAgreesWithTheSpec(t *testing.T) {
	kinds := []string{"", "a", "b", "c", "c", "b"}
	accs := []string{"r", "w", "m", "rw", "rm", "wm", "rwm", "rwm"}
	rng := rand.New(rand.NewPCG(1, 2))
	num := func() int64 { return int64(rng.IntN(4)) - 1 }
	for range 500 {
		var list []specs.LinuxDeviceCgroup
		for range rng.IntN(8) {
			list = append(list, rule(rng.IntN(2) == 0, kinds[rng.IntN(len(kinds))], num(), num(), accs[rng.IntN(len(accs))]))
		}
		agrees(t, compileProgram(t, list), list)
	}
}

// The listing is cilium/ebpf's.
func TestDeviceProgramListing(t *testing.T) {
	const want = `	 0: LdXMemW dst: r2 src: r1 off: 0 imm: 0
	 1: MovReg32 dst: r3 src: r2
	 2: AndImm32 dst: r2 imm: 65535
	 3: RShImm32 dst: r3 imm: 16
	 4: LdXMemW dst: r4 src: r1 off: 4 imm: 0
	 5: LdXMemW dst: r5 src: r1 off: 8 imm: 0
	 6: JNE32Imm dst: r2 off: 6 imm: 1
	 7: JNE32Imm dst: r4 off: 5 imm: 8
	 8: MovReg32 dst: r1 src: r3
	 9: AndImm32 dst: r1 imm: 4
	10: JEq32Imm dst: r1 off: 2 imm: 0
	11: MovImm dst: r0 imm: 0
	12: Exit
	13: JNE32Imm dst: r2 off: 6 imm: 2
	14: JNE32Imm dst: r4 off: 5 imm: 1
	15: JNE32Imm dst: r5 off: 4 imm: 3
	16: AndImm32 dst: r3 imm: 1
	17: JNE32Imm dst: r3 off: 2 imm: 0
	18: MovImm dst: r0 imm: 1
	19: Exit
	20: JNE32Imm dst: r2 off: 4 imm: 2
	21: JNE32Imm dst: r4 off: 3 imm: 5
	22: JNE32Imm dst: r5 off: 2 imm: 2
	23: MovImm dst: r0 imm: 1
	24: Exit
	25: MovImm dst: r0 imm: 0
	26: Exit
`
	got := fmt.Sprint(compileProgram(t, []specs.LinuxDeviceCgroup{
		denyAll, rule(true, "c", 5, 2, "rwm"), rule(true, "c", 1, 3, "rw"), rule(false, "b", 8, -1, "w"),
	}))
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func FuzzDevicesList(f *testing.F) {
	f.Add("a *:* rwm\n")
	f.Add("c 1:3 rwm\nb *:* m\n")
	f.Fuzz(func(t *testing.T, list string) {
		e, known, err := readExceptions(newTree(t).file("devices.list", list).top + "/c")
		if err != nil || !known {
			return
		}
		for _, r := range e.list {
			if r.access == 0 || r.major < anyNumber {
				t.Errorf("rule %+v from %q", r, list)
			}
		}
	})
}
