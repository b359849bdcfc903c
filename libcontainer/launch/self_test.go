package launch

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strings"
	"testing"
)

// program makes an ELF file of this machine's class: one segment with the text before the entry point, a loader, and
// what lies behind the segments.
func program(text string) []byte {
	const where, end = 512, 1024
	file := make([]byte, end+100)
	number := func(at int, n uint64) {
		if bits.UintSize == 64 {
			binary.NativeEndian.PutUint64(file[at:], n)
		} else {
			binary.NativeEndian.PutUint32(file[at:], uint32(n))
		}
	}
	const entry, table, size = 24, 64, 56
	places := [...]int{32, 54, 56, 8, 16, 32} // e_phoff, e_phentsize, e_phnum, p_offset, p_vaddr, p_filesz
	if bits.UintSize == 32 {
		places = [...]int{28, 42, 44, 4, 8, 16}
	}
	number(entry, 0x400000+where)
	number(places[0], table)
	binary.NativeEndian.PutUint16(file[places[1]:], size)
	binary.NativeEndian.PutUint16(file[places[2]:], 2)
	binary.NativeEndian.PutUint32(file[table:], interpreter)
	number(table+size+places[3], 0)
	number(table+size+places[4], 0x400000)
	number(table+size+places[5], end)
	binary.NativeEndian.PutUint32(file[table+size:], loaded)
	copy(file[where-labelled:], text)
	return file
}

// A copy has no loader and is marked; what follows the segments, such as debugging information, is left out.
func TestStageOf(t *testing.T) {
	const wanted = "amd64 0x00c0ffee"
	whole := program("rung stage amd64 0x00c0ffee\x00")
	stage, err := stageOf(whole, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if len(stage) != 1024 || stage[512-alone] != 1 || binary.NativeEndian.Uint32(stage[64:]) != 0 {
		t.Errorf("%d bytes, flag %d, loader %d", len(stage), stage[512-alone], binary.NativeEndian.Uint32(stage[64:]))
	}
}

func TestStageOfRefuses(t *testing.T) {
	const wanted = "amd64 0x00c0ffee"
	if _, err := stageOf(program(""), wanted); !errors.Is(err, errNoStage) {
		t.Errorf("another entry point: %v", err)
	}
	if _, err := stageOf(program("rung stage amd64 0x12345678\x00"), wanted); err == nil || !strings.Contains(err.Error(), "it is amd64 0x12345678, and not ") {
		t.Errorf("other sources: %v", err)
	}
	whole := program("rung stage amd64 0x00c0ffee\x00")
	for length := range whole {
		if _, err := stageOf(whole[:length:length], wanted); (err == nil) != (length >= 1024) {
			t.Fatalf("cut at %d: %v", length, err)
		}
	}
}

// The binary of this test does not import nsenter. Executed as the stage it would run the tests again.
func TestSealOfAProgramWithoutStage(t *testing.T) {
	l := &Launcher{}
	if _, err := l.program(); !errors.Is(err, errNoStage) {
		t.Error(err)
	}
}
