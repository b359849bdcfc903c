package cgroup

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestWeightOfShares(t *testing.T) {
	for shares, want := range map[uint64]uint64{
		0: 0, 1: 1, 2: 1, 1024: 100, 3333: 256, 262144: 10000, 1 << 40: 10000, 512: 59, 102: 17,
	} {
		if got := weightOfShares(shares); got != want {
			t.Errorf("shares %d: weight %d, want %d", shares, got, want)
		}
	}
}

func TestWeightOfSharesIsMonotonic(t *testing.T) {
	last := uint64(0)
	for s := uint64(2); s <= maxShares; s += 7 {
		w := weightOfShares(s)
		if w < last || w < minWeight || w > maxWeight {
			t.Fatalf("shares %d: weight %d after %d", s, w, last)
		}
		last = w
	}
}

func TestIOWeight(t *testing.T) {
	for w, want := range map[uint16]uint64{0: 0, 5: 1, 10: 1, 500: 4950, 750: 7475, 1000: 10000} {
		if got := ioWeight(w); got != want {
			t.Errorf("weight %d: %d, want %d", w, got, want)
		}
	}
}

func TestSwapOnly(t *testing.T) {
	for _, c := range []struct {
		limit, memsw, want int64
		set                bool
	}{
		{100, 300, 200, true},
		{100, 100, 0, true}, // no swap
		{100, -1, -1, true},
		{-1, 0, -1, true}, // unlimited memory makes swap unlimited
		{-1, -1, -1, true},
		{-1, 500, 500, true},
		{100, 0, 0, false},
		{0, 0, 0, false},
	} {
		got, set := swapOnly(c.limit, c.memsw)
		if got != c.want || set != c.set {
			t.Errorf("limit %d memsw %d: %d %v, want %d %v", c.limit, c.memsw, got, set, c.want, c.set)
		}
	}
}

func TestPidsMax(t *testing.T) {
	for limit, want := range map[int64]string{-1: "max", 0: "1", 1: "1", 32771: "32771"} {
		if got := pidsMax(limit); got != want {
			t.Errorf("limit %d: %s, want %s", limit, got, want)
		}
	}
}

func TestNothingAskedNothingWritten(t *testing.T) {
	m := newTree(t).v1("memory", "cpu")
	for _, r := range []*specs.LinuxResources{
		nil, {},
		{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{}, Pids: &specs.LinuxPids{}, BlockIO: &specs.LinuxBlockIO{}, Network: &specs.LinuxNetwork{}},
		// Docker sends these values for "not set".
		{
			Memory:  &specs.LinuxMemory{DisableOOMKiller: nil, Swappiness: ptr(^uint64(0)), Limit: ptr(int64(0))},
			CPU:     &specs.LinuxCPU{Shares: ptr(uint64(0)), Quota: ptr(int64(0)), Period: ptr(uint64(0))},
			BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(0))},
		},
	} {
		ok(t, m.Set(r)) // no file exists: a write would fail
	}
}

func TestMemoryV1(t *testing.T) {
	f := newTree(t).files(v1Memsw, "memory.soft_limit_in_bytes", "memory.oom_control", "memory.swappiness", "memory.kmem.tcp.limit_in_bytes").
		file(v1Limit, "9223372036854771712")
	m := f.v1("memory")
	ok(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{
		Limit: ptr(int64(1000000000000000000)), Swap: ptr(int64(2000000000000000000)), Reservation: ptr(int64(5)),
		DisableOOMKiller: ptr(true), Swappiness: ptr(uint64(60)), KernelTCP: ptr(int64(7)), //nolint:staticcheck // deprecated
	}}))
	f.want("memory.kmem.tcp.limit_in_bytes", "7")
	f.want(v1Limit, "1000000000000000000")
	f.want(v1Memsw, "2000000000000000000")
	f.want("memory.soft_limit_in_bytes", "5")
	f.want("memory.oom_control", "1")
	f.want("memory.swappiness", "60")
}

func TestMemoryV1WriteOrder(t *testing.T) {
	up := newTree(t).file(v1Limit, "1000").files(v1Memsw)
	if err := os.Chmod(up.top, 0o755); err != nil {
		t.Fatal(err)
	}
	m := up.v1("memory")
	tt, err := m.locate("memory", "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		l    memoryLimits
		want bool
	}{
		{memoryLimits{limit: 2000, swap: 3000}, true},
		{memoryLimits{limit: 500, swap: 900}, false},
		{memoryLimits{limit: 500, swap: 1000}, false},
		{memoryLimits{limit: 500, swap: -1}, true},
		{memoryLimits{swap: 5000}, false},
		{memoryLimits{limit: 5000}, false},
	} {
		got, err := tt.swapFirst(c.l)
		if err != nil || got != c.want {
			t.Errorf("%+v: %v %v, want %v", c.l, got, err, c.want)
		}
	}
}

