package cgroup

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// blkioStatsV1 reads the first family of files with entries: those of BFQ, of CFQ (removed in Linux 5.0), or of the
// throttling policy, which always exists.
func blkioStatsV1(dir string, s *Stats) error {
	b := &s.Blkio
	type table struct {
		name string
		to   *[]BlkioEntry
	}
	scheduler := []table{
		{"io_service_bytes", &b.IoServiceBytesRecursive},
		{"io_serviced", &b.IoServicedRecursive},
		{"io_queued", &b.IoQueuedRecursive},
		{"io_service_time", &b.IoServiceTimeRecursive},
		{"io_wait_time", &b.IoWaitTimeRecursive},
		{"io_merged", &b.IoMergedRecursive},
		{"time", &b.IoTimeRecursive},
		{"sectors", &b.SectorsRecursive},
	}
	for _, family := range [...]struct{ prefix, suffix string }{
		{"blkio.bfq.", "_recursive"}, {"blkio.", "_recursive"},
		{"blkio.throttle.", "_recursive"}, {"blkio.throttle.", ""},
	} {
		found := false
		for _, t := range scheduler {
			list, err := readBlkio(dir, family.prefix+t.name+family.suffix)
			if isGone(err) {
				continue // BFQ counts most of them only with CONFIG_BFQ_CGROUP_DEBUG
			}
			if err != nil {
				return err
			}
			*t.to = list
			found = found || len(list) > 0
		}
		if found {
			return nil
		}
	}
	return nil
}

// readBlkio parses lines such as "8:0 Read 4096", or "8:0 4096" in files without an operation. It skips the sum over
// all devices, "Total 4096".
func readBlkio(dir, file string) ([]BlkioEntry, error) {
	text, err := readText(dir, file)
	if err != nil {
		return nil, err
	}
	var out []BlkioEntry
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "Total" {
			continue
		}
		e, err := blkioEntry(f[0], f[len(f)-1])
		if err != nil {
			return nil, fmt.Errorf("parse %s/%s: %w", dir, file, err)
		}
		if len(f) == 3 {
			e.Op = f[1]
		}
		out = append(out, e)
	}
	return out, nil
}

func blkioEntry(dev, val string) (e BlkioEntry, err error) {
	major, minor, ok := strings.Cut(dev, ":")
	if !ok {
		return e, fmt.Errorf("%q is not a device", dev)
	}
	if e.Major, err = strconv.ParseUint(major, 10, 64); err != nil {
		return e, err
	}
	if e.Minor, err = strconv.ParseUint(minor, 10, 64); err != nil {
		return e, err
	}
	e.Value, err = parseUint(val)
	return e, err
}

// ioStatsV2 converts io.stat ("8:0 rbytes=1 wbytes=2 rios=3 ...") to the counters of v1.
func ioStatsV2(dir string, s *Stats) error {
	text, err := readText(dir, "io.stat")
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 2 || !strings.Contains(f[0], ":") {
			continue
		}
		for _, kv := range f[1:] {
			key, val, _ := strings.Cut(kv, "=")
			op, to := ioCounter(key, &s.Blkio)
			if to == nil {
				continue
			}
			e, err := blkioEntry(f[0], val)
			if err != nil {
				return fmt.Errorf("parse %s/io.stat: %w", dir, err)
			}
			e.Op = op
			*to = append(*to, e)
		}
	}
	return nil
}

func ioCounter(key string, b *BlkioStats) (string, *[]BlkioEntry) {
	switch key {
	case "rbytes":
		return "Read", &b.IoServiceBytesRecursive
	case "wbytes":
		return "Write", &b.IoServiceBytesRecursive
	case "rios":
		return "Read", &b.IoServicedRecursive
	case "wios":
		return "Write", &b.IoServicedRecursive
	}
	return "", nil
}

func rdmaStats(dir string, s *Stats) error {
	var err error
	if s.Rdma.Current, err = readRdma(dir, "rdma.current"); err != nil {
		return err
	}
	s.Rdma.Limit, err = readRdma(dir, "rdma.max")
	return err
}

// readRdma parses lines such as "mlx5_0 hca_handle=2 hca_object=max".
func readRdma(dir, file string) ([]RdmaEntry, error) {
	text, err := readText(dir, file)
	if err != nil {
		return nil, err
	}
	var out []RdmaEntry
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		e := RdmaEntry{Device: f[0]}
		for _, kv := range f[1:] {
			key, val, _ := strings.Cut(kv, "=")
			n := uint64(math.MaxUint32)
			if val != "max" {
				if n, err = strconv.ParseUint(val, 10, 32); err != nil {
					return nil, fmt.Errorf("parse %s/%s: %w", dir, file, err)
				}
			}
			switch key {
			case "hca_handle":
				e.HcaHandles = uint32(n)
			case "hca_object":
				e.HcaObjects = uint32(n)
			}
		}
		out = append(out, e)
	}
	return out, nil
}
