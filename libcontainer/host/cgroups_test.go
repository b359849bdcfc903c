package host

import (
	"errors"
	"reflect"
	"syscall"
	"testing"

	"rung/internal/sys"
)

const dockerV1 = `25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw
31 25 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
32 31 0:28 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,nsdelegate
33 31 0:29 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
36 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw shared:13 - cgroup cgroup rw,cpu,cpuacct
37 31 0:33 / /sys/fs/cgroup/memory rw shared:14 - cgroup cgroup rw,memory
40 31 0:33 /docker/x /mnt/with\040blank rw shared:14 - cgroup cgroup rw,memory
41 31 0:99 / /run/agent/cgroupv2 rw - cgroup2 none rw
`

const dockerProc = `4:memory:/user.slice
3:cpu,cpuacct:/
1:name=systemd:/user.slice/a:b
0::/user.slice
`

func lines(t *testing.T, text string) []procCgroup {
	t.Helper()
	l, err := parseProcCgroup(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func everywhere(string, int64) (bool, error) { return true, nil }

func hierarchies(t *testing.T, text string, lines []procCgroup, isFs func(string, int64) (bool, error)) *Cgroups {
	t.Helper()
	c, err := fromMountinfo(text, lines, isFs)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFromMountinfoHybrid(t *testing.T) {
	got := hierarchies(t, dockerV1, lines(t, dockerProc), everywhere)
	want := &Cgroups{Mode: CgroupHybrid, Hierarchies: []Hierarchy{
		{Mountpoint: "/sys/fs/cgroup/memory", Controllers: []string{"memory"}, Root: "/", Own: "/user.slice"},
		{Mountpoint: "/sys/fs/cgroup/cpu,cpuacct", Controllers: []string{"cpu", "cpuacct"}, Root: "/", Own: "/"},
		{Mountpoint: "/sys/fs/cgroup/systemd", Name: "systemd", Root: "/", Own: "/user.slice/a:b"},
		{Mountpoint: "/sys/fs/cgroup/unified", V2: true, Root: "/", Own: "/user.slice"},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestHiddenMountsAreNotListed(t *testing.T) {
	hidden := func(p string, _ int64) (bool, error) {
		return p != "/sys/fs/cgroup/unified" && p != "/sys/fs/cgroup/memory", nil
	}
	got := hierarchies(t, dockerV1, lines(t, dockerProc), hidden)
	if got.Mode != CgroupV1 {
		t.Errorf("mode %v, want v1", got.Mode)
	}
	if len(got.Hierarchies) != 3 {
		t.Fatalf("got %+v", got.Hierarchies)
	}
	// The second mount of the memory hierarchy is what is left of it.
	m := got.Hierarchies[0]
	if m.Mountpoint != "/mnt/with blank" || m.Root != "/docker/x" {
		t.Errorf("memory: %+v", m)
	}
}

func TestAnErrorIsNoMissingHierarchy(t *testing.T) {
	broken := func(string, int64) (bool, error) { return false, syscall.EIO }
	if c, err := fromMountinfo(dockerV1, lines(t, dockerProc), broken); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestLastMountOfAMountpointCounts(t *testing.T) {
	text := dockerV1 + "50 37 0:33 /sub /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
	got := hierarchies(t, text, lines(t, "4:memory:/sub\n"), everywhere)
	if h := got.Hierarchies[0]; h.Root != "/sub" || h.Mountpoint != "/sys/fs/cgroup/memory" {
		t.Errorf("got %+v", h)
	}
}

func TestOnlyV2ElsewhereIsV2(t *testing.T) {
	text := "41 31 0:99 / /run/cg rw - cgroup2 none rw\n"
	got := hierarchies(t, text, lines(t, "0::/a\n"), everywhere)
	if got.Mode != CgroupV2 || len(got.Hierarchies) != 1 || got.Hierarchies[0].Own != "/a" {
		t.Errorf("got %+v", got)
	}
}

func TestNothingMounted(t *testing.T) {
	got := hierarchies(t, "25 30 0:23 / /sys rw - sysfs sysfs rw\n", lines(t, "0::/\n"), everywhere)
	if got.Mode != CgroupV1 || len(got.Hierarchies) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestParseProcCgroupRefusesNonsense(t *testing.T) {
	for _, text := range []string{"0:/\n", "1:cpu:relative\n", "nothing\n"} {
		if l, err := parseProcCgroup(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, l)
		}
	}
}

func TestModeString(t *testing.T) {
	for m, want := range map[CgroupMode]string{CgroupV1: "v1", CgroupV2: "v2", CgroupHybrid: "hybrid"} {
		if m.String() != want {
			t.Errorf("%d: %q, want %q", int(m), m.String(), want)
		}
	}
}

// The short way and the way by mountinfo must agree on the machine at hand.
func TestProbeAgreesWithMountinfo(t *testing.T) {
	got, err := ProbeCgroups()
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode == CgroupV2 {
		if len(got.Hierarchies) != 1 || !got.Hierarchies[0].V2 {
			t.Fatalf("v2: %+v", got.Hierarchies)
		}
		return
	}
	mi, err := sys.ReadControl("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	own, err := sys.ReadControl("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	want := hierarchies(t, mi, lines(t, own), isFs)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("short way %+v\nmountinfo %+v", got, want)
	}
}

func FuzzCgroupFiles(f *testing.F) {
	f.Add(dockerV1, dockerProc)
	f.Add("a b c \\04 d - cgroup x\n", "0::/\n")
	f.Fuzz(func(t *testing.T, mi, proc string) {
		l, err := parseProcCgroup(proc)
		if err != nil {
			return
		}
		for _, h := range hierarchies(t, mi, l, everywhere).Hierarchies {
			if h.Mountpoint == "" || h.Own == "" {
				t.Errorf("empty path in %+v", h)
			}
		}
	})
}

func BenchmarkProbeCgroups(b *testing.B) {
	for b.Loop() {
		if _, err := ProbeCgroups(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProbeByMountinfo(b *testing.B) {
	own, _ := sys.ReadControl("/proc/self/cgroup")
	l, err := parseProcCgroup(own)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mi, err := sys.ReadControl("/proc/self/mountinfo")
		if err != nil {
			b.Fatal(err)
		}
		fromMountinfo(mi, l, isFs)
	}
}
