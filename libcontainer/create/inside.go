package create

import (
	"errors"
	"fmt"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// inside compiles the third segment, which depends on what is inside the container: the home directory of the user. It is
// compiled ahead for what the root file system shows before anything is mounted. That is nearly always what is found inside
// later; if not, the end of the segment is compiled anew. The stage itself looks for the program, with the rights of the user.
type inside struct {
	setup     *setup.Setup
	program   *compile.Program
	opener    *open.Opener
	exchange  *exchange.Exchange
	uncovered func(look func()) bool // of the stage
	changed   func() error           // EXEC has another index: the state is to be written

	guessed string          // the home directory; "": the environment sets HOME
	segment *launch.Segment // the third, or nil
	amend   *launch.Segment // its end, if the guess was wrong
	known   bool            // the segments are for what is inside
}

func (i *inside) close() {
	if i != nil {
		i.segment.Close()
		i.amend.Close()
	}
}

// guess compiles the segment for the root file system on the host.
func (i *inside) guess() error {
	i.program.Prepare()
	root, err := sys.OpenPath(i.setup.Container.State.Rootfs)
	if err != nil {
		return nil // the stage will say what is wrong with it
	}
	defer root.Close()
	if i.guessed, err = i.home(root); err != nil {
		return nil
	}
	return i.compile(i.guessed)
}

func (i *inside) home(root *os.File) (string, error) {
	p := i.setup.Spec.Process
	return host.HomeInside(root, p.Env, p.User.UID)
}

func (i *inside) compile(home string) error {
	third, err := i.program.Inside(home)
	if err != nil {
		return err
	}
	i.setup.Container.State.ExecOp = len(third.Ops) - 1
	i.segment, err = launch.Seal(third)
	return err
}

func (i *inside) ready() bool { return i.segment != nil }

// answer is the guess ahead of SYNC inside. At the point it is the segment for what is inside.
func (i *inside) answer(root *os.File) (exchange.Answer, error) {
	if root == nil && i.ready() {
		return exchange.Answer{Segment: i.segment}, nil
	}
	found, err := i.look(root)
	if err != nil {
		return exchange.Answer{}, err
	}
	i.known = true
	if i.segment == nil || found != i.guessed {
		i.exchange.Later(plan.SyncReady, i.changed)
		i.segment.Close()
		err = i.compile(found)
	}
	return exchange.Answer{Segment: i.segment}, err
}

// verify looks inside after the answer was a guess. The stage goes on meanwhile. What was found while the host's root lay on
// the container's is looked for again when the stage waits: a ".." in a link of the image leads to the host then.
func (i *inside) verify(root *os.File) (err error) {
	if i.known {
		return nil
	}
	var found string
	counts := i.uncovered(func() { found, err = i.look(root) })
	switch {
	case !counts && root != nil:
		return i.verifyLater(root)
	case err != nil:
		return err
	}
	return i.verified(found)
}

func (i *inside) verifyLater(root *os.File) error {
	again, err := sys.Dup(root)
	if err != nil {
		return err
	}
	i.exchange.WhileWaiting(plan.SyncReady, func() error {
		defer again.Close()
		found, err := i.look(again)
		if err != nil {
			return err
		}
		return i.verified(found)
	})
	return nil
}

// verified compiles the end of the segment anew if the guess was wrong, for SYNC ready.
func (i *inside) verified(found string) error {
	i.known = true
	if found == i.guessed {
		return nil
	}
	end, err := i.program.AfterReady(found)
	if err != nil {
		return err
	}
	i.setup.Container.State.ExecOp = len(end.Ops) - 1
	i.exchange.Later(plan.SyncReady, i.changed)
	i.amend, err = launch.Seal(end)
	return err
}

// amended is the answer at SYNC ready: the new end of the segment, if there is one.
func (i *inside) amended(*os.File) (exchange.Answer, error) {
	return exchange.Answer{Segment: i.amend}, nil
}

// look finds in the container what the rest of the plan depends on.
func (i *inside) look(root *os.File) (string, error) {
	if i.setup.Facts.NullBroken == "" {
		if err := i.opener.RemoveNodes(); err != nil {
			return "", err
		}
	}
	if root == nil {
		return "", errors.New("the stage did not show the container's root")
	}
	home, err := i.home(root)
	if err != nil {
		err = fmt.Errorf(setup.InitError+"%w", err)
	}
	return home, err
}
