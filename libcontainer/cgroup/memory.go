package cgroup

import (
	"errors"
	"fmt"
	"math"
	"os"
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

// SumsSwap reports whether the kernel limits the sum of memory and swap, as v1 does. v2 limits each of them alone.
func (m *Manager) SumsSwap() bool { return m.dir("memory") != nil }

// HasSwapSum reports whether the limits of a v2 cgroup have this sum of memory and swap in bytes, but for the rounding of
// the kernel to whole pages. It is false for a sum of 0.
func (m *Manager) HasSwapSum(sum uint64) (bool, error) {
	d := m.dir("")
	if d == nil || sum == 0 {
		return false, nil
	}
	var limits [2]uint64
	for i, name := range [...]string{"memory.max", "memory.swap.max"} {
		v, err := readUint(d.path, name)
		if isGone(err) || err == nil && v == math.MaxUint64 {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		limits[i] = v
	}
	total := limits[0] + limits[1]
	return total <= sum && sum-total < 2*uint64(os.Getpagesize()), nil
}

// unlimited is the value of config.json for "no limit" (config-linux.md, Memory).
const unlimited = -1

// memoryLimits are the limits of config.json in bytes. 0 means unset, because engines send 0 then, and -1 means
// unlimited. swap is the limit of memory plus swap.
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
	if r.Kernel != nil {
		m.warn("linux.resources.memory.kernel is ignored: the kernel limits it no more")
	}
	tcp := deref(r.KernelTCP)
	if tcp != 0 && m.dir("memory") == nil {
		m.warn("linux.resources.memory.kernelTCP is ignored: cgroup v2 limits the memory of sockets with all other memory")
		tcp = 0
	}
	if r.UseHierarchy != nil && !*r.UseHierarchy {
		m.warn(memField + "useHierarchy: false has no effect: the kernel accounts every cgroup hierarchically since 5.11")
	}
	swappiness, hasSwappiness := swappinessOf(r)
	oomOff := deref(r.DisableOOMKiller)
	if l == (memoryLimits{}) && !hasSwappiness && !oomOff && r.DisableOOMKiller == nil && tcp == 0 {
		return nil
	}
	t, err := m.locate("memory", memField[:len(memField)-1])
	if err != nil {
		if l == (memoryLimits{}) && !hasSwappiness && !oomOff {
			return nil // disableOOMKiller is false, which every container has without a memory cgroup
		}
		return err
	}
	if t.v2 {
		return t.memoryV2(l, r, hasSwappiness)
	}
	if err := t.memoryV1(l); err != nil {
		return err
	}
	if tcp != 0 {
		if err := t.writeInt(memField+"kernelTCP", "memory.kmem.tcp.limit_in_bytes", tcp); err != nil {
			return err
		}
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

// swappinessOf returns the swappiness and whether it is set. -1 as an unsigned number, which Docker sends, is unset.
func swappinessOf(r *specs.LinuxMemory) (uint64, bool) {
	if r.Swappiness == nil || int64(*r.Swappiness) == -1 {
		return 0, false
	}
	return *r.Swappiness, true
}

// memoryV1 writes limit, memsw and reservation. It keeps memsw >= limit after each write, because the kernel refuses
// anything else.
func (t target) memoryV1(l memoryLimits) error {
	memswOptional := false
	if l.limit == unlimited && l.swap == 0 {
		l.swap = unlimited // else the old memsw would still limit the memory
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

// isDefault reports whether v is the value that a new cgroup has: unlimited.
func (t target) isDefault(v int64) bool { return t.fresh && v == unlimited }

// swapFirst reports whether memsw must be written before the limit: this is so if the new memsw is above the current
// limit. The current limit of a new cgroup is unlimited, and no memsw is above that.
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

// limitV1 writes the limit. If the kernel cannot reclaim enough memory (EBUSY), the error names the usage.
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

// checkUsage returns an error for limits at or below the current usage. v1 returns EBUSY for such a limit, but v2
// accepts it, reclaims and then kills. checkUsage accepts every limit if it cannot read the usage.
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

// swapV2 writes memory.swap.max, which limits swap without memory.
func (t target) swapV2(l memoryLimits) error {
	swap, set, err := t.swapLimit(l)
	if err != nil || !set || t.isDefault(swap) {
		return err
	}
	err = t.write(memSwap, "memory.swap.max", numV2(swap))
	if errors.Is(err, syscall.ENOENT) && swap <= 0 && listed(t.path+"/cgroup.controllers", "memory") {
		return nil // without swap accounting the kernel can apply neither "no swap" nor "any swap"
	}
	return err
}

// swapLimit returns the value for memory.swap.max, where -1 means no limit. set is false if nothing is to be written.
func (t target) swapLimit(l memoryLimits) (swap int64, set bool, err error) {
	limit := l.limit
	if l.swap > 0 && limit == 0 { // an update changes swap alone, so the memory limit is read from the cgroup
		cur, err := t.readUint("memory.max")
		if err != nil && !exists(t.path) { // systemd has yet to make the cgroup, without a memory limit
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

// swapOnly converts memory+swap to swap. If memory is unlimited, swap becomes unlimited too, unless the configuration
// sets it: swapOnly then keeps the value as it is, because there is no memory limit to subtract.
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
