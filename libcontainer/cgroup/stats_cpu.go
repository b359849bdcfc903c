package cgroup

import (
	"fmt"
	"strconv"
	"strings"

	"rung/libcontainer/idlist"
)

// nsPerTick is the unit of cpuacct.stat in nanoseconds: USER_HZ is 100 on every Linux ABI.
const nsPerTick = 1e9 / 100

func cpuStatsV1(dir string, s *Stats) error {
	return eachKey(dir, "cpu.stat", func(k string, v uint64) {
		switch k {
		case "nr_periods":
			s.CPU.Throttling.Periods = v
		case "nr_throttled":
			s.CPU.Throttling.ThrottledPeriods = v
		case "throttled_time":
			s.CPU.Throttling.ThrottledTime = v
		}
	})
}

// cpuStatsV2 reads cpu.stat, which counts in microseconds. The file exists even if the controller is not enabled.
func cpuStatsV2(dir string, s *Stats) error {
	return eachKey(dir, "cpu.stat", func(k string, v uint64) {
		switch k {
		case "usage_usec":
			s.CPU.Usage.Total = v * 1000
		case "user_usec":
			s.CPU.Usage.User = v * 1000
		case "system_usec":
			s.CPU.Usage.Kernel = v * 1000
		case "nr_periods":
			s.CPU.Throttling.Periods = v
		case "nr_throttled":
			s.CPU.Throttling.ThrottledPeriods = v
		case "throttled_usec":
			s.CPU.Throttling.ThrottledTime = v * 1000
		}
	})
}

func cpuacctStats(dir string, s *Stats) error {
	u := &s.CPU.Usage
	err := eachKey(dir, "cpuacct.stat", func(k string, v uint64) {
		switch k {
		case "user":
			u.User = v * nsPerTick
		case "system":
			u.Kernel = v * nsPerTick
		}
	})
	if err != nil {
		return err
	}
	if u.Total, err = readUint(dir, "cpuacct.usage"); err != nil {
		return err
	}
	text, err := readText(dir, "cpuacct.usage_percpu")
	if err != nil {
		return err
	}
	for f := range strings.FieldsSeq(text) {
		v, err := parseUint(f)
		if err != nil {
			return fmt.Errorf("parse %s/cpuacct.usage_percpu: %w", dir, err)
		}
		u.Percpu = append(u.Percpu, v)
	}
	return percpuModes(dir, u)
}

// percpuModes reads the table "cpu user system", which has one line per CPU.
func percpuModes(dir string, u *CPUUsage) error {
	text, err := readText(dir, "cpuacct.usage_all")
	if err != nil {
		return err
	}
	_, rows, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(rows) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		user, err := parseUint(f[1])
		if err != nil {
			return fmt.Errorf("parse %s/cpuacct.usage_all: %w", dir, err)
		}
		kernel, err := parseUint(f[2])
		if err != nil {
			return fmt.Errorf("parse %s/cpuacct.usage_all: %w", dir, err)
		}
		u.PercpuUser = append(u.PercpuUser, user)
		u.PercpuKernel = append(u.PercpuKernel, kernel)
	}
	return nil
}

func cpusetStats(dir string, s *Stats) error {
	c := &s.CPUSet
	err := readUints(dir, map[string]*uint64{
		"cpuset.cpu_exclusive":      &c.CPUExclusive,
		"cpuset.mem_hardwall":       &c.MemHardwall,
		"cpuset.mem_exclusive":      &c.MemExclusive,
		"cpuset.memory_migrate":     &c.MemoryMigrate,
		"cpuset.memory_spread_page": &c.MemorySpreadPage,
		"cpuset.memory_spread_slab": &c.MemorySpreadSlab,
		"cpuset.memory_pressure":    &c.MemoryPressure,
		"cpuset.sched_load_balance": &c.SchedLoadBalance,
	})
	if err != nil {
		return err
	}
	for file, p := range map[string]*[]uint16{"cpuset.cpus": &c.CPUs, "cpuset.mems": &c.Mems} {
		text, err := readText(dir, file)
		if err != nil {
			return err
		}
		list, err := idlist.Parse(text)
		if err != nil {
			return fmt.Errorf("parse %s/%s: %w", dir, file, err)
		}
		*p = list.IDs()
	}
	text, err := readText(dir, "cpuset.sched_relax_domain_level")
	if err != nil {
		return err
	}
	c.SchedRelaxDomainLevel, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return err
}
