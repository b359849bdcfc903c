package cgroup

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

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
func run(t *testing.T, p []uint64, a access, kind, major, minor uint32) bool {
	t.Helper()
	var r [11]uint32
	ctx := [3]uint32{uint32(a)<<16 | kind, major, minor}
	for pc, steps := 0, 0; pc >= 0 && pc < len(p); pc++ {
		if steps++; steps > len(p) {
			t.Fatal("the program loops")
		}
		var b [8]byte
		binary.NativeEndian.PutUint64(b[:], p[pc])
		dst, src := b[1]&15, b[1]>>4
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			dst, src = src, dst
		}
		off := int16(binary.NativeEndian.Uint16(b[2:]))
		imm := binary.NativeEndian.Uint32(b[4:])
		switch b[0] {
		case bpfLdxW:
			r[dst] = ctx[off/4]
		case bpfMovReg:
			r[dst] = r[src]
		case bpfMovImm:
			r[dst] = imm
		case bpfAndImm:
			r[dst] &= imm
		case bpfRshImm:
			r[dst] >>= imm
		case bpfJeqImm:
			if r[dst] == imm {
				pc += int(off)
			}
		case bpfJneImm:
			if r[dst] != imm {
				pc += int(off)
			}
		case bpfExit:
			return r[0] == 1
		default:
			t.Fatalf("instruction %d: unknown opcode %#x", pc, b[0])
		}
	}
	t.Fatal("the program runs off its end")
	return false
}

// verdict is what config-linux.md says, one access bit at a time: rules in the
// order listed, the last match counts, nothing matched is denied.
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

func compileProgram(t *testing.T, list []specs.LinuxDeviceCgroup) []uint64 {
	t.Helper()
	allow, rules, err := compileRules(list)
	if err != nil {
		t.Fatal(err)
	}
	return deviceProgram(allow, rules)
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
		p := compileProgram(t, list)
		for a := access(1); a <= accAll; a++ {
			for kind, name := range map[uint32]byte{devBlock: 'b', devChar: 'c'} {
				for n := range int64(9) {
					want := verdict(list, a, name, n/3, n%3)
					if got := run(t, p, a, kind, uint32(n/3), uint32(n%3)); got != want {
						t.Fatalf("rules %+v: access %d on %c %d:%d: %v, want %v", list, a, name, n/3, n%3, got, want)
					}
				}
			}
		}
	}
}

// disassemble prints a program for the golden listing.
func disassemble(p []uint64) string {
	var out strings.Builder
	for i, in := range p {
		var b [8]byte
		binary.NativeEndian.PutUint64(b[:], in)
		dst, src := b[1]&15, b[1]>>4
		if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
			dst, src = src, dst
		}
		to := i + 1 + int(int16(binary.NativeEndian.Uint16(b[2:])))
		imm := binary.NativeEndian.Uint32(b[4:])
		switch b[0] {
		case bpfLdxW:
			fmt.Fprintf(&out, "%d: w%d = ctx[%d]\n", i, dst, to-i-1)
		case bpfMovReg:
			fmt.Fprintf(&out, "%d: w%d = w%d\n", i, dst, src)
		case bpfMovImm:
			fmt.Fprintf(&out, "%d: w%d = %d\n", i, dst, imm)
		case bpfAndImm:
			fmt.Fprintf(&out, "%d: w%d &= %#x\n", i, dst, imm)
		case bpfRshImm:
			fmt.Fprintf(&out, "%d: w%d >>= %d\n", i, dst, imm)
		case bpfJeqImm:
			fmt.Fprintf(&out, "%d: if w%d == %d goto %d\n", i, dst, imm, to)
		case bpfJneImm:
			fmt.Fprintf(&out, "%d: if w%d != %d goto %d\n", i, dst, imm, to)
		case bpfExit:
			fmt.Fprintf(&out, "%d: exit\n", i)
		}
	}
	return out.String()
}

func TestDeviceProgramListing(t *testing.T) {
	const want = `0: w2 = ctx[0]
1: w3 = w2
2: w2 &= 0xffff
3: w3 >>= 16
4: w4 = ctx[4]
5: w5 = ctx[8]
6: if w2 != 1 goto 13
7: if w4 != 8 goto 13
8: w1 = w3
9: w1 &= 0x4
10: if w1 == 0 goto 13
11: w0 = 0
12: exit
13: if w2 != 2 goto 20
14: if w4 != 1 goto 20
15: if w5 != 3 goto 20
16: w3 &= 0x1
17: if w3 != 0 goto 20
18: w0 = 1
19: exit
20: w0 = 0
21: exit
`
	got := disassemble(compileProgram(t, []specs.LinuxDeviceCgroup{
		denyAll, rule(true, "c", 1, 3, "rw"), rule(false, "b", 8, -1, "w"),
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
