package cgroup

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
)

// real makes a manager for the cgroups of this machine and removes them at the end. It skips the test without root or
// without the hierarchies of the named keys.
func real(t testing.TB, keys ...string) *Manager {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: cgroups of this machine")
	}
	h, err := host.ProbeCgroups()
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(h, Config{Path: "/rung-test-" + strconv.Itoa(os.Getpid())})
	if err != nil {
		t.Skip("needs a mounted cgroup hierarchy: " + err.Error())
	}
	for _, k := range keys {
		if m.dir(k) == nil {
			t.Skipf("needs the cgroup hierarchy %q", k)
		}
	}
	t.Cleanup(func() {
		if err := m.Destroy(); err != nil {
			t.Errorf("left behind: %v", err)
		}
		if m.Exists() {
			t.Error("left behind a cgroup")
		}
	})
	if err := m.Create(); err != nil {
		if errors.Is(err, syscall.EROFS) {
			t.Skip("needs a writable /sys/fs/cgroup")
		}
		t.Fatal(err)
	}
	return m
}

// sleeper starts a process in the cgroup, and kills and reaps it at the end.
func sleeper(t testing.TB, m *Manager, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = m.ThawTree()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if err := m.Enter(cmd.Process.Pid, false); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func readBack(t *testing.T, m *Manager, key, file string) string {
	t.Helper()
	text, err := sys.ReadControl(m.Paths()[key] + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(text)
}

func TestRealLifeCycle(t *testing.T) {
	m := real(t)
	cmd := sleeper(t, m, "sleep", "600")
	pid := cmd.Process.Pid

	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), filepath.Base(m.main().path)); n != len(m.dirs) {
		t.Errorf("in %d of %d hierarchies:\n%s", n, len(m.dirs), text)
	}
	pids, err := m.Pids()
	if err != nil || !slices.Equal(pids, []int{pid}) {
		t.Errorf("Pids: %v %v, want %d", pids, err, pid)
	}

	ok(t, m.Freeze())
	if f, err := m.Frozen(); !f || err != nil {
		t.Errorf("Frozen: %v %v", f, err)
	}
	ok(t, m.Kill()) // must also kill frozen processes
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	select {
	case <-waited:
	case <-time.After(5 * time.Second):
		t.Fatal("a killed process in a frozen cgroup did not die")
	}
	if f, err := m.Frozen(); f && m.dir("freezer") != nil {
		t.Errorf("still frozen after Kill: %v", err)
	}
	ok(t, m.Thaw())
	ok(t, m.Destroy())
	if m.Exists() {
		t.Error("something is left")
	}
	if err := m.Kill(); !errors.Is(err, ErrNotExist) {
		t.Errorf("Kill of nothing: %v, want ErrNotExist", err)
	}
	if pids, err := m.Pids(); len(pids) != 0 || err != nil {
		t.Errorf("Pids of nothing: %v %v", pids, err)
	}
	ok(t, m.Destroy())
}

func TestRealDestroyWaitsForTheDying(t *testing.T) {
	m := real(t)
	cmd := sleeper(t, m, "sleep", "600")
	ok(t, m.Kill())
	waited := make(chan error, 1)
	go func() { waited <- cmd.Wait() }()
	ok(t, m.Destroy())
	<-waited
}

func TestRealDestroyOfABusyCgroupIsBounded(t *testing.T) {
	m := real(t)
	sleeper(t, m, "sleep", "600")
	t.Cleanup(func() { _ = m.Kill() })
	start := time.Now()
	err := m.Destroy()
	if !errors.Is(err, syscall.EBUSY) {
		t.Errorf("error %v, want EBUSY", err)
	}
	if d := time.Since(start); d < rmdirLimit || d > rmdirLimit+time.Second {
		t.Errorf("gave up after %v, want about %v", d, rmdirLimit)
	}
}

func TestRealSecondCreateIsRefused(t *testing.T) {
	m := real(t)
	sleeper(t, m, "sleep", "600")
	t.Cleanup(func() { _ = m.Kill() })
	second := &Manager{cfg: m.cfg, dirs: slices.Clone(m.dirs)}
	wantError(t, second.Create(), "container's cgroup is not empty: 1 process(es) found")
	if pids, _ := m.Pids(); len(pids) != 1 {
		t.Errorf("the refused Create harmed the cgroup: %v", pids)
	}
}

func TestRealKillReachesSubCgroups(t *testing.T) {
	m := real(t)
	for _, d := range m.dirs {
		if err := os.Mkdir(d.path+"/sub", 0o755); err != nil {
			t.Fatal(err)
		}
		if d.has("cpuset") {
			ok(t, inheritCpuset(d.path+"/sub", d.path, true))
		}
	}
	cmd := sleeper(t, m, "sleep", "600")
	for _, d := range m.dirs {
		ok(t, enterDir(d.path+"/sub", strconv.Itoa(cmd.Process.Pid)))
	}
	if pids, err := m.Pids(); len(pids) != 1 || err != nil {
		t.Errorf("Pids: %v %v", pids, err)
	}
	ok(t, m.Kill())
	_ = cmd.Wait()
}

