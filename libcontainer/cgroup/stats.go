package cgroup

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// Stats holds the counters of the cgroup. Its JSON form is that of "data" in `runc events --stats`, without intel_rdt
// and network_interfaces, and with rdma. Times are in nanoseconds, sizes in bytes.
type Stats struct {
	CPU     CPUStats                `json:"cpu"`
	CPUSet  CPUSetStats             `json:"cpuset"`
	Memory  MemoryStats             `json:"memory"`
	Pids    PidsStats               `json:"pids"`
	Blkio   BlkioStats              `json:"blkio"`
	Hugetlb map[string]HugetlbStats `json:"hugetlb"` // by page size, "2MB"
	Rdma    RdmaStats               `json:"rdma,omitzero"`
}

// PSIData is one line of a pressure file: percentages over 10, 60 and 300
// seconds, and the total in microseconds (Documentation/accounting/psi.rst).
type PSIData struct {
	Avg10  float64 `json:"avg10"`
	Avg60  float64 `json:"avg60"`
	Avg300 float64 `json:"avg300"`
	Total  uint64  `json:"total"`
}

// PSIStats is the content of a pressure file.
type PSIStats struct {
	Some PSIData `json:"some"`
	Full PSIData `json:"full"`
}

// CPUStats is the CPU time that was used, and the throttling.
type CPUStats struct {
	Usage      CPUUsage   `json:"usage,omitzero"`
	Throttling Throttling `json:"throttling,omitzero"`
	PSI        *PSIStats  `json:"psi,omitempty"`
}

// CPUUsage is in nanoseconds. The lists have one entry per CPU, and only v1 fills them.
type CPUUsage struct {
	Total        uint64   `json:"total,omitempty"`
	Percpu       []uint64 `json:"percpu,omitempty"`
	PercpuKernel []uint64 `json:"percpu_kernel,omitempty"`
	PercpuUser   []uint64 `json:"percpu_user,omitempty"`
	Kernel       uint64   `json:"kernel"`
	User         uint64   `json:"user"`
}

// Throttling counts the periods of CPU bandwidth control. ThrottledTime is in nanoseconds.
type Throttling struct {
	Periods          uint64 `json:"periods,omitempty"`
	ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
	ThrottledTime    uint64 `json:"throttledTime,omitempty"`
}

// CPUSetStats is the content of the v1 cpuset files.
type CPUSetStats struct {
	CPUs                  []uint16 `json:"cpus,omitempty"`
	CPUExclusive          uint64   `json:"cpu_exclusive"`
	Mems                  []uint16 `json:"mems,omitempty"`
	MemHardwall           uint64   `json:"mem_hardwall"`
	MemExclusive          uint64   `json:"mem_exclusive"`
	MemoryMigrate         uint64   `json:"memory_migrate"`
	MemorySpreadPage      uint64   `json:"memory_spread_page"`
	MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
	MemoryPressure        uint64   `json:"memory_pressure"`
	SchedLoadBalance      uint64   `json:"sched_load_balance"`
	SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
}

// MemoryStats is the memory that was used and refused. Swap is memory plus swap, on v2 too.
type MemoryStats struct {
	Cache     uint64            `json:"cache,omitempty"`
	Usage     MemoryEntry       `json:"usage,omitzero"`
	Swap      MemoryEntry       `json:"swap,omitzero"`
	Kernel    MemoryEntry       `json:"kernel,omitzero"`
	KernelTCP MemoryEntry       `json:"kernelTCP,omitzero"`
	Raw       map[string]uint64 `json:"raw,omitempty"` // memory.stat
	PSI       *PSIStats         `json:"psi,omitempty"`
}

// MemoryEntry is one memory counter in bytes. Limit is the largest number if there is no limit.
type MemoryEntry struct {
	Limit   uint64 `json:"limit"`
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// PidsStats counts tasks. Limit is 0 if there is no limit.
type PidsStats struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"`
}

// BlkioEntry is one counter of one block device.
type BlkioEntry struct {
	Major uint64 `json:"major,omitempty"`
	Minor uint64 `json:"minor,omitempty"`
	Op    string `json:"op,omitempty"`
	Value uint64 `json:"value,omitempty"`
}

// BlkioStats is named after the v1 files. v2 fills only the first two lists.
type BlkioStats struct {
	IoServiceBytesRecursive []BlkioEntry `json:"ioServiceBytesRecursive,omitempty"`
	IoServicedRecursive     []BlkioEntry `json:"ioServicedRecursive,omitempty"`
	IoQueuedRecursive       []BlkioEntry `json:"ioQueueRecursive,omitempty"`
	IoServiceTimeRecursive  []BlkioEntry `json:"ioServiceTimeRecursive,omitempty"`
	IoWaitTimeRecursive     []BlkioEntry `json:"ioWaitTimeRecursive,omitempty"`
	IoMergedRecursive       []BlkioEntry `json:"ioMergedRecursive,omitempty"`
	IoTimeRecursive         []BlkioEntry `json:"ioTimeRecursive,omitempty"`
	SectorsRecursive        []BlkioEntry `json:"sectorsRecursive,omitempty"`
	PSI                     *PSIStats    `json:"psi,omitempty"`
}

// HugetlbStats counts the huge pages of one size in bytes: reservations if the kernel accounts them, else usage.
type HugetlbStats struct {
	Usage   uint64 `json:"usage,omitempty"`
	Max     uint64 `json:"max,omitempty"`
	Failcnt uint64 `json:"failcnt"`
}

// RdmaStats has one entry per device.
type RdmaStats struct {
	Limit   []RdmaEntry `json:"limit,omitempty"`
	Current []RdmaEntry `json:"current,omitempty"`
}

