package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check proves what the hands rely on: every slot is set before it is read, skips
// point backwards to an op, SYNCs are known and in order, strings hold no NUL, and
// the plan ends with EXEC or with the SYNC that brings the next segment. The slots
// that an earlier segment set are given.
func Check(p *Plan, set ...Slot) error {
	c := checker{filled: new([MaxSlots]bool), emptied: new([MaxSlots]bool)}
	for s := range Slot(p.Inherited) {
		c.filled[s] = true
	}
	for _, s := range set {
		c.filled[s] = true
	}
	if p.Inherited > int(FirstLocal) {
		return fmt.Errorf("plan: %d inherited slots, more than %d", p.Inherited, FirstLocal)
	}
	if len(p.Ops) == 0 || len(p.Ops) > MaxOps {
		return fmt.Errorf("plan: %d ops, not 1 to %d", len(p.Ops), MaxOps)
	}
	for i := range p.Ops {
		if err := c.op(i, &p.Ops[i]); err != nil {
			return fmt.Errorf("plan: op %d %s (%s): %w", i, p.Ops[i].Code, p.Ops[i].Why.Purpose, err)
		}
	}
	if last := p.Ops[len(p.Ops)-1].Code; last != Exec && last != Sync {
		return fmt.Errorf("plan: ends with %s, not with EXEC or SYNC", last)
	}
	return nil
}

type checker struct {
	filled  *[MaxSlots]bool
	emptied *[MaxSlots]bool // had a descriptor once: an op that asks may read it
	last    SyncPoint
}

func (c *checker) op(i int, op *Op) error {
	if op.Code == opNone || int(op.Code) >= len(signatures) {
		return fmt.Errorf("unknown operation %d", op.Code)
	}
	if op.SkipIfDone < 0 || op.SkipIfDone > i {
		return fmt.Errorf("skip depends on op %d, which is not before it", op.SkipIfDone-1)
	}
	if len(op.OK) > 4 {
		return fmt.Errorf("%d tolerated errnos, more than 4", len(op.OK))
	}
	if point, ok := op.Point(); ok {
		if err := c.sync(point); err != nil {
			return err
		}
	}
	if op.Code == Sync {
		for _, s := range op.answered() {
			c.filled[s] = true
		}
	}
	if err := c.text(op); err != nil {
		return err
	}
	return c.slots(op)
}

func (c *checker) sync(s SyncPoint) error {
	if s == SyncMap && c.last < SyncInside {
		return nil
	}
	if s <= c.last || s >= SyncMap {
		return fmt.Errorf("sync %d is unlisted or out of order", s)
	}
	c.last = s
	return nil
}

func (c *checker) text(op *Op) error {
	for i, kind := range op.Code.signature().strings {
		if (kind == 'p' || kind == 's') && strings.IndexByte(op.Text[i], 0) >= 0 {
			return fmt.Errorf("operand %d holds a NUL byte", i)
		}
		for _, s := range op.Lists[i] {
			if strings.IndexByte(s, 0) >= 0 {
				return fmt.Errorf("a string of operand %d holds a NUL byte", i)
			}
		}
	}
	return nil
}

func (c *checker) slots(op *Op) error {
	for i, kind := range op.Code.signature().slots {
		s := op.Slots[i]
		absent := s == None && (kind == 'm' || kind == 'w')
		if kind == '-' || absent {
			continue
		}
		if s < 0 || int(s) >= MaxSlots {
			return fmt.Errorf("slot %d is outside the table", s)
		}
		if (kind == 'i' || kind == 'm') && !c.filled[s] && !(op.IfSlots && c.emptied[s]) {
			return fmt.Errorf("slot %d is read before it is set", s)
		}
		if kind == 'o' || kind == 'w' {
			c.filled[s] = true
		}
	}
	if s, ok := op.empties(); ok {
		c.filled[s], c.emptied[s] = false, true
	}
	return nil
}

// empties returns the slot that the op leaves empty: FSMOUNT closes the file system context.
func (op *Op) empties() (Slot, bool) {
	return op.Slots[0], op.Code == Close || op.Code == Fsmount
}

// Filled returns the slots that are set when the plan has ended, for Check of the segment
// after it; given those that were set before it.
func (p *Plan) Filled(set ...Slot) []Slot {
	filled := map[Slot]bool{}
	for _, s := range set {
		filled[s] = true
	}
	for s := range Slot(p.Inherited) {
		filled[s] = true
	}
	for i := range p.Ops {
		op := &p.Ops[i]
		for j, kind := range op.Code.signature().slots {
			if (kind == 'o' || kind == 'w') && op.Slots[j] != None {
				filled[op.Slots[j]] = true
			}
		}
		for _, s := range op.answered() {
			filled[s] = true
		}
		if s, ok := op.empties(); ok {
			delete(filled, s)
		}
	}
	return slices.Sorted(maps.Keys(filled))
}

// answered returns the slots that the answer to a SYNC fills.
// What SYNC plan brings depends on the segment that comes with it.
func (op *Op) answered() (out []Slot) {
	if op.Code != Sync || SyncPoint(op.Ints[0]) == SyncPlan {
		return nil
	}
	for n := range op.Ints[2] {
		out = append(out, Slot(op.Ints[1]+n))
	}
	return out
}
