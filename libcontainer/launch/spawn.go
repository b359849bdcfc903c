package launch

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"

	"rung/internal/sys"
	"rung/internal/waits"
	"rung/libcontainer/plan"
)

// Request is the input of Start.
type Request struct {
	Plan     *plan.Plan
	Slots    []*os.File // inherited descriptors, by slot
	Stdio    [3]*os.File
	Preserve int        // the open ones of rung's descriptors 3 to 2+Preserve go to the container under the same numbers
	Pass     []*os.File // the container's descriptors after those of Preserve
	Progress *Progress
	Parallel bool // the caller has work to do before it calls Next
}

// Segment is a marshalled plan in a sealed memfd, ready to be sent to the stage.
type Segment struct {
	Plan   *plan.Plan
	memory *os.File
}

// Seal marshals a plan into a Segment. The caller closes it after it was sent or is not needed.
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

// Close closes the memfd. A nil Segment is allowed.
func (s *Segment) Close() {
	if s != nil {
		s.memory.Close()
	}
}

// Stage is a running stage. The caller answers its SYNCs (Next, Reply) and closes it (Close or Abort).
type Stage struct {
	Progress *Progress
	Parallel bool // the caller has work to do after the next Reply
	sync     *os.File
	wakeup   *os.File // eventfd of an early stage, else nil
	spawned  int      // PID of the process that was spawned; the container process is Progress.Pid
	reaped   bool
	segments []*plan.Plan

	// Unfreeze takes a process that does not end out of a frozen cgroup. It may be nil.
	Unfreeze    func(pid int)
	interrupted atomic.Bool
}

// Start gives the plan to the early stage or to a new one, and returns while the stage executes it.
func (l *Launcher) Start(r Request) (*Stage, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	segment, err := Seal(r.Plan)
	if err != nil {
		return nil, err
	}
	defer segment.Close()
	if r.Preserve, err = preserved(r.Preserve); err != nil {
		return nil, err
	}
	if early := l.takeEarly(r); early != nil {
		if stage, ok, err := early.order(r, segment.memory); ok || err != nil {
			return stage, err
		}
	}
	return l.spawn(r, segment.memory)
}

func (l *Launcher) spawn(r Request, memory *os.File) (*Stage, error) {
	self, err := l.program()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := sys.PacketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	files := descriptors(r, theirs, memory)
	base := 3 + r.Preserve + len(r.Pass)
	argv := []string{"rung", "init", strconv.Itoa(base)}
	pid, err := sys.SpawnFile(self, argv, []string{}, files)
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("spawn the stage: %w", err)
	}
	return &Stage{Progress: r.Progress, sync: ours, spawned: pid, segments: []*plan.Plan{r.Plan}}, nil
}

// descriptors returns the descriptors of the new process, by number (nsenter/constructor.c).
func descriptors(r Request, sync, memory *os.File) []*os.File {
	files := append([]*os.File(nil), r.Stdio[:]...)
	for n := 3; n < 3+r.Preserve; n++ {
		if sys.Inherited(n) { // a descriptor of rung's own must not leak into the container
			files = append(files, os.NewFile(uintptr(n), "preserved"))
		} else {
			files = append(files, nil)
		}
	}
	files = append(files, r.Pass...)
	files = append(files, sync, r.Progress.file, memory)
	return append(files, r.Slots...)
}

// preserved is a number of descriptors without the closed ones at its end: callers may name any number. Closed ones among
// the others are closed in the container too, as with crun: Podman passes the numbers of its user.
func preserved(count int) (int, error) {
	if count <= 0 {
		return 0, nil
	}
	last, err := sys.LastInherited(3 + count)
	if err != nil {
		return 0, fmt.Errorf("--preserve-fds: %w", err)
	}
	return max(last-2, 0), nil
}

// ErrRunning is what Next returns after the stage has executed the user's program.
var ErrRunning = errors.New("the container process runs")

// Waiting reports whether Next would return at once.
func (s *Stage) Waiting() bool { return sys.Readable(s.sync) }

