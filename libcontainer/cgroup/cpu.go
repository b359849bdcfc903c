package cgroup

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

const cpuField = "linux.resources.cpu."

// The ranges of cpu.shares (kernel/sched: MIN_SHARES, MAX_SHARES) and of cpu.weight. The defaults are 1024 and 100.
const (
	minShares, maxShares = 2, 1 << 18
	minWeight, maxWeight = 1, 10000
)

func (m *Manager) setCPU(r *specs.LinuxCPU) error {
	if r == nil {
		return nil
	}
	rt := deref(r.RealtimePeriod) != 0 || deref(r.RealtimeRuntime) != 0
	// Engines send 0 for a value that is not set.
	if deref(r.Shares) == 0 && deref(r.Quota) == 0 && deref(r.Period) == 0 && r.Burst == nil && r.Idle == nil && !rt {
		return nil
	}
	t, err := m.locate("cpu", cpuField[:len(cpuField)-1])
	if err != nil {
		return err
	}
	if t.v2 && rt {
		return onlyV1(cpuField + "realtimeRuntime and realtimePeriod")
	}
	if err := t.sharesAndIdle(r); err != nil {
		return err
	}
	if t.v2 {
		return t.bandwidthV2(r)
	}
	if err := t.bandwidthV1(r); err != nil {
		return err
	}
	return t.realtime(r)
}

// sharesAndIdle writes shares and idle in the order that the kernel accepts: it refuses shares (EINVAL) while the
// cgroup is idle. A refusal is ignored when the cgroup is to be idle, because the kernel does not use its shares then.
func (t target) sharesAndIdle(r *specs.LinuxCPU) error {
	if r.Idle == nil {
		return t.shares(deref(r.Shares))
	}
	idle := func() error { return t.writeInt(cpuField+"idle", "cpu.idle", *r.Idle) }
	if *r.Idle == 0 {
		if err := idle(); err != nil && !errors.Is(err, syscall.ENOENT) { // before Linux 5.15 no cgroup can be idle
			return err
		}
		return t.shares(deref(r.Shares))
	}
	if err := t.shares(deref(r.Shares)); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return idle()
}

func (t target) shares(v uint64) error {
	switch {
	case v == 0:
		return nil
	case t.v2:
		return t.writeUint(cpuField+"shares", "cpu.weight", weightOfShares(v))
	}
	if err := checkShares(v); err != nil {
		return err
	}
	return t.writeUint(cpuField+"shares", "cpu.shares", v)
}

// checkShares refuses shares that v1 would clamp silently.
func checkShares(v uint64) error {
	switch {
	case v < minShares:
		return fmt.Errorf("%sshares: the minimum allowed cpu-shares is %d", cpuField, minShares)
	case v > maxShares:
		return fmt.Errorf("%sshares: the maximum allowed cpu-shares is %d", cpuField, maxShares)
	}
	return nil
}

// weightOfShares maps cpu.shares to cpu.weight with the curve that runc 1.3.2 and crun 1.23 use. On logarithmic
// scales it passes through (2,1), (1024,100) and (262144,10000). 0 means unset.
func weightOfShares(shares uint64) uint64 {
	switch {
	case shares == 0:
		return 0
	case shares <= minShares:
		return minWeight
	case shares >= maxShares:
		return maxWeight
	}
	l := math.Log2(float64(shares))
	exp := (l*l+125*l)/612.0 - 7.0/34.0
	return uint64(math.Ceil(math.Pow(10, exp)))
}

