package launch

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"unsafe"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// traceRoom is the highest number of ops in a trace.
const traceRoom = 4096

// Progress is the page that the stage shares with the parent. It says what the stage is doing, and
// it stays right whatever kills the stage.
type Progress struct {
	file *os.File
	data []byte
}

// NewProgress makes a progress page in memory. With trace the stage stores the time of each op.
func NewProgress(trace bool) (*Progress, error) {
	memory, err := sys.Memfd("progress")
	if err != nil {
		return nil, err
	}
	return ProgressIn(memory, trace)
}

// ProgressIn makes an empty file a progress page, which another rung can open with OpenProgress.
func ProgressIn(file *os.File, trace bool) (*Progress, error) {
	size := plan.ProgressSize
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

// OpenProgress maps the page that another rung made for a container that waits for start.
func OpenProgress(file *os.File) (*Progress, error) { return mapProgress(file, plan.ProgressSize) }

func mapProgress(file *os.File, size int) (*Progress, error) {
	data, err := sys.MapShared(file, size)
	if err != nil {
		return nil, err
	}
	return &Progress{file: file, data: data}, nil
}

func (p *Progress) word(offset int) uint32 {
	defer runtime.KeepAlive(p) // the page is unmapped when p is collected (Stage.Close)
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&p.data[offset])))
}

// Segment returns the segment under way, counted from 0.
func (p *Progress) Segment() int { return int(p.word(12)) }

// Op returns the index of the op under way.
func (p *Progress) Op() int { return int(p.word(16)) }

// Position is an op of a segment, both counted from 0.
type Position struct{ Segment, Op int }

// Position returns the op under way. The stage stores the first op of a new segment before the segment, so the segment is read
// first: the position is never ahead of the stage.
func (p *Progress) Position() Position {
	segment := p.Segment()
	return Position{segment, p.Op()}
}

// covered reports whether the host's root lay on the container's at some time between two positions of the stage: from
// PIVOT_ROOT until the op after it, which detaches the host's, has ended.
func covered(segments []*plan.Plan, from, to Position) bool {
	for n, segment := range segments {
		i := slices.IndexFunc(segment.Ops, func(op plan.Op) bool { return op.Code == plan.PivotRoot })
		if i < 0 {
			continue
		}
		begun := to.Segment > n || to.Segment == n && to.Op >= i
		ended := from.Segment > n || from.Segment == n && from.Op > i+1
		return begun && !ended
	}
	return false
}

// Errno returns the errno of a failed op, or 0.
func (p *Progress) Errno() syscall.Errno { return syscall.Errno(p.word(20)) }

// Pid returns the PID of the container process in rung's PID namespace; 0 before it exists.
func (p *Progress) Pid() int { return int(int32(p.word(24))) }

// Begun reports whether the stage has begun with its plan. Before that, Op has no meaning.
func (p *Progress) Begun() bool { return p.word(36) != 0 }

// Call returns the system call that failed, of an op that makes several; "" if the op made the error itself.
func (p *Progress) Call() string { return p.text(40, 24) }

// Detail returns the text of the op that failed (struct rung_progress). Only COPY_UP, FSCONFIG and FSMOUNT have one: after
// any other op it is that of an earlier op.
func (p *Progress) Detail() string { return p.text(64, 444) }

// Candidate returns the index of the path that FIND_PROGRAM has found, or that its error is about.
func (p *Progress) Candidate() int { return int(p.word(508)) }

// text returns a C string. The caller knows that the stage, which writes it, has ended.
func (p *Progress) text(offset, room int) string {
	defer runtime.KeepAlive(p)
	text, _, _ := bytes.Cut(p.data[offset:offset+room], []byte{0})
	return string(text)
}

// Clocks returns when each op started, over all segments, in nanoseconds of CLOCK_MONOTONIC.
func (p *Progress) Clocks() []uint64 {
	n := int(p.word(28))
	out := make([]uint64, 0, n)
	for i := range n {
		at := plan.ProgressSize + 8*i
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
