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

func lines(t *testing.T, text string) []sys.Placement {
	t.Helper()
	l, err := sys.ParsePlacements(text)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func mounts(t testing.TB, text string) []*sys.Mount {
	t.Helper()
	m, err := sys.ParseMounts([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func everywhere(string, int64) (bool, error) { return true, nil }

func hierarchies(t *testing.T, text string, lines []sys.Placement, isFs func(string, int64) (bool, error)) *Cgroups {
	t.Helper()
	c, err := fromMounts(mounts(t, text), lines, isFs)
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
	// The first mount of the memory hierarchy is hidden; the second one remains.
	m := got.Hierarchies[0]
	if m.Mountpoint != "/mnt/with blank" || m.Root != "/docker/x" {
		t.Errorf("memory: %+v", m)
	}
}

func TestAnErrorIsNoMissingHierarchy(t *testing.T) {
	broken := func(string, int64) (bool, error) { return false, syscall.EIO }
	if c, err := fromMounts(mounts(t, dockerV1), lines(t, dockerProc), broken); !errors.Is(err, syscall.EIO) {
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

func TestModeString(t *testing.T) {
	for m, want := range map[CgroupMode]string{CgroupV1: "v1", CgroupV2: "v2", CgroupHybrid: "hybrid"} {
		if m.String() != want {
			t.Errorf("%d: %q, want %q", int(m), m.String(), want)
		}
	}
}

// ProbeCgroups without mountinfo and fromMountinfo must agree on this machine.
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
	all, err := sys.OwnMounts()
	if err != nil {
		t.Fatal(err)
	}
	own, err := sys.OwnPlacements()
	if err != nil {
		t.Fatal(err)
	}
	want, err := fromMounts(all, own, isFs)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("short way %+v\nmountinfo %+v", got, want)
	}
}

func FuzzCgroupFiles(f *testing.F) {
	f.Add(dockerV1, dockerProc)
	f.Add("a b c \\04 d - cgroup x\n", "0::/\n")
	f.Add("1 2 0:3 / /\\040 rw - cgroup2 x rw\n", "0::/\n")
	f.Fuzz(func(t *testing.T, mi, proc string) {
		l, err := sys.ParsePlacements(proc)
		if err != nil {
			return
		}
		m, err := sys.ParseMounts([]byte(mi))
		if err != nil {
			return
		}
		c, err := fromMounts(m, l, everywhere)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range c.Hierarchies {
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
	own, err := sys.OwnPlacements()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		all, err := sys.OwnMounts()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := fromMounts(all, own, isFs); err != nil {
			b.Fatal(err)
		}
	}
}
