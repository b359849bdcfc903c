package cgroup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Why a controller is missing: processes are in the way of a cgroup other than the root, and a threaded tree has few
// controllers.
func TestWhyMissing(t *testing.T) {
	for _, c := range []struct {
		kind, procs, controller string // cgroup.type is missing where kind is ""
		want, not               string
	}{
		{"", "1\n", "memory", "cgroup.subtree_control does not enable it", "cannot"},
		{"domain\n", "1\n", "memory", "and cannot: it has processes", "threaded"},
		{"domain\n", "", "memory", "cgroup.subtree_control does not enable it", "cannot"},
		{"domain threaded\n", "1\n", "memory", `it is in a threaded tree (cgroup.type is "domain threaded")`, "must move"},
		{"threaded\n", "", "io", `it is in a threaded tree (cgroup.type is "threaded")`, "must move"},
		{"threaded\n", "", "cpu", "cgroup.subtree_control does not enable it", "cannot"},
	} {
		f := newTree(t)
		d := f.v2(c.controller).dir("")
		for name, content := range map[string]string{"cgroup.type": c.kind, "cgroup.procs": c.procs, "cgroup.subtree_control": "\n"} {
			if name == "cgroup.type" && content == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(f.top, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.whyMissing(c.controller); !strings.Contains(got, c.want) || strings.Contains(got, c.not) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestHasSwapSum(t *testing.T) {
	for _, c := range []struct {
		limit, swap string
		sum         uint64
		want        bool
	}{
		{"4096000", "8192000", 12288000, true}, {"4096000", "8192000", 12290000, true}, {"4096000", "8192000", 12388000, false},
		{"8192000", "8192000", 12288000, false}, {"max", "8192000", 12288000, false}, {"4096000", "max", 12288000, false},
		{"4096000", "8192000", 0, false},
	} {
		m := newTree(t).file("memory.max", c.limit+"\n").file("memory.swap.max", c.swap+"\n").v2("memory")
		if got, err := m.HasSwapSum(c.sum); got != c.want || err != nil {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
	if got, err := newTree(t).file("memory.max", "1\n").v2("memory").HasSwapSum(5); got || err != nil {
		t.Errorf("without swap accounting: %v, %v", got, err)
	}
	if _, err := newTree(t).file("memory.max", "x\n").v2("memory").HasSwapSum(5); err == nil {
		t.Error("no error for a limit that is no number")
	}
}

func TestBelowBurst(t *testing.T) {
	// A directory in the place of a file is written to with EISDIR, and not EINVAL: nothing is said of a burst then.
	m := newTree(t).file("cpu.max.burst", "40000\n").v2("cpu")
	if err := os.Mkdir(m.dirs[0].path+"/cpu.max", 0o755); err != nil {
		t.Fatal(err)
	}
	err := m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: ptr(int64(30000)), Period: ptr(uint64(100000))}})
	wantError(t, err, "linux.resources.cpu.quota")
	if strings.Contains(err.Error(), "burst") {
		t.Error(err)
	}
}
