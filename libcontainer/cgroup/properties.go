package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/idlist"
	"rung/libcontainer/systemd"
)

const (
	defaultPeriod = 100_000 // us, of the CPU controller
	defaultWeight = 100     // of cpu.weight
	minQuota      = 1000    // us, of the kernel and of systemd
	// idleVersion of systemd has a CPUWeight for cpu.idle.
	idleVersion = 252
)

func property(name string, v systemd.Value) systemd.Property {
	return systemd.Property{Name: name, Value: v}
}

// limit is a number as systemd has it: negative is none.
func limit(v int64) systemd.Uint64 {
	if v < 0 {
		return systemd.Infinity
	}
	return systemd.Uint64(v)
}

// inStep returns limits that systemd can hold exactly, so that it never changes what was
// written: it keeps CPU quotas in percent, and they are rounded up to that, as by runc.
func (m *Manager) inStep(r *specs.LinuxResources) (*specs.LinuxResources, error) {
	out := *r
	if r.CPU != nil && deref(r.CPU.Quota)|int64(deref(r.CPU.Period)) != 0 {
		cpu := *r.CPU
		quota, _, err := m.wholePercents(deref(cpu.Quota), deref(cpu.Period))
		if err != nil {
			return nil, fmt.Errorf("%squota: %w", cpuField, err)
		}
		cpu.Quota = &quota
		out.CPU = &cpu
	}
	out.Unified = maps.Clone(r.Unified)
	if _, weighed := r.Unified["cpu.weight"]; weighed && strings.TrimSpace(r.Unified["cpu.idle"]) == "1" {
		m.warn("unable to apply both cpu.weight and cpu.idle to systemd, ignoring cpu.weight")
		delete(out.Unified, "cpu.weight") // the kernel takes none of an idle cgroup
	}
	if text, ok := r.Unified["cpu.max"]; ok {
		quota, period, err := m.cpuMaxInStep(text)
		if err != nil {
			return nil, fmt.Errorf("linux.resources.unified[cpu.max]: %w", err)
		}
		out.Unified["cpu.max"] = numV2(quota) + " " + strconv.FormatUint(period, 10)
	}
	return &out, nil
}

// wholePercents rounds a quota (us, negative is none) up to whole percents of a CPU; 0 for
// either value is that which is in force.
func (m *Manager) wholePercents(quota int64, period uint64) (int64, uint64, error) {
	nowQuota, nowPeriod := m.bandwidth()
	if quota == 0 {
		quota = nowQuota
	}
	if period == 0 {
		period = nowPeriod
	}
	if quota < minQuota { // none, or one that the kernel will refuse
		return quota, period, nil
	}
	perSec, err := perSecond(quota, period)
	if err != nil {
		return 0, 0, err
	}
	// What systemd makes of it.
	return max(int64(perSec*period/1_000_000), minQuota), period, nil
}

// perSecond is the CPU time in us for each second, in steps of 10 ms: one percent.
func perSecond(quota int64, period uint64) (uint64, error) {
	const percent = 10_000
	if uint64(quota)/period > 1<<20 || period > 1<<32 {
		return 0, fmt.Errorf("%d us of CPU time for each %d us is out of range", quota, period)
	}
	v := uint64(quota)/period*1_000_000 + uint64(quota)%period*1_000_000/period
	return (v + percent - 1) / percent * percent, nil
}

// bandwidth reads quota and period in force; none for a cgroup that is still to be made.
func (m *Manager) bandwidth() (quota int64, period uint64) {
	quota, period = unlimited, defaultPeriod
	var q, p string
	if d := m.dir("cpu"); d != nil {
		q, _ = sys.ReadControl(d.path + "/cpu.cfs_quota_us")
		p, _ = sys.ReadControl(d.path + "/cpu.cfs_period_us")
	} else if d := m.dir(""); d != nil {
		text, _ := sys.ReadControl(d.path + "/cpu.max")
		q, p, _ = strings.Cut(text, " ")
	}
	if v, err := strconv.ParseInt(strings.TrimSpace(q), 10, 64); err == nil {
		quota = v
	}
	if v, err := strconv.ParseUint(strings.TrimSpace(p), 10, 64); err == nil && v > 0 {
		period = v
	}
	return quota, period
}

