package cgroup

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

func rawMemory(dir string, s *Stats) error {
	s.Memory.Raw = make(map[string]uint64, 64)
	return eachKey(dir, "memory.stat", func(k string, v uint64) { s.Memory.Raw[k] = v })
}

func memoryStatsV1(dir string, s *Stats) error {
	if err := rawMemory(dir, s); err != nil {
		return err
	}
	s.Memory.Cache = s.Memory.Raw["cache"]
	for prefix, e := range map[string]*MemoryEntry{
		"memory.": &s.Memory.Usage, "memory.memsw.": &s.Memory.Swap,
		"memory.kmem.": &s.Memory.Kernel, "memory.kmem.tcp.": &s.Memory.KernelTCP,
	} {
		// readUints skips missing files: swap and kernel accounting are optional, and newer kernels have no kmem.limit.
		err := readUints(dir, map[string]*uint64{
			prefix + "usage_in_bytes": &e.Usage, prefix + "max_usage_in_bytes": &e.Max,
			prefix + "failcnt": &e.Failcnt, prefix + "limit_in_bytes": &e.Limit,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func memoryStatsV2(dir string, s *Stats) error {
	if err := rawMemory(dir, s); err != nil {
		return err
	}
	s.Memory.Cache = s.Memory.Raw["file"]
	u, swap := &s.Memory.Usage, &s.Memory.Swap
	err := readUints(dir, map[string]*uint64{
		"memory.current": &u.Usage, "memory.max": &u.Limit, "memory.peak": &u.Max,
		"memory.swap.current": &swap.Usage, "memory.swap.max": &swap.Limit,
	})
	if err != nil {
		return err
	}
	// v1 counts memory and swap together, so add memory to swap. v2 has no peak of the sum, so Swap.Max stays 0.
	swap.Usage += u.Usage
	switch {
	case swap.Limit == math.MaxUint64:
	case u.Limit == math.MaxUint64:
		swap.Limit = u.Limit
	default:
		swap.Limit += u.Limit
	}
	return nil
}

func pidsStats(dir string, s *Stats) error {
	cur, err := readUint(dir, "pids.current")
	if isGone(err) { // the controller is not enabled, so count the processes
		pids, err := pidsBelow(dir)
		s.Pids.Current = uint64(len(pids))
		return err
	}
	if err != nil {
		return err
	}
	limit, err := readUint(dir, "pids.max")
	if err != nil {
		return err
	}
	if limit == math.MaxUint64 {
		limit = 0
	}
	s.Pids = PidsStats{Current: cur, Limit: limit}
	return nil
}

// hugePageSizes lists the huge page sizes of the machine in the form of the hugetlb file names: "64KB", "2MB", "1GB".
func hugePageSizes() ([]string, error) {
	entries, err := os.ReadDir("/sys/kernel/mm/hugepages")
	if err != nil {
		return nil, nil // a kernel without huge pages
	}
	var out []string
	for _, e := range entries {
		kb, ok := strings.CutSuffix(strings.TrimPrefix(e.Name(), "hugepages-"), "kB")
		n, err := strconv.ParseUint(kb, 10, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("parse /sys/kernel/mm/hugepages: unexpected name %q", e.Name())
		}
		out = append(out, pageSizeName(n))
	}
	return out, nil
}

// pageSizeName formats a size in kB as mem_fmt in the kernel's mm/hugetlb_cgroup.c does.
func pageSizeName(kb uint64) string {
	switch {
	case kb >= 1<<20:
		return strconv.FormatUint(kb>>20, 10) + "GB"
	case kb >= 1<<10:
		return strconv.FormatUint(kb>>10, 10) + "MB"
	}
	return strconv.FormatUint(kb, 10) + "KB"
}

func hugetlbStatsV1(dir string, s *Stats) error {
	return eachPageSize(s, func(size string) (h HugetlbStats, err error) {
		name := "hugetlb." + size
		if exists(dir + "/" + name + ".rsvd.usage_in_bytes") {
			name += ".rsvd"
		}
		if h.Usage, err = readUint(dir, name+".usage_in_bytes"); err != nil {
			return h, err
		}
		if h.Max, err = readUint(dir, name+".max_usage_in_bytes"); err != nil {
			return h, err
		}
		h.Failcnt, err = readUint(dir, name+".failcnt")
		return h, err
	})
}

func hugetlbStatsV2(dir string, s *Stats) error {
	return eachPageSize(s, func(size string) (h HugetlbStats, err error) {
		name := "hugetlb." + size
		usage := name + ".rsvd.current"
		if !exists(dir + "/" + usage) {
			usage = name + ".current"
		}
		if h.Usage, err = readUint(dir, usage); err != nil {
			return h, err
		}
		h.Failcnt, err = keyedUint(dir, name+".events", "max")
		return h, err
	})
}

func eachPageSize(s *Stats, f func(string) (HugetlbStats, error)) error {
	sizes, err := hugePageSizes()
	if err != nil {
		return err
	}
	for _, size := range sizes {
		h, err := f(size)
		if err != nil {
			return err
		}
		s.Hugetlb[size] = h
	}
	return nil
}
