package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
)

// fakeHost returns two v1 hierarchies that are plain directories, and their parent directory.
func fakeHost(t *testing.T) (*host.Cgroups, string) {
	t.Helper()
	top := t.TempDir()
	for _, d := range []string{"memory", "pids", "unified"} {
		if err := os.Mkdir(filepath.Join(top, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(top+"/unified/cgroup.controllers", []byte("\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return &host.Cgroups{Mode: host.CgroupHybrid, Hierarchies: []host.Hierarchy{
		{Mountpoint: top + "/memory", Controllers: []string{"memory"}, Root: "/", Own: "/"},
		{Mountpoint: top + "/pids", Controllers: []string{"pids"}, Root: "/", Own: "/"},
	}}, top
}

func newManager(t *testing.T, h *host.Cgroups, cfg Config) *Manager {
	t.Helper()
	m, err := New(h, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCreateMakesParentsAndDestroyLeavesThem(t *testing.T) {
	h, top := fakeHost(t)
	m := newManager(t, h, Config{ID: "id", Path: "/pod/c"})
	if m.Exists() {
		t.Error("exists before Create")
	}
	ok(t, m.Create())
	for _, d := range []string{"/memory/pod/c", "/pids/pod/c"} {
		if !exists(top + d) {
			t.Errorf("%s was not made", d)
		}
	}
	ok(t, m.Destroy())
	ok(t, m.Destroy()) // a second call is no error
	if m.Exists() || !exists(top+"/memory/pod") || !exists(top+"/pids/pod") {
		t.Error("Destroy took too little or too much")
	}
}

func TestDestroyTakesChildren(t *testing.T) {
	h, top := fakeHost(t)
	m := newManager(t, h, Config{ID: "c"})
	ok(t, m.Create())
	if err := os.MkdirAll(top+"/memory/c/a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	ok(t, m.Destroy())
	if exists(top + "/memory/c") {
		t.Error("children keep the cgroup alive")
	}
}

func TestCreateUndoesOnError(t *testing.T) {
	h, top := fakeHost(t)
	if err := os.WriteFile(top+"/pids/pod", nil, 0o644); err != nil { // not a directory
		t.Fatal(err)
	}
	err := newManager(t, h, Config{ID: "id", Path: "/pod/c"}).Create()
	if !errors.Is(err, syscall.ENOTDIR) {
		t.Fatalf("error %v, want ENOTDIR", err)
	}
	if exists(top + "/memory/pod") {
		t.Error("left a directory behind")
	}
}

func TestCreateRefusesAnInhabitedCgroup(t *testing.T) {
	h, top := fakeHost(t)
	if err := os.MkdirAll(top+"/pids/c/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"cgroup.procs": "", "sub/cgroup.procs": "77\n78\n"} {
		if err := os.WriteFile(top+"/pids/c/"+file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, newManager(t, h, Config{ID: "c"}).Create(), "container's cgroup is not empty: 2 process(es) found")
	if exists(top + "/memory/c") {
		t.Error("left a directory behind")
	}
}

func TestCreateTakesOverAnEmptyCgroupUnlessFrozen(t *testing.T) {
	f := newTree(t).files("cgroup.procs").file("freezer.self_freezing", "0\n")
	h := &host.Cgroups{Hierarchies: []host.Hierarchy{{Mountpoint: f.top, Controllers: []string{"freezer"}, Root: "/", Own: "/"}}}
	m := newManager(t, h, Config{ID: "c"})
	ok(t, m.Create())
	if m.dirs[0].fresh {
		t.Error("a cgroup that existed before counts as fresh")
	}
	f.file("freezer.self_freezing", "1\n")
	wantError(t, newManager(t, h, Config{ID: "c"}).Create(), "container's cgroup unexpectedly frozen")
}

func TestCpusetComesDownFromTheTop(t *testing.T) {
	f := newTree(t).files("cpuset.cpus", "cpuset.mems", "cgroup.procs", "x/cpuset.cpus", "x/cgroup.procs").file("x/cpuset.mems", "7\n")
	for name, text := range map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"} {
		if err := os.WriteFile(filepath.Join(f.top, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := &host.Cgroups{Hierarchies: []host.Hierarchy{{Mountpoint: f.top, Controllers: []string{"cpuset"}, Root: "/", Own: "/"}}}
	ok(t, newManager(t, h, Config{Path: "/c/x"}).Create())
	f.want("cpuset.cpus", "0-3") // Create also sets the list of an ancestor that was empty
	f.want("x/cpuset.cpus", "0-3")
	f.want("x/cpuset.mems", "7") // Create leaves a list that is set
}

// The kernel refuses (EINVAL) CPUs that a sibling holds exclusively. The configuration can name other CPUs. The test
// uses plain files, because a real exclusive cpuset would take its CPUs from every other container of the machine.
func TestCpusetBesideAnExclusiveOne(t *testing.T) {
	f := newTree(t).files("cpuset.mems")
	for name, text := range map[string]string{"cpuset.cpus": "0-3\n", "cpuset.mems": "0\n"} {
		if err := os.WriteFile(filepath.Join(f.top, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cpus := filepath.Join(f.top, "c", "cpuset.cpus")
	m := fresh(f.v1("cpuset"))
	set := func(r *specs.LinuxResources, text string) error {
		t.Helper()
		_ = os.Remove(cpus)
		if err := os.Symlink("/proc/self/oom_score_adj", cpus); err != nil { // refuses "0-3" with EINVAL: not a number
			t.Fatal(err)
		}
		m.dirs[0].cpusetErr = nil
		ok(t, m.prepare(&m.dirs[0]))
		_ = os.Remove(cpus)
		f.file("cpuset.cpus", text)
		return m.Set(r)
	}
	ok(t, set(&specs.LinuxResources{CPU: &specs.LinuxCPU{Cpus: "0-1"}}, ""))
	f.want("cpuset.cpus", "0-1")
	f.want("cpuset.mems", "0")
	for _, r := range []*specs.LinuxResources{nil, {}, {CPU: &specs.LinuxCPU{Mems: "0"}}} {
		wantError(t, set(r, "\n"), "linux.resources.cpu.cpus is not given", "invalid argument")
	}
}

// Directory permissions do not bind root, so the test changes the fsuid of its thread.
func TestRootlessWithoutPermission(t *testing.T) {
	h, top := fakeHost(t)
	for dir, mode := range map[string]os.FileMode{"/..": 0o755, "": 0o755, "/memory": 0o777, "/pids": 0o555} {
		if err := os.Chmod(top+dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // never unlocked: the thread ends with the test
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		defer func() { _, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0) }()
	}
	checkRootless(t, h)
}

// checkRootless checks that the pids hierarchy is skipped and the memory hierarchy is kept.
func checkRootless(t *testing.T, h *host.Cgroups) {
	t.Helper()
	var warned int
	m := newManager(t, h, Config{ID: "c", Rootless: true, Warn: func(string) { warned++ }})
	ok(t, m.Create())
	if p := m.Paths(); warned != 1 || len(p) != 1 || p["memory"] == "" {
		t.Errorf("%d warnings, paths %v", warned, p)
	}
	err := newManager(t, h, Config{ID: "c", Path: "/c", Rootless: true}).Create()
	if !isPermission(err) {
		t.Errorf("with a cgroupsPath: %v, want a permission error", err)
	}
}

// A cgroup that rung made with limits is not skipped: if a process may not enter it, that is an error.
func TestRootlessThatMayNotEnter(t *testing.T) {
	f := newTree(t).file("cgroup.procs", "")
	m := fresh(f.v2("pids"))
	m.cfg.Rootless = true
	for _, dir := range []string{f.top + "/..", f.top, f.top + "/c"} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		runtime.LockOSThread() // never unlocked: the thread ends with the test
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0)
		defer func() { _, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0) }()
	} else if err := os.Chmod(f.top+"/c/cgroup.procs", 0o444); err != nil {
		t.Fatal(err)
	}
	if err := m.EnterUnified(1); !isPermission(err) {
		t.Errorf("%v, want a permission error", err)
	}
	m.dirs[0].fresh = false // as for exec
	if err := m.EnterUnified(1); err != nil || len(m.Paths()) != 0 {
		t.Errorf("%v, paths %v", err, m.Paths())
	}
}

func TestSkip(t *testing.T) {
	m := newManager(t, v1Host("/", "/"), Config{ID: "c"})
	m.skip([]int{0, 2})
	if p := m.Paths(); len(p) != 1 || p["name=systemd"] == "" {
		t.Errorf("kept %v", p)
	}
	if len(m.skipped) != 3 || m.skipped[0] != "cpu" || m.skipped[1] != "cpuacct" || m.skipped[2] != "" {
		t.Errorf("lost %q", m.skipped)
	}
}

func TestV2EnablesControllersDown(t *testing.T) {
	f := newTree(t).file("cgroup.controllers", "cpu pids\n").files("cgroup.subtree_control", "x/cgroup.procs").
		file("x/cgroup.controllers", "\n").file("x/cgroup.type", "domain invalid\n")
	for name, text := range map[string]string{"cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": ""} {
		if err := os.WriteFile(filepath.Join(f.top, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{{Mountpoint: f.top, V2: true, Root: "/", Own: "/"}}}
	ok(t, newManager(t, h, Config{Path: "/c/x"}).Create())
	if b, err := os.ReadFile(f.top + "/cgroup.subtree_control"); err != nil || string(b) != "+cpu +memory +pids" {
		t.Errorf("top: %q %v", b, err)
	}
	f.want("cgroup.subtree_control", "+cpu +pids")
	f.want("x/cgroup.type", "threadednvalid") // the file is overwritten from its start
}
