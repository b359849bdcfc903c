package launch

import (
	"context"
	"fmt"
	"log/slog"

	"rung/libcontainer/plan"
)

// Traces reports whether a stage is to store the time of its operations.
func (l *Launcher) Traces() bool { return l.Trace || l.Timeline != nil }

// observed is an operation that a stage has begun, in nanoseconds of CLOCK_MONOTONIC. EXEC has no end: nobody stores it.
type observed struct {
	op             *plan.Op
	segment, index int
	began, ended   uint64 // ended: 0 if it is not known
}

// observed returns the operations that have a time, in their order.
func (s *Stage) observed() (out []observed) {
	clocks := s.Progress.Clocks()
	for number, segment := range s.Segments() {
		for i := range segment.Ops {
			n := len(out)
			if n >= len(clocks) {
				return out
			}
			o := observed{op: &segment.Ops[i], segment: number, index: i, began: clocks[n]}
			if n+1 < len(clocks) {
				o.ended = clocks[n+1]
			}
			out = append(out, o)
		}
	}
	return out
}

// LogTrace logs when the stage began each operation, in microseconds since the first, and how long the operation took. The time
// of a SYNC includes the parent's work. The entry has the same as members, in the group "trace": op, field, start and length in
// microseconds, segment and index. Without Trace nothing is logged. The operations are added to the Timeline.
func (l *Launcher) LogTrace(s *Stage, log *slog.Logger) {
	l.Timeline.addStage(s)
	if !l.Trace {
		return
	}
	all := s.observed()
	for _, o := range all {
		const nanoseconds = 1000 // in a microsecond
		start := (o.began - all[0].began) / nanoseconds
		members := []any{slog.String("op", o.op.Code.String()), slog.String("field", o.op.Origin.Field), slog.Uint64("start", start)}
		took := ""
		if o.ended != 0 {
			length := (o.ended - o.began) / nanoseconds
			took = fmt.Sprint(length)
			members = append(members, slog.Uint64("length", length))
		}
		members = append(members, slog.Int("segment", o.segment), slog.Int("index", o.index))
		text := fmt.Sprintf("trace: %6d us  +%-6s %d/%-3d %s", start, took, o.segment, o.index, o.op.Format())
		log.LogAttrs(context.Background(), slog.LevelInfo, text, slog.Group("trace", members...))
	}
}
