package launch

import (
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// Timeline records when the parent and the stage did what, for a file in the Trace Event Format, which Perfetto and about:tracing
// show ("Trace Event Format", Google, 2016). A nil Timeline records nothing.
type Timeline struct {
	mutex  sync.Mutex
	events []traceEvent
}

// traceEvent is one entry of traceEvents. The times are microseconds of CLOCK_MONOTONIC, which both tracks share.
type traceEvent struct {
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	Phase    string         `json:"ph"`
	Start    float64        `json:"ts"`
	Length   *float64       `json:"dur,omitempty"` // of a complete event (X)
	Process  int            `json:"pid"`
	Track    int            `json:"tid"`
	Scope    string         `json:"s,omitempty"` // of an instant (i)
	Args     map[string]any `json:"args,omitempty"`
}

// The tracks.
const (
	parentTrack = 1 + iota
	stageTrack
)

// The categories, by which a viewer filters.
const (
	Work = "work"
	Wait = "wait"
)

// nothing ends a span that is not recorded.
func nothing() {}

// Begin begins a span of the parent, and returns what ends it. Its name is that of the parts together.
func (t *Timeline) Begin(category string, name ...string) (end func()) {
	if t == nil {
		return nothing
	}
	return t.begin(category, strings.Join(name, ""))
}

func (t *Timeline) begin(category, name string) (end func()) {
	began := sys.MonotonicNanoseconds()
	return func() { t.add(parentTrack, name, category, began, sys.MonotonicNanoseconds(), nil) }
}

// add adds a complete event, or an instant if it has no end.
func (t *Timeline) add(track int, name, category string, began, ended uint64, args map[string]any) {
	e := traceEvent{Name: name, Category: category, Phase: "X", Start: micro(began), Process: os.Getpid(), Track: track, Args: args}
	if ended == 0 {
		e.Phase, e.Scope = "i", "t"
	} else {
		length := micro(ended - began)
		e.Length = &length
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.events = append(t.events, e)
}

func micro(nanoseconds uint64) float64 { return float64(nanoseconds) / 1000 }

// addStage adds the operations of a stage. One that waits for the parent has the category Wait.
func (t *Timeline) addStage(s *Stage) {
	if t == nil {
		return
	}
	for _, o := range s.observed() {
		category := Work
		if _, waits := o.op.Point(); waits || o.op.Code == plan.AwaitStart {
			category = Wait
		}
		t.add(stageTrack, o.op.Code.String(), category, o.began, o.ended, map[string]any{
			"field": o.op.Origin.Field, "purpose": o.op.Origin.Purpose, "operands": o.op.Operands(), "segment": o.segment, "index": o.index,
		})
	}
}

// Write writes what is recorded as one object.
func (t *Timeline) Write(w io.Writer) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	events := []traceEvent{
		t.label("process_name", 0, "rung"), t.label("thread_name", parentTrack, "parent"), t.label("thread_name", stageTrack, "stage"),
	}
	return json.NewEncoder(w).Encode(struct {
		Events []traceEvent `json:"traceEvents"`
		Unit   string       `json:"displayTimeUnit"`
	}{append(events, t.events...), "ms"})
}

// label names a track, or the process.
func (t *Timeline) label(what string, track int, name string) traceEvent {
	return traceEvent{Name: what, Phase: "M", Process: os.Getpid(), Track: track, Args: map[string]any{"name": name}}
}