// RdmaEntry is one device. A value is the largest number if there is no limit.
type RdmaEntry struct {
	Device     string `json:"device"`
	HcaHandles uint32 `json:"hcaHandles"`
	HcaObjects uint32 `json:"hcaObjects"`
}

// Stats reads every counter of the container's cgroups. A missing controller or file leaves its part empty. All parts
// are empty if a rootless caller skipped every hierarchy. Stats returns ErrNotExist if the cgroup does not exist.
func (m *Manager) Stats() (*Stats, error) {
	if len(m.dirs) > 0 && !m.Exists() {
		return nil, ErrNotExist
	}
	s := &Stats{Hugetlb: map[string]HugetlbStats{}}
	steps := [...]struct {
		controller string
		v1, v2     func(string, *Stats) error
	}{
		{"cpu", cpuStatsV1, cpuStatsV2},
		{"cpuacct", cpuacctStats, nil},
		{"cpuset", cpusetStats, nil},
		{"memory", memoryStatsV1, memoryStatsV2},
		{"pids", pidsStats, pidsStats},
		{"blkio", blkioStatsV1, ioStatsV2},
		{"hugetlb", hugetlbStatsV1, hugetlbStatsV2},
		{"rdma", rdmaStats, rdmaStats},
	}
	v2 := m.dir("")
	for _, st := range steps {
		var err error
		if d := m.dir(st.controller); d != nil {
			err = st.v1(d.path, s)
		} else if v2 != nil && st.v2 != nil {
			err = st.v2(v2.path, s)
		}
		if err != nil && !isGone(err) {
			return nil, fmt.Errorf("stats of %s: %w", st.controller, err)
		}
	}
	if v2 == nil {
		return s, nil
	}
	return s, pressureStats(v2.path, s)
}

// OOMKilled returns how many processes of the container the OOM killer has killed. It returns 0 without a memory cgroup.
func (m *Manager) OOMKilled() (uint64, error) {
	d, file := m.dir("memory"), "memory.oom_control"
	if d == nil {
		d, file = m.dir(""), "memory.events"
	}
	if d == nil {
		return 0, nil
	}
	n, err := keyedUint(d.path, file, "oom_kill")
	if err != nil && isGone(err) {
		return 0, nil
	}
	return n, err
}

// readText reads a control file. Its error names the file.
func readText(dir, file string) (string, error) {
	text, err := sys.ReadControl(dir + "/" + file)
	if err != nil {
		return "", &pathError{op: "read", path: dir + "/" + file, err: err}
	}
	return text, nil
}

// parseUint parses a counter. The kernel shows some counters as negative for a moment (a race between CPUs); parseUint
// returns 0 for them.
func parseUint(s string) (uint64, error) {
	if strings.HasPrefix(s, "-") {
		if _, err := strconv.ParseInt(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			return 0, nil
		}
	}
	if s == "max" {
		return math.MaxUint64, nil
	}
	return strconv.ParseUint(s, 10, 64)
}

func readUint(dir, file string) (uint64, error) {
	text, err := readText(dir, file)
	if err != nil {
		return 0, err
	}
	v, err := parseUint(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("parse %s/%s: %w", dir, file, err)
	}
	return v, nil
}

// readUints fills several counters from files of one directory.
func readUints(dir string, files map[string]*uint64) error {
	for f, p := range files {
		v, err := readUint(dir, f)
		if err != nil && !isGone(err) {
			return err
		}
		*p = v
	}
	return nil
}

// eachKey calls f for the lines "key value" of a file.
func eachKey(dir, file string, f func(key string, v uint64)) error {
	text, err := readText(dir, file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		key, val, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return fmt.Errorf("parse %s/%s: malformed line %q", dir, file, line)
		}
		v, err := parseUint(val)
		if err != nil {
			return fmt.Errorf("parse %s/%s: %w", dir, file, err)
		}
		f(key, v)
	}
	return nil
}

func keyedUint(dir, file, key string) (uint64, error) {
	var out uint64
	err := eachKey(dir, file, func(k string, v uint64) {
		if k == key {
			out = v
		}
	})
	return out, err
}

// pressureStats reads the pressure files. Every v2 cgroup has them, whatever its controllers are. A kernel with PSI
// disabled lacks the files or fails the read with EOPNOTSUPP.
func pressureStats(dir string, s *Stats) error {
	for file, p := range map[string]**PSIStats{
		"cpu.pressure": &s.CPU.PSI, "memory.pressure": &s.Memory.PSI, "io.pressure": &s.Blkio.PSI,
	} {
		text, err := readText(dir, file)
		if isGone(err) || errors.Is(err, syscall.EOPNOTSUPP) {
			continue
		}
		if err != nil {
			return err
		}
		if *p, err = parsePSI(text); err != nil {
			return fmt.Errorf("parse %s/%s: %w", dir, file, err)
		}
	}
	return nil
}

func parsePSI(text string) (*PSIStats, error) {
	var out PSIStats
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var d *PSIData
		switch f[0] {
		case "some":
			d = &out.Some
		case "full":
			d = &out.Full
		default:
			continue
		}
		for _, kv := range f[1:] {
			if err := d.set(kv); err != nil {
				return nil, err
			}
		}
	}
	return &out, nil
}

func (d *PSIData) set(kv string) error {
	key, val, ok := strings.Cut(kv, "=")
	if !ok {
		return fmt.Errorf("malformed field %q", kv)
	}
	var err error
	switch key {
	case "avg10":
		d.Avg10, err = strconv.ParseFloat(val, 64)
	case "avg60":
		d.Avg60, err = strconv.ParseFloat(val, 64)
	case "avg300":
		d.Avg300, err = strconv.ParseFloat(val, 64)
	case "total":
		d.Total, err = strconv.ParseUint(val, 10, 64)
	}
	return err
}
