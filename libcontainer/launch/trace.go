package launch

import (
	"fmt"
	"log/slog"
)

// LogTrace logs when the stage began each operation, in microseconds since the first, and how long
// the operation took. The time of a SYNC includes the parent's work. Without Trace it does nothing.
func (l *Launcher) LogTrace(s *Stage, log *slog.Logger) {
	if !l.Trace {
		return
	}
	clocks := s.Progress.Clocks()
	n := 0
	for number, segment := range s.Segments() {
		for i := range segment.Ops {
			if n >= len(clocks) {
				return
			}
			took := "" // EXEC: nobody stores when it ended
			if n+1 < len(clocks) {
				took = fmt.Sprintf("%d", (clocks[n+1]-clocks[n])/1000)
			}
			log.Info(fmt.Sprintf("trace: %6d us  +%-6s %d/%-3d %s", (clocks[n]-clocks[0])/1000, took, number, i, segment.Ops[i].Format()))
			n++
		}
	}
}
