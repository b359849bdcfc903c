package process

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

func TestInNamespace(t *testing.T) {
	child := exec.Command("sleep", "100")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	}()
	pids, err := InNamespace(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(pids, os.Getpid()) || !slices.Contains(pids, child.Process.Pid) || !slices.IsSorted(pids) {
		t.Errorf("%v lacks %d or its child %d", pids, os.Getpid(), child.Process.Pid)
	}
	if _, err := InNamespace(1 << 30); err == nil {
		t.Error("the namespace of no process")
	}
}

func TestDescendantsCountOnce(t *testing.T) {
	got := withDescendants(map[int]bool{5: true, 9: true}, map[int][]int{5: {7, 9}, 7: {8}, 9: {10}, 1: {5, 6}})
	if want := []int{5, 7, 8, 9, 10}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