// Next waits for the next SYNC and returns it with the descriptor that the stage shows, or nil.
// The error is ErrRunning after a successful exec, and a *Failure if an op failed.
func (s *Stage) Next() (plan.SyncPoint, *os.File, error) {
	point, shown, err := ReadPoint(s.sync, s.Pid)
	if s.interrupted.Load() {
		if shown != nil {
			shown.Close()
		}
		return 0, nil, errInterrupted
	}
	if errors.Is(err, ErrClosed) {
		return 0, nil, s.outcome()
	}
	if err == nil && point == plan.SyncReady {
		s.reapSpawned()
	}
	return point, shown, err
}

// ErrClosed is what ReadPoint returns after the other side has executed a program or ended.
var ErrClosed = errors.New("the socket of the stage is closed")

// ReadPoint waits until a stage reports a point on a socket, and returns it with a descriptor: the
// one that a SYNC shows, or the one that a HAND_OVER offers (struct rung_offer), which ReadPoint
// takes from the process that pid returns; or nil.
func ReadPoint(sock *os.File, pid func() int) (plan.SyncPoint, *os.File, error) {
	var message [8]byte
	n, files, err := sys.ReceiveMessage(sock, message[:])
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		return 0, nil, fmt.Errorf("receive a message from the container process: %w", err)
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

// Answer answers a stage that waits on the connection of `rung start`, so that it goes on.
func Answer(conn *os.File, point plan.SyncPoint) error {
	return sys.SendMessage(conn, newReply(point, 0, 0))
}

// newReply returns a struct rung_reply without a segment.
func newReply(point plan.SyncPoint, slot, count uint32) []byte {
	reply := make([]byte, 16)
	binary.NativeEndian.PutUint32(reply[0:], uint32(point))
	binary.NativeEndian.PutUint32(reply[8:], slot)
	binary.NativeEndian.PutUint32(reply[12:], count)
	return reply
}

// Reply answers a SYNC, so that the stage goes on: with the next segment, if one is given. It may
// be called before the stage has come to the point. The files fill the slots that the SYNC names.
func (s *Stage) Reply(point plan.SyncPoint, segment *Segment, files []*os.File) error {
	if s.Parallel && s.wakeup != nil {
		sys.Ring(s.wakeup)
	}
	reply := newReply(point, s.slotOf(point), uint32(len(files)))
	fds := numbers(files)
	if segment != nil {
		binary.NativeEndian.PutUint32(reply[4:], 1)
		s.segments = append(s.segments, segment.Plan)
		fds = append([]int{int(segment.memory.Fd())}, fds...)
	}
	err := sys.SendMessage(s.sync, reply, fds...)
	if err != nil && s.interrupted.Load() {
		return errInterrupted
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		return s.outcome() // the stage has ended: the progress page says where
	}
	return err
}

// Answer is Reply. busy says that the caller has work to do after it.
func (s *Stage) Answer(point plan.SyncPoint, segment *Segment, files []*os.File, busy bool) error {
	s.Parallel = busy
	return s.Reply(point, segment, files)
}

// slotOf returns the first slot that the answer to a point fills. It searches from the last
// segment backwards, because an answer may be sent before the stage asks.
func (s *Stage) slotOf(point plan.SyncPoint) uint32 {
	if point == plan.SyncSources { // one of several, which the stage has come to
		return uint32(s.segments[s.Progress.Segment()].Ops[s.Progress.Op()].Ints[1])
	}
	for i := len(s.segments) - 1; i >= 0; i-- {
		if slot, ok := s.segments[i].SlotOf(point); ok {
			return slot
		}
	}
	return 0
}

var errInterrupted = errors.New("the stage was interrupted")

// Until calls serve, which serves the stage. If ctx ends before, Next and Reply fail, and the error says what the stage did,
// unless serve failed by something else. The caller then calls Abort.
func (s *Stage) Until(ctx context.Context, serve func() error) error {
	interrupt := func() {
		s.interrupted.Store(true)
		sys.Shutdown(s.sync)
	}
	var other error
	err := waits.While(ctx, s.doing, interrupt, func() error {
		err := serve()
		if !errors.Is(err, errInterrupted) {
			other = err
		}
		return err
	})
	return cmp.Or(other, err)
}

// doing says what the stage does, as an error of it would.
func (s *Stage) doing() string {
	segment, index := s.Progress.Segment(), s.Progress.Op()
	if !s.Progress.Begun() || segment >= len(s.segments) || index >= len(s.segments[segment].Ops) {
		return "the stage, which has not begun with its plan"
	}
	op := &s.segments[segment].Ops[index]
	what := op.Origin.Purpose
	if op.Origin.Field != "" {
		what = op.Origin.Field + ": " + what
	}
	return fmt.Sprintf("process %d of the container (%s)", s.Pid(), what)
}

// Pid returns the PID of the container process in rung's PID namespace. Before CLONE it is the PID
// of the process that was spawned.
func (s *Stage) Pid() int {
	if pid := s.Progress.Pid(); pid != 0 {
		return pid
	}
	return s.spawned
}

// reapSpawned waits for the process that made the container process and ends after that.
func (s *Stage) reapSpawned() {
	if !s.reaped {
		_, _ = sys.Wait(s.spawned)
		s.reaped = true
	}
}

// outcome tells a successful exec from a failure once the socket is closed.
func (s *Stage) outcome() error {
	s.reapSpawned()
	return Outcome(s.Progress, s.segments)
}

// Abort ends the stage after an error of the parent: it closes the socket, kills the processes of
// the stage and reaps them. The Stage is closed afterwards.
func (s *Stage) Abort() {
	s.sync.Close()
	if !s.reaped {
		s.end(s.spawned)
		s.reaped = true
	}
	if pid := s.Progress.Pid(); pid != 0 {
		s.end(pid)
	}
	s.Close()
}

// Times that a killed process may take to end, in milliseconds: before it is taken for frozen, and after that.
const (
	endsSoon        = 200
	endsAtAll       = 10_000
	endsInterrupted = 300 // of a stage that was interrupted: the caller is to be gone within a second
)

// end kills and reaps a child. One in a frozen v1 cgroup does not die there, and one in a system call that cannot be
// interrupted is left to whoever reaps it when it returns.
func (s *Stage) end(pid int) {
	_ = syscall.Kill(pid, syscall.SIGKILL)
	pidfd, err := sys.PidfdOpen(pid)
	if err != nil {
		_, _ = sys.Wait(pid)
		return
	}
	defer pidfd.Close()
	ended, err := sys.PidfdWait(pidfd, endsSoon)
	if err == nil && !ended {
		if s.Unfreeze != nil {
			s.Unfreeze(pid)
		}
		limit := endsAtAll
		if s.interrupted.Load() {
			limit = endsInterrupted
		}
		ended, err = sys.PidfdWait(pidfd, limit)
	}
	if ended || err != nil {
		_, _ = sys.Wait(pid)
	}
}

// Close closes the parent's end of the socket. The progress page is unmapped when nothing refers to it any more: to unmap it
// takes longer than all other calls of the parent together, and the end of the command does it anyway.
func (s *Stage) Close() {
	s.sync.Close()
	if s.wakeup != nil {
		s.wakeup.Close()
	}
	runtime.AddCleanup(s.Progress, func(data []byte) { _ = sys.Unmap(data) }, s.Progress.data)
}

// Uncovered runs look, which resolves paths in the container's root beside the stage. It reports whether the result counts:
// between pivot_root(2) and umount2(2) the host's root lies on the container's, and ".." in a symbolic link leads to the host.
func (s *Stage) Uncovered(look func()) bool {
	from := s.Progress.Position()
	look()
	return !covered(s.segments, from, s.Progress.Position())
}

// Segments returns the plans that the stage has got so far, for a trace.
func (s *Stage) Segments() []*plan.Plan { return s.segments }
