package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
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
)

func property(name string, v systemd.Value) systemd.Property {
	return systemd.Property{Name: name, Value: v}
}

// limit converts a number to systemd's form. A negative number means no limit.
func limit(v int64) systemd.Uint64 {
	if v < 0 {
		return systemd.Infinity
	}
	return systemd.Uint64(v)
}

// roundForSystemd returns a copy of r with values that systemd can represent exactly. Without this, systemd would later
// write values other than those that rung wrote. systemd keeps CPU quotas in percent, so roundForSystemd rounds them up
// to whole percents, as runc does.
func (m *Manager) roundForSystemd(r *specs.LinuxResources) (*specs.LinuxResources, error) {
	out := *r
	if r.CPU != nil && deref(r.CPU.Quota)|int64(deref(r.CPU.Period)) != 0 {
		cpu := *r.CPU
		quota, period, err := m.wholePercents(deref(cpu.Quota), deref(cpu.Period))
		if err != nil {
			return nil, fmt.Errorf("%squota: %w", cpuField, err)
		}
		if cpu.Quota = &quota; quota > 0 {
			cpu.Period = &period
		}
		out.CPU = &cpu
	}
	out.Unified = maps.Clone(r.Unified)
	if _, weighed := r.Unified["cpu.weight"]; weighed && strings.TrimSpace(r.Unified["cpu.idle"]) == "1" {
		m.warn("unable to apply both cpu.weight and cpu.idle to systemd, ignoring cpu.weight")
		delete(out.Unified, "cpu.weight") // the kernel refuses a weight for an idle cgroup
	}
	if text, ok := r.Unified["cpu.max"]; ok {
		quota, period, err := m.roundCPUMax(text)
		if err != nil {
			return nil, fmt.Errorf("linux.resources.unified[cpu.max]: %w", err)
		}
		out.Unified["cpu.max"] = numV2(quota) + " " + strconv.FormatUint(period, 10)
	}
	return &out, nil
}

// wholePercents rounds a quota in microseconds up to whole percents of a CPU. A negative quota means none. If quota or
// period is 0, wholePercents takes the value that is in force.
func (m *Manager) wholePercents(quota int64, period uint64) (int64, uint64, error) {
	nowQuota, nowPeriod, err := m.bandwidth()
	if err == nil && quota > 0 && period == 0 && nowQuota < 0 && nowPeriod == defaultPeriod {
		nowPeriod, err = m.unit.period()
	}
	if err != nil {
		return 0, 0, err
	}
	if quota == 0 {
		quota = nowQuota
	}
	if period == 0 {
		period = nowPeriod
	}
	if quota < minQuota { // there is no quota, or the kernel will refuse it
		return quota, period, nil
	}
	perSec, err := perSecond(quota, period)
	if err != nil {
		return 0, 0, err
	}
	// systemd computes the quota for cpu.max in the same way.
	return max(int64(perSec*period/1_000_000), minQuota), period, nil
}

// period returns the period in us that systemd will write with the next quota. The cgroup does not tell it: without a
// quota, systemd writes the default period.
func (u *unit) period() (uint64, error) {
	if !u.exists {
		return defaultPeriod, nil
	}
	v, err := u.bus.Number(u.name, "CPUQuotaPeriodUSec")
	if err != nil || v == uint64(systemd.Infinity) {
		return defaultPeriod, err
	}
	return v, nil
}

// perSecond returns the CPU time in us per second, rounded up to steps of 10 ms (one percent).
func perSecond(quota int64, period uint64) (uint64, error) {
	const percent = 10_000
	if uint64(quota)/period > 1<<20 || period > 1<<32 {
		return 0, fmt.Errorf("%d us of CPU time for each %d us is out of range", quota, period)
	}
	v := uint64(quota)/period*1_000_000 + uint64(quota)%period*1_000_000/period
	return (v + percent - 1) / percent * percent, nil
}

