package cgroup

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const (
	memField  = "linux.resources.memory."
	memLimit  = memField + "limit"
	memSwap   = memField + "swap"
	memReserv = memField + "reservation"

	v1Limit = "memory.limit_in_bytes"
	v1Memsw = "memory.memsw.limit_in_bytes"
)

// SumsSwap reports whether the kernel limits the sum of memory and swap, as v1 does; on v2 it is each of them.
func (m *Manager) SumsSwap() bool { return m.dir("memory") != nil }

// unlimited is how config.json writes "no limit" (config-linux.md, Memory).
const unlimited = -1

// memoryLimits are the limits in bytes as config.json has them: 0 is unset
// (engines send it), -1 unlimited, swap is memory plus swap.
type memoryLimits struct{ limit, swap, reservation int64 }

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func (m *Manager) setMemory(r *specs.LinuxMemory) error {
	if r == nil {
		return nil
	}
	l := memoryLimits{deref(r.Limit), deref(r.Swap), deref(r.Reservation)}
	if err := l.check(); err != nil {
		return err
	}
	if r.Kernel != nil || r.KernelTCP != nil {
		m.warn("linux.resources.memory.kernel and kernelTCP are ignored: the kernel limits neither any more")
	}
	if r.UseHierarchy != nil && !*r.UseHierarchy {
		return errors.New(memField + "useHierarchy: false is not available: the kernel accounts every cgroup hierarchically since 5.11")
	}
	swappiness, hasSwappiness := swappinessOf(r)
	oomOff := deref(r.DisableOOMKiller)
	if l == (memoryLimits{}) && !hasSwappiness && !oomOff && r.DisableOOMKiller == nil {
		return nil
	}
	t, err := m.locate("memory", memField[:len(memField)-1])
	if err != nil {
		if l == (memoryLimits{}) && !hasSwappiness && !oomOff {
			return nil // "the OOM killer is on" asks for nothing
		}
		return err
	}
	if t.v2 {
		return t.memoryV2(l, r, hasSwappiness)
	}
	if err := t.memoryV1(l); err != nil {
		return err
	}
	return t.memoryKnobsV1(r, swappiness, hasSwappiness)
}

func (l memoryLimits) check() error {
	for _, f := range [...]struct {
		name string
		v    int64
	}{{memLimit, l.limit}, {memSwap, l.swap}, {memReserv, l.reservation}} {
		if f.v < unlimited {
			return fmt.Errorf("%s: %d is neither a size in bytes nor -1 (unlimited)", f.name, f.v)
		}
	}
	if l.limit > 0 && l.swap > 0 && l.swap < l.limit {
		return fmt.Errorf("%s: memory+swap limit %d should be >= memory limit %d", memSwap, l.swap, l.limit)
	}
	return nil
}

// swappinessOf treats the -1 that Docker sends (as an unsigned number) as unset.
func swappinessOf(r *specs.LinuxMemory) (uint64, bool) {
	if r.Swappiness == nil || int64(*r.Swappiness) == -1 {
		return 0, false
	}
	return *r.Swappiness, true
}

// memoryV1 keeps memsw >= limit at every step, which the kernel insists on.
func (t target) memoryV1(l memoryLimits) error {
	memswOptional := false
	if l.limit == unlimited && l.swap == 0 {
		l.swap = unlimited // unlimited memory is not to stop at an old memsw
		memswOptional = true
	}
	swapFirst, err := t.swapFirst(l)
	if err != nil {
		return err
	}
	if swapFirst {
		if err := t.memswV1(l.swap, memswOptional); err != nil {
			return err
		}
	}
	if l.limit != 0 && !t.isDefault(l.limit) {
		if err := t.limitV1(l.limit); err != nil {
			return err
		}
	}
	if !swapFirst {
		if err := t.memswV1(l.swap, memswOptional); err != nil {
			return err
		}
	}
	if l.reservation != 0 {
		return t.writeInt(memReserv, "memory.soft_limit_in_bytes", l.reservation)
	}
	return nil
}

// isDefault: a new cgroup is unlimited already.
func (t target) isDefault(v int64) bool { return t.fresh && v == unlimited }

// swapFirst: memsw goes first where the new one fits over the current limit.
// A new cgroup has no limit, so nothing fits over it.
func (t target) swapFirst(l memoryLimits) (bool, error) {
	if l.limit == 0 || l.swap == 0 || t.fresh {
		return false, nil
	}
	if l.swap == unlimited {
		return true, nil
	}
	cur, err := t.readUint(v1Limit)
	if err != nil {
		return false, fmt.Errorf("%s: %w", memLimit, err)
	}
	return cur < uint64(l.swap), nil
}

func (t target) memswV1(v int64, optional bool) error {
	if v == 0 || t.isDefault(v) {
		return nil
	}
	err := t.writeInt(memSwap, v1Memsw, v)
	if errors.Is(err, syscall.ENOENT) {
		if optional {
			return nil
		}
		return fmt.Errorf("%w (the kernel does not account swap: swapaccount=1 at boot)", err)
	}
	return err
}

