package bundle

import (
	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkScheduler checks process.scheduler (sched_setattr(2)). The rules on which member
// goes with which policy are runc's.
func checkScheduler(p *specs.Process, field string) error {
	s := p.Scheduler
	if s == nil {
		return nil
	}
	field += ".scheduler"
	switch s.Policy {
	case "":
		return fail(field+".policy", "scheduler policy is required")
	case specs.SchedOther, specs.SchedBatch:
		if s.Nice < -20 || s.Nice > 19 {
			return fail(field+".nice", "%d is not within -20 and 19", s.Nice)
		}
	case specs.SchedFIFO, specs.SchedRR, specs.SchedDeadline, specs.SchedIdle, specs.SchedISO:
	default:
		return fail(field+".policy", "unknown scheduling policy %q: one of SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR, SCHED_DEADLINE, SCHED_ISO", s.Policy)
	}
	if err := checkRealtime(s, field); err != nil {
		return err
	}
	return checkSchedulerFlags(s, field)
}

func checkRealtime(s *specs.Scheduler, field string) error {
	if s.Priority != 0 && s.Policy != specs.SchedFIFO && s.Policy != specs.SchedRR {
		return fail(field+".priority", "can only be specified for SCHED_FIFO or SCHED_RR, not for %s", s.Policy)
	}
	if s.Priority < 0 || s.Priority > 99 {
		return fail(field+".priority", "%d is not within 0 and 99", s.Priority)
	}
	if s.Policy == specs.SchedDeadline {
		return nil
	}
	members := [...]struct {
		name  string
		value uint64
	}{{"runtime", s.Runtime}, {"deadline", s.Deadline}, {"period", s.Period}}
	for _, m := range members {
		if m.value != 0 {
			return fail(field+"."+m.name, "can only be specified for SCHED_DEADLINE, not for %s", s.Policy)
		}
	}
	return nil
}

func checkSchedulerFlags(s *specs.Scheduler, field string) error {
	for i, f := range s.Flags {
		switch f {
		case specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun, specs.SchedFlagKeepPolicy,
			specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax:
		default:
			return fail(elementPath(field+".flags", i, ""), "unknown scheduling flag %q", f)
		}
	}
	return nil
}