func TestMemoryV1Unlimited(t *testing.T) {
	f := newTree(t).file(v1Limit, "10").files(v1Memsw)
	ok(t, f.v1("memory").Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}}))
	f.want(v1Memsw, "-1")
	f.want(v1Limit, "-1")
	// Without swap accounting Set leaves memsw out, which is no error.
	f = newTree(t).file(v1Limit, "10")
	ok(t, f.v1("memory").Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(-1))}}))
	// A swap limit in the configuration is an error there.
	err := f.v1("memory").Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(100))}})
	wantError(t, err, memSwap, "swap")
	if !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v does not wrap ENOENT", err)
	}
}

func TestMemoryV2(t *testing.T) {
	f := newTree(t).files("memory.max", "memory.swap.max", "memory.low")
	m := f.v2("memory")
	ok(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{
		Limit: ptr(int64(100)), Swap: ptr(int64(300)), Reservation: ptr(int64(50)),
	}}))
	f.want("memory.max", "100")
	f.want("memory.swap.max", "200")
	f.want("memory.low", "50")
}

func TestMemoryV2SwapAloneUsesTheLimitInForce(t *testing.T) {
	f := newTree(t).file("memory.max", "100\n").files("memory.swap.max")
	m := f.v2("memory")
	ok(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(250))}}))
	f.want("memory.swap.max", "150")
	wantError(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(50))}}), memSwap, ">= memory limit")
	f.file("memory.max", "max\n")
	wantError(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: ptr(int64(50))}}), memSwap, "without memory limit")
}

func TestMemoryV2WithoutSwapAccounting(t *testing.T) {
	f := newTree(t).files("memory.max")
	m := f.v2("memory")
	for _, swap := range []int64{100, -1} { // no swap, any swap
		ok(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: &swap}}))
	}
	wantError(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(100)), Swap: ptr(int64(300))}}),
		memSwap, "memory.swap.max")
}

func TestCheckBeforeUpdate(t *testing.T) {
	f := newTree(t).files("memory.max", "memory.swap.max").file("memory.current", "5000\n")
	m := f.v2("memory")
	set := func(limit, swap int64) error {
		return m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{
			Limit: &limit, Swap: &swap, CheckBeforeUpdate: ptr(true),
		}})
	}
	wantError(t, set(1024, 2048), "rejecting memory+swap limit 2048 <= usage 5000")
	wantError(t, set(1024, 0), "rejecting memory limit 1024 <= usage 5000")
	f.want("memory.max", "")
	ok(t, set(6000, 6000))
	f.want("memory.max", "6000")
}

func TestMemoryErrors(t *testing.T) {
	v1 := newTree(t).files(v1Limit, "memory.swappiness").v1("memory")
	v2 := newTree(t).files("memory.max").v2("memory")
	for _, c := range []struct {
		m    *Manager
		r    specs.LinuxMemory
		want string
	}{
		{v1, specs.LinuxMemory{Limit: ptr(int64(-2))}, memLimit},
		{v1, specs.LinuxMemory{Limit: ptr(int64(10)), Swap: ptr(int64(9))}, memSwap},
		{v1, specs.LinuxMemory{Swappiness: ptr(uint64(101))}, "invalid memory swappiness value: 101"},
		{v2, specs.LinuxMemory{Swappiness: ptr(uint64(1))}, "swappiness: not available on cgroup v2"},
		{v2, specs.LinuxMemory{DisableOOMKiller: ptr(true)}, "disableOOMKiller: not available on cgroup v2"},
	} {
		wantError(t, c.m.Set(&specs.LinuxResources{Memory: &c.r}), c.want)
	}
	ok(t, v2.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{DisableOOMKiller: ptr(false)}}))
}

func TestKernelMemoryWarns(t *testing.T) {
	m := newTree(t).v1("memory")
	var got string
	m.SetWarn(func(s string) { got += s })
	ok(t, m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Kernel: ptr(int64(1))}}))
	if !strings.Contains(got, "kernel") {
		t.Errorf("warning %q", got)
	}
}

