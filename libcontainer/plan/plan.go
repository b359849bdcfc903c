// Package plan is the plan: a flat list of kernel operations that Go decides on and
// the stage (package nsenter) executes. It is pure data: no I/O, no cgo, no policy.
//
// A Builder makes a Plan, Check proves it well-formed, Marshal writes the bytes that
// the stage reads, Format prints it. Each Op has an Origin: the field of config.json that
// it comes from, and its purpose. The stage never sees it; errors, explain and the
// golden tests print it.
package plan

//go:generate go run ./gen

import (
	"fmt"
	"slices"
	"syscall"
)

// Code is the number of an operation. The list is generated from nsenter/ops.h.
type Code uint16

// String returns the name of the operation in ops.h.
func (c Code) String() string { return c.signature().name }

// Syscalls returns the names of the system calls that the operation makes, in order.
func (c Code) Syscalls() string { return c.signature().calls }

func (c Code) signature() signature {
	if int(c) >= len(signatures) {
		return signature{"UNKNOWN", "---", "----", "---", ""}
	}
	return signatures[c]
}

// signature is one line of ops.h, which explains the letters.
type signature struct{ name, slots, ints, strings, calls string }

// Slot is an index into the stage's table of file descriptors, the only state that ops share.
type Slot int32

// None is the absent slot. As a directory it is the working directory (AT_FDCWD).
const None Slot = NoSlot

// FirstLocal is the first slot that ops fill. The parent fills the slots below it: when
// it spawns the stage, or with the answer to SYNC plan.
const FirstLocal Slot = 512

// Batch is the highest number of descriptors in one answer of the parent. The next ones come with SYNC sources, so that
// neither side has more of them open at a time.
const Batch = MaxReplyFds - 1

// MostOps is the highest number of ops of a segment. It bounds the memory that a hostile config.json takes: one of 1 MiB has
// 30 000 mounts at most. fs.mount-max of the kernel, the number of mounts in a namespace, is 100 000 by default.
const MostOps = 3 << 16

// Origin is where an op comes from: a field of config.json, if it comes from one, and the op's
// purpose.
type Origin struct {
	Field   string `json:"field,omitempty"` // field of config.json: "mounts[3]", "process.rlimits[0]"
	Purpose string `json:"purpose"`
}

// Op is one operation. Its Code says what the operands mean.
//
// A plan may have some 100 000 of them: it has no field that few ops need.
type Op struct {
	Code       Code
	IfSlots    bool   // skip this op if a slot that it reads is empty
	OK         Errnos // tolerated errnos; the slot that the op writes stays empty then
	SkipIfDone int32  // 1 + the index of an earlier op: skip this one if that one succeeded; 0: none
	Slots      [3]Slot
	Ints       [4]uint64
	Text       [3]string
	Lists      *[3][]string // nil of an op without vectors
	Origin     Origin
}

// Errnos are up to MaxOk errnos; the rest is 0.
type Errnos [MaxOk]uint8

// Has reports whether an errno is among them.
func (e Errnos) Has(errno syscall.Errno) bool {
	return errno != 0 && slices.Contains(e[:], uint8(errno))
}

// Plan is one segment: it ends with EXEC, or with a SYNC whose answer is the next segment.
type Plan struct {
	Ops       []Op
	Inherited int // slots 0..Inherited-1 are filled when the stage is spawned
	Slots     int // size of the stage's table; no smaller than in an earlier segment
}

// SyncPoint identifies a point at which the stage waits for the parent.
type SyncPoint uint64

// The points in the order in which a plan may pass them.
const (
	SyncIDs      SyncPoint = 1 + iota // the parent writes uid_map and gid_map
	SyncPlan                          // the namespaces are there: the parent sends the next segment, with descriptors
	SyncHost                          // the parent puts the process into its cgroups and moves network devices
	SyncInside                        // the mounts are made: the parent runs hooks, probes inside, sends the next segment
	SyncReady                         // all is set up but the start: the parent sets rlimits and stores the state
	SyncListener                      // the filter is in force: the parent, or `rung start`, takes its listener
	SyncMap                           // the parent maps the owners of the mount that the stage shows; any number of times before "inside"
	SyncSources                       // the parent sends the next batch of sources; any number of times before "inside"
)

// String returns the name of the point as explain prints it.
func (s SyncPoint) String() string {
	switch s {
	case SyncIDs:
		return "ids"
	case SyncPlan:
		return "plan"
	case SyncHost:
		return "host"
	case SyncInside:
		return "inside"
	case SyncReady:
		return "ready"
	case SyncListener:
		return "listener"
	case SyncMap:
		return "map"
	case SyncSources:
		return "sources"
	}
	return "unknown"
}

// Point returns the point at which the op waits for the parent, if it does.
func (op *Op) Point() (SyncPoint, bool) {
	return SyncPoint(op.Ints[0]), op.Code == Sync || op.Code == HandOver
}

// Syncs reports whether the plan has a SYNC at a point.
func (p *Plan) Syncs(point SyncPoint) bool { return p.sync(point) >= 0 }

// sync returns the index of the SYNC at a point, or -1.
func (p *Plan) sync(point SyncPoint) int {
	for i := range p.Ops {
		if p.Ops[i].Code == Sync && SyncPoint(p.Ops[i].Ints[0]) == point {
			return i
		}
	}
	return -1
}

// After returns the ops after the SYNC at a point as a plan of their own. An op that is skipped
// because of one before the SYNC is an error.
func (p *Plan) After(point SyncPoint) (*Plan, error) {
	first := p.sync(point) + 1
	rest := &Plan{Ops: slices.Clone(p.Ops[first:]), Slots: p.Slots}
	for i := range rest.Ops {
		skip := &rest.Ops[i].SkipIfDone
		if *skip > 0 && *skip <= int32(first) {
			return nil, fmt.Errorf("plan: op %d depends on one before SYNC %s", first+i, point)
		}
		*skip = max(*skip-int32(first), 0)
	}
	return rest, nil
}

// SlotOf returns the first slot that the answer to the SYNC at a point fills; false if the plan has
// no such SYNC.
func (p *Plan) SlotOf(point SyncPoint) (uint32, bool) {
	i := p.sync(point)
	if i < 0 {
		return 0, false
	}
	return uint32(p.Ops[i].Ints[1]), true
}
