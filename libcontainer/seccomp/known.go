package seccomp

import "math"

// known is what is certain before an instruction, on all ways to it. It saves what the dispatcher, the stub and libseccomp's
// filter of an architecture all look at.
type known struct {
	visited bool
	loaded  bool   // the accumulator holds the word of seccomp_data at offset
	offset  uint32 // offsetNr or offsetArch, or that of an argument
	hasArch bool   // the architecture is arch
	arch    uint32
	x32     verdict // the number of the system call has x32Bit
	// The number of the system call is from least to most.
	least, most uint32
}

// verdict is what is known of a question.
type verdict uint8

const (
	unknown verdict = iota
	yes
	no
)

// simplify returns for each instruction of a program the one that it is as good as: itself, or a later one. A load of what is
// loaded is as good as the instruction after it, and a condition whose answer is certain as good as the one that it leads to.
func simplify(program []instruction) []int {
	before := make([]known, len(program))
	before[0] = known{visited: true, most: math.MaxUint32}
	same := make([]int, len(program))
	for i, in := range program {
		same[i] = i
		here := before[i]
		if !here.visited || in.code == opRet {
			continue
		}
		switch {
		case in.code == opJump:
			before[i+1+int(in.k)].meet(here)
		case isCondition(in.code):
			on, off := i+1+int(in.jt), i+1+int(in.jf)
			answer := here.answer(in)
			if answer != no {
				before[on].meet(here.after(in, yes))
			}
			if answer != yes {
				before[off].meet(here.after(in, no))
			}
			same[i] = [...]int{unknown: i, yes: on, no: off}[answer]
		default:
			if in.code == opLoad && here.holds(in.k) {
				same[i] = i + 1
			}
			before[i+1].meet(here.past(in))
		}
	}
	return same
}

// meet keeps what is certain on one more way.
func (k *known) meet(other known) {
	if !k.visited {
		*k = other
		return
	}
	if !other.loaded || k.offset != other.offset {
		k.loaded = false
	}
	if !other.hasArch || k.arch != other.arch {
		k.hasArch = false
	}
	if k.x32 != other.x32 {
		k.x32 = unknown
	}
	k.least, k.most = min(k.least, other.least), max(k.most, other.most)
}

// past is what is certain after an instruction that is no jump. It may change the accumulator, and never the call.
func (k known) past(in instruction) known {
	switch in.code {
	case opLoad:
		k.loaded, k.offset = true, in.k
	case opStore:
	default:
		k.loaded = false
	}
	return k
}

func (k known) holds(offset uint32) bool { return k.loaded && k.offset == offset }

// answer is whether a condition holds.
func (k known) answer(in instruction) verdict {
	switch {
	case k.holds(offsetArch) && k.hasArch && in.code == opJEQ:
		return sure(k.arch == in.k, k.arch != in.k)
	case !k.holds(offsetNr):
		return unknown
	}
	switch in.code {
	case opJEQ:
		isX32 := in.k&x32Bit != 0
		return sure(k.least == in.k && k.most == in.k, in.k < k.least || in.k > k.most || k.x32 == yes && !isX32 || k.x32 == no && isX32)
	case opJGT:
		return sure(k.least > in.k, k.most <= in.k)
	case opJGE:
		return sure(k.least >= in.k, k.most < in.k)
	case opJSET:
		if in.k == x32Bit {
			return k.x32
		}
	}
	return unknown
}

func sure(holds, fails bool) verdict {
	switch {
	case holds:
		return yes
	case fails:
		return no
	}
	return unknown
}

// after is what is certain if a condition has that answer.
func (k known) after(in instruction, answer verdict) known {
	switch {
	case k.holds(offsetArch) && in.code == opJEQ && answer == yes:
		k.hasArch, k.arch = true, in.k
	case !k.holds(offsetNr):
	case in.code == opJSET && in.k == x32Bit:
		k.x32 = answer
		if answer == yes {
			k.least = max(k.least, x32Bit)
		}
	case in.code == opJEQ && answer == yes:
		k.least, k.most = in.k, in.k
	case in.code == opJGT && answer == no:
		k.most = min(k.most, in.k)
	case in.code == opJGE && answer == yes:
		k.least = max(k.least, in.k)
	case in.code == opJGT && in.k < math.MaxUint32: // above k
		k.least = max(k.least, in.k+1)
	case in.code == opJGE && answer == no && in.k > 0: // below k
		k.most = min(k.most, in.k-1)
	}
	if k.most < x32Bit {
		k.x32 = no
	}
	return k
}
