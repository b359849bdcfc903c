package process

import (
	"fmt"
	"os"
	"slices"
	"strconv"

	"rung/internal/sys"
)

// InNamespace returns the PIDs of the processes in the PID namespace of a process, and of all their descendants, which may be in
// namespaces below it. A process that this program may not look at counts only as a descendant.
func InNamespace(pid int) ([]int, error) {
	own, err := sys.Stat(namespaceFile(pid))
	if err != nil {
		return nil, fmt.Errorf("the PID namespace of process %d: %w", pid, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	children := map[int][]int{}
	found := map[int]bool{}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := sys.ReadProcessStat(n)
		if sys.Ended(n, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		children[stat.Parent] = append(children[stat.Parent], n)
		if st, err := sys.Stat(namespaceFile(n)); err == nil && st.Ino == own.Ino && st.Dev == own.Dev {
			found[n] = true
		}
	}
	return withDescendants(found, children), nil
}

func namespaceFile(pid int) string { return fmt.Sprintf("/proc/%d/ns/pid", pid) }

// withDescendants returns the processes and all that descend from them, sorted.
func withDescendants(found map[int]bool, children map[int][]int) []int {
	var out, todo []int
	for pid := range found {
		todo = append(todo, pid)
	}
	for len(todo) > 0 {
		pid := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		out = append(out, pid)
		for _, child := range children[pid] {
			if !found[child] {
				found[child] = true
				todo = append(todo, child)
			}
		}
	}
	slices.Sort(out)
	return out
}
