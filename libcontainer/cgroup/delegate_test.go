package cgroup

import (
	"os"
	"syscall"
	"testing"
)

func owner(t *testing.T, file string) int {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Sys().(*syscall.Stat_t).Uid)
}

func TestDelegateGivesWhatTheKernelLists(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	f := newTree(t).files("cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "memory.max")
	ok(t, f.v2("memory").Delegate(4567))
	for file, want := range map[string]int{"": 4567, "cgroup.procs": 4567, "cgroup.subtree_control": 4567, "memory.max": 0} {
		if got := owner(t, f.top+"/c/"+file); got != want {
			t.Errorf("%q belongs to %d, want %d", file, got, want)
		}
	}
}

func TestDelegateIsForV2Alone(t *testing.T) {
	h, top := fakeHost(t)
	m := newManager(t, h, Config{ID: "c"})
	ok(t, m.Create())
	ok(t, m.Delegate(4567))
	if got := owner(t, top+"/memory/c"); got != os.Geteuid() {
		t.Errorf("a v1 cgroup was given to %d", got)
	}
}

func TestTakesProcesses(t *testing.T) {
	f := newTree(t).files("cgroup.subtree_control")
	m := f.v2("memory")
	if !m.TakesProcesses() {
		t.Error("false for a cgroup that enables no controllers for children")
	}
	f.file("cgroup.subtree_control", "memory\n")
	if m.TakesProcesses() {
		t.Error("true for a cgroup that enables controllers for children")
	}
	m.UseUnified(f.top + "/gone")
	if m.TakesProcesses() {
		t.Error("true for a cgroup that does not exist")
	}
}