func TestCPUV1(t *testing.T) {
	f := newTree(t).files("cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.cfs_burst_us",
		"cpu.idle", "cpu.rt_period_us", "cpu.rt_runtime_us", "cpuset.cpus", "cpuset.mems")
	m := f.v1("cpu", "cpuset")
	ok(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{
		Shares: ptr(uint64(512)), Period: ptr(uint64(50000)), Quota: ptr(int64(20000)), Burst: ptr(uint64(1000)),
		Idle: ptr(int64(1)), RealtimePeriod: ptr(uint64(7000)), RealtimeRuntime: ptr(int64(5000)), Cpus: "0-1,3", Mems: "0",
	}}))
	for file, want := range map[string]string{
		"cpu.shares": "512", "cpu.cfs_period_us": "50000", "cpu.cfs_quota_us": "20000", "cpu.cfs_burst_us": "1000",
		"cpu.idle": "1", "cpu.rt_period_us": "7000", "cpu.rt_runtime_us": "5000", "cpuset.cpus": "0-1,3", "cpuset.mems": "0",
	} {
		f.want(file, want)
	}
	wantError(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1))}}), "the minimum allowed cpu-shares is 2")
	wantError(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(262145))}}), "the maximum allowed cpu-shares is 262144")
}

func TestCPUMax(t *testing.T) {
	for _, c := range []struct {
		quota  int64
		period uint64
		fresh  bool
		cur    string
		want   string
	}{
		{5000, 100000, true, "", "5000 100000"},
		{5000, 0, false, "max 50000\n", "5000"}, // the kernel keeps the period
		{0, 200000, false, "5000 100000\n", "5000 200000"},
		{0, 200000, false, "max 100000\n", "max 200000"},
		{0, 200000, true, "", "max 200000"},
		{-1, 0, false, "5000 100000\n", "max"},
		{-1, 3000, false, "5000 100000\n", "max 3000"},
		{0, 0, false, "5000 100000\n", ""},
	} {
		f := newTree(t).file("cpu.max", c.cur)
		m := f.v2("cpu")
		if c.fresh {
			fresh(m)
		}
		tt, err := m.locate("cpu", "x")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tt.cpuMax(c.quota, c.period); err != nil || got != c.want {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}

func TestCPUV2(t *testing.T) {
	f := newTree(t).files("cpu.max", "cpu.weight", "cpu.max.burst", "cpu.idle", "cpuset.cpus")
	m := fresh(f.v2("cpu cpuset"))
	ok(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{
		Shares: ptr(uint64(1024)), Quota: ptr(int64(2000)), Period: ptr(uint64(10000)), Burst: ptr(uint64(100)), Idle: ptr(int64(0)), Cpus: "0",
	}}))
	f.want("cpu.weight", "100")
	f.want("cpu.max", "2000 10000")
	f.want("cpu.max.burst", "100")
	f.want("cpu.idle", "0")
	f.want("cpuset.cpus", "0")
	wantError(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: ptr(int64(1))}}), "realtimeRuntime", "not available on cgroup v2")
}

func TestBlockIO(t *testing.T) {
	dev := specs.LinuxBlockIODevice{Major: 8, Minor: 16}
	td := func(rate uint64) []specs.LinuxThrottleDevice {
		return []specs.LinuxThrottleDevice{{LinuxBlockIODevice: dev, Rate: rate}}
	}
	r := &specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
		Weight: ptr(uint16(500)), WeightDevice: []specs.LinuxWeightDevice{{LinuxBlockIODevice: dev, Weight: ptr(uint16(300))}},
		ThrottleReadBpsDevice: td(1), ThrottleWriteBpsDevice: td(2), ThrottleReadIOPSDevice: td(3), ThrottleWriteIOPSDevice: td(0),
	}}
	v1 := newTree(t).files("blkio.bfq.weight", "blkio.bfq.weight_device", "blkio.throttle.read_bps_device",
		"blkio.throttle.write_bps_device", "blkio.throttle.read_iops_device", "blkio.throttle.write_iops_device")
	ok(t, v1.v1("blkio").Set(r))
	for file, want := range map[string]string{
		"blkio.bfq.weight": "500", "blkio.bfq.weight_device": "8:16 300", "blkio.throttle.read_bps_device": "8:16 1",
		"blkio.throttle.write_bps_device": "8:16 2", "blkio.throttle.read_iops_device": "8:16 3", "blkio.throttle.write_iops_device": "8:16 0",
	} {
		v1.want(file, want)
	}
	r.BlockIO.WeightDevice = nil
	r.BlockIO.ThrottleReadBpsDevice, r.BlockIO.ThrottleWriteBpsDevice, r.BlockIO.ThrottleReadIOPSDevice = nil, nil, nil
	v2 := newTree(t).files("io.weight", "io.max")
	ok(t, v2.v2("io").Set(r))
	v2.want("io.weight", "4950")
	v2.want("io.max", "8:16 wiops=max")
	bfq := newTree(t).files("io.bfq.weight", "io.weight", "io.max")
	ok(t, bfq.v2("io").Set(r))
	bfq.want("io.bfq.weight", "500")
	bfq.want("io.weight", "")

	r.BlockIO = &specs.LinuxBlockIO{LeafWeight: ptr(uint16(10))}
	wantError(t, v2.v2("io").Set(r), "blockIO.leafWeight", "not available on cgroup v2")
	r.BlockIO = &specs.LinuxBlockIO{Weight: ptr(uint16(10))}
	wantError(t, newTree(t).v1("blkio").Set(r), "blockIO.weight", "BFQ")
}

