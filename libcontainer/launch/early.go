package launch

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// early are hands that were spawned before there was a plan: they wait for it on a socket.
var early struct {
	pid  int
	sync *os.File
	bell *os.File
}

// UseEarly takes over hands that nsenter spawned when this process began, so that their
// start-up runs beside that of Go. They serve the first Start whose standard streams are
// those of this process.
func UseEarly(pid, sync, bell int) {
	if pid > 0 {
		early.pid, early.sync, early.bell = pid, os.NewFile(uintptr(sync), "sync"), os.NewFile(uintptr(bell), "bell")
	}
}

// DiscardEarly ends hands that no Start has used: they see their socket closed.
func DiscardEarly() {
	if early.pid > 0 {
		early.sync.Close()
		early.bell.Close()
		_, _ = sys.Wait(early.pid)
		early.pid = 0
	}
}

// fitsEarly: the early hands have the standard streams that this process began with.
func fitsEarly(r Request) bool {
	return early.pid > 0 && len(r.Pass) == 0 && len(r.Slots) <= plan.MaxReplyFds-2 &&
		r.Stdio == [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
}

// order sends the early hands their plan (struct rung_order). It reports false where they
// are gone, as where this machine executes no memfd.
func order(r Request, memory *os.File) (*Hands, bool, error) {
	base := 3 + r.Preserve
	if err := checkPreserved(r.Preserve); err != nil {
		return nil, false, err
	}
	message := make([]byte, 8+2*(plan.MaxReplyFds-2))
	files := []*os.File{r.Progress.file, memory}
	for slot, f := range r.Slots {
		if f == nil {
			continue
		}
		binary.NativeEndian.PutUint16(message[8+2*(len(files)-2):], uint16(slot))
		files = append(files, f)
	}
	binary.NativeEndian.PutUint32(message[0:], uint32(base))
	binary.NativeEndian.PutUint32(message[4:], uint32(len(files)-2))
	if r.Parallel {
		sys.Ring(early.bell)
	}
	err := sys.SendMessage(early.sync, message, numbers(files)...)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		DiscardEarly()
		return nil, false, nil
	}
	h := &Hands{Progress: r.Progress, sync: early.sync, bell: early.bell, stage: early.pid, segments: []*plan.Plan{r.Plan}}
	early.pid = 0
	return h, true, err
}

func numbers(files []*os.File) []int {
	out := make([]int, 0, len(files))
	for _, f := range files {
		out = append(out, int(f.Fd()))
	}
	return out
}
