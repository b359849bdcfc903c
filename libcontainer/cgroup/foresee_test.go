package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func given[T any](n T) *T { return &n }

func TestObstaclesOfValues(t *testing.T) {
	m := newTree(t).file("cgroup.procs", "").v2("cpu cpuset memory")
	for name, c := range map[string]struct {
		r    specs.LinuxResources
		want string
	}{
		"quota":  {specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: given(int64(999))}}, "linux.resources.cpu.quota: 999: invalid argument"},
		"period": {specs.LinuxResources{CPU: &specs.LinuxCPU{Period: given(uint64(1_000_001))}}, "linux.resources.cpu.period: 1000001: invalid argument"},
		"cpus":   {specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "65535"}}, `linux.resources.cpu.cpus: "65535": numerical result out of range`},
		"limit":  {specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: given(int64(4096))}}, "linux.resources.memory.limit is too small"},
		"good": {specs.LinuxResources{
			CPU:    &specs.LinuxCPU{Quota: given(int64(1000)), Period: given(uint64(1000)), Cpus: "0"},
			Memory: &specs.LinuxMemory{Limit: given(int64(1 << 20))},
		}, ""},
		"unlimited": {specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: given(int64(-1))}, Memory: &specs.LinuxMemory{Limit: given(int64(-1))}}, ""},
	} {
		got := errors.Join(foreseeValues(&c.r)...)
		if c.want == "" && got != nil || c.want != "" && (got == nil || !strings.HasPrefix(got.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
		if all := m.Obstacles(&c.r); (c.want == "") != (len(all) == 0) {
			t.Errorf("%s: %v", name, all)
		}
	}
}

// A controller that the hierarchy does not have, and one that a cgroup with processes cannot enable.
func TestObstaclesOfControllers(t *testing.T) {
	r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: given(int64(5))}}
	tree := newTree(t).file("cgroup.procs", "")
	m := tree.v2("memory")
	got := m.Obstacles(r)
	if len(got) != 1 || !strings.HasPrefix(got[0].Error(), "linux.resources.pids: controller pids is not available in the v2 hierarchy") {
		t.Errorf("%v", got)
	}
	m = &Manager{dirs: []cgroupDir{{path: tree.top + "/c/new/leaf", mount: tree.top, keys: []string{""}, v2: true}}}
	for name, content := range map[string]string{
		"cgroup.controllers": "pids\n", "cgroup.subtree_control": "pids\n", "c/cgroup.subtree_control": "", "c/cgroup.type": "domain\n", "c/cgroup.procs": "1\n",
	} {
		if err := os.WriteFile(filepath.Join(tree.top, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got = m.Obstacles(r)
	if want := "linux.resources.pids: controller pids is not delegated: " + tree.top + "/c/cgroup.subtree_control does not enable it, and cannot: it has processes"; len(got) != 1 ||
		!strings.HasPrefix(got[0].Error(), want) {
		t.Errorf("%v", got)
	}
	if err := os.WriteFile(filepath.Join(tree.top, "c/cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := m.Obstacles(r); len(got) != 0 { // rung enables it
		t.Errorf("%v", got)
	}
}

func TestObstaclesOfPlace(t *testing.T) {
	m := &Manager{dirs: []cgroupDir{{path: "/proc/rung-test/leaf", mount: "/proc", keys: []string{"memory"}}}}
	got := m.Obstacles(nil)
	if len(got) != 1 || !strings.HasPrefix(got[0].Error(), "unable to apply cgroup configuration: mkdir /proc/rung-test: ") {
		if os.Geteuid() != 0 || len(got) != 0 { // root may write to the directory, as far as its mode says
			t.Errorf("%v", got)
		}
	}
	top := t.TempDir()
	if err := os.MkdirAll(top+"/full", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(top+"/full/cgroup.procs", []byte("1\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.dirs = []cgroupDir{{path: top + "/full", mount: top, keys: []string{"memory"}}}
	if got := m.Obstacles(nil); len(got) != 1 || !strings.Contains(got[0].Error(), "container's cgroup is not empty: 2 process(es)") {
		t.Errorf("%v", got)
	}
	m.cfg.ForRoot = true
	if err := m.mayWrite("/nonexistent"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%v", err)
	}
}

// What v1 and v2 take of shares, rates and files by name.
func TestObstaclesByVersion(t *testing.T) {
	v1 := &Manager{dirs: []cgroupDir{{path: t.TempDir(), mount: "/", keys: []string{"cpu"}}, {path: t.TempDir(), mount: "/", keys: []string{"blkio"}}}}
	v2 := newTree(t).file("cgroup.procs", "").v2("cpu io memory")
	rates := &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{{Rate: 1}}}
	rates.ThrottleReadBpsDevice[0].Major = 4095
	for name, c := range map[string]struct {
		r      specs.LinuxResources
		v1, v2 string
	}{
		"few shares":  {specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: given(uint64(1))}}, "linux.resources.cpu.shares: the minimum", ""},
		"many shares": {specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: given(uint64(1 << 20))}}, "linux.resources.cpu.shares: the maximum", ""},
		"no shares":   {specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: given(uint64(0))}, BlockIO: &specs.LinuxBlockIO{}}, "", ""},
		"rates": {
			specs.LinuxResources{BlockIO: rates}, "linux.resources.blockIO.throttleReadBpsDevice[0]: write blkio.throttle.read_bps_device: no such device",
			"linux.resources.blockIO.throttleReadBpsDevice[0]: write io.max: no such device",
		},
		"network": {
			specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: given(uint32(1))}}, "linux.resources.network.classID: no cgroup hierarchy",
			"linux.resources.network.classID: no cgroup hierarchy",
		},
		"unified": {
			specs.LinuxResources{Unified: map[string]string{"cgroup.freeze": "0", "memory.high": "1", "no.such": "1"}}, "linux.resources.unified: invalid",
			"linux.resources.unified[no.such]: invalid",
		},
	} {
		for version, m := range map[string]*Manager{"v1": v1, "v2": v2} {
			want := map[string]string{"v1": c.v1, "v2": c.v2}[version]
			got := errors.Join(m.Obstacles(&c.r)...)
			if want == "" && got != nil || want != "" && (got == nil || !strings.HasPrefix(got.Error(), want)) {
				t.Errorf("%s on %s: %v, want %q", name, version, got, want)
			}
		}
	}
}

func TestDeniesRealtime(t *testing.T) {
	mount := t.TempDir()
	m := &Manager{dirs: []cgroupDir{{path: filepath.Join(mount, "new"), mount: mount, keys: []string{"cpu"}}}}
	if m.DeniesRealtime(nil) {
		t.Error("a kernel without shares of real time denies it")
	}
	if err := os.WriteFile(filepath.Join(mount, "cpu.rt_runtime_us"), []byte("950000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !m.DeniesRealtime(nil) || m.DeniesRealtime(&specs.LinuxResources{CPU: &specs.LinuxCPU{RealtimeRuntime: given(int64(5))}}) {
		t.Error("a new cgroup has no real time unless it is given some")
	}
	m.dirs[0].path = mount
	if m.DeniesRealtime(nil) {
		t.Error("a cgroup that is there, and has time")
	}
}
