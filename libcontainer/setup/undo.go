package setup

import "slices"

// Undo is the list of what was made so far. It grows as things are made. Then either Run takes all of it away, the last
// first, or Keep leaves it and lets go of what was held for it.
type Undo struct{ steps []*Place }

// Place is a step of an Undo. One that was reserved is filled later, when it is known that there is something to undo.
type Place struct{ undo, keep func() }

// Push adds a step: undo takes away what was made.
func (u *Undo) Push(undo func()) { u.PushBoth(undo, nil) }

// PushBoth adds a step with what Keep does for it.
func (u *Undo) PushBoth(undo, keep func()) { u.steps = append(u.steps, &Place{undo, keep}) }

// Reserve adds a step without anything to undo. What fills it is undone in this place: after the steps that follow.
func (u *Undo) Reserve() *Place {
	place := &Place{}
	u.steps = append(u.steps, place)
	return place
}

// Fill sets what the step undoes. The first one counts.
func (p *Place) Fill(undo func()) {
	if p.undo == nil {
		p.undo = undo
	}
}

// Run undoes all steps, the last first, and empties the list.
func (u *Undo) Run() { u.end(func(p *Place) func() { return p.undo }) }

// Keep lets go of what is held for the steps, of the last first, and empties the list.
func (u *Undo) Keep() { u.end(func(p *Place) func() { return p.keep }) }

func (u *Undo) end(half func(*Place) func()) {
	for _, step := range slices.Backward(u.steps) {
		if do := half(step); do != nil {
			do()
		}
	}
	u.steps = nil
}
