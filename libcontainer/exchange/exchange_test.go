package exchange

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"rung/libcontainer/compile"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

// segment has an op that waits at each of the points.
func segment(points ...plan.SyncPoint) *plan.Plan {
	p := &plan.Plan{}
	for _, point := range points {
		p.Ops = append(p.Ops, plan.Op{Code: plan.Sync, Ints: [4]uint64{uint64(point)}})
	}
	return p
}

// fakeStage comes to the points of its segments at random moments. It knows what a real stage would
// not survive: an answer that is missing, out of order, or given twice.
type fakeStage struct {
	t        *testing.T
	random   *rand.Rand
	left     []plan.SyncPoint // of the current segment: not come to yet
	answers  []*plan.Plan     // given for the first of those, in order; nil without a segment
	awaits   bool             // it has come to a point that has no answer
	answered []plan.SyncPoint
	busy     bool
}

func (f *fakeStage) Waiting() bool { return !f.awaits && f.random.IntN(2) == 0 }

func (f *fakeStage) Next() (plan.SyncPoint, *os.File, error) {
	if f.awaits {
		f.t.Fatal("the stage waits for an answer for ever")
	}
	if len(f.left) == 0 {
		return 0, nil, launch.ErrRunning
	}
	point := f.left[0]
	f.left = f.left[1:]
	if len(f.answers) > 0 {
		f.take()
	} else {
		f.awaits = true
	}
	shown, err := os.Open(os.DevNull)
	if err != nil {
		f.t.Fatal(err)
	}
	return point, shown, nil
}

// take goes on with an answer.
func (f *fakeStage) take() {
	if next := f.answers[0]; next != nil {
		f.left = points(next)
	}
	f.answers = f.answers[1:]
}

func (f *fakeStage) Answer(point plan.SyncPoint, s *launch.Segment, _ []*os.File, busy bool) error {
	f.answered = append(f.answered, point)
	f.busy = busy
	if s == nil {
		f.answers = append(f.answers, nil)
	} else {
		f.answers = append(f.answers, s.Plan)
	}
	if f.awaits {
		f.awaits = false
		f.take()
	}
	return nil
}

// story is a random program, with a note of all that was done.
type story struct {
	t       *testing.T
	random  *rand.Rand
	x       *Exchange
	stage   *fakeStage
	first   *plan.Plan
	order   []plan.SyncPoint // in which all points are to be answered
	done    map[string]bool  // jobs
	arrived []plan.SyncPoint
	fail    string // what fails
	log     []string
}

var errInjected = errors.New("injected")

func newStory(t *testing.T, seed uint64) *story {
	s := &story{t: t, random: rand.New(rand.NewPCG(seed, seed)), done: map[string]bool{}}
	one := []plan.SyncPoint{plan.SyncPlan}
	if s.random.IntN(2) == 0 {
		one = []plan.SyncPoint{plan.SyncIDs, plan.SyncPlan}
	}
	two := slices.Repeat([]plan.SyncPoint{plan.SyncMap}, s.random.IntN(3))
	if s.random.IntN(2) == 0 {
		two = slices.Insert(two, s.random.IntN(len(two)+1), plan.SyncHost)
	}
	two = append(two, plan.SyncInside)
	three := []plan.SyncPoint{plan.SyncReady, plan.SyncListener}[:1+s.random.IntN(2)]
	s.order = slices.Concat(one, two, three)
	s.first = segment(one...)
	s.stage = &fakeStage{t: t, random: s.random, left: one}
	s.x = &Exchange{Actions: map[plan.SyncPoint][]compile.Action{}, Rows: Rows{}, Log: slog.New(slog.DiscardHandler)}
	s.x.Arrived = func(p plan.SyncPoint) { s.arrived = append(s.arrived, p) }
	next := map[plan.SyncPoint]*launch.Segment{plan.SyncPlan: {Plan: segment(two...)}, plan.SyncInside: {Plan: segment(three...)}}
	kind := compile.ActionKind(0)
	for _, point := range slices.Compact(slices.Sorted(slices.Values(s.order))) {
		for range 1 + s.random.IntN(2) {
			s.x.Rows[kind] = s.row(point, kind, next[point])
			s.x.Actions[point] = append(s.x.Actions[point], compile.Action{Kind: kind})
			kind++
		}
	}
	for n, point := range []plan.SyncPoint{plan.SyncPlan, plan.SyncHost, plan.SyncInside, plan.SyncReady} {
		s.job(fmt.Sprint("job ", n), point)
	}
	if s.random.IntN(2) == 0 {
		s.x.WhileWaiting(plan.SyncReady, func() error {
			if !s.stage.awaits || s.arrived[len(s.arrived)-1] != plan.SyncReady {
				t.Errorf("the job for a stage that waits was done beside it, after %v", s.arrived)
			}
			return s.act("while waiting")
		})
	}
	return s
}

