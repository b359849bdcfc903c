package plan

import (
	"bytes"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// decoded reads marshalled bytes by the words of nsenter/ops.h alone.
type decoded struct {
	t    *testing.T
	data []byte
	ops  int
	blob []byte
}

func decode(t *testing.T, p *Plan) *decoded {
	t.Helper()
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	d := &decoded{t: t, data: data, ops: int(native.Uint32(data[12:]))}
	d.blob = data[32+64*d.ops:]
	if n := native.Uint32(data[24:]); int(n) != len(d.blob) || n == 0 {
		t.Fatalf("the header promises a blob of %d bytes, there are %d", n, len(d.blob))
	}
	return d
}

func (d *decoded) op(i int) []byte { return d.data[32+64*i : 32+64*(i+1)] }

func (d *decoded) text(offset uint32) string {
	d.t.Helper()
	if offset%4 != 0 {
		d.t.Errorf("string at %d is not aligned", offset)
	}
	n := native.Uint32(d.blob[offset:])
	if d.blob[offset+4+n] != 0 {
		d.t.Errorf("string at %d does not end with NUL", offset)
	}
	return string(d.blob[offset+4 : offset+4+n])
}

func (d *decoded) list(offset uint32) (out []string) {
	d.t.Helper()
	if offset%8 != 0 {
		d.t.Errorf("vector at %d is not aligned", offset)
	}
	n := uint32(native.Uint64(d.blob[offset:]))
	for i := range n {
		out = append(out, d.text(uint32(native.Uint64(d.blob[offset+8+8*i:]))))
	}
	if end := native.Uint64(d.blob[offset+8+8*n:]); end != 0 {
		d.t.Errorf("vector at %d ends with %d", offset, end)
	}
	return out
}

func TestMarshalHeader(t *testing.T) {
	p := everyOp()
	d := decode(t, p)
	if native.Uint64(d.data) != PlanMagic || native.Uint32(d.data[8:]) != StageIdentity {
		t.Error("magic or identity")
	}
	if d.ops != len(p.Ops) || native.Uint32(d.data[16:]) != MaxSlots || native.Uint32(d.data[20:]) != 3 || native.Uint32(d.data[28:]) != 0 {
		t.Errorf("header % x", d.data[:32])
	}
	if string(d.data[:8]) != "rungplan" && string(d.data[:8]) != "nalpgnur" {
		t.Errorf("magic %q", d.data[:8])
	}
}

func TestMarshalEveryOperand(t *testing.T) {
	p := everyOp()
	for i := range p.Ops {
		p.Ops[i].OK = []syscall.Errno{syscall.ENOENT, syscall.EPERM}
		p.Ops[i].SkipIfDone = i
		p.Ops[i].IfSlots = i%2 == 0
	}
	d := decode(t, p)
	for i := range p.Ops {
		d.compare(i, &p.Ops[i])
	}
}

func (d *decoded) compare(i int, op *Op) {
	raw, sig := d.op(i), op.Code.signature()
	flags := uint16(0)
	if op.SkipIfDone > 0 {
		flags |= SkipIfOk
		if skip := native.Uint16(raw[14:]); int(skip) != op.SkipIfDone-1 {
			d.t.Errorf("%s: skip %d, want %d", op.Code, skip, op.SkipIfDone-1)
		}
	}
	if op.IfSlots {
		flags |= SkipIfEmpty
	}
	if Code(native.Uint16(raw)) != op.Code || native.Uint16(raw[2:]) != flags {
		d.t.Errorf("%s: code or flags % x", op.Code, raw[:4])
	}
	if !bytes.Equal(raw[4:8], []byte{byte(syscall.ENOENT), byte(syscall.EPERM), 0, 0}) {
		d.t.Errorf("%s: tolerated errnos % x", op.Code, raw[4:8])
	}
	for j := range 3 {
		if got := Slot(native.Uint16(raw[8+2*j:])); got != op.Slots[j] {
			d.t.Errorf("%s: slot %d is %d, want %d", op.Code, j, got, op.Slots[j])
		}
		at := native.Uint32(raw[48+4*j:])
		switch sig.strings[j] {
		case '-':
			if at != 0 {
				d.t.Errorf("%s: unused string %d at %d", op.Code, j, at)
			}
		case 'v':
			if got := d.list(at); !slices.Equal(got, op.Lists[j]) {
				d.t.Errorf("%s: vector %d is %q", op.Code, j, got)
			}
		default:
			if got := d.text(at); got != op.Text[j] {
				d.t.Errorf("%s: string %d is %q", op.Code, j, got)
			}
		}
	}
	for j := range 4 {
		if got := native.Uint64(raw[16+8*j:]); got != op.Ints[j] {
			d.t.Errorf("%s: integer %d is %d, want %d", op.Code, j, got, op.Ints[j])
		}
	}
}

func TestMarshalSharesStrings(t *testing.T) {
	b := NewBuilder()
	b.Text(Chdir, "/same")
	b.Text(Chdir, "/same")
	b.Exec("/same", []string{"/same", "/same"}, []string{"/same"})
	d := decode(t, b.Plan(true))
	if n := strings.Count(string(d.blob), "/same"); n != 1 {
		t.Errorf("the string is there %d times", n)
	}
	if a, b := native.Uint32(d.op(2)[52:]), native.Uint32(d.op(2)[56:]); a == b {
		t.Error("arguments and environment share a vector, which the hands relocate in place")
	}
}

func TestMarshalEmptyVectorsAreTwo(t *testing.T) {
	b := NewBuilder()
	b.Exec("/x", nil, nil)
	d := decode(t, b.Plan(true))
	a, e := native.Uint32(d.op(0)[52:]), native.Uint32(d.op(0)[56:])
	if a == e || len(d.list(a)) != 0 || len(d.list(e)) != 0 {
		t.Errorf("vectors at %d and %d", a, e)
	}
}

// The kernel reads arrays of 32 and 64-bit words out of byte strings.
func TestMarshalAlignsBytes(t *testing.T) {
	b := NewBuilder()
	for _, s := range []string{"a", "bb", "ccc", "dddd", "eeeee", strings.Repeat("f", 8)} {
		b.Text(Setgroups, s)
	}
	d := decode(t, finish(b))
	for i := range 6 {
		at := native.Uint32(d.op(i)[48:])
		if (at+4)%8 != 0 {
			t.Errorf("the bytes of string %d begin at %d", i, at+4)
		}
	}
}

func TestMarshalIsStable(t *testing.T) {
	a, _ := everyOp().Marshal()
	b, _ := everyOp().Marshal()
	if !bytes.Equal(a, b) {
		t.Error("the same plan gives other bytes")
	}
}

// FuzzMarshal: whatever the strings are, they come out of the bytes as they went in.
func FuzzMarshal(f *testing.F) {
	f.Add("", "", "")
	f.Add("/bin/sh", "A=B", "x\x00y")
	f.Fuzz(func(t *testing.T, path, arg, data string) {
		b := NewBuilder()
		b.Text(Setgroups, data)
		b.Exec(path, []string{arg, path}, []string{arg})
		d := decode(t, b.Plan(true))
		if got := d.text(native.Uint32(d.op(0)[48:])); got != data {
			t.Errorf("bytes %q, want %q", got, data)
		}
		exec := d.op(1)
		if got := d.text(native.Uint32(exec[48:])); got != path {
			t.Errorf("path %q, want %q", got, path)
		}
		if got := d.list(native.Uint32(exec[52:])); !slices.Equal(got, []string{arg, path}) {
			t.Errorf("arguments %q", got)
		}
		if got := d.list(native.Uint32(exec[56:])); !slices.Equal(got, []string{arg}) {
			t.Errorf("environment %q", got)
		}
	})
}