// cpuMaxInStep does for the text of cpu.max what inStep does for quota and period.
func (m *Manager) cpuMaxInStep(text string) (quota int64, period uint64, err error) {
	f := strings.Fields(text)
	if len(f) < 1 || len(f) > 2 {
		return 0, 0, fmt.Errorf("value invalid: %q", text)
	}
	quota = unlimited
	if f[0] != "max" {
		if quota, err = strconv.ParseInt(f[0], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	if len(f) == 2 {
		if period, err = strconv.ParseUint(f[1], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	return m.wholePercents(quota, period)
}

// properties are those that hold the limits of r, which is in step. What systemd has no
// property for is left to the files.
func (m *Manager) properties(r *specs.LinuxResources) ([]systemd.Property, error) {
	var list []systemd.Property
	steps := []func(*specs.LinuxResources) ([]systemd.Property, error){
		m.memoryProperties, m.cpuProperties, cpusetProperties, m.blkioProperties, pidsProperties,
		m.deviceProperties, m.unifiedProperties,
	}
	for _, step := range steps {
		some, err := step(r)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

func (m *Manager) memoryProperties(r *specs.LinuxResources) (list []systemd.Property, err error) {
	if r.Memory == nil {
		return nil, nil
	}
	l := memoryLimits{deref(r.Memory.Limit), deref(r.Memory.Swap), deref(r.Memory.Reservation)}
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.limit != 0 {
		list = append(list, property(m.byVersion("MemoryLimit", "MemoryMax"), limit(l.limit)))
	}
	if !m.pureV2() {
		return list, nil
	}
	t := target{&m.dirs[0], m, "memory"}
	if deref(r.Memory.CheckBeforeUpdate) {
		if err := t.checkUsage(l); err != nil {
			return nil, err
		}
	}
	if l.reservation != 0 {
		list = append(list, property("MemoryLow", limit(l.reservation)))
	}
	swap, set, err := t.swapLimit(l)
	if set {
		list = append(list, property("MemorySwapMax", limit(swap)))
	}
	return list, err
}

func (m *Manager) cpuProperties(r *specs.LinuxResources) (list []systemd.Property, err error) {
	if r.CPU == nil {
		return nil, nil
	}
	shares := deref(r.CPU.Shares)
	if m.pureV2() {
		if list, err = m.weightProperty(r.CPU.Idle, weightOfShares(shares)); err != nil {
			return nil, err
		}
	} else if shares != 0 {
		list = append(list, property("CPUShares", systemd.Uint64(shares)))
	}
	return append(list, m.quotaProperties(deref(r.CPU.Quota), deref(r.CPU.Period))...), nil
}

// weightProperty: a weight of 0 is idle. An idle cgroup that is so no more has the default weight,
// as the kernel gives it.
func (m *Manager) weightProperty(idle *int64, weight uint64) ([]systemd.Property, error) {
	switch {
	case deref(idle) == 1:
		v, err := m.unit.bus.Version()
		if err != nil {
			return nil, err
		}
		if v >= idleVersion {
			if weight != 0 {
				m.warn("unable to apply both CPUWeight and CpuIdle to systemd, ignoring CPUWeight")
			}
			return []systemd.Property{property("CPUWeight", systemd.Uint64(0))}, nil
		}
	case idle != nil && weight == 0:
		if was, _ := sys.ReadControl(m.dirs[0].path + "/cpu.idle"); strings.TrimSpace(was) == "1" {
			weight = defaultWeight
		}
	}
	if weight == 0 {
		return nil, nil
	}
	return []systemd.Property{property("CPUWeight", systemd.Uint64(weight))}, nil
}

// quotaProperties takes a quota that is in step. 0 is what is not set. A quota is nothing without
// its period: systemd's may be another than that of the cgroup, where it has written no quota.
func (m *Manager) quotaProperties(quota int64, period uint64) (list []systemd.Property) {
	if quota > 0 && period == 0 {
		_, period = m.bandwidth()
	}
	if period != 0 {
		list = append(list, property("CPUQuotaPeriodUSec", systemd.Uint64(period)))
	}
	if quota == 0 {
		return list
	}
	v := systemd.Infinity
	if quota > 0 {
		if perSec, err := perSecond(quota, period); err == nil {
			v = systemd.Uint64(perSec)
		}
	}
	return append(list, property("CPUQuotaPerSecUSec", v))
}

func cpusetProperties(r *specs.LinuxResources) (list []systemd.Property, err error) {
	if r.CPU == nil {
		return nil, nil
	}
	for _, set := range [...]struct{ name, field, text string }{
		{"AllowedCPUs", cpuField + "cpus", r.CPU.Cpus}, {"AllowedMemoryNodes", cpuField + "mems", r.CPU.Mems},
	} {
		if set.text == "" {
			continue
		}
		bits, err := bitsOf(set.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", set.field, set.text, err)
		}
		list = append(list, property(set.name, systemd.Bytes(bits)))
	}
	return list, nil
}

// bitsOf turns a list of CPUs or memory nodes into a mask as systemd has it.
func bitsOf(text string) ([]byte, error) {
	list, err := idlist.Parse(text)
	if err == nil && len(list) == 0 {
		err = errors.New("empty value")
	}
	return list.Bytes(), err
}

func pidsProperties(r *specs.LinuxResources) ([]systemd.Property, error) {
	if r.Pids == nil || r.Pids.Limit == nil {
		return nil, nil
	}
	return []systemd.Property{property("TasksMax", max(limit(*r.Pids.Limit), 1))}, nil
}

func (m *Manager) blkioProperties(r *specs.LinuxResources) ([]systemd.Property, error) {
	if m.pureV2() || r.BlockIO == nil || deref(r.BlockIO.Weight) == 0 {
		return nil, nil
	}
	return []systemd.Property{property("BlockIOWeight", systemd.Uint64(*r.BlockIO.Weight))}, nil
}

// ioProperties are those of v2. The cgroup must exist: which scheduler has a file in it decides
// what a weight means.
func (m *Manager) ioProperties(r *specs.LinuxBlockIO) (list []systemd.Property) {
	if r == nil {
		return nil
	}
	weight := func(w uint16) systemd.Uint64 { return systemd.Uint64(ioWeight(w)) }
	if exists(m.dirs[0].path + "/io.bfq.weight") {
		weight = func(w uint16) systemd.Uint64 { return systemd.Uint64(weightForBfq(w)) }
	}
	if w := deref(r.Weight); w != 0 {
		list = append(list, property("IOWeight", weight(w)))
	}
	var weights []systemd.Value
	for _, d := range r.WeightDevice {
		if w := deref(d.Weight); w != 0 {
			weights = append(weights, devicePair(d.LinuxBlockIODevice, weight(w)))
		}
	}
	list = appendPairs(list, "IODeviceWeight", weights)
	names := [...]string{"IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax"}
	for i, l := range throttles(r) {
		var rates []systemd.Value
		for _, d := range l.devices {
			rate := systemd.Infinity
			if d.Rate != 0 {
				rate = systemd.Uint64(d.Rate)
			}
			rates = append(rates, devicePair(d.LinuxBlockIODevice, rate))
		}
		list = appendPairs(list, names[i], rates)
	}
	return list
}

func devicePair(d specs.LinuxBlockIODevice, v systemd.Uint64) systemd.Value {
	return systemd.Struct{systemd.String("/dev/block/" + devNum(d)), v}
}

func appendPairs(list []systemd.Property, name string, pairs []systemd.Value) []systemd.Property {
	if len(pairs) == 0 {
		return list
	}
	return append(list, property(name, systemd.Array{Elem: "(st)", Items: pairs}))
}

// weightForBfq is the IOWeight of which systemd makes the given weight of BFQ: it maps 100 to
// 10000 on 100 to 1000.
func weightForBfq(w uint16) uint64 {
	if w <= 100 {
		return uint64(w)
	}
	return 100 + (uint64(w)-100)*11
}

// maxOrUint is a number as v2 files have it.
func maxOrUint(text string) (systemd.Uint64, error) {
	if text == "max" {
		return math.MaxUint64, nil
	}
	v, err := strconv.ParseUint(text, 10, 64)
	return systemd.Uint64(v), err
}
