package seccomp

import (
	libseccomp "github.com/seccomp/libseccomp-golang"
)

// body is the filter of one architecture.
type body struct {
	arch architecture
	code []byte
}

// retBadArch is what becomes of system calls of other architectures: SECCOMP_RET_KILL_PROCESS.
// libseccomp and runc kill the thread only, which hangs a program of several
// threads.
const retBadArch = 0x80000000

// link makes one filter out of those of several architectures: in front of them
// comes a dispatcher, which never returns to itself.
func link(bodies []body) []byte {
	// The dispatcher, with the index of a body where a jump's distance belongs.
	program := []instruction{load(offsetArch)}
	both := index(bodies, libseccomp.ArchAMD64) >= 0 && index(bodies, libseccomp.ArchX32) >= 0
	for i, b := range bodies {
		switch {
		case both && b.arch.scmp == libseccomp.ArchX32:
			// Comes with x86-64, whose audit value it shares.
		case both && b.arch.scmp == libseccomp.ArchAMD64:
			program = append(program, jumpIf(opJEQ, b.arch.audit, 0, 4), load(offsetNr), jumpIf(opJSET, x32Bit, 0, 1),
				enter(index(bodies, libseccomp.ArchX32)), enter(i))
		default:
			program = append(program, jumpIf(opJEQ, b.arch.audit, 0, 1), enter(i))
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

func enter(body int) instruction { return instruction{code: opJump, k: uint32(body)} }

// distance is how many instructions lie before body i.
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
