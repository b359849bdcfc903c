package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// Request is what Start needs to spawn the hands.
type Request struct {
	Plan     *plan.Plan
	Slots    []*os.File // inherited descriptors, by slot
	Stdio    [3]*os.File
	Preserve int // descriptors 3 to 2+Preserve go to the container as they are
	Progress *Progress
}

// Segment is a plan in the form in which the hands get it: a memfd that nobody can change.
type Segment struct {
	Plan   *plan.Plan
	memory *os.File
}

// Seal makes a Segment; to be closed when it was sent, or is not needed.
func Seal(p *plan.Plan) (*Segment, error) {
	data, err := p.Marshal()
	if err != nil {
		return nil, err
	}
	memory, err := sys.SealedMemfd("plan", data)
	if err != nil {
		return nil, err
	}
	return &Segment{p, memory}, nil
}

// Close gives up the memfd.
func (s *Segment) Close() {
	if s != nil {
		s.memory.Close()
	}
}

// Hands are a running plan.
type Hands struct {
	Progress *Progress
	sync     *os.File
	stage    int // PID of the process that execs; the container process is Progress.Pid
	reaped   bool
	segments []*plan.Plan
}

// Start seals rung, spawns it, and returns while the hands execute the plan.
func Start(r Request) (*Hands, error) {
	self, err := program()
	if err != nil {
		return nil, err
	}
	segment, err := Seal(r.Plan)
	if err != nil {
		return nil, err
	}
	defer segment.Close()
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	files, err := descriptors(r, theirs, segment.memory)
	if err != nil {
		ours.Close()
		return nil, err
	}
	base := 3 + r.Preserve
	argv := []string{"rung", "init", strconv.Itoa(base)}
	pid, err := sys.SpawnFile(self, argv, []string{}, files)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("spawn the hands: %w", err)
	}
	return &Hands{Progress: r.Progress, sync: ours, stage: pid, segments: []*plan.Plan{r.Plan}}, nil
}

// descriptors is the table of the new process, by number (constructor.c).
func descriptors(r Request, sync, memory *os.File) ([]*os.File, error) {
	files := append([]*os.File(nil), r.Stdio[:]...)
	for n := 3; n < 3+r.Preserve; n++ {
		if !sys.Inherited(n) { // one of our own must not leak into the container
			return nil, fmt.Errorf("unable to stat preserved-fd %d (of %d)", n, r.Preserve)
		}
		files = append(files, os.NewFile(uintptr(n), "preserved"))
	}
	files = append(files, sync, r.Progress.file, memory)
	return append(files, r.Slots...), nil
}

// ErrRunning is what Next returns when the user's program has taken over.
var ErrRunning = errors.New("the container process runs")

// Next waits for the next SYNC, and returns the descriptor that was shown with it, or nil.
// It returns ErrRunning after a successful exec, and a *Failure when an op failed.
func (h *Hands) Next() (plan.SyncPoint, *os.File, error) {
	var id [4]byte
	n, files, err := sys.ReceiveMessage(h.sync, id[:])
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return 0, nil, err
	}
	if n == 0 {
		return 0, nil, h.outcome()
	}
	if h.Progress.Pid() != 0 {
		h.reapStage()
	}
	var shown *os.File
	if len(files) > 0 {
		shown = files[0]
	}
	return plan.SyncPoint(binary.NativeEndian.Uint32(id[:])), shown, nil
}

// Reply lets the hands go on; with a segment, that is what they go on with. The files fill
// the slots that the SYNC named.
func (h *Hands) Reply(point plan.SyncPoint, segment *Segment, files []*os.File) error {
	reply := make([]byte, 16)
	current := h.segments[h.Progress.Segment()]
	binary.NativeEndian.PutUint32(reply[0:], uint32(point))
	binary.NativeEndian.PutUint32(reply[8:], uint32(current.Ops[h.Progress.Op()].Ints[1]))
	binary.NativeEndian.PutUint32(reply[12:], uint32(len(files)))
	fds := make([]int, 0, len(files)+1)
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if segment == nil {
		return sys.SendMessage(h.sync, reply, fds...)
	}
	binary.NativeEndian.PutUint32(reply[4:], 1)
	h.segments = append(h.segments, segment.Plan)
	return sys.SendMessage(h.sync, reply, append([]int{int(segment.memory.Fd())}, fds...)...)
}

// Pid returns the container process in rung's PID namespace; until CLONE it is the
// process that leads there.
func (h *Hands) Pid() int {
	if pid := h.Progress.Pid(); pid != 0 {
		return pid
	}
	return h.stage
}

// reapStage collects the process that made the container process and ended.
func (h *Hands) reapStage() {
	if !h.reaped {
		_, _ = sys.Wait(h.stage)
		h.reaped = true
	}
}

// outcome tells a successful exec from a failure once the socket is closed.
func (h *Hands) outcome() error {
	h.reapStage()
	return Outcome(h.Progress, h.segments)
}

// Abort ends the hands after an error of the parent: they see the socket closed, or are
// killed where they do not listen; nothing of them is left to reap.
func (h *Hands) Abort() {
	h.sync.Close()
	if !h.reaped {
		_ = syscall.Kill(h.stage, syscall.SIGKILL)
		h.reapStage()
	}
	if pid := h.Progress.Pid(); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
		_, _ = sys.Wait(pid)
	}
}

// Close closes the parent's end of the socket.
func (h *Hands) Close() { h.sync.Close() }

// Segments returns the plans that were sent, for a trace.
func (h *Hands) Segments() []*plan.Plan { return h.segments }
