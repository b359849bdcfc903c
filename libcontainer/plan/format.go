package plan

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// Format returns the plan as text, one line for each op: index, name, operands, field, purpose.
func (p *Plan) Format() string {
	var out strings.Builder
	for i := range p.Ops {
		fmt.Fprintf(&out, "%3d  %s\n", i, p.Ops[i].Format())
	}
	return out.String()
}

// Format returns the op as one line without its index.
func (op *Op) Format() string {
	line := fmt.Sprintf("%-13s %s", op.Code, op.Operands())
	origin := op.Origin.Purpose
	if op.Origin.Field != "" {
		origin = op.Origin.Field + ": " + origin
	}
	return strings.TrimRight(fmt.Sprintf("%-64s # %s", line, origin), " ")
}

// Operands returns the operands as text, with the conditions under which the op is skipped or may fail.
func (op *Op) Operands() string {
	var out []string
	sig := op.Code.signature()
	for i, kind := range sig.slots {
		if s := op.Slots[i]; kind != '-' && s != None {
			out = append(out, slotPrefix(kind)+strconv.Itoa(int(s)))
		}
	}
	for i, kind := range sig.strings {
		switch kind {
		case 'p', 's':
			out = append(out, strconv.Quote(op.Text[i]))
		case 'b':
			out = append(out, formatBytes(op.Code, op.Text[i]))
		case 'v':
			out = append(out, fmt.Sprintf("%q", op.list(i)))
		}
	}
	for i, kind := range sig.ints {
		if text := op.integer(i, kind); text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(append(out, op.Conditions()...), " ")
}

func slotPrefix(kind rune) string {
	if kind == 'o' || kind == 'w' {
		return ">"
	}
	return "@"
}

func (op *Op) integer(i int, kind rune) string {
	n := op.Ints[i]
	switch kind {
	case 'f':
		return flagNames(op.Code, i, n)
	case 'o':
		return fmt.Sprintf("0%o", n)
	case 'd':
		return fmt.Sprintf("%d:%d", deviceMajor(n), deviceMinor(n))
	case 'e':
		return fmt.Sprintf("caps=%#x", n)
	case 'n':
		if _, ok := op.Point(); ok {
			return op.syncInteger(i)
		}
		return strconv.FormatUint(n, 10)
	}
	return ""
}

func (op *Op) syncInteger(i int) string {
	switch {
	case i == 0:
		return SyncPoint(op.Ints[0]).String()
	case i == 2 && op.Ints[2] > 0:
		return fmt.Sprintf(">%d-%d", op.Ints[1], op.Ints[1]+op.Ints[2]-1)
	}
	return ""
}

// Conditions returns when an op is skipped, and which errnos it tolerates, as Format prints them.
func (op *Op) Conditions() (out []string) {
	if op.OK != (Errnos{}) {
		var names []string
		for _, errno := range op.OK {
			if errno != 0 {
				names = append(names, ErrnoName(syscall.Errno(errno)))
			}
		}
		out = append(out, "ok:"+strings.Join(names, ","))
	}
	if op.SkipIfDone > 0 {
		out = append(out, fmt.Sprintf("unless:%d", op.SkipIfDone-1))
	}
	if op.IfSlots {
		out = append(out, "if-open")
	}
	return out
}

// formatBytes returns bytes as a quoted string. It shortens a seccomp program and a full affinity
// mask, and lists groups.
func formatBytes(code Code, s string) string {
	if code == Seccomp {
		return fmt.Sprintf("<%d instructions>", len(s)/8)
	}
	if code == Affinity && strings.Count(s, "\xff") == len(s) {
		return "<all processors>"
	}
	if code == Setgroups {
		groups := make([]uint32, len(s)/4)
		for i := range groups {
			groups[i] = native.Uint32([]byte(s[4*i:]))
		}
		return fmt.Sprint(groups)
	}
	return strconv.Quote(s)
}

func deviceMajor(dev uint64) uint64 { return dev>>8&0xfff | dev>>32&^0xfff }

func deviceMinor(dev uint64) uint64 { return dev&0xff | dev>>12&^0xff }
