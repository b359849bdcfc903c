// Package plan is the flat list of kernel operations that Go decides on and the
// hands (package nsenter) execute. It is pure data: no I/O, no cgo, no policy.
//
// A Builder makes a Plan, Check proves it well-formed, Marshal writes what the
// hands read, Format prints it. Each Op carries a Why that is never sent: the
// field of config.json that it comes from and what it is for; errors, explain
// and the golden tests all take their words from there.
package plan

//go:generate go run ./gen

import (
	"fmt"
	"slices"
	"syscall"
)

// Code names an operation; the list is generated from nsenter/ops.h.
type Code uint16

// String returns the name of the operation as in ops.h.
func (c Code) String() string { return c.signature().name }

// Syscalls returns the system calls that the operation makes, in order.
func (c Code) Syscalls() string { return c.signature().calls }

func (c Code) signature() signature {
	if int(c) >= len(signatures) {
		return signature{"UNKNOWN", "---", "----", "---", ""}
	}
	return signatures[c]
}

// signature is one line of ops.h: see there for the letters.
type signature struct{ name, slots, ints, strings, calls string }

// Slot is an index into the table of file descriptors, the only state that ops share.
type Slot int16

// None is the absent slot; for a directory it means the working directory of the host.
const None Slot = NoSlot

// FirstLocal is the first slot that ops fill; those below are inherited or come
// with the answer to a SYNC.
const FirstLocal Slot = 512

// Why says where an op comes from and what it is for.
type Why struct {
	Field   string `json:"field,omitempty"` // of config.json: "mounts[3]", "process.rlimits[0]"
	Purpose string `json:"purpose"`
}

// Op is one operation. The meaning of the operands is given by its Code.
type Op struct {
	Code       Code
	OK         []syscall.Errno // no failures; a slot to be written then stays empty
	SkipIfDone int             // 1 + the index of an earlier op that makes this one needless; 0: none
	IfSlots    bool            // skip when a slot that it reads is empty
	Slots      [3]Slot
	Ints       [4]uint64
	Text       [3]string
	Lists      [3][]string
	Why        Why
}

// Plan is one segment: it ends with EXEC, or with a SYNC whose answer is the next segment.
type Plan struct {
	Ops       []Op
	Inherited int // slots 0..Inherited-1 are given to the hands as descriptors
}

// SyncPoint identifies a point at which the hands wait for the parent.
type SyncPoint uint64

// The points in the order in which a plan may pass them.
const (
	SyncIDs      SyncPoint = 1 + iota // the parent writes uid_map and gid_map
	SyncPlan                          // the namespaces are there: the parent sends the next segment, with descriptors
	SyncHost                          // the parent puts the process into its cgroups and moves network devices
	SyncInside                        // mounts are made: the parent runs hooks, looks inside, sends the next segment
	SyncReady                         // all but start: the parent sets rlimits and stores the state
	SyncListener                      // the filter is in force: who lets the process run takes its listener
	SyncMap                           // the parent maps the owners of the mount that it is shown, or copies into it: any number of times before "inside"
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
	}
	return "unknown"
}

// Point returns the point at which the op waits for the parent, if it does.
func (op *Op) Point() (SyncPoint, bool) {
	return SyncPoint(op.Ints[0]), op.Code == Sync || op.Code == HandOver
}

// Syncs reports whether the plan passes a point.
func (p *Plan) Syncs(point SyncPoint) bool { return p.sync(point) >= 0 }

// sync returns the index of a SYNC, or -1.
func (p *Plan) sync(point SyncPoint) int {
	for i := range p.Ops {
		if p.Ops[i].Code == Sync && SyncPoint(p.Ops[i].Ints[0]) == point {
			return i
		}
	}
	return -1
}

// After returns the ops behind a SYNC as a plan of their own.
func (p *Plan) After(point SyncPoint) (*Plan, error) {
	first := p.sync(point) + 1
	rest := &Plan{Ops: slices.Clone(p.Ops[first:])}
	for i := range rest.Ops {
		skip := &rest.Ops[i].SkipIfDone
		if *skip > 0 && *skip <= first {
			return nil, fmt.Errorf("plan: op %d depends on one before SYNC %s", first+i, point)
		}
		*skip = max(*skip-first, 0)
	}
	return rest, nil
}

// SlotOf returns the slot from which on the answer to a SYNC fills slots.
func (p *Plan) SlotOf(point SyncPoint) (uint32, bool) {
	i := p.sync(point)
	if i < 0 {
		return 0, false
	}
	return uint32(p.Ops[i].Ints[1]), true
}