func TestHugepagesNetworkRdma(t *testing.T) {
	f := newTree(t).files("hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.rsvd.limit_in_bytes", "hugetlb.1GB.limit_in_bytes",
		"net_cls.classid", "net_prio.ifpriomap", "rdma.max")
	m := f.v1("hugetlb", "net_cls", "net_prio", "rdma")
	ok(t, m.Set(&specs.LinuxResources{
		HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 42}, {Pagesize: "1GB", Limit: 0}},
		Network:        &specs.LinuxNetwork{ClassID: ptr(uint32(0x100001)), Priorities: []specs.LinuxInterfacePriority{{Name: "eth0", Priority: 5}}},
		Rdma:           map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: ptr(uint32(3)), HcaObjects: ptr(uint32(0))}},
	}))
	f.want("hugetlb.2MB.limit_in_bytes", "42")
	f.want("hugetlb.2MB.rsvd.limit_in_bytes", "42")
	f.want("hugetlb.1GB.limit_in_bytes", "0")
	f.want("net_cls.classid", "1048577")
	f.want("net_prio.ifpriomap", "eth0 5")
	f.want("rdma.max", "mlx5_1 hca_handle=3 hca_object=0")
	wantError(t, m.Set(&specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"x": {}}}), "linux.resources.rdma.x")
	wantError(t, m.Set(&specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "../x"}}}), "hugepageLimits[0].pageSize")
	v2 := newTree(t).v2("hugetlb")
	wantError(t, v2.Set(&specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: ptr(uint32(1))}}), "network.classID", "net_cls")
}

func TestUnified(t *testing.T) {
	f := newTree(t).files("memory.min", "io.max", "hugetlb.1GB.max")
	m := f.v2("memory io hugetlb")
	ok(t, m.Set(&specs.LinuxResources{Unified: map[string]string{
		"memory.min": "131072", "io.max": "8:0 riops=3\n8:16 wiops=4\n", "hugetlb.1GB.max": "0",
	}}))
	f.want("memory.min", "131072")
	f.want("io.max", "8:0 riops=3\n8:16 wiops=4")
	for key, want := range map[string]string{
		"a/b": "no slashes", "../x.y": "no slashes", "memory": "CONTROLLER.PARAMETER", "..": "CONTROLLER.PARAMETER",
		"pids.max": `controller "pids" not available`, "memory.nosuch": "no such file",
	} {
		wantError(t, m.Set(&specs.LinuxResources{Unified: map[string]string{key: "1"}}), "linux.resources.unified["+key+"]", want)
	}
	wantError(t, newTree(t).v1("memory").Set(&specs.LinuxResources{Unified: map[string]string{"memory.min": "1"}}),
		"invalid configuration: cannot use unified on cgroup v1")
}

func TestMissingControllerIsNamed(t *testing.T) {
	r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(5))}}
	wantError(t, newTree(t).v1("cpu").Set(r), pidsField, "controller pids")

	f := newTree(t)
	m := f.v2("cpu pids")
	f.file("cgroup.controllers", "cpu\n")
	if err := os.WriteFile(f.top+"/cgroup.subtree_control", []byte("cpu\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, m.Set(r), pidsField, "controller pids is not delegated", f.top+"/cgroup.subtree_control")

	m = newTree(t).v2("cpu")
	wantError(t, m.Set(r), pidsField, "controller pids is not available")

	m = newTree(t).v1("cpu")
	m.cfg.Rootless, m.skipped = true, []string{"pids"}
	wantError(t, m.Set(r), "cannot set pids limit: container could not join or create cgroup", "not delegated")
	ok(t, m.Set(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}))
}

func TestLostControllerIsNotLookedForInV2(t *testing.T) {
	m := newTree(t).v2("pids") // the only hierarchy that was not skipped on a hybrid machine
	m.cfg.Rootless, m.skipped = true, []string{"memory"}
	err := m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(1))}})
	wantError(t, err, "linux.resources.memory", "controller memory is not delegated to this user")
}