// bandwidth reads the current quota and period in us. For a cgroup that does not exist yet it returns the defaults: no
// quota and defaultPeriod.
func (m *Manager) bandwidth() (quota int64, period uint64, err error) {
	quota, period = unlimited, defaultPeriod
	var q, p string
	if d := m.dir("cpu"); d != nil {
		var errPeriod error
		q, err = sys.ReadControl(d.path + "/cpu.cfs_quota_us")
		p, errPeriod = sys.ReadControl(d.path + "/cpu.cfs_period_us")
		err = cmp.Or(err, errPeriod)
	} else if d := m.dir(""); d != nil {
		var text string
		text, err = sys.ReadControl(d.path + "/cpu.max")
		q, p, _ = strings.Cut(text, " ")
	}
	if err = sys.UnlessAbsent(err); err != nil {
		return 0, 0, err
	}
	if v, err := strconv.ParseInt(strings.TrimSpace(q), 10, 64); err == nil {
		quota = v
	}
	if v, err := strconv.ParseUint(strings.TrimSpace(p), 10, 64); err == nil && v > 0 {
		period = v
	}
	return quota, period, nil
}

// roundCPUMax parses the text of cpu.max and rounds it as roundForSystemd rounds quota and period.
func (m *Manager) roundCPUMax(text string) (quota int64, period uint64, err error) {
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

// properties returns the unit properties for the limits of r, a result of roundForSystemd. A limit that systemd has no
// property for is written only to its file.
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
	return append(list, quotaProperties(deref(r.CPU.Quota), deref(r.CPU.Period))...), nil
}

// weightProperty returns the CPUWeight for a weight and cpu.idle. A CPUWeight of 0 means idle. If idle is switched off
// and no weight is given, the CPUWeight is the default weight, as the kernel sets it then.
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
		was, err := sys.ReadControl(m.dirs[0].path + "/cpu.idle")
		if err = sys.UnlessAbsent(err); err != nil {
			return nil, err
		}
		if strings.TrimSpace(was) == "1" {
			weight = defaultWeight
		}
	}
	if weight == 0 {
		return nil, nil
	}
	return []systemd.Property{property("CPUWeight", systemd.Uint64(weight))}, nil
}

// quotaProperties returns the properties for a quota and a period of roundForSystemd. 0 means unset. A quota always
// comes with its period: if systemd has written no quota yet, its period may differ from the cgroup's.
func quotaProperties(quota int64, period uint64) (list []systemd.Property) {
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
		{allowedCPUs, cpuField + "cpus", r.CPU.Cpus}, {allowedNodes, cpuField + "mems", r.CPU.Mems},
	} {
		if set.text == "" {
			continue
		}
		bits, err := bitsOf(set.name, set.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", set.field, set.text, err)
		}
		list = append(list, property(set.name, systemd.Bytes(bits)))
	}
	return list, nil
}

// The properties for cpuset.cpus and cpuset.mems.
const (
	allowedCPUs  = "AllowedCPUs"
	allowedNodes = "AllowedMemoryNodes"
)

// bitsOf converts a list of CPUs or memory nodes to a mask in systemd's form. An empty list is an error.
func bitsOf(name, text string) ([]byte, error) {
	last, err := lastID(name)
	if err != nil {
		return nil, err
	}
	list, err := idlist.ParseKernel(text, last)
	if err == nil && len(list) == 0 {
		err = errors.New("empty value")
	}
	return list.Bytes(), err
}

// lastID returns the highest CPU or memory node that the machine can have, which "all" and "N" stand for.
func lastID(name string) (uint16, error) {
	dir := map[string]string{allowedCPUs: "cpu", allowedNodes: "node"}[name]
	text, err := sys.ReadControl("/sys/devices/system/" + dir + "/possible")
	if isGone(err) {
		return 0, nil // a kernel without NUMA has one node
	}
	if err != nil {
		return 0, fmt.Errorf("read /sys/devices/system/%s/possible: %w", dir, err)
	}
	return idlist.Last(text)
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

// ioProperties returns the block I/O properties for v2. The cgroup must exist, because the scheduler that has a file in
// it determines the scale of a weight.
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

// weightForBfq returns the IOWeight that systemd converts to the weight w of BFQ. systemd maps 100..10000 to 100..1000.
func weightForBfq(w uint16) uint64 {
	if w <= 100 {
		return uint64(w)
	}
	return 100 + (uint64(w)-100)*11
}
