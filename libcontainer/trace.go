package libcontainer

import (
	"fmt"

	"rung/libcontainer/launch"
)

// logTrace tells, with --trace, when the hands began each op, in microseconds since the
// first, and how long it took. The time of a SYNC is that of the parent.
func (r *Runtime) logTrace(h *launch.Hands) {
	if !r.Trace {
		return
	}
	clocks := h.Progress.Clocks()
	n := 0
	for s, p := range h.Segments() {
		for i := range p.Ops {
			if n >= len(clocks) {
				return
			}
			took := "" // of EXEC nobody stores the end
			if n+1 < len(clocks) {
				took = fmt.Sprintf("%d", (clocks[n+1]-clocks[n])/1000)
			}
			r.Log.Info(fmt.Sprintf("trace: %6d us  +%-6s %d/%-3d %s", (clocks[n]-clocks[0])/1000, took, s, i, p.Ops[i].Format()))
			n++
		}
	}
}
