package cgroup

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What is written to a file to get its old content again.
func TestWritesOfSavedFile(t *testing.T) {
	for _, c := range [][4]string{
		{"memory.max", "max\n", "4096\n", "max\n"},
		{"memory.max", "max\n", "max\n", ""},
		{"cpuset.cpus", "\n", "0-1\n", "\n"},
		{"cpu.max", "max 100000\n", "5000 20000\n", "max 100000\n"},
		{"io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n", "8:16 rbps=5 wbps=max riops=max wiops=max\n8:0 rbps=2 wbps=max riops=max wiops=max\n",
			"8:16 rbps=max wbps=max riops=max wiops=max|8:0 rbps=1 wbps=max riops=max wiops=max"},
		{"io.weight", "default 100\n", "default 7\n8:0 200\n", "8:0 default|default 100"},
		{"blkio.throttle.read_bps_device", "", "8:0 1048576\n", "8:0 0"},
		{"blkio.bfq.weight_device", "8:0 5\n", "8:0 7\n", "8:0 5"},
		{"rdma.max", "mlx hca_handle=max hca_object=7\n", "mlx hca_handle=3 hca_object=7\n", "mlx hca_handle=max hca_object=7"},
		{"net_prio.ifpriomap", "lo 0\neth0 1\n", "lo 5\neth0 1\n", "lo 0"},
		{"memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "1"},
		{"cpuset.cpus.partition", "root invalid (no CPU)\n", "member\n", "root"},
	} {
		f := savedFile{"", c[0], c[1]}
		if got := strings.Join(f.writes(c[2]), "|"); got != c[3] {
			t.Errorf("%s %q after %q: %q, want %q", c[0], c[1], c[2], got, c[3])
		}
	}
}

// A refused update sets again what it has changed, and nothing else: somebody else's values are not those that rung remembers.
func TestRefusedUpdate(t *testing.T) {
	f := newTree(t).file("memory.max", "8192\n").file("pids.max", "7\n").file("cpu.idle", "0\n").file("cpu.weight", "59\n")
	m := f.v2("cpu memory pids")
	err := m.Update(&specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: ptr(int64(4096))}, CPU: &specs.LinuxCPU{Idle: ptr(int64(1))},
		Unified: map[string]string{"no.such": "1"},
	})
	wantError(t, err, "linux.resources.unified[no.such]")
	if strings.Contains(err.Error(), "old limits") {
		t.Error(err)
	}
	f.want("memory.max", "8192")
	f.want("cpu.idle", "0")
	f.want("cpu.weight", "59")
	f.want("pids.max", "7")
	if m.journal != nil {
		t.Error("the journal of an update that has ended is still there")
	}
}

// Only an old value that could not be set is told of.
func TestRefusedUpdateThatCannotBeUndone(t *testing.T) {
	f := newTree(t).file("memory.max", "8192\n")
	m := f.v2("memory")
	m.journal = &journal{}
	if err := m.write(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ptr(int64(4096))}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.top + "/c/memory.max"); err != nil {
		t.Fatal(err)
	}
	ok(t, m.journal.restore()) // the cgroup is gone
	if err := os.Mkdir(f.top+"/c/memory.max", 0o755); err != nil {
		t.Fatal(err)
	}
	wantError(t, m.journal.restore(), "memory.max")
}
