package launch

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"rung/libcontainer/plan"
)

func TestNoTimeline(t *testing.T) {
	var none *Timeline
	none.Begin(Work, "a", "b")()
	none.addStage(nil)
	if allocs := testing.AllocsPerRun(10, func() { none.Begin(Work, "a", "b")() }); allocs != 0 {
		t.Errorf("%v allocations of a timeline that records nothing", allocs)
	}
}

// traced is a stage that has begun three operations of two segments.
func traced(t *testing.T) *Stage {
	t.Helper()
	progress, err := NewProgress(true)
	if err != nil {
		t.Fatal(err)
	}
	clocks := []uint64{5_000_000, 5_004_500, 5_009_000}
	progress.data[28] = byte(len(clocks))
	for i, clock := range clocks {
		for b := range 8 {
			progress.data[plan.ProgressSize+8*i+b] = byte(clock >> (8 * b))
		}
	}
	first := &plan.Plan{Ops: []plan.Op{{Code: plan.Setsid, Origin: plan.Origin{Purpose: "new session"}}, {Code: plan.Sync, Ints: [4]uint64{2}}}}
	second := &plan.Plan{Ops: []plan.Op{{Code: plan.Exec, Lists: &[3][]string{}, Origin: plan.Origin{Field: "process.args"}}, {Code: plan.Setsid}}}
	return &Stage{Progress: progress, segments: []*plan.Plan{first, second}}
}

func TestTimeline(t *testing.T) {
	timeline := &Timeline{}
	timeline.Begin(Wait, "wait for ", "it")()
	timeline.addStage(traced(t))
	var out strings.Builder
	if err := timeline.Write(&out); err != nil {
		t.Fatal(err)
	}
	var file struct{ TraceEvents []traceEvent }
	if err := json.Unmarshal([]byte(out.String()), &file); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range file.TraceEvents {
		got = append(got, e.Phase+" "+e.Name+" "+e.Category)
	}
	want := "M process_name ;M thread_name ;M thread_name ;X wait for it wait;X SETSID work;X SYNC wait;i EXEC work"
	if strings.Join(got, ";") != want {
		t.Errorf("%q, want %q", got, want)
	}
	setsid, exec := file.TraceEvents[4], file.TraceEvents[6]
	if setsid.Start != 5000 || *setsid.Length != 4.5 || setsid.Track != stageTrack || setsid.Args["purpose"] != "new session" {
		t.Errorf("%+v", setsid)
	}
	if exec.Length != nil || exec.Args["segment"] != 1.0 || exec.Args["index"] != 0.0 || exec.Args["field"] != "process.args" {
		t.Errorf("%+v", exec)
	}
}

func TestLogTrace(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	(&Launcher{}).LogTrace(traced(t), log)
	if out.Len() != 0 {
		t.Errorf("without Trace: %s", &out)
	}
	(&Launcher{Trace: true}).LogTrace(traced(t), log)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"trace":{"op":"SYNC","field":"","start":4,"length":4,"segment":0,"index":1}`) ||
		!strings.Contains(lines[2], `"trace":{"op":"EXEC","field":"process.args","start":9,"segment":1,"index":0}`) {
		t.Errorf("%q", lines)
	}
}
