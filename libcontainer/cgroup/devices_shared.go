package cgroup

import (
	"encoding/binary"
	"slices"

	"rung/internal/sys"
)

// ProgramTable is a file that remembers which device programs the kernel has, so that containers with the same rules share
// one. "" remembers none: each container loads its own.
//
// A record holds the id and the tag of a program. It is a hint: open hands out a program only if the kernel says that it is a
// device program with that tag and with exactly the wanted instructions. So a record that is wrong, stale or forged costs a
// load, and never attaches other rules (docs/decisions/0022-one-filter.md). Nothing is pinned: the kernel removes a program
// with the last cgroup that has it.
//
// Where a record is depends on the instructions. Two programs with one place replace each other's record.
type ProgramTable string

const (
	programRecords = 64
	recordSize     = 4 + 8 // id, tag
)

// deviceFilter is a program that is loaded. The caller closes fd. id is 0 if the kernel does not tell it.
type deviceFilter struct {
	fd int
	id uint32
}

// get returns the program of these instructions: the one that the kernel has, else a new one.
func (t ProgramTable) get(insns []uint64) (deviceFilter, error) {
	if t == "" {
		fd, err := loadProgram(insns)
		return deviceFilter{fd: fd}, err
	}
	at := placeOf(insns)
	if f, ok := t.open(insns, at); ok {
		return f, nil
	}
	fd, err := loadProgram(insns)
	if err != nil {
		return deviceFilter{}, err
	}
	info, ok := isProgram(fd, insns)
	if ok {
		t.remember(info, at)
	}
	return deviceFilter{fd, info.ID}, nil
}

// placeOf returns the offset of the record: from a hash like FNV-1a over the instructions.
func placeOf(insns []uint64) int64 {
	h := uint64(14695981039346656037)
	for _, in := range insns {
		h = (h ^ in) * 1099511628211
	}
	return int64(h%programRecords) * int64(recordSize)
}

// open opens the program that the record names. Any error means that a new program must be loaded: there is no record, the
// program is gone (ENOENT), or the caller may not open programs by their id (EPERM).
func (t ProgramTable) open(insns []uint64, at int64) (deviceFilter, bool) {
	var record [recordSize]byte
	if sys.ReadAt(string(t), record[:], at) != nil {
		return deviceFilter{}, false
	}
	id := binary.NativeEndian.Uint32(record[:])
	fd, err := sys.ProgramByID(id)
	if err != nil {
		return deviceFilter{}, false
	}
	info, ok := isProgram(fd, insns)
	if !ok || string(info.Tag[:]) != string(record[4:]) {
		sys.CloseFd(fd)
		return deviceFilter{}, false
	}
	return deviceFilter{fd, id}, true
}

// isProgram reports whether the kernel executes exactly these instructions. It does not if the verifier has removed or
// inserted any, or if the kernel blinds constants (net.core.bpf_jit_harden): such a program is not shared.
func isProgram(fd int, insns []uint64) (sys.ProgramInfo, bool) {
	info, err := sys.InfoOfProgram(fd, len(insns)+1) // one more than wanted: a longer program is another one
	return info, err == nil && info.IsDevice && slices.Equal(info.Insns, insns)
}

// remember writes the record. After an error the next container loads its own program.
func (t ProgramTable) remember(info sys.ProgramInfo, at int64) {
	record := binary.NativeEndian.AppendUint32(make([]byte, 0, recordSize), info.ID)
	_ = sys.WriteAt(string(t), append(record, info.Tag[:]...), at)
}
