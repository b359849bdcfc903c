package setup

import (
	"slices"
	"testing"
)

func TestUndo(t *testing.T) {
	var log []string
	note := func(text string) func() { return func() { log = append(log, text) } }
	list := func() *Undo {
		log = nil
		u := &Undo{}
		u.PushBoth(note("undo directory"), note("keep directory"))
		late, never := u.Reserve(), u.Reserve()
		u.Push(note("undo process"))
		late.Fill(note("undo hooks"))
		late.Fill(note("undo hooks twice"))
		_ = never
		return u
	}
	u := list()
	u.Run()
	u.Run() // nothing is left
	if want := []string{"undo process", "undo hooks", "undo directory"}; !slices.Equal(log, want) {
		t.Errorf("%q, want %q", log, want)
	}
	u = list()
	u.Keep()
	u.Run()
	if want := []string{"keep directory"}; !slices.Equal(log, want) {
		t.Errorf("%q, want %q", log, want)
	}
}
