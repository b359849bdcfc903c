package cgroup

import (
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"

	"rung/internal/sys"
)

// The device filter of v2 is a BPF_PROG_TYPE_CGROUP_DEVICE program. This file encodes it without a library: eight
// opcodes are enough, and a linked BPF library would add its package initialisation to every command.
//
// The kernel passes struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }, where access_type is
// access<<16 | type. The program returns its verdict in r0: 0 denies, 1 allows.

// Opcodes (include/uapi/linux/bpf.h, bpf_common.h).
const (
	bpfLdxW   = 0x61 // dst = *(u32 *)(src + off)
	bpfMovReg = 0xbc // dst = src (32 bit)
	bpfMovImm = 0xb7 // dst = imm (64 bit: some architectures would insert an extension after 32)
	bpfAndImm = 0x54 // dst &= imm (32 bit)
	bpfRshImm = 0x74 // dst >>= imm (32 bit)
	bpfJeqImm = 0x16 // if (u32) dst == imm goto +off (32 bit)
	bpfJneImm = 0x56 // if (u32) dst != imm goto +off (32 bit)
	bpfExit   = 0x95
)

const (
	devBlock, devChar = 1, 2 // BPF_DEVCG_DEV_*

	// What each register holds throughout the program.
	regVerdict, regTmp                = 0, 1
	regType, regAsked, regMaj, regMin = 2, 3, 4, 5
)

// insn encodes one instruction in the byte order of this machine. The order of the two registers depends on it too,
// because they are bit fields.
func insn(op, dst, src uint8, off int16, imm uint32) uint64 {
	regs := src<<4 | dst
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		regs = dst<<4 | src
	}
	var b [8]byte
	b[0], b[1] = op, regs
	binary.NativeEndian.PutUint16(b[2:], uint16(off))
	binary.NativeEndian.PutUint32(b[4:], imm)
	return binary.NativeEndian.Uint64(b[:])
}

// deviceProgram compiles the rules. The last rule that matches a device and an access bit decides, so the program
// tests the rules from the last to the first. A matching allow rule clears its bits in regAsked, and the program
// allows the access when no bit remains. A matching deny rule denies the access if one of its bits is still set.
func deviceProgram(allowAll bool, rules []deviceRule) []uint64 {
	p := make([]uint64, 0, 8+7*len(rules))
	p = append(p,
		insn(bpfLdxW, regType, 1, 0, 0),
		insn(bpfMovReg, regAsked, regType, 0, 0),
		insn(bpfAndImm, regType, 0, 0, 0xffff),
		insn(bpfRshImm, regAsked, 0, 0, 16),
		insn(bpfLdxW, regMaj, 1, 4, 0),
		insn(bpfLdxW, regMin, 1, 8, 0),
	)
	for _, r := range slices.Backward(rules) {
		p = append(p, ruleBlock(r)...)
	}
	verdict := uint32(0)
	if allowAll {
		verdict = 1
	}
	return append(p, insn(bpfMovImm, regVerdict, 0, 0, verdict), insn(bpfExit, 0, 0, 0, 0))
}

// ruleBlock compiles one rule. Every test that fails jumps to the end of the block.
func ruleBlock(r deviceRule) []uint64 {
	var tests, action []uint64
	kind := uint32(devChar)
	if r.kind == 'b' {
		kind = devBlock
	}
	test := func(reg uint8, val uint32) { tests = append(tests, insn(bpfJneImm, reg, 0, 0, val)) }
	test(regType, kind)
	if r.major != anyNumber {
		test(regMaj, uint32(r.major))
	}
	if r.minor != anyNumber {
		test(regMin, uint32(r.minor))
	}
	switch {
	case r.allow && r.access == accAll: // the verifier would remove a test of what remains: nothing does
		action = []uint64{insn(bpfMovImm, regVerdict, 0, 0, 1), insn(bpfExit, 0, 0, 0, 0)}
	case r.allow:
		action = []uint64{
			insn(bpfAndImm, regAsked, 0, 0, uint32(accAll&^r.access)),
			insn(bpfJneImm, regAsked, 0, 2, 0),
			insn(bpfMovImm, regVerdict, 0, 0, 1),
			insn(bpfExit, 0, 0, 0, 0),
		}
	default:
		action = []uint64{
			insn(bpfMovReg, regTmp, regAsked, 0, 0),
			insn(bpfAndImm, regTmp, 0, 0, uint32(r.access)),
			insn(bpfJeqImm, regTmp, 0, 2, 0),
			insn(bpfMovImm, regVerdict, 0, 0, 0),
			insn(bpfExit, 0, 0, 0, 0),
		}
	}
	block := append(tests, action...)
	for i := range tests {
		block[i] = withOffset(block[i], int16(len(block)-i-1))
	}
	return block
}