// limitV1 says what is in the way when the kernel cannot reclaim down to the
// limit.
func (t target) limitV1(v int64) error {
	err := t.writeInt(memLimit, v1Limit, v)
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	usage, _ := t.readUint("memory.usage_in_bytes")
	peak, _ := t.readUint("memory.max_usage_in_bytes")
	return fmt.Errorf("%w: unable to set memory limit to %d (current usage: %d, peak usage: %d)", err, v, usage, peak)
}

func (t target) memoryKnobsV1(r *specs.LinuxMemory, swappiness uint64, hasSwappiness bool) error {
	if r.DisableOOMKiller != nil && (*r.DisableOOMKiller || !t.fresh) {
		val := "0"
		if *r.DisableOOMKiller {
			val = "1"
		}
		if err := t.write(memField+"disableOOMKiller", "memory.oom_control", val); err != nil {
			return err
		}
	}
	if !hasSwappiness {
		return nil
	}
	if swappiness > 100 {
		return fmt.Errorf("%sswappiness: invalid memory swappiness value: %d (valid range is 0-100)", memField, swappiness)
	}
	return t.writeUint(memField+"swappiness", "memory.swappiness", swappiness)
}

func (t target) memoryV2(l memoryLimits, r *specs.LinuxMemory, hasSwappiness bool) error {
	if hasSwappiness {
		return onlyV1(memField + "swappiness")
	}
	if deref(r.DisableOOMKiller) {
		return onlyV1(memField + "disableOOMKiller")
	}
	if deref(r.CheckBeforeUpdate) {
		if err := t.checkUsage(l); err != nil {
			return err
		}
	}
	if err := t.swapV2(l); err != nil {
		return err
	}
	if l.limit != 0 && !t.isDefault(l.limit) {
		if err := t.write(memLimit, "memory.max", numV2(l.limit)); err != nil {
			return err
		}
	}
	if l.reservation != 0 {
		return t.write(memReserv, "memory.low", numV2(l.reservation))
	}
	return nil
}

func numV2(v int64) string {
	if v < 0 {
		return "max"
	}
	return strconv.FormatInt(v, 10)
}

// checkUsage refuses limits below what is in use: v2 would reclaim and then
// kill, where v1 says EBUSY. Without a reading there is nothing to compare.
func (t target) checkUsage(l memoryLimits) error {
	if l.limit <= 0 && l.swap <= 0 {
		return nil
	}
	usage, err := t.readUint("memory.current")
	if err != nil {
		return nil
	}
	if l.swap > 0 && uint64(l.swap) <= usage {
		return fmt.Errorf("%s: rejecting memory+swap limit %d <= usage %d", memSwap, l.swap, usage)
	}
	if l.limit > 0 && uint64(l.limit) <= usage {
		return fmt.Errorf("%s: rejecting memory limit %d <= usage %d", memLimit, l.limit, usage)
	}
	return nil
}

// swapV2 writes memory.swap.max, which does not include memory.
func (t target) swapV2(l memoryLimits) error {
	swap, set, err := t.swapLimit(l)
	if err != nil || !set || t.isDefault(swap) {
		return err
	}
	err = t.write(memSwap, "memory.swap.max", numV2(swap))
	if errors.Is(err, syscall.ENOENT) && swap <= 0 && listed(t.path+"/cgroup.controllers", "memory") {
		return nil // no swap accounting: "none" and "any" come to the same
	}
	return err
}

// swapLimit is the value for memory.swap.max; -1 is none.
func (t target) swapLimit(l memoryLimits) (swap int64, set bool, err error) {
	limit := l.limit
	if l.swap > 0 && limit == 0 { // an update of swap alone: the limit is in the cgroup
		cur, err := t.readUint("memory.max")
		if err != nil && !exists(t.path) { // systemd will make it, without a limit
			cur, err = math.MaxUint64, nil
		}
		if err != nil {
			return 0, false, t.explain(memSwap, "memory.swap.max", errors.Unwrap(err))
		}
		if cur == math.MaxUint64 {
			return 0, false, fmt.Errorf("%s: unable to set swap limit without memory limit", memSwap)
		}
		if uint64(l.swap) < cur {
			return 0, false, fmt.Errorf("%s: memory+swap limit %d should be >= memory limit %d", memSwap, l.swap, cur)
		}
		limit = int64(cur)
	}
	swap, set = swapOnly(limit, l.swap)
	return swap, set, nil
}

// swapOnly converts memory+swap to swap. Unlimited memory takes swap along, or
// leaves a fixed swap as it is: there is nothing to take off.
func swapOnly(limit, memsw int64) (swap int64, set bool) {
	switch {
	case limit == unlimited && memsw == 0:
		return unlimited, true
	case memsw == 0:
		return 0, false
	case memsw == unlimited, limit == unlimited:
		return memsw, true
	}
	return memsw - limit, true
}
