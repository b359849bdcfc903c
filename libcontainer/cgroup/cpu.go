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

// The range of cpu.shares (kernel/sched: MIN_SHARES, MAX_SHARES) and of
// cpu.weight; their defaults are 1024 and 100.
const (
	minShares, maxShares = 2, 1 << 18
	minWeight, maxWeight = 1, 10000
)

func (m *Manager) setCPU(r *specs.LinuxCPU) error {
	if r == nil {
		return nil
	}
	rt := deref(r.RealtimePeriod) != 0 || deref(r.RealtimeRuntime) != 0
	// Engines send 0 for what is not set.
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

// sharesAndIdle orders the two: the kernel takes no shares (EINVAL) while the
// cgroup is idle, and an idle cgroup's shares mean nothing.
func (t target) sharesAndIdle(r *specs.LinuxCPU) error {
	if r.Idle == nil {
		return t.shares(deref(r.Shares))
	}
	idle := func() error { return t.writeInt(cpuField+"idle", "cpu.idle", *r.Idle) }
	if *r.Idle == 0 {
		if err := idle(); err != nil && !errors.Is(err, syscall.ENOENT) { // before 5.15 none is idle
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
	case v < minShares: // the kernel clamps without a word
		return fmt.Errorf("%sshares: the minimum allowed cpu-shares is %d", cpuField, minShares)
	case v > maxShares:
		return fmt.Errorf("%sshares: the maximum allowed cpu-shares is %d", cpuField, maxShares)
	}
	return t.writeUint(cpuField+"shares", "cpu.shares", v)
}

// weightOfShares maps cpu.shares to cpu.weight with the curve that runc 1.3.2
// and crun 1.23 settled on: through (2,1), (1024,100) and (262144,10000) on
// logarithmic scales. 0 means unset.
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

// bandwidthV1 writes period, burst and quota. Either of the first two may be
// refused (EINVAL) against the old quota; then it goes again after the new one.
func (t target) bandwidthV1(r *specs.LinuxCPU) error {
	quota := deref(r.Quota)
	period := func() error { return t.writeUint(cpuField+"period", "cpu.cfs_period_us", *r.Period) }
	burst := func() error { return t.burst("cpu.cfs_burst_us", *r.Burst) }
	var again []func() error
	try := func(f func() error) error {
		err := f()
		if quota != 0 && errors.Is(err, syscall.EINVAL) {
			again = append(again, f)
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
			return err
		}
	}
	for _, f := range again {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// burst: "no burst" is granted by a kernel that has none (before 5.14).
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

func (t target) bandwidthV2(r *specs.LinuxCPU) error {
	var late bool
	if r.Burst != nil {
		err := t.burst("cpu.max.burst", *r.Burst)
		if deref(r.Quota) != 0 && errors.Is(err, syscall.EINVAL) {
			late, err = true, nil // refused against the old quota
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
			return err
		}
	}
	if late {
		return t.burst("cpu.max.burst", *r.Burst)
	}
	return nil
}

// cpuMax is the text for cpu.max. A quota alone keeps the period; a period
// alone must not drop the quota, which is read back.
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

// realtime writes period before runtime, or the other way round where the
// kernel refuses the new period against the old runtime. It must be done before
// a realtime process enters.
func (t target) realtime(r *specs.LinuxCPU) error {
	period := func() error {
		return t.writeUint(cpuField+"realtimePeriod", "cpu.rt_period_us", *r.RealtimePeriod)
	}
	late := false
	if deref(r.RealtimePeriod) != 0 {
		err := period()
		if deref(r.RealtimeRuntime) != 0 && errors.Is(err, syscall.EINVAL) {
			late, err = true, nil
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
	if late {
		return period()
	}
	return nil
}

func (m *Manager) setCpuset(r *specs.LinuxCPU) error {
	if r == nil || (r.Cpus == "" && r.Mems == "") {
		return m.filled()
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
	return m.filled()
}

// filled checks that a new v1 cpuset takes processes: what its parent has may be a sibling's alone, and
// then the configuration must name others.
func (m *Manager) filled() error {
	d := m.dir("cpuset")
	if d == nil || d.unfilled == nil {
		return nil
	}
	for _, name := range [...]string{"cpus", "mems"} {
		text, err := readText(d.path, "cpuset."+name)
		if err != nil {
			return err
		}
		if len(text) <= 1 {
			return fmt.Errorf("%s%s is not given, and not all of the parent's can be had: %w", cpuField, name, d.unfilled)
		}
	}
	return nil
}