func withOffset(in uint64, off int16) uint64 {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], in)
	binary.NativeEndian.PutUint16(b[2:], uint16(off))
	return binary.NativeEndian.Uint64(b[:])
}

// setDevicesV2 attaches the program to the cgroup, and the cgroup has a filter at every moment. It replaces a single
// attached program in one step. If there are several (systemd leaves some behind), it attaches the new program first and
// then detaches the old ones.
func setDevicesV2(d *cgroupDir, table ProgramTable, allowAll bool, rules []deviceRule) error {
	dir, err := openForBpf(d.path)
	if err != nil {
		return fmt.Errorf("%s: open %s: %w", devicesField, d.path, err)
	}
	defer sys.CloseFd(dir)
	filter, err := table.get(deviceProgram(allowAll, rules))
	if err != nil {
		return err
	}
	defer sys.CloseFd(filter.fd)
	if d.fresh {
		return attachFilter(dir, filter, -1)
	}
	old, err := attachedPrograms(dir)
	if err != nil {
		return err
	}
	defer closeFilters(old)
	return replaceFilters(dir, filter, old)
}

func attachFilter(dir int, filter deviceFilter, replaced int) error {
	if err := sys.AttachDeviceProgram(dir, filter.fd, replaced); err != nil {
		return fmt.Errorf("%s: attach device program: %w", devicesField, err)
	}
	return nil
}

// replaceFilters makes filter the only program of those that rung may open. A shared program may be attached already; the
// kernel refuses to attach it a second time (EINVAL).
func replaceFilters(dir int, filter deviceFilter, old []deviceFilter) error {
	there := slices.ContainsFunc(old, func(o deviceFilter) bool { return o.id == filter.id })
	switch {
	case there:
	case len(old) == 1:
		return attachFilter(dir, filter, old[0].fd)
	default:
		if err := attachFilter(dir, filter, -1); err != nil {
			return err
		}
	}
	for _, o := range old {
		if o.id == filter.id {
			continue
		}
		if err := sys.DetachDeviceProgram(dir, o.fd); err != nil {
			return fmt.Errorf("%s: detach old device program: %w", devicesField, err)
		}
	}
	return nil
}

func closeFilters(filters []deviceFilter) {
	for _, f := range filters {
		sys.CloseFd(f.fd)
	}
}

// openForBpf opens a cgroup for reading, because bpf(2) refuses an O_PATH descriptor.
func openForBpf(path string) (int, error) { return sys.OpenRead(path) }

// loadProgram loads the program. It asks for the verifier's log in a second attempt, only after a refusal.
func loadProgram(insns []uint64) (int, error) {
	fd, _, err := sys.LoadDeviceProgram(insns, nil)
	switch err {
	case nil:
		return fd, nil
	case syscall.EINVAL, syscall.EACCES, syscall.E2BIG:
		if fd, log, err := sys.LoadDeviceProgram(insns, make([]byte, 64<<10)); err == nil {
			return fd, nil
		} else if log != "" {
			return -1, fmt.Errorf("%s: load device program: %w: %s", devicesField, err, lastLine(log))
		}
	}
	return -1, fmt.Errorf("%s: load device program: %w", devicesField, err)
}

func lastLine(s string) string {
	var last string
	for i, start := 0, 0; i < len(s); i++ {
		if s[i] == '\n' {
			if i > start {
				last = s[start:i]
			}
			start = i + 1
		}
	}
	return last
}

// attachedPrograms opens the programs on the cgroup. It skips a program that is gone, or that a security module
// hides: a hidden program stays attached, and can only deny more than rung's program does.
func attachedPrograms(dir int) ([]deviceFilter, error) {
	ids, err := sys.DevicePrograms(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: list device programs: %w", devicesField, err)
	}
	var found []deviceFilter
	for _, id := range ids {
		fd, err := sys.ProgramByID(id)
		switch {
		case err == nil:
			found = append(found, deviceFilter{fd, id})
		case !isPermission(err) && err != syscall.ENOENT:
			closeFilters(found)
			return nil, fmt.Errorf("%s: open device program %d: %w", devicesField, id, err)
		}
	}
	return found, nil
}
