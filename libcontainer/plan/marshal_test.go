package plan

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// decoded reads marshalled bytes as nsenter/ops.h describes them, without the code of Marshal.
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
	d.blob = data[HeaderSize+OpSize*d.ops:]
	if n := native.Uint32(data[24:]); int(n) != len(d.blob) || n == 0 {
		t.Fatalf("the header promises a blob of %d bytes, there are %d", n, len(d.blob))
	}
	return d
}

func (d *decoded) op(i int) []byte { return d.data[HeaderSize+OpSize*i : HeaderSize+OpSize*(i+1)] }

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
	if d.ops != len(p.Ops) || native.Uint32(d.data[16:]) != 1000 || native.Uint32(d.data[20:]) != 3 || native.Uint32(d.data[28:]) != 0 {
		t.Errorf("header % x", d.data[:32])
	}
	if string(d.data[:8]) != "rungplan" && string(d.data[:8]) != "nalpgnur" {
		t.Errorf("magic %q", d.data[:8])
	}
}

func TestMarshalEveryOperand(t *testing.T) {
	p := everyOp()
	for i := range p.Ops {
		p.Ops[i].OK = Errnos{uint8(syscall.ENOENT), uint8(syscall.EPERM)}
		p.Ops[i].SkipIfDone = int32(i)
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
		if skip := native.Uint32(raw[20:]); int32(skip) != op.SkipIfDone-1 {
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
		if got := Slot(native.Uint32(raw[8+4*j:])); got != op.Slots[j] {
			d.t.Errorf("%s: slot %d is %d, want %d", op.Code, j, got, op.Slots[j])
		}
		at := native.Uint32(raw[56+4*j:])
		switch sig.strings[j] {
		case '-':
			if at != 0 {
				d.t.Errorf("%s: unused string %d at %d", op.Code, j, at)
			}
		case 'v':
			if got := d.list(at); !slices.Equal(got, op.list(j)) {
				d.t.Errorf("%s: vector %d is %q", op.Code, j, got)
			}
		default:
			if got := d.text(at); got != op.Text[j] {
				d.t.Errorf("%s: string %d is %q", op.Code, j, got)
			}
		}
	}
	for j := range 4 {
		if got := native.Uint64(raw[24+8*j:]); got != op.Ints[j] {
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
	if a, b := native.Uint32(d.op(2)[60:]), native.Uint32(d.op(2)[64:]); a == b {
		t.Error("arguments and environment share a vector, which the stage relocates in place")
	}
}

func TestMarshalEmptyVectorsAreTwo(t *testing.T) {
	b := NewBuilder()
	b.Exec("/x", nil, nil)
	d := decode(t, b.Plan(true))
	a, e := native.Uint32(d.op(0)[60:]), native.Uint32(d.op(0)[64:])
	if a == e || len(d.list(a)) != 0 || len(d.list(e)) != 0 {
		t.Errorf("vectors at %d and %d", a, e)
	}
}

// part is a part of the blob.
type part struct {
	what       string
	start, end uint32
	vector     bool
}

func (d *decoded) string(offset uint32) part {
	return part{"the string " + strconv.Quote(d.text(offset)), offset, offset + 4 + native.Uint32(d.blob[offset:]) + 1, false}
}

// operand returns the parts of an operand: a vector, and its strings.
func (d *decoded) operand(op *Op, kind rune, offset uint32) (out []part) {
	switch kind {
	case '-':
		return nil
	case 'v':
		n := uint32(native.Uint64(d.blob[offset:]))
		for i := range n {
			out = append(out, d.string(uint32(native.Uint64(d.blob[offset+8+8*i:]))))
		}
		return append(out, part{"a vector of " + op.Code.String(), offset, offset + 8*(n+2), true})
	}
	return []part{d.string(offset)}
}

// The stage relocates vectors in place and refuses a plan in which anything overlaps one (plan_check).
func TestMarshalLetsNothingOverlapAVector(t *testing.T) {
	p := everyOp()
	for _, l := range [][]string{nil, {}, {""}, {"one", "two"}, {"two", "one", "two", "\x03"}} {
		p.Ops = append(p.Ops, Op{Code: Exec, Text: text("one"), Lists: &[3][]string{nil, l, l}})
	}
	d := decode(t, p)
	var parts, vectors []part
	for i := range p.Ops {
		for j, kind := range p.Ops[i].Code.signature().strings {
			parts = append(parts, d.operand(&p.Ops[i], kind, native.Uint32(d.op(i)[56+4*j:]))...)
		}
	}
	for i, v := range parts {
		if !v.vector {
			continue
		}
		vectors = append(vectors, v)
		for j, other := range parts {
			if i != j && v.start < other.end && other.start < v.end {
				t.Errorf("%s at %d to %d overlaps %s at %d to %d", v.what, v.start, v.end, other.what, other.start, other.end)
			}
		}
	}
	if len(vectors) != 2*6+1 {
		t.Errorf("%d vectors, want those of 6 EXECs and a FIND_PROGRAM", len(vectors))
	}
}

// The kernel reads arrays of 32 and 64-bit words out of byte strings, so these must be aligned.
func TestMarshalAlignsBytes(t *testing.T) {
	b := NewBuilder()
	for _, s := range []string{"a", "bb", "ccc", "dddd", "eeeee", strings.Repeat("f", 8)} {
		b.Text(Setgroups, s)
	}
	d := decode(t, finish(b))
	for i := range 6 {
		at := native.Uint32(d.op(i)[56:])
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

// FuzzMarshal checks that any strings can be read back from the marshalled bytes.
func FuzzMarshal(f *testing.F) {
	f.Add("", "", "")
	f.Add("/bin/sh", "A=B", "x\x00y")
	f.Fuzz(func(t *testing.T, path, arg, data string) {
		b := NewBuilder()
		b.Text(Setgroups, data)
		b.Exec(path, []string{arg, path}, []string{arg})
		d := decode(t, b.Plan(true))
		if got := d.text(native.Uint32(d.op(0)[56:])); got != data {
			t.Errorf("bytes %q, want %q", got, data)
		}
		exec := d.op(1)
		if got := d.text(native.Uint32(exec[56:])); got != path {
			t.Errorf("path %q, want %q", got, path)
		}
		if got := d.list(native.Uint32(exec[60:])); !slices.Equal(got, []string{arg, path}) {
			t.Errorf("arguments %q", got)
		}
		if got := d.list(native.Uint32(exec[64:])); !slices.Equal(got, []string{arg}) {
			t.Errorf("environment %q", got)
		}
	})
}
