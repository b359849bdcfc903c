package seccomp

import "encoding/binary"

// merge returns a filter that gives the same answers and has each part only once. The filters of several architectures are
// alike from the first instruction that looks at no number on: with many rules for one system call that is nearly all of them.
//
// A program of classic BPF jumps forward only. So merge reads it backwards: two instructions are the same if they do the same,
// and what can come after each is the same. merge writes the first of these and leaves out the others.
func merge(filter []byte) []byte {
	for {
		shorter := mergeOnce(filter)
		if len(shorter) >= len(filter) {
			return filter
		}
		filter = shorter // what was left out may make more certain, or more alike
	}
}

func mergeOnce(filter []byte) []byte {
	program := decode(filter)
	same := simplify(program)
	reached := reachable(program, same)
	m := merger{ids: map[node]int{}}
	of := make([]int, len(program)) // the node of each instruction
	for i := len(program) - 1; i >= 0; i-- {
		switch {
		case same[i] != i:
			of[i] = of[same[i]]
		case reached[i]:
			of[i] = m.add(program, i, of)
		}
	}
	m.next(of[0])
	return m.encode()
}

// node is an instruction with what comes after it: on and off are the nodes for a condition that holds and one that does not.
// An instruction without a condition has only on, and a return neither.
type node struct {
	code    uint16
	k       uint32
	on, off int
}

const nowhere = -1

// merger writes a program backwards. A place is the number of instructions from the end of the program.
type merger struct {
	ids   map[node]int
	nodes []node
	real  []int // by node: the place of the instruction
	near  []int // by node: the place of the instruction, of a copy of it or of a jump to it that is nearest to the beginning
	out   []instruction
}

// longestJump is the longest distance of a conditional jump. An unconditional one has no limit.
const longestJump = 255

// add returns the node of an instruction, and writes it if there is none like it.
func (m *merger) add(program []instruction, i int, of []int) int {
	in := program[i]
	n := node{in.code, in.k, nowhere, nowhere}
	switch {
	case in.code == opJump:
		return of[i+1+int(in.k)]
	case in.code == opRet:
	case isCondition(in.code):
		n.on, n.off = of[i+1+int(in.jt)], of[i+1+int(in.jf)]
		if n.on == n.off {
			return n.on
		}
	default:
		n.on = of[i+1]
		if in.code == opLoad && m.nodes[n.on].code == opLoad {
			return n.on // nobody reads what this one loads
		}
	}
	if id, there := m.ids[n]; there {
		return id
	}
	id := len(m.nodes)
	m.ids[n] = id
	m.nodes = append(m.nodes, n)
	m.write(n)
	m.real = append(m.real, len(m.out)-1)
	m.near = append(m.near, len(m.out)-1)
	return id
}

func (m *merger) write(n node) {
	in := instruction{code: n.code, k: n.k}
	switch {
	case n.off != nowhere:
		for m.distance(n.on) > longestJump || m.distance(n.off) > longestJump {
			if m.distance(n.on) > longestJump {
				m.bridge(n.on)
			}
			if m.distance(n.off) > longestJump {
				m.bridge(n.off)
			}
		}
		in.jt, in.jf = uint8(m.distance(n.on)), uint8(m.distance(n.off))
	case n.on != nowhere:
		m.next(n.on)
	}
	m.out = append(m.out, in)
}

// next makes a node the one that the instruction to be written comes to if it does not jump.
func (m *merger) next(id int) {
	if m.distance(id) != 0 {
		m.bridge(id)
	}
}

// distance returns how many instructions the one to be written skips if it jumps to a node.
func (m *merger) distance(id int) int { return len(m.out) - 1 - m.near[id] }

// bridge writes a copy of a return, or a jump to any other node.
func (m *merger) bridge(id int) {
	in := jumpTo(len(m.out) - 1 - m.real[id])
	if n := m.nodes[id]; n.code == opRet {
		in = ret(n.k)
	}
	m.near[id] = len(m.out)
	m.out = append(m.out, in)
}

func (m *merger) encode() []byte {
	forwards := make([]instruction, 0, len(m.out))
	for i := len(m.out) - 1; i >= 0; i-- {
		forwards = append(forwards, m.out[i])
	}
	return encode(nil, forwards)
}

// reachable marks the instructions that a program can come to.
func reachable(program []instruction, same []int) []bool {
	reached := make([]bool, len(program))
	reached[0] = true
	for i, in := range program {
		switch {
		case !reached[i] || same[i] == i && in.code == opRet:
		case same[i] != i:
			reached[same[i]] = true
		case in.code == opJump:
			reached[i+1+int(in.k)] = true
		case isCondition(in.code):
			reached[i+1+int(in.jt)], reached[i+1+int(in.jf)] = true, true
		default:
			reached[i+1] = true
		}
	}
	return reached
}

// isCondition reports whether a code is a conditional jump: of class BPF_JMP, and not BPF_JA.
func isCondition(code uint16) bool {
	const class, jump = 0x07, 0x05
	return code&class == jump && code != opJump
}

func decode(filter []byte) []instruction {
	program := make([]instruction, 0, len(filter)/instructionSize)
	for ; len(filter) >= instructionSize; filter = filter[instructionSize:] {
		program = append(program, instruction{
			code: binary.NativeEndian.Uint16(filter), jt: filter[2], jf: filter[3], k: binary.NativeEndian.Uint32(filter[4:]),
		})
	}
	return program
}
