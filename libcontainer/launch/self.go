package launch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"os"
	"runtime"

	"rung/internal/sys"
)

// alone is how many bytes before the entry point the flag of a copy is (rung_alone in nsenter/constructor.c), and labelled
// how many bytes before it the text of the stage begins.
const (
	alone    = 16
	labelled = 64
)

var errNoStage = errors.New("this program has no stage: its main package must import rung/nsenter")

// ownStage maps the running binary and makes it the stage alone. The caller unmaps what it gets.
func ownStage(wanted string) (mapped, program []byte, err error) {
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, nil, err
	}
	defer exe.Close()
	mapped, err = sys.MapCopy(exe)
	if err != nil {
		return nil, nil, err
	}
	if program, err = stageOf(mapped, wanted); err != nil {
		_ = sys.Unmap(mapped)
		return nil, nil, err
	}
	return mapped, program, nil
}

// StageOf changes the content of a binary of this build and architecture, as Start does with the running one if it has no
// Image. The result is part of the argument.
func StageOf(file []byte) ([]byte, error) { return stageOf(file, wantedMark()) }

// stageOf changes a binary with the stage as its entry point so that it is the stage alone: it has no loader, which would
// map shared libraries of the host, and no other use than as the stage. It ends where its last segment does. The stage
// works without a loader, because it needs neither libraries nor relocations (decision 0001).
func stageOf(file []byte, wanted string) ([]byte, error) {
	header, segments := readELF(file)
	var entry, end uint64
	for _, s := range segments {
		if s.kind != loaded || s.offset+s.size > uint64(len(file)) {
			continue
		}
		end = max(end, s.offset+s.size)
		if header.entry >= s.address && header.entry-s.address < s.size {
			entry = s.offset + header.entry - s.address
		}
	}
	if entry < labelled || !bytes.Contains(file[entry-labelled:entry], []byte(markPrefix)) {
		return nil, errNoStage
	}
	if err := checkMark(file[entry-labelled:entry], wanted); err != nil {
		return nil, err
	}
	file[entry-alone] = 1
	for _, s := range segments {
		if s.kind == interpreter {
			clear(s.header[:4]) // PT_NULL
		}
	}
	return file[:end], nil
}

// The types of segments that matter (elf(5)).
const (
	loaded      = 1
	interpreter = 3
)

type elfHeader struct{ entry, segments, size, count uint64 }

type segment struct {
	header                []byte // in the file
	kind                  uint32
	offset, address, size uint64
}

// readELF reads the headers of an ELF file of this machine's class and byte order. It returns no segments if they are not
// whole. debug/elf would do too, but makes rung 200 KB larger.
func readELF(file []byte) (h elfHeader, segments []segment) {
	const wide = bits.UintSize == 64
	if len(file) < 64 {
		return h, nil
	}
	if wide {
		h = elfHeader{word(file[24:]), word(file[32:]), half(file[54:]), half(file[56:])}
	} else {
		h = elfHeader{word(file[24:]), word(file[28:]), half(file[42:]), half(file[44:])}
	}
	if runtime.GOARCH == "arm" { // the lowest bit says that the code is Thumb
		h.entry &^= 1
	}
	for i := range h.count {
		at := h.segments + i*h.size
		if h.size < 32 || at+h.size > uint64(len(file)) || wide && h.size < 56 {
			return h, nil
		}
		p := file[at : at+h.size]
		s := segment{header: p, kind: binary.NativeEndian.Uint32(p)}
		if wide {
			s.offset, s.address, s.size = word(p[8:]), word(p[16:]), word(p[32:])
		} else {
			s.offset, s.address, s.size = word(p[4:]), word(p[8:]), word(p[16:])
		}
		segments = append(segments, s)
	}
	return h, segments
}

// word reads an address or offset of this machine's width.
func word(b []byte) uint64 {
	if bits.UintSize == 64 {
		return binary.NativeEndian.Uint64(b)
	}
	return uint64(binary.NativeEndian.Uint32(b))
}

func half(b []byte) uint64 { return uint64(binary.NativeEndian.Uint16(b)) }
