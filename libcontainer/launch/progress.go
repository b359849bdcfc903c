package launch

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// progressHeader is the size of struct rung_progress without its clocks (ops.h).
const progressHeader = 40

// traceRoom is how many ops a trace may have.
const traceRoom = 4096

// Progress is the page that the hands share with the parent: it says what they do, and
// stays true after any death of theirs.
type Progress struct {
	file *os.File
	data []byte
}

// NewProgress makes a progress page in memory. With trace the hands store a clock for each op.
func NewProgress(trace bool) (*Progress, error) {
	memory, err := sys.Memfd("progress", 0)
	if err != nil {
		return nil, err
	}
	return ProgressIn(memory, trace)
}

// ProgressIn prepares a file, which is empty, as a progress page that another rung can open.
func ProgressIn(file *os.File, trace bool) (*Progress, error) {
	size := progressHeader
	if trace {
		size += 8 * traceRoom
	}
	header := make([]byte, size)
	binary.NativeEndian.PutUint64(header[0:], plan.ProgressMagic)
	binary.NativeEndian.PutUint32(header[8:], plan.StageIdentity)
	if trace {
		binary.NativeEndian.PutUint32(header[32:], traceRoom)
	}
	if _, err := file.Write(header); err != nil {
		return nil, sys.SizeLimited(err)
	}
	return mapProgress(file, size)
}

// OpenProgress maps a page that another rung prepared, of a container that waits for start.
func OpenProgress(file *os.File) (*Progress, error) { return mapProgress(file, progressHeader) }

func mapProgress(file *os.File, size int) (*Progress, error) {
	data, err := sys.MapShared(file, size)
	if err != nil {
		return nil, err
	}
	return &Progress{file: file, data: data}, nil
}

func (p *Progress) word(offset int) uint32 {
	defer runtime.KeepAlive(p) // the page goes with it
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&p.data[offset])))
}

// Segment returns the segment under way, counted from 0.
func (p *Progress) Segment() int { return int(p.word(12)) }

// Op returns the index of the op under way.
func (p *Progress) Op() int { return int(p.word(16)) }

// Errno returns the errno of a failed op, or 0.
func (p *Progress) Errno() syscall.Errno { return syscall.Errno(p.word(20)) }

// Pid returns the container process in rung's PID namespace; 0 before it exists.
func (p *Progress) Pid() int { return int(int32(p.word(24))) }

// Begun reports whether the hands have got as far as their plan: before, Op says nothing.
func (p *Progress) Begun() bool { return p.word(36) != 0 }

// Clocks returns CLOCK_MONOTONIC nanoseconds at the start of each op, over all segments.
func (p *Progress) Clocks() []uint64 {
	n := int(p.word(28))
	out := make([]uint64, 0, n)
	for i := range n {
		at := progressHeader + 8*i
		if at+8 > len(p.data) {
			break
		}
		out = append(out, binary.NativeEndian.Uint64(p.data[at:]))
	}
	return out
}

// Close unmaps the page and closes its file.
func (p *Progress) Close() error {
	_ = sys.Unmap(p.data)
	return p.file.Close()
}
