package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"rung/internal/sys"
)

// removed runs "delete --force" on the container, and reports what is left of it.
func (w *worker) removed(t *trial, add func(kind, text string)) {
	o := w.rung("delete", "--force", t.id)
	switch {
	case o.hung:
		add(kindHang, "delete --force: "+oneLine(o.err))
	case o.status != 0:
		add(kindLeak, "delete --force: "+oneLine(o.err))
	}
	// A killed process takes a moment to end.
	until(3*time.Second, func() bool { return w.leftovers(t) == "" })
	add(kindLeak, w.leftovers(t))
	w.clean(t)
}

// leftovers lists what still exists of a container; "" for nothing.
func (w *worker) leftovers(t *trial) string {
	reap()
	var found []string
	for _, pid := range w.orphans() {
		found = append(found, "process "+describe(pid))
	}
	for _, dir := range w.cgroupsOf(t.id) {
		found = append(found, "cgroup "+dir)
	}
	if _, err := os.Lstat(w.state + "/" + t.id); err == nil {
		found = append(found, "state directory")
	}
	for _, line := range mountsBelow(w.dir) {
		found = append(found, "mount "+line)
	}
	return strings.Join(found, ", ")
}

// describe returns a process's name, its state, and the kernel function that it waits in.
func describe(pid int) string {
	read := func(name string) string {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		return string(text)
	}
	command, _, _ := strings.Cut(read("cmdline"), "/proc/")
	_, state, _ := strings.Cut(read("stat"), ") ")
	return fmt.Sprintf("%d (%s, %.1s, %s)", pid, strings.ReplaceAll(strings.TrimRight(command, "\x00"), "\x00", " "), state, read("wchan"))
}

// orphans returns the children of this process except the bystander.
func (w *worker) orphans() (pids []int) {
	for _, pid := range children() {
		if w.bystander.trial == nil || pid != w.bystander.trial.pid {
			pids = append(pids, pid)
		}
	}
	return pids
}

// cgroupsOf returns the cgroups of a container in all hierarchies, the deepest first. They are siblings of the bystander's.
func (w *worker) cgroupsOf(id string) (found []string) {
	for _, dir := range w.bystander.cgroups {
		found = append(found, cgroupsBelow(filepath.Dir(dir)+"/"+id, id)...)
	}
	return found
}

// cgroupsBelow returns the cgroups whose name contains a text, the deepest first.
func cgroupsBelow(dir, text string) (found []string) {
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.Contains(path[len(filepath.Dir(dir)):], text) {
			found = append(found, path)
		}
		return nil // cgroups of others may vanish during the walk
	})
	slices.Reverse(found)
	return found
}

func mountsBelow(dir string) (found []string) {
	mounts, _ := sys.OwnMounts()
	for _, m := range mounts {
		if strings.HasPrefix(m.Mountpoint, dir) {
			found = append(found, m.Mountpoint)
		}
	}
	return found
}

// clean removes what was left, so that it does not disturb the next trial.
func (w *worker) clean(t *trial) {
	for _, pid := range w.orphans() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, dir := range w.cgroupsOf(t.id) {
		_ = os.WriteFile(dir+"/freezer.state", []byte("THAWED"), 0)
		_ = syscall.Rmdir(dir)
	}
	for _, place := range mountsBelow(w.dir) {
		w.run(w.dir+"/stdout", "/bin/umount", "-l", place)
	}
	_ = os.RemoveAll(w.state + "/" + t.id)
	until(time.Second, func() bool { reap(); return len(w.orphans()) == 0 })
}
