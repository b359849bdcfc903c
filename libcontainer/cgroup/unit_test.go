package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/systemd"
	"rung/libcontainer/systemd/fakebus"
)

func pretendBooted(t *testing.T) {
	t.Helper()
	booted = func() bool { return true }
	t.Cleanup(func() { booted = systemd.Booted })
}

func v2At(top string) *host.Cgroups {
	return &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{{Mountpoint: top, V2: true, Root: "/", Own: "/x"}}}
}

func v1At(top string, controllers ...string) *host.Cgroups {
	return &host.Cgroups{Hierarchies: []host.Hierarchy{
		{Mountpoint: top + "/limits", Controllers: controllers, Root: "/", Own: "/x"},
		{Mountpoint: top + "/systemd", Name: "systemd", Root: "/", Own: "/x"},
	}}
}

func TestUnitPlace(t *testing.T) {
	pretendBooted(t)
	for path, want := range map[string][2]string{
		"":                     {"runc-c1.scope", "/top/system.slice/runc-c1.scope"},
		"a-b.slice:rung:name":  {"rung-name.scope", "/top/a.slice/a-b.slice/rung-name.scope"},
		":docker:x":            {"docker-x.scope", "/top/system.slice/docker-x.scope"},
		"-.slice:p:n":          {"p-n.scope", "/top/p-n.scope"},
		"a.slice::n":           {"-n.scope", "/top/a.slice/-n.scope"},
		"/a/b":                 {"", `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "/a/b" instead`},
		"a:b":                  {"", "expected cgroupsPath to be of format"},
		"a:b:c:d":              {"", "expected cgroupsPath to be of format"},
		"a/b.slice:p:n":        {"", "linux.cgroupsPath: invalid slice name: a/b.slice"},
		"a--b.slice:p:n":       {"", "invalid slice name"},
		"system.slice:p:../x":  {"", "not a valid unit name"},
		"system.slice:p:x',a'": {"", "not a valid unit name"},
		"system.slice:p:" + strings.Repeat("x", 300): {"", "longer than 255"},
		"system.slice:p:pod.slice":                   {"", "pod.slice is a slice, which takes no processes"},
		strings.Repeat("a-", 61) + "a.slice:p:n":     {"", "has 62 levels: the path of its cgroup's files would have"},
	} {
		m, err := New(v2At("/top"), Config{ID: "c1", Path: path, Systemd: true})
		switch {
		case want[0] == "":
			if err == nil || !strings.Contains(err.Error(), want[1]) || !strings.Contains(err.Error(), "linux.cgroupsPath") {
				t.Errorf("%s: error %v, want %s", path, err, want[1])
			}
		case err != nil:
			t.Errorf("%s: %v", path, err)
		case m.Unit() != want[0] || m.Paths()[""] != want[1]:
			t.Errorf("%s: %s at %v, want %v", path, m.Unit(), m.Paths(), want)
		}
	}
	m, err := New(v1At("/top", "cpu", "memory"), Config{ID: "c1", Systemd: true})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"cpu": "/top/limits/system.slice/runc-c1.scope", "memory": "/top/limits/system.slice/runc-c1.scope",
		"name=systemd": "/top/systemd/system.slice/runc-c1.scope",
	}
	if !reflect.DeepEqual(m.Paths(), want) {
		t.Errorf("v1: %v", m.Paths())
	}
	if _, err := New(v1At("/top", "cpu"), Config{ID: "c1", Systemd: true, Rootless: true}); err == nil {
		t.Error("rootless on v1: no error")
	}
}

