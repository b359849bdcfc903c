package limits

import "github.com/opencontainers/runtime-spec/specs-go"

// WithoutZeros leaves out the zeros that engines send for limits that are not set, so that they are not remembered.
func WithoutZeros(r *specs.LinuxResources) *specs.LinuxResources {
	out := *r
	if r.Memory != nil {
		m := *r.Memory
		m.Limit, m.Swap, m.Reservation = unlessZero(m.Limit), unlessZero(m.Swap), unlessZero(m.Reservation)
		m.KernelTCP = unlessZero(m.KernelTCP) //nolint:staticcheck // deprecated, and part of the specification
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

// WithSwap completes a limit of memory alone by the sum of memory and swap that was asked for before, which v1 keeps: v2
// has a limit of each, and no sum. inForce says that the limits of the cgroup still have that sum: a sum that somebody has
// changed since is nobody's wish any more. Unlimited memory makes the swap unlimited too.
func WithSwap(r, before *specs.LinuxResources, inForce bool) *specs.LinuxResources {
	if r.Memory == nil || r.Memory.Limit == nil || r.Memory.Swap != nil {
		return r
	}
	memory, out := *r.Memory, *r
	switch {
	case *memory.Limit < 0:
		memory.Swap = memory.Limit
	case inForce:
		memory.Swap = before.Memory.Swap
	}
	out.Memory = &memory
	return &out
}

// SwapSum returns the sum of memory and swap in bytes that was asked for, 0 if there is none.
func SwapSum(r *specs.LinuxResources) uint64 {
	if _, apart := r.Unified["memory.swap.max"]; apart || r.Memory == nil || r.Memory.Swap == nil || *r.Memory.Swap < 0 {
		return 0
	}
	return uint64(*r.Memory.Swap)
}
