// Package exchange is the parent's side of the conversation with a stage. The stage waits at
// synchronisation points; the parent does something for each and answers. A table says for each action
// what is done and whether the answer may be given ahead of the stage: to wake a process on another
// processor takes longer than most of what either side has to do. So the parent works beside the
// stage, and answers as early as it can.
package exchange

import (
	"errors"
	"log/slog"
	"os"

	"rung/libcontainer/compile"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

// Stage is what the exchange needs of a *launch.Stage.
type Stage interface {
	// Waiting reports whether Next would return at once.
	Waiting() bool
	// Next waits for the next point. The error is launch.ErrRunning after the stage has executed the program.
	Next() (point plan.SyncPoint, shown *os.File, err error)
	// Answer answers a point, also before the stage has come there. busy says that the parent has work to do after it.
	Answer(point plan.SyncPoint, segment *launch.Segment, files []*os.File, busy bool) error
}

// Answer is what the stage gets at a point: the next segment of its plan, or nil, and descriptors. The
// exchange closes neither.
type Answer struct {
	Segment *launch.Segment
	Files   []*os.File
	Busy    bool // the parent has work to do after the answer, also if no job is left
}

// Row says what the parent does for one action.
type Row struct {
	// Ready reports whether the answer needs nothing of the stage, and all that it needs is there: then Do may be
	// called before the stage has come to the point. A nil Ready means never.
	Ready func() bool
	// Do does the action, and returns what it adds to the answer. shown is the descriptor that the stage shows at the
	// point: nil before the stage has come there. Do is called once. It may be nil.
	Do func(shown *os.File) (Answer, error)
	// Then is called once, when the stage has come to the point and the answer is given, in whichever order. It may
	// be nil.
	Then func(shown *os.File) error

	name string // of the action, for the timeline
}

// Rows has the row of each action that a verb knows.
type Rows map[compile.ActionKind]Row

// job is work that the parent does beside the stage.
type job struct {
	due   plan.SyncPoint
	do    func() error
	still bool // while the stage waits at that point, not beside it
}

// Exchange is one conversation.
type Exchange struct {
	Actions map[plan.SyncPoint][]compile.Action // of the program: they grow with its segments
	Rows    Rows
	// Points has one more row for a point, after those of its actions.
	Points map[plan.SyncPoint]Row
	// Last is the point after which the parent waits no longer, because the stage waits for somebody else. 0 means that
	// the conversation ends when the stage executes the program.
	Last plan.SyncPoint
	// Arrived is called when the stage has come to a point, before anything is done there. It may be nil.
	Arrived func(plan.SyncPoint)
	Log     *slog.Logger
	// Timeline records each action, job and wait; nil records nothing.
	Timeline *launch.Timeline

	stage Stage
	jobs  []job
	due   []plan.SyncPoint // the points that the stage will come to and that have no answer yet, as far as its segments are known
	ahead []plan.SyncPoint // the points that have their answer, and that the stage has not come to
}

// Later adds a job, which is done before the point is answered. The jobs are done in the order in which they were
// added. None may be added that is due before an earlier one, or at a point that has its answer: the rows of
// that point are not Ready before.
func (x *Exchange) Later(due plan.SyncPoint, do func() error) {
	x.jobs = append(x.jobs, job{due: due, do: do})
}

// WhileWaiting is Later for what must not be done beside the stage: it is done when the stage waits at the point.
func (x *Exchange) WhileWaiting(due plan.SyncPoint, do func() error) {
	x.jobs = append(x.jobs, job{due, do, true})
}

// Run holds the conversation with a stage that executes the first segment, until the program runs, the point Last
// is answered, or something fails.
func (x *Exchange) Run(stage Stage, first *plan.Plan) error {
	x.stage = stage
	x.due = points(first)
	for {
		if err := x.workAhead(); err != nil {
			return err
		}
		waited := x.Timeline.Begin(launch.Wait, "wait for the stage")
		point, shown, err := stage.Next()
		waited()
		if errors.Is(err, launch.ErrRunning) {
			return nil
		}
		if err != nil {
			return err
		}
		x.Log.Debug("the stage waits", "sync", point.String())
		err = x.serve(point, shown)
		if shown != nil {
			shown.Close()
		}
		if err != nil || point == x.Last {
			return err
		}
	}
}

// points are the points of a segment, in the order in which the stage comes to them.
func points(p *plan.Plan) (out []plan.SyncPoint) {
	for i := range p.Ops {
		if point, ok := p.Ops[i].Point(); ok {
			out = append(out, point)
		}
	}
	return out
}

// workAhead does jobs, and gives the answers that they allow, for as long as the stage does not wait.
func (x *Exchange) workAhead() error {
	for {
		for len(x.due) > 0 && x.ready(x.due[0]) {
			point := x.due[0]
			x.ahead = append(x.ahead, point)
			if err := x.answer(point, nil, true); err != nil {
				return err
			}
		}
		if len(x.jobs) == 0 || x.jobs[0].still || x.stage.Waiting() {
			return nil
		}
		if err := x.nextJob(); err != nil {
			return err
		}
	}
}

// ready reports whether a point may be answered ahead.
func (x *Exchange) ready(point plan.SyncPoint) bool {
	rows, err := x.rows(point)
	if x.owed(point) || len(rows) == 0 || err != nil {
		return false
	}
	for _, row := range rows {
		if row.Ready == nil || !row.Ready() {
			return false
		}
	}
	return true
}

// rows returns what is to be done at a point.
func (x *Exchange) rows(point plan.SyncPoint) ([]Row, error) {
	out := make([]Row, 0, len(x.Actions[point])+1)
	var seen [compile.ActionKinds]bool // a program has an action for each SYNC map, and each SYNC does one
	for _, a := range x.Actions[point] {
		if seen[a.Kind] {
			continue
		}
		seen[a.Kind] = true
		row, known := x.Rows[a.Kind]
		if !known {
			return nil, errors.New(a.Kind.String() + ": no part of this verb")
		}
		row.name = a.Kind.String()
		out = append(out, row)
	}
	if row, more := x.Points[point]; more {
		row.name = point.String()
		out = append(out, row)
	}
	return out, nil
}

// owed reports whether a job is left that must be done before a point is answered. SYNC map and SYNC sources come between plan
// and inside, whatever their numbers are.
func (x *Exchange) owed(point plan.SyncPoint) bool {
	if point == plan.SyncMap || point == plan.SyncSources {
		point = plan.SyncPlan
	}
	return len(x.jobs) > 0 && x.jobs[0].due <= point
}

func (x *Exchange) nextJob() error {
	next := x.jobs[0]
	x.jobs = x.jobs[1:]
	defer x.Timeline.Begin(launch.Work, "work beside the stage, for SYNC ", next.due.String())()
	return next.do()
}

// serve does the parent's part where the stage has come to a point.
func (x *Exchange) serve(point plan.SyncPoint, shown *os.File) error {
	if x.Arrived != nil {
		x.Arrived(point)
	}
	for x.owed(point) {
		if err := x.nextJob(); err != nil {
			return err
		}
	}
	if len(x.ahead) > 0 && x.ahead[0] == point {
		x.ahead = x.ahead[1:]
	} else if err := x.answer(point, shown, false); err != nil {
		return err
	}
	rows, err := x.rows(point)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Then == nil {
			continue
		}
		done := x.Timeline.Begin(launch.Work, row.name, ", after the answer")
		if err := row.Then(shown); err != nil {
			return err
		}
		done()
	}
	return nil
}

// answer does the actions of a point and answers it.
func (x *Exchange) answer(point plan.SyncPoint, shown *os.File, ahead bool) error {
	rows, err := x.rows(point)
	if err != nil {
		return err
	}
	var whole Answer
	for _, row := range rows {
		if row.Do == nil {
			continue
		}
		done := x.Timeline.Begin(launch.Work, row.name)
		part, err := row.Do(shown)
		if err != nil {
			return err
		}
		done()
		if part.Segment != nil {
			whole.Segment = part.Segment
		}
		whole.Files = append(whole.Files, part.Files...)
		whole.Busy = whole.Busy || part.Busy
	}
	x.forget(point)
	if whole.Segment != nil {
		x.due = points(whole.Segment.Plan) // what is left of the old segment is not executed
	}
	return x.stage.Answer(point, whole.Segment, whole.Files, ahead || whole.Busy || len(x.jobs) > 0)
}

// forget strikes a point off those that are due, with those before it: the stage has skipped them.
func (x *Exchange) forget(point plan.SyncPoint) {
	for i, p := range x.due {
		if p == point {
			x.due = x.due[i+1:]
			return
		}
	}
}