func TestUnitOfUser(t *testing.T) {
	pretendBooted(t)
	fake := fakebus.New(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", fake.Address())
	fake.Properties["ControlGroup"] = "/user.slice/user-7.slice/user@7.service"
	m, err := New(v2At("/top"), Config{ID: "c1", Systemd: true, Rootless: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Paths()[""]; got != "/top/user.slice/user-7.slice/user@7.service/user.slice/runc-c1.scope" {
		t.Errorf("path %s", got)
	}
	_, err = New(v2At("/top"), Config{ID: "c1", Systemd: true, Annotations: map[string]string{"org.systemd.property.X": "1"}})
	if err == nil {
		t.Error("a wrong annotation is no error")
	}
	booted = func() bool { return false }
	if _, err = New(v2At("/top"), Config{ID: "c1", Systemd: true}); !errors.Is(err, systemd.ErrNotRunning) {
		t.Errorf("without systemd: %v", err)
	}
}

// render lists properties as text, in their order.
func render(list []systemd.Property) string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = p.String()
	}
	return strings.Join(out, " ")
}

// unified gives the manager of a fake v2 tree a unit.
func (f tree) unified() *Manager {
	m := f.v2("cpu io memory pids")
	m.SetUnit("a.scope", false, false)
	m.unit.exists = false // so that no value is asked of systemd
	return m
}

// inForce returns the properties that systemd gets for r, after rounding.
func inForce(t *testing.T, m *Manager, r *specs.LinuxResources) string {
	t.Helper()
	r, err := m.roundForSystemd(r)
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.properties(r)
	if err != nil {
		t.Fatal(err)
	}
	return render(append(list, m.ioProperties(r.BlockIO)...))
}

func memory(limit, swap, reservation int64) *specs.LinuxResources {
	return &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap, Reservation: &reservation}}
}

func cpu(quota int64, period uint64) *specs.LinuxResources {
	return &specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: &quota, Period: &period}}
}