// act notes a step, and fails if it is the one that is to fail.
func (s *story) act(name string) error {
	s.log = append(s.log, name)
	if name == s.fail {
		return errInjected
	}
	return nil
}

func (s *story) job(name string, due plan.SyncPoint) {
	s.x.Later(due, func() error {
		if s.done[name] {
			s.t.Errorf("%s was done twice", name)
		}
		s.done[name] = true
		if slices.ContainsFunc(s.stage.answered, func(p plan.SyncPoint) bool { return p != plan.SyncMap && p >= due }) {
			s.t.Errorf("%s, due at %s, after the answers %v", name, due, s.stage.answered)
		}
		return s.act(name)
	})
}

// row checks what the exchange promises of rows.
func (s *story) row(point plan.SyncPoint, kind compile.ActionKind, next *launch.Segment) Row {
	name := fmt.Sprintf("%s %d", point, kind)
	var r Row
	ready, mayBeAhead := false, s.random.IntN(3) > 0
	if mayBeAhead {
		r.Ready = func() bool {
			// A job that is due at SYNC ready may come when the stage is at SYNC plan (below).
			early := point >= plan.SyncReady && point != plan.SyncMap && !slices.Contains(s.arrived, plan.SyncInside)
			ready = ready || !early && s.random.IntN(2) == 0
			return ready
		}
	}
	did, thens := 0, 0
	r.Do = func(shown *os.File) (Answer, error) {
		did++
		if ahead := shown == nil; ahead && !ready {
			s.t.Errorf("%s was done ahead, and is not ready", name)
		}
		if point != plan.SyncMap && did > 1 {
			s.t.Errorf("%s was done twice", name)
		}
		return Answer{Segment: next}, s.act("do " + name)
	}
	r.Then = func(shown *os.File) error {
		thens++
		if shown == nil || !slices.Contains(s.arrived, point) {
			s.t.Errorf("%s: Then before the stage is there", name)
		}
		if !slices.Contains(s.stage.answered, point) || thens > did {
			s.t.Errorf("%s: Then without an answer", name)
		}
		if point == plan.SyncPlan && thens == 1 && next != nil && kind%2 == 0 {
			s.job("late "+name, plan.SyncReady)
		}
		return s.act("then " + name)
	}
	return r
}

// Whatever the speed of the stage and the order in which things are ready, the promises hold.
func TestRandomStories(t *testing.T) {
	for seed := range uint64(5000) {
		s := newStory(t, seed)
		if err := s.x.Run(s.stage, s.first); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !slices.Equal(s.stage.answered, s.order) {
			t.Fatalf("seed %d: answered %v, the points are %v", seed, s.stage.answered, s.order)
		}
		if !slices.Equal(s.arrived, s.order) || len(s.x.jobs) > 0 {
			t.Fatalf("seed %d: %d jobs left, arrived at %v", seed, len(s.x.jobs), s.arrived)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %v", seed, s.log)
		}
	}
}

