package libcontainer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
)

// Update changes the limits of a container that has not stopped. What r does not name stays as
// it is, devices among it. Where a value is refused, those that were in force are set again.
// Errors name the field as in config.json.
func (c *Container) Update(r *specs.LinuxResources) error {
	if r.Devices != nil {
		return errors.New("linux.resources.devices: cannot be updated")
	}
	if err := bundle.ValidateResources(r, "linux.resources"); err != nil {
		return err
	}
	manager, status, err := c.lockedCgroup()
	defer c.unlock()
	if err != nil {
		return err
	}
	if status == Stopped || status == Creating {
		return ErrNotRunning
	}
	before, err := c.Resources()
	if err != nil {
		return err
	}
	manager.SetWarn(func(text string) { c.runtime.Log.Warn(text) })
	r = withoutZeros(r)
	if c.state.Unit != "" {
		r = withBandwidth(r, before.CPU)
	}
	if !manager.SumsSwap() {
		r = withSwap(r, before)
	}
	if err := manager.Set(r); err != nil {
		if errBack := manager.Set(undoing(r, before)); errBack != nil {
			return fmt.Errorf("%w (and the old limits could not be set again: %w)", err, errBack)
		}
		return err
	}
	return c.writeResources(before, r)
}

// withoutZeros leaves out what engines send for what is not set, so that it is not remembered.
func withoutZeros(r *specs.LinuxResources) *specs.LinuxResources {
	out := *r
	if r.Memory != nil {
		m := *r.Memory
		m.Limit, m.Swap, m.Reservation = unlessZero(m.Limit), unlessZero(m.Swap), unlessZero(m.Reservation)
		out.Memory = &m
	}
	if r.CPU != nil {
		c := *r.CPU
		c.Shares, c.Quota, c.Period = unlessZero(c.Shares), unlessZero(c.Quota), unlessZero(c.Period)
		c.RealtimePeriod, c.RealtimeRuntime = unlessZero(c.RealtimePeriod), unlessZero(c.RealtimeRuntime)
		out.CPU = &c
	}
	return &out
}

func unlessZero[T int64 | uint64](p *T) *T {
	if p == nil || *p == 0 {
		return nil
	}
	return p
}

// withSwap keeps the sum of memory and swap that was asked for before where another limit of memory alone is asked for, as
// the kernel does on v1: v2 has limits of each, and no sum. Unlimited memory takes the swap along.
func withSwap(r, before *specs.LinuxResources) *specs.LinuxResources {
	if r.Memory == nil || r.Memory.Limit == nil || r.Memory.Swap != nil {
		return r
	}
	memory, out := *r.Memory, *r
	_, apart := before.Unified["memory.swap.max"]
	switch {
	case *memory.Limit < 0:
		memory.Swap = memory.Limit
	case !apart && before.Memory != nil && before.Memory.Swap != nil && *before.Memory.Swap > 0:
		memory.Swap = before.Memory.Swap
	}
	out.Memory = &memory
	return &out
}

// undoing are the limits of before, and the kernel's defaults of those that r sets and that were not set before. CPUs and
// memory nodes have none.
func undoing(r, before *specs.LinuxResources) *specs.LinuxResources {
	out := *before
	out.Devices = nil
	if r.Memory != nil {
		m := specs.LinuxMemory{}
		if before.Memory != nil {
			m = *before.Memory
		}
		m.CheckBeforeUpdate = nil
		m.Limit, m.Swap = orDefault(m.Limit, r.Memory.Limit, -1), orDefault(m.Swap, r.Memory.Swap, -1)
		m.Reservation = orDefault(m.Reservation, r.Memory.Reservation, -1)
		out.Memory = &m
	}
	if r.CPU != nil {
		c := specs.LinuxCPU{}
		if before.CPU != nil {
			c = *before.CPU
		}
		c.Shares, c.Burst = orDefault(c.Shares, r.CPU.Shares, 1024), orDefault(c.Burst, r.CPU.Burst, 0)
		c.Quota, c.Period = orDefault(c.Quota, r.CPU.Quota, -1), orDefault(c.Period, r.CPU.Period, 100_000)
		c.Idle = orDefault(c.Idle, r.CPU.Idle, 0)
		out.CPU = &c
	}
	if r.Pids != nil && (before.Pids == nil || before.Pids.Limit == nil) {
		none := int64(-1)
		out.Pids = &specs.LinuxPids{Limit: &none}
	}
	if r.BlockIO != nil {
		out.BlockIO = undoingThrottles(r.BlockIO, before.BlockIO)
	}
	for _, l := range r.HugepageLimits {
		if !slices.ContainsFunc(before.HugepageLimits, func(b specs.LinuxHugepageLimit) bool { return b.Pagesize == l.Pagesize }) {
			out.HugepageLimits = append(slices.Clip(out.HugepageLimits), specs.LinuxHugepageLimit{Pagesize: l.Pagesize, Limit: math.MaxUint64})
		}
	}
	return &out
}

// undoingThrottles: a rate of 0 lifts a limit.
func undoingThrottles(r, before *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	out := specs.LinuxBlockIO{}
	if before != nil {
		out = *before
	}
	asked := throttlesOf(r)
	for i, list := range throttlesOf(&out) {
		lifted := slices.Clone(*asked[i])
		for k := range lifted {
			lifted[k].Rate = 0
		}
		*list = upsert(lifted, *list, throttledDevice, replace)
	}
	return &out
}

// orDefault is a limit of before, or the default where there was none and another one is asked for.
func orDefault[T int64 | uint64](before, asked *T, value T) *T {
	if asked == nil || before != nil && *before != 0 {
		return before
	}
	return &value
}

// withBandwidth completes a CPU quota by its period, and the other way round, from what was asked for
// before: systemd writes no period where there is no quota, so that the cgroup can not tell.
func withBandwidth(r *specs.LinuxResources, before *specs.LinuxCPU) *specs.LinuxResources {
	if r.CPU == nil || before == nil {
		return r
	}
	cpu, out := *r.CPU, *r
	quota, period := cpu.Quota != nil && *cpu.Quota != 0, cpu.Period != nil && *cpu.Period != 0
	switch {
	case quota && !period:
		cpu.Period = before.Period
	case period && !quota:
		cpu.Quota = before.Quota
	}
	out.CPU = &cpu
	return &out
}