func TestPropertiesV2(t *testing.T) {
	for name, test := range map[string]struct {
		r    *specs.LinuxResources
		want string
	}{
		"nothing":                          {&specs.LinuxResources{}, ""},
		"memory":                           {memory(1000, 3000, 500), "MemoryMax=1000 MemoryLow=500 MemorySwapMax=2000"},
		"unlimited memory, unlimited swap": {memory(-1, 0, 0), "MemoryMax=infinity MemorySwapMax=infinity"},
		"no swap":                          {memory(1000, 1000, 0), "MemoryMax=1000 MemorySwapMax=0"},
		"unlimited swap":                   {memory(1000, -1, 0), "MemoryMax=1000 MemorySwapMax=infinity"},
		"memory unset":                     {memory(0, 0, 0), ""},
		"shares":                           {&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(1024))}}, "CPUWeight=100"},
		"quota":                            {cpu(50000, 100000), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000"},
		"quota alone":                      {cpu(50000, 0), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000"},
		// https://github.com/kubernetes/kubernetes/issues/129357: rung must write the quota that systemd rounds to.
		"quota of part of a percent": {cpu(12345, 100000), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=130000"},
		"no quota":                   {cpu(-1, 0), "CPUQuotaPerSecUSec=infinity"},
		"period alone":               {cpu(0, 50000), "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity"},
		"cpus":                       {&specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0-2,9", Mems: "0"}}, "AllowedCPUs=[7, 2] AllowedMemoryNodes=[1]"},
		"pids":                       {&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(5))}}, "TasksMax=5"},
		"no pids":                    {&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(0))}}, "TasksMax=1"},
		"all pids":                   {&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(-1))}}, "TasksMax=infinity"},
		"io": {&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{
			Weight:                ptr(uint16(10)),
			ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{{LinuxBlockIODevice: specs.LinuxBlockIODevice{Major: 8}, Rate: 5}},
			ThrottleWriteIOPSDevice: []specs.LinuxThrottleDevice{
				{LinuxBlockIODevice: specs.LinuxBlockIODevice{Major: 8, Minor: 1}, Rate: 0},
			},
		}}, `IOWeight=1 IOReadBandwidthMax=[("/dev/block/8:0", 5)] IOWriteIOPSMax=[("/dev/block/8:1", infinity)]`},
		"unified": {&specs.LinuxResources{Unified: map[string]string{
			"memory.high": "max", "memory.min": "4096", "memory.swap.max": "0", "pids.max": "0", "cpu.weight": "42", "cpuset.cpus": "1",
			"cpu.max": "12345 100000", "io.weight": "default 7", "hugetlb.2MB.max": "0", "memory.oom.group": "1",
		}}, "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=130000 CPUWeight=42 AllowedCPUs=[2] IOWeight=7 " +
			"MemoryHigh=infinity MemoryMin=4096 MemorySwapMax=0 TasksMax=1"},
	} {
		if got := inForce(t, newTree(t).unified(), test.r); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// An update that leaves a value out takes it from the cgroup.
func TestPropertiesOfUpdate(t *testing.T) {
	f := newTree(t).file("cpu.max", "30000 50000").file("memory.max", "1000").file("cpu.idle", "1").file("io.bfq.weight", "100")
	for want, r := range map[string]*specs.LinuxResources{
		"CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=1000000": cpu(50000, 0),
		"CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=300000": cpu(0, 100000),
		"MemorySwapMax=500": memory(0, 1500, 0),
		"CPUWeight=100":     {CPU: &specs.LinuxCPU{Idle: ptr(int64(0))}},
		"CPUWeight=59":      {CPU: &specs.LinuxCPU{Idle: ptr(int64(0)), Shares: ptr(uint64(512))}},
		"IOWeight=1200":     {BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(200))}},
		"CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=400000":   {Unified: map[string]string{"cpu.max": "20000"}},
		"CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=infinity": {Unified: map[string]string{"cpu.max": "max"}},
	} {
		if got := inForce(t, f.unified(), r); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Without a quota the cgroup does not tell which period systemd has.
func TestPeriodOfSystemd(t *testing.T) {
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	for _, c := range []struct {
		inForce string
		systemd uint64
		r       *specs.LinuxResources
		want    string
	}{
		{"max 100000", 200000, cpu(50000, 0), "CPUQuotaPeriodUSec=200000 CPUQuotaPerSecUSec=250000"},
		{"max 100000", uint64(systemd.Infinity), cpu(50000, 0), "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000"},
		{"max 40000", 200000, cpu(50000, 0), "CPUQuotaPeriodUSec=40000 CPUQuotaPerSecUSec=1250000"},
		{"10000 40000", 200000, cpu(50000, 0), "CPUQuotaPeriodUSec=40000 CPUQuotaPerSecUSec=1250000"},
		// C3: an old quota does not come back with a period.
		{"max 100000", 200000, cpu(0, 40000), "CPUQuotaPeriodUSec=40000 CPUQuotaPerSecUSec=infinity"},
	} {
		fake.Numbers = map[string]uint64{"CPUQuotaPeriodUSec": c.systemd}
		m := newTree(t).file("cpu.max", c.inForce+"\n").unified()
		m.unit.exists = true
		if got := inForce(t, m, c.r); got != c.want {
			t.Errorf("%s: %s, want %s", c.inForce, got, c.want)
		}
	}
	m := newTree(t).file("cpu.max", "max 100000\n").unified()
	m.unit.exists = true
	fake.Numbers = nil
	fake.Properties["CPUQuotaPeriodUSec"] = "not a number"
	if _, err := m.roundForSystemd(cpu(50000, 0)); err == nil {
		t.Error("an answer of another type is no error")
	}
}

func TestOOMPolicy(t *testing.T) {
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	group := func(v string) *specs.LinuxResources {
		return &specs.LinuxResources{Unified: map[string]string{"memory.oom.group": v}}
	}
	for version, want := range map[string]string{"252.1": "", "253": `OOMPolicy="kill"`} {
		fake.Properties["Version"] = version
		m := newTree(t).unified()
		for _, r := range []*specs.LinuxResources{{}, group("0")} {
			if list, err := m.oomPolicy(r); len(list) > 0 || err != nil {
				t.Errorf("%s: %s, %v for %v", version, render(list), err, r.Unified)
			}
		}
		if list, err := m.oomPolicy(group("1\n")); render(list) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", version, render(list), err, want)
		}
		m.unit.extra = []systemd.Property{property("OOMPolicy", systemd.String("stop"))}
		if list, err := m.oomPolicy(group("1")); len(list) > 0 || err != nil {
			t.Errorf("%s: %s, %v beside an annotation", version, render(list), err)
		}
		got := inForce(t, m, &specs.LinuxResources{Unified: map[string]string{"memory.zswap.max": "4096"}})
		if want := map[string]string{"252.1": "", "253": "MemoryZSwapMax=4096"}[version]; got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestUnifiedProperties(t *testing.T) {
	for _, c := range [][3]string{
		{"io.max", "8:0 rbps=1048576 wiops=max\n8:16 rbps=5",
			`IOReadBandwidthMax=[("/dev/block/8:0", 1048576), ("/dev/block/8:16", 5)] IOWriteIOPSMax=[("/dev/block/8:0", infinity)]`},
		{"io.latency", "8:0 target=75000\n", `IODeviceLatencyTargetUSec=[("/dev/block/8:0", 75000)]`},
		{"io.latency", "8:0 target=max", `IODeviceLatencyTargetUSec=[("/dev/block/8:0", 0)]`},
		{"io.weight", "default 7\n8:0 200\n8:16 default", `IOWeight=7 IODeviceWeight=[("/dev/block/8:0", 200)]`},
		{"io.weight", "7", "IOWeight=7"},
		{"memory.high", "16M", "MemoryHigh=16777216"},
		{"memory.low", "0x1000", "MemoryLow=4096"},
		{"memory.min", "4k\n", "MemoryMin=4096"},
		{"memory.reclaim", "4k", ""},
	} {
		if got := inForce(t, newTree(t).unified(), &specs.LinuxResources{Unified: map[string]string{c[0]: c[1]}}); got != c[2] {
			t.Errorf("%s %q: %s, want %s", c[0], c[1], got, c[2])
		}
	}
	for key, text := range map[string]string{
		"io.max": "8:0 rbps=x", "io.weight": "default x", "io.latency": "8:0 75000", "memory.high": "99999999999E", "memory.max": "5 M",
	} {
		if _, err := newTree(t).unified().properties(&specs.LinuxResources{Unified: map[string]string{key: text}}); err == nil {
			t.Errorf("%s %q: no error", key, text)
		}
	}
	f := newTree(t).file("cpu.weight", "335\n")
	list, err := f.unified().writtenProperties(&specs.LinuxResources{Unified: map[string]string{"cpu.weight.nice": "-5"}})
	if err != nil || render(list) != "CPUWeight=335" {
		t.Errorf("%s, %v", render(list), err)
	}
}

func TestIdleProperty(t *testing.T) {
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	idle := &specs.LinuxResources{CPU: &specs.LinuxCPU{Idle: ptr(int64(1)), Shares: ptr(uint64(512))}}
	both := &specs.LinuxResources{Unified: map[string]string{"cpu.idle": "1", "cpu.weight": "7"}}
	for version, want := range map[string][2]string{"252.1": {"CPUWeight=0", "CPUWeight=0"}, "249": {"CPUWeight=59", ""}} {
		fake.Properties["Version"] = version
		if got := inForce(t, newTree(t).unified(), idle); got != want[0] {
			t.Errorf("%s: %s, want %s", version, got, want[0])
		}
		m, warned := newTree(t).unified(), ""
		m.SetWarn(func(s string) { warned = s })
		if got := inForce(t, m, both); got != want[1] || !strings.Contains(warned, "unable to apply both") {
			t.Errorf("%s: %s, want %s, warned %q", version, got, want[1], warned)
		}
	}
}

func TestPropertiesV1(t *testing.T) {
	m := newTree(t).v1("cpu", "memory", "devices")
	m.SetUnit("a.scope", false, false)
	m.unit.exists = false
	r := &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(1000)), Swap: ptr(int64(3000)), Reservation: ptr(int64(10))},
		CPU:    &specs.LinuxCPU{Shares: ptr(uint64(512)), Quota: ptr(int64(12345))}, BlockIO: &specs.LinuxBlockIO{Weight: ptr(uint16(50))},
	}
	r, err := m.roundForSystemd(r)
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.properties(r)
	if want := "MemoryLimit=1000 CPUShares=512 CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=130000 BlockIOWeight=50"; err != nil || render(list) != want {
		t.Errorf("%s, %v, want %s", render(list), err, want)
	}
}