// An error ends the conversation: nothing is done or answered after it.
func TestErrorsEndIt(t *testing.T) {
	for seed := range uint64(2000) {
		whole := newStory(t, seed)
		if err := whole.x.Run(whole.stage, whole.first); err != nil {
			t.Fatal(err)
		}
		s := newStory(t, seed)
		s.fail = whole.log[int(seed)%len(whole.log)]
		if err := s.x.Run(s.stage, s.first); !errors.Is(err, errInjected) {
			t.Fatalf("seed %d: %v after %v", seed, err, s.log)
		}
		if s.log[len(s.log)-1] != s.fail {
			t.Fatalf("seed %d: %v goes on after the failure of %s", seed, s.log, s.fail)
		}
	}
}

func still(points ...plan.SyncPoint) (*Exchange, *fakeStage, *plan.Plan) {
	x := &Exchange{Log: slog.New(slog.DiscardHandler), Points: map[plan.SyncPoint]Row{}}
	return x, &fakeStage{random: rand.New(rand.NewPCG(1, 1)), left: points}, segment(points...)
}

func TestAnActionWithoutARow(t *testing.T) {
	x, stage, first := still(plan.SyncPlan)
	x.Actions = map[plan.SyncPoint][]compile.Action{plan.SyncPlan: {{Kind: compile.MoveDevices}}}
	if err := x.Run(stage, first); err == nil || len(stage.answered) > 0 {
		t.Errorf("%v, answered %v", err, stage.answered)
	}
}

// After Last nobody waits for the stage any more: start will.
func TestLastEndsIt(t *testing.T) {
	x, stage, first := still(plan.SyncReady, plan.SyncListener)
	x.Last = plan.SyncReady
	told := false
	x.Points[plan.SyncReady] = Row{Then: func(*os.File) error { told = len(stage.answered) == 1; return nil }}
	if err := x.Run(stage, first); err != nil || !told {
		t.Errorf("%v, told after the answer: %v", err, told)
	}
	if !slices.Equal(stage.left, []plan.SyncPoint{plan.SyncListener}) {
		t.Errorf("left %v", stage.left)
	}
}

// A point at which nothing is to be done is answered when the stage is there, and not before.
func TestAPointWithoutActions(t *testing.T) {
	x, stage, first := still(plan.SyncHost)
	if x.due = points(first); x.ready(plan.SyncHost) {
		t.Error("it may be answered ahead")
	}
	if err := x.Run(stage, first); err != nil || len(stage.answered) != 1 {
		t.Errorf("%v, answered %v", err, stage.answered)
	}
}

// A stage that skips a point comes to a later one.
func TestASkippedPoint(t *testing.T) {
	x, stage, _ := still(plan.SyncInside, plan.SyncReady)
	if err := x.Run(stage, segment(plan.SyncMap, plan.SyncInside, plan.SyncReady)); err != nil || len(x.due) > 0 {
		t.Errorf("%v, due %v", err, x.due)
	}
}

// The stage is woken early only where the parent goes on working.
func TestBusy(t *testing.T) {
	for _, jobs := range []int{0, 1} {
		x, stage, first := still(plan.SyncHost)
		for range jobs {
			x.Later(plan.SyncReady, func() error { return nil })
		}
		x.stage, x.due = stage, points(first)
		if err := x.serve(plan.SyncHost, nil); err != nil || stage.busy != (jobs == 1) {
			t.Errorf("%d jobs: busy %v, %v", jobs, stage.busy, err)
		}
	}
}

// A program has an action for each SYNC map: each SYNC does one of them. The same for SYNC sources.
func TestOneActionAPoint(t *testing.T) {
	x, stage, first := still(plan.SyncMap, plan.SyncSources, plan.SyncMap, plan.SyncSources)
	mapped, sent := 0, 0
	x.Actions = map[plan.SyncPoint][]compile.Action{
		plan.SyncMap: {{Kind: compile.MapOwners}, {Kind: compile.MapOwners}}, plan.SyncSources: {{Kind: compile.SendSources}},
	}
	x.Rows = Rows{
		compile.MapOwners:   {Do: func(*os.File) (a Answer, err error) { mapped++; return }},
		compile.SendSources: {Do: func(*os.File) (a Answer, err error) { sent++; return }},
	}
	if err := x.Run(stage, first); err != nil || mapped != 2 || sent != 2 {
		t.Errorf("%v, mapped %d, sent %d", err, mapped, sent)
	}
}
