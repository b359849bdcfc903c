package cgroup

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
)

func TestStatsV1(t *testing.T) {
	f := newTree(t).file("cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_time 1000\n").
		file("cpuacct.stat", "user 2\nsystem 3\n").file("cpuacct.usage", "77\n").file("cpuacct.usage_percpu", "40 37 \n").
		file("cpuacct.usage_all", "cpu user system\n0 30 10\n1 30 7\n").
		file("memory.stat", "cache 5\nrss -1\n").file("memory.usage_in_bytes", "9\n").file("memory.limit_in_bytes", "100\n").
		file("memory.max_usage_in_bytes", "11\n").file("memory.failcnt", "1\n").
		file("pids.current", "4\n").file("pids.max", "max\n").
		file("blkio.throttle.io_service_bytes_recursive", "8:0 Read 10\n8:0 Write 20\nTotal 30\n").
		file("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 6\n")
	m := f.v1("cpu", "cpuacct", "memory", "pids", "blkio")
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want := &Stats{
		CPU: CPUStats{
			Usage:      CPUUsage{Total: 77, Percpu: []uint64{40, 37}, PercpuKernel: []uint64{10, 7}, PercpuUser: []uint64{30, 30}, Kernel: 30000000, User: 20000000},
			Throttling: Throttling{Periods: 3, ThrottledPeriods: 2, ThrottledTime: 1000},
		},
		Memory:  MemoryStats{Cache: 5, Usage: MemoryEntry{Limit: 100, Usage: 9, Max: 11, Failcnt: 1}, Raw: map[string]uint64{"cache": 5, "rss": 0}},
		Pids:    PidsStats{Current: 4},
		Blkio:   BlkioStats{IoServiceBytesRecursive: []BlkioEntry{{8, 0, "Read", 10}, {8, 0, "Write", 20}}},
		Hugetlb: map[string]HugetlbStats{},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if n, err := m.OOMKilled(); n != 6 || err != nil {
		t.Errorf("OOMKilled: %d %v", n, err)
	}
}

func TestStatsV2(t *testing.T) {
	const psi = "some avg10=1.50 avg60=0.00 avg300=0.25 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"
	f := newTree(t).file("cpu.stat", "usage_usec 5\nuser_usec 2\nsystem_usec 3\nnr_periods 1\n").
		file("memory.stat", "anon 1\nfile 2\n").file("memory.current", "10\n").file("memory.max", "100\n").
		file("memory.swap.current", "3\n").file("memory.swap.max", "50\n").file("memory.peak", "12\n").
		file("memory.events", "oom 1\noom_kill 2\n").file("cpu.pressure", psi).
		file("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5\n").file("cgroup.procs", "1\n2\n").
		file("rdma.current", "mlx5_0 hca_handle=1 hca_object=2\n").file("rdma.max", "mlx5_0 hca_handle=max hca_object=7\n")
	m := f.v2("cpu memory io")
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	want := &Stats{
		CPU: CPUStats{
			Usage: CPUUsage{Total: 5000, User: 2000, Kernel: 3000}, Throttling: Throttling{Periods: 1},
			PSI: &PSIStats{Some: PSIData{1.5, 0, 0.25, 9}, Full: PSIData{Total: 3}},
		},
		Memory: MemoryStats{
			Cache: 2, Usage: MemoryEntry{Limit: 100, Usage: 10, Max: 12}, Swap: MemoryEntry{Limit: 150, Usage: 13},
			Raw: map[string]uint64{"anon": 1, "file": 2},
		},
		Pids: PidsStats{Current: 2},
		Blkio: BlkioStats{
			IoServiceBytesRecursive: []BlkioEntry{{8, 0, "Read", 1}, {8, 0, "Write", 2}},
			IoServicedRecursive:     []BlkioEntry{{8, 0, "Read", 3}, {8, 0, "Write", 4}},
		},
		Hugetlb: map[string]HugetlbStats{},
		Rdma: RdmaStats{
			Limit:   []RdmaEntry{{"mlx5_0", math.MaxUint32, 7}},
			Current: []RdmaEntry{{"mlx5_0", 1, 2}},
		},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if n, err := m.OOMKilled(); n != 2 || err != nil {
		t.Errorf("OOMKilled: %d %v", n, err)
	}
}

func TestStatsOfNothing(t *testing.T) {
	h, _ := fakeHost(t)
	m := newManager(t, h, Config{ID: "none"})
	if _, err := m.Stats(); !errors.Is(err, ErrNotExist) {
		t.Errorf("got %v, want ErrNotExist", err)
	}
	if n, err := m.OOMKilled(); n != 0 || err != nil {
		t.Errorf("OOMKilled: %d %v", n, err)
	}
}

// Programs that read `runc events --stats` look for these keys.
func TestStatsJSON(t *testing.T) {
	b, err := json.Marshal(&Stats{
		CPU:     CPUStats{PSI: &PSIStats{Some: PSIData{Total: 1}}},
		Hugetlb: map[string]HugetlbStats{"2MB": {Failcnt: 1}}, Pids: PidsStats{Current: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"cpu":{"psi":{"some":{"avg10":0,"avg60":0,"avg300":0,"total":1},"full":{"avg10":0,"avg60":0,"avg300":0,"total":0}}},"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,` +
		`"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},` +
		`"memory":{},"pids":{"current":1},"blkio":{},"hugetlb":{"2MB":{"failcnt":1}}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestPageSizeName(t *testing.T) {
	for kb, want := range map[uint64]string{64: "64KB", 2048: "2MB", 1 << 20: "1GB", 16 << 20: "16GB"} {
		if got := pageSizeName(kb); got != want {
			t.Errorf("%d kB: %s, want %s", kb, got, want)
		}
	}
}

func FuzzParsePSI(f *testing.F) {
	f.Add("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parsePSI(text); (s == nil) == (err == nil) {
			t.Errorf("%q: %v %v", text, s, err)
		}
	})
}
