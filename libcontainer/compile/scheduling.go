package compile

import (
	"encoding/binary"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// personality returns the number of an execution domain (personality(2)).
func personality(d specs.LinuxPersonalityDomain) uint64 {
	if d == specs.PerLinux32 {
		return 0x8
	}
	return 0
}

func schedPolicy(p specs.LinuxSchedulerPolicy) uint32 {
	return map[specs.LinuxSchedulerPolicy]uint32{
		specs.SchedOther: 0, specs.SchedFIFO: 1, specs.SchedRR: 2, specs.SchedBatch: 3,
		specs.SchedISO: 4, specs.SchedIdle: 5, specs.SchedDeadline: 6,
	}[p]
}

func schedFlag(f specs.LinuxSchedulerFlag) uint64 {
	return map[specs.LinuxSchedulerFlag]uint64{
		specs.SchedFlagResetOnFork: 0x01, specs.SchedFlagReclaim: 0x02, specs.SchedFlagDLOverrun: 0x04,
		specs.SchedFlagKeepPolicy: 0x08, specs.SchedFlagKeepParams: 0x10,
		specs.SchedFlagUtilClampMin: 0x20, specs.SchedFlagUtilClampMax: 0x40,
	}[f]
}

// schedAttr returns struct sched_attr of sched_setattr(2) in its second version of 56 bytes (Linux 5.3). The flags of
// utilization clamping require its last two members; the specification has no fields for these, so they are 0.
func schedAttr(s *specs.Scheduler) string {
	var flags uint64
	for _, f := range s.Flags {
		flags |= schedFlag(f)
	}
	e := binary.NativeEndian
	out := e.AppendUint32(nil, 56)
	out = e.AppendUint32(out, schedPolicy(s.Policy))
	out = e.AppendUint64(out, flags)
	out = e.AppendUint32(out, uint32(s.Nice))
	out = e.AppendUint32(out, uint32(s.Priority))
	out = e.AppendUint64(out, s.Runtime)
	out = e.AppendUint64(out, s.Deadline)
	out = e.AppendUint64(out, s.Period)
	return string(e.AppendUint64(out, 0))
}

// ioPriority returns class and level as ioprio_set(2) takes them.
func ioPriority(p *specs.LinuxIOPriority) uint64 {
	class := map[specs.IOPriorityClass]uint64{specs.IOPRIO_CLASS_RT: 1, specs.IOPRIO_CLASS_BE: 2, specs.IOPRIO_CLASS_IDLE: 3}
	return class[p.Class]<<13 | uint64(p.Priority)
}
