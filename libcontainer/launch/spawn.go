package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
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
	Preserve int        // descriptors 3 to 2+Preserve go to the container as they are
	Pass     []*os.File // or else these are its descriptors 3 and up
	Progress *Progress
	Parallel bool // the caller has work to do before it calls Next
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
	Parallel bool // the caller has work to do after the next Reply
	sync     *os.File
	bell     *os.File // of early hands
	stage    int      // PID of the process that execs; the container process is Progress.Pid
	reaped   bool
	segments []*plan.Plan
}

// Start has the plan executed, by hands that wait already or by new ones, and returns while
// they are at it.
func Start(r Request) (*Hands, error) {
	if err := checkImage(); err != nil {
		return nil, err
	}
	segment, err := Seal(r.Plan)
	if err != nil {
		return nil, err
	}
	defer segment.Close()
	if fitsEarly(r) {
		if hands, ok, err := order(r, segment.memory); ok || err != nil {
			return hands, err
		}
	}
	return spawn(r, segment.memory)
}

func spawn(r Request, memory *os.File) (*Hands, error) {
	self, err := program()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	files, err := descriptors(r, theirs, memory)
	if err != nil {
		ours.Close()
		return nil, err
	}
	base := 3 + r.Preserve + len(r.Pass)
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
	if err := checkPreserved(r.Preserve); err != nil {
		return nil, err
	}
	for n := 3; n < 3+r.Preserve; n++ {
		files = append(files, os.NewFile(uintptr(n), "preserved"))
	}
	files = append(files, r.Pass...)
	files = append(files, sync, r.Progress.file, memory)
	return append(files, r.Slots...), nil
}

func checkPreserved(count int) error {
	for n := 3; n < 3+count; n++ {
		if !sys.Inherited(n) { // one of our own must not leak into the container
			return fmt.Errorf("unable to stat preserved-fd %d (of %d): %w", n, count, syscall.ENOENT)
		}
	}
	return nil
}

// ErrRunning is what Next returns when the user's program has taken over.
var ErrRunning = errors.New("the container process runs")

// Waiting reports whether Next would return at once.
func (h *Hands) Waiting() bool { return sys.Readable(h.sync) }

// Next waits for the next SYNC, and returns the descriptor that was shown with it, or nil.
// It returns ErrRunning after a successful exec, and a *Failure when an op failed.
func (h *Hands) Next() (plan.SyncPoint, *os.File, error) {
	point, shown, err := ReadPoint(h.sync, h.Pid)
	if errors.Is(err, ErrClosed) {
		return 0, nil, h.outcome()
	}
	if err == nil && point == plan.SyncReady {
		h.reapStage()
	}
	return point, shown, err
}

// ErrClosed is what ReadPoint returns when the other side executed a program or ended.
var ErrClosed = errors.New("the socket of the hands is closed")

// ReadPoint waits until hands say on a socket where they are, and returns the descriptor
// that they show, or have taken of the process that pid returns (struct rung_offer); or nil.
func ReadPoint(sock *os.File, pid func() int) (plan.SyncPoint, *os.File, error) {
	var message [8]byte
	n, files, err := sys.ReceiveMessage(sock, message[:])
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return 0, nil, fmt.Errorf("hear from the container process: %w", err)
	}
	if n == 0 {
		return 0, nil, ErrClosed
	}
	point := plan.SyncPoint(binary.NativeEndian.Uint32(message[:]))
	switch {
	case n == len(message):
		taken, err := sys.CopyFD(pid(), int(binary.NativeEndian.Uint32(message[4:])))
		return point, taken, err
	case len(files) > 0:
		return point, files[0], nil
	}
	return point, nil, nil
}

// Answer lets hands go on that wait on the connection of a start.
func Answer(conn *os.File, point plan.SyncPoint) error {
	return sys.SendMessage(conn, newReply(point, 0, 0))
}

// newReply is a struct rung_reply without a segment.
func newReply(point plan.SyncPoint, slot, count uint32) []byte {
	reply := make([]byte, 16)
	binary.NativeEndian.PutUint32(reply[0:], uint32(point))
	binary.NativeEndian.PutUint32(reply[8:], slot)
	binary.NativeEndian.PutUint32(reply[12:], count)
	return reply
}

// Reply lets the hands go on, even before they have come to the point; with a segment, that
// is what they go on with. The files fill the slots that the SYNC named.
func (h *Hands) Reply(point plan.SyncPoint, segment *Segment, files []*os.File) error {
	if h.Parallel && h.bell != nil {
		sys.Ring(h.bell)
	}
	reply := newReply(point, h.slotOf(point), uint32(len(files)))
	fds := numbers(files)
	if segment != nil {
		binary.NativeEndian.PutUint32(reply[4:], 1)
		h.segments = append(h.segments, segment.Plan)
		fds = append([]int{int(segment.memory.Fd())}, fds...)
	}
	err := sys.SendMessage(h.sync, reply, fds...)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return h.outcome() // they have ended: the page says where
	}
	return err
}

// ReplyAll is Reply to SYNC plan with any number of files: what one message does not carry
// goes ahead with segments that only ask for more.
func (h *Hands) ReplyAll(point plan.SyncPoint, segment *Segment, files []*os.File) error {
	const room = plan.MaxReplyFds - 1
	for len(files) > room {
		if err := h.replyPart(point, files[:room]); err != nil {
			return err
		}
		files = files[room:]
	}
	return h.Reply(point, segment, files)
}

func (h *Hands) replyPart(point plan.SyncPoint, files []*os.File) error {
	again := h.segments[h.Progress.Segment()].Ops[h.Progress.Op()]
	again.Ints[1] += uint64(len(files))
	part, err := Seal(&plan.Plan{Ops: []plan.Op{again}})
	if err != nil {
		return err
	}
	defer part.Close()
	if err := h.Reply(point, part, files); err != nil {
		return err
	}
	_, _, err = h.Next()
	return err
}

// slotOf looks from the last segment backwards: an answer may be ahead of the hands.
func (h *Hands) slotOf(point plan.SyncPoint) uint32 {
	for i := len(h.segments) - 1; i >= 0; i-- {
		if slot, ok := h.segments[i].SlotOf(point); ok {
			return slot
		}
	}
	return 0
}

// Pid returns the container process in rung's PID namespace; until CLONE it is the
// process that leads there.
func (h *Hands) Pid() int {
	if pid := h.Progress.Pid(); pid != 0 {
		return pid
	}
	return h.stage
}

// reapStage collects the process that made the container process and ended: it may have been
// kept from that for a while.
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
	h.Close()
}

// Close gives up the parent's end of the socket. The progress page goes when nobody has the Hands any more: to unmap it
// takes longer than all other calls of the parent together, and the end of a command does it anyway.
func (h *Hands) Close() {
	h.sync.Close()
	if h.bell != nil {
		h.bell.Close()
	}
	runtime.AddCleanup(h.Progress, func(data []byte) { _ = sys.Unmap(data) }, h.Progress.data)
}

// Segments returns the plans that were sent, for a trace.
func (h *Hands) Segments() []*plan.Plan { return h.segments }
