//go:build cgo

package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"
)

// body is the filter of one architecture.
type body struct {
	arch architecture
	code []byte
}

// retBadArch is the verdict on system calls of other architectures: SECCOMP_RET_KILL_PROCESS. libseccomp and runc kill
// only the thread, and a program with several threads then hangs.
const retBadArch = 0x80000000

// link joins the filters of several architectures to one. A dispatcher in front of them jumps to the filter of the
// system call's architecture.
func link(bodies []body) []byte {
	// program is the dispatcher. In its opJump instructions k is the index of a body until the loop below replaces it with
	// the distance.
	program := []instruction{load(offsetArch)}
	both := index(bodies, libseccomp.ArchAMD64) >= 0 && index(bodies, libseccomp.ArchX32) >= 0
	for i, b := range bodies {
		switch {
		case both && b.arch.scmp == libseccomp.ArchX32:
			// The case of x86-64 covers x32, because they share the audit value.
		case both && b.arch.scmp == libseccomp.ArchAMD64:
			program = append(program, jumpIf(opJEQ, b.arch.audit, 0, 4), load(offsetNr), jumpIf(opJSET, x32Bit, 0, 1),
				jumpTo(index(bodies, libseccomp.ArchX32)), jumpTo(i))
		default:
			program = append(program, jumpIf(opJEQ, b.arch.audit, 0, 1), jumpTo(i))
		}
	}
	program = append(program, ret(retBadArch))
	for i := range program {
		if in := &program[i]; in.code == opJump {
			in.k = distance(bodies, int(in.k)) + uint32(len(program)-i-1)
		}
	}
	filter := encode(nil, program)
	for _, b := range bodies {
		filter = append(filter, b.code...)
	}
	return filter
}

func jumpTo(body int) instruction { return instruction{code: opJump, k: uint32(body)} }

// distance returns the number of instructions in the bodies before body i.
func distance(bodies []body, i int) uint32 {
	n := 0
	for _, b := range bodies[:i] {
		n += len(b.code) / instructionSize
	}
	return uint32(n)
}

func index(bodies []body, scmp libseccomp.ScmpArch) int {
	for i, b := range bodies {
		if b.arch.scmp == scmp {
			return i
		}
	}
	return -1
}
