package launch

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// early is a stage that was spawned before there was a plan. It waits for the plan on a socket.
type early struct {
	pid    int
	sync   *os.File
	wakeup *os.File
}

// UseEarly takes over the stage that nsenter spawned when this process began (nsenter.Early). That
// stage starts up while Go starts up. It serves the first Start whose standard streams are those of
// this process.
func (l *Launcher) UseEarly(pid, sync, wakeup int) {
	if pid > 0 {
		l.early.Store(&early{pid, os.NewFile(uintptr(sync), "sync"), os.NewFile(uintptr(wakeup), "wakeup")})
	}
}

// DiscardEarly ends and reaps the early stage if no Start has used it.
func (l *Launcher) DiscardEarly() {
	if e := l.early.Swap(nil); e != nil {
		e.discard()
	}
}

// discard ends the stage by closing its socket, and reaps it.
func (e *early) discard() {
	e.sync.Close()
	e.wakeup.Close()
	_, _ = sys.Wait(e.pid)
}

// takeEarly returns the early stage if it can serve a request: it has the standard streams that this
// process began with. Only one Start gets it.
func (l *Launcher) takeEarly(r Request) *early {
	e := l.early.Load()
	fits := e != nil && len(r.Pass) == 0 && len(r.Slots) <= plan.MaxReplyFds-2 &&
		r.Stdio == [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
	if !fits || !l.early.CompareAndSwap(e, nil) {
		return nil
	}
	return e
}

// order sends the early stage its plan (struct rung_order). It returns false if the early stage is
// gone, as on a machine that does not execute memfds.
func (e *early) order(r Request, memory *os.File) (*Stage, bool, error) {
	base := 3 + r.Preserve
	message := make([]byte, 8+4*(plan.MaxReplyFds-2))
	files := []*os.File{r.Progress.file, memory}
	for slot, f := range r.Slots {
		if f == nil {
			continue
		}
		binary.NativeEndian.PutUint32(message[8+4*(len(files)-2):], uint32(slot))
		files = append(files, f)
	}
	binary.NativeEndian.PutUint32(message[0:], uint32(base))
	binary.NativeEndian.PutUint32(message[4:], uint32(len(files)-2))
	if r.Parallel {
		sys.Ring(e.wakeup)
	}
	err := sys.SendMessage(e.sync, message, numbers(files)...)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		e.discard()
		return nil, false, nil
	}
	return &Stage{Progress: r.Progress, sync: e.sync, wakeup: e.wakeup, spawned: e.pid, segments: []*plan.Plan{r.Plan}}, true, err
}

func numbers(files []*os.File) []int {
	out := make([]int, 0, len(files))
	for _, f := range files {
		out = append(out, int(f.Fd()))
	}
	return out
}