func TestPropertyErrors(t *testing.T) {
	for want, r := range map[string]*specs.LinuxResources{
		"linux.resources.cpu.cpus":                             {CPU: &specs.LinuxCPU{Cpus: "3-1"}},
		"linux.resources.cpu.mems":                             {CPU: &specs.LinuxCPU{Mems: "x"}},
		"4294967295 is above 65535":                            {CPU: &specs.LinuxCPU{Cpus: "0-4294967295"}},
		"empty value":                                          {CPU: &specs.LinuxCPU{Cpus: ","}},
		"linux.resources.memory.swap":                          memory(1000, 500, 0),
		"unable to set swap limit without memory limit":        memory(0, 500, 0),
		"linux.resources.cpu.quota":                            cpu(1<<62, 1),
		"linux.resources.unified[memory.high]":                 {Unified: map[string]string{"memory.high": "many"}},
		"linux.resources.unified[pids.max]":                    {Unified: map[string]string{"pids.max": ""}},
		"linux.resources.unified[cpu.max]: value invalid":      {Unified: map[string]string{"cpu.max": ""}},
		"linux.resources.unified[cpu.max]: strconv.ParseUint:": {Unified: map[string]string{"cpu.max": "1000 x"}},
		"linux.resources.unified[cpu.weight]":                  {Unified: map[string]string{"cpu.weight": "x"}},
		"linux.resources.unified[cpuset.cpus]":                 {Unified: map[string]string{"cpuset.cpus": "x"}},
	} {
		m := newTree(t).file("memory.max", "max").unified()
		changed, err := m.roundForSystemd(r)
		if err == nil {
			_, err = m.properties(changed)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestDeviceProperties(t *testing.T) {
	rule := func(allow bool, kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
		return specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Major: number(major), Minor: number(minor), Access: access}
	}
	const none = "DeviceAllow=[] DevicePolicy="
	all, nothing := rule(true, "a", -1, -1, "rwm"), rule(false, "a", -1, -1, "rwm")
	for name, test := range map[string]struct {
		rules  []specs.LinuxDeviceCgroup
		v2, v1 string
	}{
		"lists": {
			[]specs.LinuxDeviceCgroup{nothing, rule(true, "c", 1, 3, "rw"), rule(true, "c", 1, 3, "m"), rule(true, "b", 8, -1, "r"), rule(true, "c", -1, -1, "m")},
			none + `"strict" DeviceAllow=[("/dev/char/1:3", "rwm"), ("block-8", "r"), ("char-*", "m")]`, "",
		},
		"all": {[]specs.LinuxDeviceCgroup{all}, none + `"auto" DeviceAllow=[]`, ""},
		"all but one": {
			[]specs.LinuxDeviceCgroup{all, rule(false, "c", 1, 3, "w")},
			none + `"auto" DeviceAllow=[]`, none + `"strict" DeviceAllow=[]`,
		},
		"taken back": {
			[]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "rwm"), rule(false, "c", 1, 3, "w")},
			none + `"strict" DeviceAllow=[("/dev/char/1:3", "rm")]`, "",
		},
		"one of many taken back": {
			[]specs.LinuxDeviceCgroup{rule(true, "c", 1, -1, "rw"), rule(false, "c", 1, 3, "w")},
			none + `"strict" DeviceAllow=[("char-1", "rw")]`, none + `"strict" DeviceAllow=[("char-1", "r")]`,
		},
		"a minor number of any major": {
			[]specs.LinuxDeviceCgroup{rule(true, "c", -1, 7, "r")},
			none + `"strict" DeviceAllow=[("char-*", "r")]`, none + `"strict" DeviceAllow=[]`,
		},
	} {
		r := &specs.LinuxResources{Devices: test.rules}
		if got := inForce(t, newTree(t).unified(), r); got != test.v2 {
			t.Errorf("%s, v2: %s, want %s", name, got, test.v2)
		}
		if test.v1 == "" {
			test.v1 = test.v2
		}
		m := newTree(t).v1("devices")
		if list, err := m.deviceProperties(r); err != nil || render(list) != test.v1 {
			t.Errorf("%s, v1: %s, %v, want %s", name, render(list), err, test.v1)
		}
	}
}