func TestRealKillV1Only(t *testing.T) {
	m := real(t, "freezer", "devices")
	m.dirs = slices.DeleteFunc(m.dirs, func(d cgroupDir) bool {
		if d.v2 {
			_ = syscall.Rmdir(d.path)
		}
		return d.v2
	})
	a, b := sleeper(t, m, "sleep", "600"), sleeper(t, m, "sh", "-c", "while :; do :; done")
	ok(t, m.Kill())
	for _, c := range []*exec.Cmd{a, b} {
		_ = c.Wait()
		if s, k := c.ProcessState.Sys().(syscall.WaitStatus); !k || s.Signal() != syscall.SIGKILL {
			t.Errorf("%v ended with %v", c.Args, c.ProcessState)
		}
	}
}

func TestRealMemoryV1(t *testing.T) {
	m := real(t, "memory")
	set := func(limit, swap int64) error {
		return m.Set(&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &swap}})
	}
	for _, c := range [][2]int64{{32 << 20, 64 << 20}, {128 << 20, 256 << 20}, {16 << 20, 16 << 20}, {-1, -1}, {8 << 20, 8 << 20}} {
		if err := set(c[0], c[1]); err != nil {
			t.Errorf("limit %d swap %d: %v", c[0], c[1], err)
		}
		m.dirs = slices.Clone(m.dirs)
		for i := range m.dirs {
			m.dirs[i].fresh = false // the next calls of set are updates
		}
		if c[0] > 0 {
			if got := readBack(t, m, "memory", v1Limit); got != strconv.FormatInt(c[0], 10) {
				t.Errorf("limit %s, want %d", got, c[0])
			}
			if got := readBack(t, m, "memory", v1Memsw); got != strconv.FormatInt(c[1], 10) {
				t.Errorf("memsw %s, want %d", got, c[1])
			}
		}
	}
	if n, err := m.OOMKilled(); n != 0 || err != nil {
		t.Errorf("OOMKilled: %d %v", n, err)
	}
}

func TestRealResourcesV1(t *testing.T) {
	m := real(t, "cpu", "cpuset", "pids")
	ok(t, m.Set(&specs.LinuxResources{
		CPU: &specs.LinuxCPU{
			Shares: ptr(uint64(100)), Quota: ptr(int64(20000)), Period: ptr(uint64(50000)), Burst: ptr(uint64(1000)), Cpus: "0", Mems: "0",
		},
		Pids: &specs.LinuxPids{Limit: ptr(int64(0))},
	}))
	for _, c := range [][3]string{
		{"cpu", "cpu.shares", "100"}, {"cpu", "cpu.cfs_quota_us", "20000"}, {"cpu", "cpu.cfs_period_us", "50000"},
		{"cpu", "cpu.cfs_burst_us", "1000"}, {"cpuset", "cpuset.cpus", "0"}, {"cpuset", "cpuset.mems", "0"}, {"pids", "pids.max", "1"},
	} {
		if got := readBack(t, m, c[0], c[1]); got != c[2] {
			t.Errorf("%s: %q, want %q", c[1], got, c[2])
		}
	}
	ok(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(200)), Idle: ptr(int64(1))}}))
	ok(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(300)), Idle: ptr(int64(1))}}))
	ok(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: ptr(uint64(300)), Idle: ptr(int64(0))}}))
	if got := readBack(t, m, "cpu", "cpu.shares"); got != "300" {
		t.Errorf("shares after idle: %s", got)
	}
	wantError(t, m.Set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "4095"}}), "linux.resources.cpu.cpus: write cpuset.cpus")
}

func TestRealStats(t *testing.T) {
	m := real(t)
	sleeper(t, m, "sleep", "600")
	t.Cleanup(func() { _ = m.Kill() })
	s, err := m.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.Pids.Current != 1 {
		t.Errorf("pids %+v", s.Pids)
	}
	if m.dir("memory") != nil && s.Memory.Usage.Limit == 0 {
		t.Errorf("memory %+v", s.Memory.Usage)
	}
}

func TestRealDevicesV1(t *testing.T) {
	m := real(t, "devices")
	ok(t, m.Set(&specs.LinuxResources{Devices: DeviceRules([]specs.LinuxDeviceCgroup{denyAll}, nil)}))
	if got := readBack(t, m, "devices", "devices.list"); !strings.Contains(got, "c 1:3 rwm") || strings.Contains(got, "a *:*") {
		t.Errorf("devices.list: %s", got)
	}
	openDevices(t, m, true)
}

