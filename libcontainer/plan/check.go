package plan

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Check proves what the stage relies on: every slot is set before it is read, a skip
// refers to an earlier op, SYNCs are known and in order, strings hold no NUL, the vectors
// are not too many, EXEC has a program, and the plan ends with EXEC or with the SYNC that brings the next segment. The caller
// gives the slots that earlier segments set.
func Check(p *Plan, set ...Slot) error {
	c := checker{filled: make([]bool, p.Slots), emptied: make([]bool, p.Slots)}
	if p.Inherited > int(FirstLocal) || p.Inherited > p.Slots {
		return fmt.Errorf("plan: %d inherited slots, more than %d", p.Inherited, FirstLocal)
	}
	for s := range Slot(p.Inherited) {
		c.filled[s] = true
	}
	for _, s := range set {
		if int(s) >= p.Slots {
			return fmt.Errorf("plan: slot %d of an earlier segment is outside the table", s)
		}
		c.filled[s] = true
	}
	if len(p.Ops) == 0 || len(p.Ops) > MostOps {
		return fmt.Errorf("plan: %d ops, not 1 to %d", len(p.Ops), MostOps)
	}
	for i := range p.Ops {
		if err := c.op(i, &p.Ops[i]); err != nil {
			return fmt.Errorf("plan: op %d %s (%s): %w", i, p.Ops[i].Code, p.Ops[i].Origin.Purpose, err)
		}
	}
	if last := p.Ops[len(p.Ops)-1].Code; last != Exec && last != Sync {
		return fmt.Errorf("plan: ends with %s, not with EXEC or SYNC", last)
	}
	return nil
}

type checker struct {
	filled  []bool
	emptied []bool // held a descriptor before: an op with IfSlots may read it
	last    SyncPoint
	vectors int
	found   bool // FIND_PROGRAM came
}

func (c *checker) op(i int, op *Op) error {
	if op.Code == opNone || int(op.Code) >= len(signatures) {
		return fmt.Errorf("unknown operation %d", op.Code)
	}
	if op.SkipIfDone < 0 || int(op.SkipIfDone) > i {
		return fmt.Errorf("skip depends on op %d, which is not before it", op.SkipIfDone-1)
	}
	if point, ok := op.Point(); ok {
		if err := c.sync(point); err != nil {
			return err
		}
	}
	if op.Code == Sync {
		if op.Ints[1] > uint64(len(c.filled)) || op.Ints[2] > uint64(len(c.filled))-op.Ints[1] || op.Ints[2] > Batch {
			return fmt.Errorf("%d answered slots from %d on are outside the table, or too many", op.Ints[2], op.Ints[1])
		}
		for s := range op.answered() {
			c.filled[s] = true
		}
	}
	if err := c.text(op); err != nil {
		return err
	}
	c.found = c.found || op.Code == FindProgram
	if op.Code == Exec && op.Text[0] == "" && !c.found {
		return errors.New("no path, and no FIND_PROGRAM before it")
	}
	if c.vectors += strings.Count(op.Code.signature().strings, "v"); c.vectors > MaxVectors {
		return fmt.Errorf("more than %d vectors of strings", MaxVectors)
	}
	return c.slots(op)
}

func (c *checker) sync(s SyncPoint) error {
	if (s == SyncMap || s == SyncSources) && c.last < SyncInside {
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
		for _, s := range op.list(i) {
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
		if s < 0 || int(s) >= len(c.filled) {
			return fmt.Errorf("slot %d is outside the table", s)
		}
		if (kind == 'i' || kind == 'm') && !c.filled[s] && !(op.IfSlots && c.emptied[s]) {
			return fmt.Errorf("slot %d is read before it is set", s)
		}
		if kind == 'o' || kind == 'w' {
			c.filled[s] = true
		}
	}
	for _, s := range op.Emptied() {
		c.filled[s], c.emptied[s] = false, true
	}
	return nil
}

// Emptied returns the slots that the op closes. FSMOUNT closes the file system context.
func (op *Op) Emptied() []Slot {
	var which uint64
	switch i := op.closeFlags(); {
	case op.Code == Close || op.Code == Fsmount:
		which = CloseA
	case i >= 0:
		which = op.Ints[i]
	}
	return [4][]Slot{nil, op.Slots[:1], op.Slots[1:2], op.Slots[:2]}[which&(CloseA|CloseB)]
}

// list returns the vector of an operand.
func (op *Op) list(i int) []string {
	if op.Lists == nil {
		return nil
	}
	return op.Lists[i]
}

// Filled returns the slots that are set at the end of the plan, for Check of the next segment.
// The caller gives those that were set before the plan.
func (p *Plan) Filled(set ...Slot) []Slot {
	filled := make([]bool, p.Slots)
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
		for s := range op.answered() {
			filled[s] = true
		}
		for _, s := range op.Emptied() {
			filled[s] = false
		}
	}
	var out []Slot
	for s, is := range filled {
		if is {
			out = append(out, Slot(s))
		}
	}
	return out
}

// answered yields the slots that the answer to a SYNC fills. Those of SYNC plan are left out:
// they depend on the segment that comes with the answer.
func (op *Op) answered() iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		if op.Code != Sync || SyncPoint(op.Ints[0]) == SyncPlan {
			return
		}
		for n := range op.Ints[2] {
			if !yield(Slot(op.Ints[1] + n)) {
				return
			}
		}
	}
}