// TestUnitLife runs Begin, Finish, Set and Destroy with a fake systemd.
func TestUnitLife(t *testing.T) {
	pretendBooted(t)
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	top := t.TempDir()
	m, err := New(v2At(top), Config{
		ID: "c1", Path: "a.slice:p:n", Systemd: true, Annotations: map[string]string{"org.systemd.property.TimeoutStopSec": "5"},
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(top, "a.slice", "p-n.scope")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/../../cgroup.controllers", "/../cgroup.type", "/cgroup.controllers", "/cgroup.type", "/cpu.max", "/pids.max"} {
		text := "cpu pids\n"
		if strings.HasSuffix(name, ".max") {
			text = ""
		}
		if err := os.WriteFile(dir+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := cpu(12345, 100000)
	r.Pids = &specs.LinuxPids{Limit: ptr(int64(0))}
	if err := m.Begin(42, r); err != nil {
		t.Fatal(err)
	}
	if err := m.Finish(); err != nil {
		t.Fatal(err)
	}
	got := fakebus.PropertiesOf(fake.Calls("StartTransientUnit")[0].Args[2])
	for name, want := range map[string]any{
		"PIDs": []any{uint32(42)}, "Slice": "a.slice", "Delegate": true, "DefaultDependencies": false, "TimeoutStopUSec": uint64(5_000_000),
		"Description": "libcontainer container n", "MemoryAccounting": true, "CPUAccounting": true, "IOAccounting": true,
		"TasksAccounting": true, "TasksMax": uint64(1), "CPUQuotaPerSecUSec": uint64(130000), "CPUQuotaPeriodUSec": uint64(100000),
	} {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	for name, want := range map[string]string{"/cpu.max": "13000 100000", "/pids.max": "1"} {
		if text, _ := os.ReadFile(dir + name); string(text) != want {
			t.Errorf("%s is %q, want %s: not what systemd has", name, text, want)
		}
	}
	if err := m.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr(int64(9))}}); err != nil {
		t.Fatal(err)
	}
	if c := fake.Calls("SetUnitProperties")[0]; fakebus.PropertiesOf(c.Args[2])["TasksMax"] != uint64(9) {
		t.Errorf("update set %v", c.Args)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := m.Destroy(); err != nil || len(fake.Calls("StopUnit")) != 1 {
		t.Errorf("destroy: %v, %v", err, fake.Calls("StopUnit"))
	}
}

// A limit that is too small kills the process as it enters, and the error names the limit.
func TestUnitEnded(t *testing.T) {
	pretendBooted(t)
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	for result, want := range map[string]string{
		"oom-kill": "linux.resources.memory.limit is too small", "success": "ended before the container was set up",
	} {
		fake.Properties["Result"] = result
		m, err := New(v2At(t.TempDir()), Config{ID: "c1", Systemd: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Begin(42, &specs.LinuxResources{}); err != nil {
			t.Fatal(err)
		}
		if err := m.Finish(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", result, err, want)
		}
	}
}

// Destroy removes the cgroup and warns if systemd does not run any more.
func TestDestroyWithoutBus(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	var warned string
	m := newTree(t).files().v2("")
	m.SetUnit("a.scope", true, false)
	m.SetWarn(func(s string) { warned = s })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(t.TempDir(), "none"))
	if err := os.RemoveAll(m.dirs[0].path); err != nil {
		t.Fatal(err)
	}
	if err := m.Destroy(); err != nil || !strings.Contains(warned, "failed to connect to dbus") {
		t.Errorf("%v, warned %q", err, warned)
	}
}

// After an error rung destroys the container's own unit only.
func TestSettle(t *testing.T) {
	pretendBooted(t)
	fake := fakebus.New(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", fake.Address())
	begin := func(r *specs.LinuxResources) *Manager {
		m, err := New(v2At(t.TempDir()), Config{ID: "c1", Systemd: true})
		if err != nil {
			t.Fatal(err)
		}
		_ = m.Begin(42, r)
		return m
	}
	if begin(&specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "x"}}).Settle() {
		t.Error("Settle is true although Begin failed before it asked for a unit")
	}
	if !begin(&specs.LinuxResources{}).Settle() {
		t.Error("Settle is false for the container's own unit, which would stay")
	}
	fake.Fail = func(c *fakebus.Call) (string, string) {
		if c.Member == "StartTransientUnit" {
			return "org.freedesktop.systemd1.UnitExists", "Unit runc-c1.scope was already loaded."
		}
		return "", ""
	}
	if begin(&specs.LinuxResources{}).Settle() {
		t.Error("Settle is true for another's unit, which would be removed")
	}
}

// If the unit's cgroup holds processes, the error has the words that engines match, and rung does not ask systemd.
func TestUnitCgroupIsNotEmpty(t *testing.T) {
	pretendBooted(t)
	top := t.TempDir()
	m, err := New(v2At(top), Config{ID: "c1", Path: "-.slice:p:n", Systemd: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(top+"/p-n.scope", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(top+"/p-n.scope/cgroup.procs", []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := m.Connect(); err == nil || !strings.Contains(err.Error(), "container's cgroup is not empty") {
		t.Errorf("error %v", err)
	}
}