func TestRealDevicesV2(t *testing.T) {
	m := unifiedOnly(t)
	list := DeviceRules([]specs.LinuxDeviceCgroup{denyAll}, nil)
	setDeviceRules(t, m, list)
	openDevices(t, m, true)
	programs(t, m, 1)
	// An update replaces the program.
	m.dirs[0].fresh = false
	ok(t, m.Set(&specs.LinuxResources{Devices: append(list, rule(false, "c", 1, 5, "r"))}))
	programs(t, m, 1)
	openDevices(t, m, false)
	// Several programs become one.
	fd, err := sys.OpenRead(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(fd)
	p, err := loadProgram(deviceProgram(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(p)
	ok(t, sys.AttachDeviceProgram(fd, p, -1))
	programs(t, m, 2)
	ok(t, m.Set(&specs.LinuxResources{Devices: list}))
	programs(t, m, 1)
	openDevices(t, m, true)
}

func programs(t *testing.T, m *Manager, want int) {
	t.Helper()
	fd, err := sys.OpenRead(m.dirs[0].path)
	if err != nil {
		t.Fatal(err)
	}
	defer sys.CloseFd(fd)
	ids, err := sys.DevicePrograms(fd)
	if err != nil || len(ids) != want {
		t.Errorf("%d programs (%v), want %d", len(ids), err, want)
	}
}

// openDevices checks that a process in the cgroup can open /dev/null, cannot open /dev/kmsg (c 1:11), and can open
// /dev/zero if zero is true.
func openDevices(t *testing.T, m *Manager, zero bool) {
	t.Helper()
	cmd := exec.Command("sh", "-c", `read go
for d in null zero kmsg; do (: <"/dev/$d") 2>/dev/null && echo "$d yes" || echo "$d no"; done`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	enterErr := m.Enter(cmd.Process.Pid, false)
	_, _ = io.WriteString(in, "go\n")
	got := map[string]string{}
	for sc := bufio.NewScanner(out); sc.Scan(); {
		name, verdict, _ := strings.Cut(sc.Text(), " ")
		got[name] = verdict
	}
	_ = cmd.Wait()
	if enterErr != nil {
		t.Fatal(enterErr)
	}
	want := map[string]string{"null": "yes", "zero": "no", "kmsg": "no"}
	if zero {
		want["zero"] = "yes"
	}
	for d, w := range want {
		if got[d] != w {
			t.Errorf("/dev/%s: %q, want %q", d, got[d], w)
		}
	}
}

func TestRealOpenUnified(t *testing.T) {
	m := real(t, "")
	f, err := m.OpenUnified()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	ok(t, m.Enter(cmd.Process.Pid, true))
	for i := range m.dirs {
		pids, err := pidsBelow(m.dirs[i].path)
		if err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
			t.Errorf("%s: %v %v", m.dirs[i].path, pids, err)
		}
	}
}

func TestRealOpenTasks(t *testing.T) {
	m := real(t, "devices")
	files, err := m.OpenTasks()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(m.dirs); m.dir("") != nil && len(files) != want-1 || m.dir("") == nil && len(files) != want {
		t.Errorf("%d files for %d hierarchies", len(files), want)
	}
	for _, f := range files {
		cmd := exec.Command("sh", "-c", "echo 0 >&3; echo; read end")
		cmd.ExtraFiles = []*os.File{f}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = out.Read(make([]byte, 1)) // returns after the shell has written to the tasks file
		pids, err := pidsBelow(filepath.Dir(f.Name()))
		if err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
			t.Errorf("%s: %v %v, want %d", f.Name(), pids, err, cmd.Process.Pid)
		}
		_ = in.Close()
		_ = cmd.Wait()
		_ = f.Close()
	}
}

func BenchmarkRealCreateEnterDestroy(b *testing.B) {
	m := real(b)
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	home := make([]string, len(m.dirs)) // the process goes back there, so that Destroy succeeds
	for i := range m.dirs {
		home[i] = filepath.Dir(m.dirs[i].path)
	}
	var create, enter, destroy time.Duration
	b.ResetTimer()
	for b.Loop() {
		if err := m.Destroy(); err != nil {
			b.Fatal(err)
		}
		t0 := time.Now()
		if err := m.Create(); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		if err := m.Enter(cmd.Process.Pid, false); err != nil {
			b.Fatal(err)
		}
		t2 := time.Now()
		for _, d := range home {
			if err := enterDir(d, strconv.Itoa(cmd.Process.Pid)); err != nil {
				b.Fatal(err)
			}
		}
		t3 := time.Now()
		if err := m.Destroy(); err != nil {
			b.Fatal(err)
		}
		create += t1.Sub(t0)
		enter += t2.Sub(t1)
		destroy += time.Since(t3)
	}
	for name, d := range map[string]time.Duration{"create": create, "enter": enter, "destroy": destroy} {
		b.ReportMetric(float64(d.Microseconds())/float64(b.N), name+"-us")
	}
}