// bandwidthV1 writes period, burst and quota. The kernel may refuse the period or the burst (EINVAL) because of the
// old quota. bandwidthV1 then writes it a second time, after the new quota.
func (t target) bandwidthV1(r *specs.LinuxCPU) error {
	quota := deref(r.Quota)
	period := func() error { return t.writeUint(cpuField+"period", "cpu.cfs_period_us", *r.Period) }
	burst := func() error { return t.burst("cpu.cfs_burst_us", *r.Burst) }
	var retries []func() error
	try := func(f func() error) error {
		err := f()
		if quota != 0 && errors.Is(err, syscall.EINVAL) {
			retries = append(retries, f)
			return nil
		}
		return err
	}
	if deref(r.Period) != 0 {
		if err := try(period); err != nil {
			return err
		}
	}
	if r.Burst != nil {
		if err := try(burst); err != nil {
			return err
		}
	}
	if quota != 0 && !(t.fresh && quota < 0) {
		if err := t.writeInt(cpuField+"quota", "cpu.cfs_quota_us", quota); err != nil {
			return t.belowBurst(err, "cpu.cfs_burst_us", quota)
		}
	}
	for _, f := range retries {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// burst writes the burst in microseconds. 0 succeeds on a kernel without the file (before 5.14): it has no burst.
func (t target) burst(file string, v uint64) error {
	if v == 0 && t.fresh {
		return nil
	}
	err := t.writeUint(cpuField+"burst", file, v)
	if v == 0 && errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

// belowBurst adds to the error for a quota that it is below the burst in force, which the kernel refuses.
func (t target) belowBurst(err error, file string, quota int64) error {
	burst, errBurst := t.readUint(file)
	if errBurst != nil || quota <= 0 || uint64(quota) >= burst || !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return fmt.Errorf("%w (the quota of %d is below the burst in force, %d)", err, quota, burst)
}

func (t target) bandwidthV2(r *specs.LinuxCPU) error {
	var retryBurst bool
	if r.Burst != nil {
		err := t.burst("cpu.max.burst", *r.Burst)
		if deref(r.Quota) != 0 && errors.Is(err, syscall.EINVAL) {
			retryBurst, err = true, nil // the old quota is too small for it
		}
		if err != nil {
			return err
		}
	}
	val, err := t.cpuMax(deref(r.Quota), deref(r.Period))
	if err != nil {
		return err
	}
	if val != "" {
		field := cpuField + "quota"
		if deref(r.Quota) == 0 {
			field = cpuField + "period"
		}
		if err := t.write(field, "cpu.max", val); err != nil {
			return t.belowBurst(err, "cpu.max.burst", deref(r.Quota))
		}
	}
	if retryBurst {
		return t.burst("cpu.max.burst", *r.Burst)
	}
	return nil
}

// cpuMax returns the text for cpu.max, "" if there is nothing to write. The kernel keeps the period when only a quota
// is written. A period cannot be written alone, so cpuMax reads the current quota back and repeats it.
func (t target) cpuMax(quota int64, period uint64) (string, error) {
	if quota == 0 && period == 0 {
		return "", nil
	}
	val := "max"
	switch {
	case quota > 0:
		val = strconv.FormatInt(quota, 10)
	case quota == 0 && !t.fresh:
		cur, err := sys.ReadControl(t.path + "/cpu.max")
		if err != nil {
			return "", t.explain(cpuField+"period", "cpu.max", err)
		}
		if q, _, ok := strings.Cut(cur, " "); ok {
			val = q
		}
	}
	if period != 0 {
		val += " " + strconv.FormatUint(period, 10)
	}
	return val, nil
}

// realtime writes period, then runtime. If the kernel refuses the new period because of the old runtime, realtime
// writes the period again after the runtime. The caller calls it before a realtime process enters.
func (t target) realtime(r *specs.LinuxCPU) error {
	period := func() error {
		return t.writeUint(cpuField+"realtimePeriod", "cpu.rt_period_us", *r.RealtimePeriod)
	}
	retryPeriod := false
	if deref(r.RealtimePeriod) != 0 {
		err := period()
		if deref(r.RealtimeRuntime) != 0 && errors.Is(err, syscall.EINVAL) {
			retryPeriod, err = true, nil
		}
		if err != nil {
			return err
		}
	}
	if deref(r.RealtimeRuntime) != 0 {
		if err := t.writeInt(cpuField+"realtimeRuntime", "cpu.rt_runtime_us", *r.RealtimeRuntime); err != nil {
			return err
		}
	}
	if retryPeriod {
		return period()
	}
	return nil
}

func (m *Manager) setCpuset(r *specs.LinuxCPU) error {
	if r == nil || (r.Cpus == "" && r.Mems == "") {
		return m.checkCpuset()
	}
	t, err := m.locate("cpuset", cpuField+"cpus")
	if err != nil {
		return err
	}
	if r.Cpus != "" {
		if err := t.write(cpuField+"cpus", "cpuset.cpus", r.Cpus); err != nil {
			return err
		}
	}
	if r.Mems != "" {
		if err := t.write(cpuField+"mems", "cpuset.mems", r.Mems); err != nil {
			return err
		}
	}
	return m.checkCpuset()
}

// checkCpuset fails if a new v1 cpuset has no CPUs or no memory nodes, because the kernel then refuses every process.
// This happens where a sibling holds the parent's CPUs or nodes exclusively and the configuration names no others.
func (m *Manager) checkCpuset() error {
	d := m.dir("cpuset")
	if d == nil || d.cpusetErr == nil {
		return nil
	}
	for _, name := range [...]string{"cpus", "mems"} {
		text, err := readText(d.path, "cpuset."+name)
		if err != nil {
			return err
		}
		if len(text) <= 1 {
			return fmt.Errorf("%s%s is not given, and the parent's cannot be used: %w", cpuField, name, d.cpusetErr)
		}
	}
	return nil
}
