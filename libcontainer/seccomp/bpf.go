package seccomp

import (
	"encoding/binary"
)

// instruction is struct sock_filter of <linux/filter.h>. jt and jf are the numbers of instructions that a conditional
// jump skips. k is that number in opJump.
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

const instructionSize = 8

// Codes of classic BPF: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|..., BPF_RET, each with BPF_K, and BPF_ST.
const (
	opLoad  = 0x20
	opJump  = 0x05
	opJEQ   = 0x15
	opJGT   = 0x25
	opJGE   = 0x35
	opJSET  = 0x45
	opRet   = 0x06
	opStore = 0x02
)

// Offsets in struct seccomp_data.
const (
	offsetNr   = 0
	offsetArch = 4
)

func load(offset uint32) instruction { return instruction{code: opLoad, k: offset} }
func ret(value uint32) instruction   { return instruction{code: opRet, k: value} }

func jumpIf(code uint16, value uint32, jt, jf uint8) instruction {
	return instruction{code: code, jt: jt, jf: jf, k: value}
}

// encode appends instructions to a filter.
func encode(filter []byte, program []instruction) []byte {
	for _, in := range program {
		filter = binary.NativeEndian.AppendUint16(filter, in.code)
		filter = append(filter, in.jt, in.jf)
		filter = binary.NativeEndian.AppendUint32(filter, in.k)
	}
	return filter
}
