package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// bystander is a container that runs all the time. No injection may change it.
type bystander struct {
	trial   *trial
	cgroups []string
}

func (w *worker) startBystander() error {
	t := w.newTrial(configPlain)
	t.id += "-bystander"
	w.bystander.trial = t
	if err := w.runDetached(t); err != nil {
		return err
	}
	var state struct{ CgroupPaths map[string]string }
	data, err := os.ReadFile(w.state + "/" + t.id + "/state.json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return err
	}
	for _, dir := range state.CgroupPaths {
		w.bystander.cgroups = append(w.bystander.cgroups, dir)
	}
	sort.Strings(w.bystander.cgroups)
	return nil
}

// watched are files of a cgroup that change only if somebody writes to them or ends a process.
var watched = []string{
	"cgroup.procs", "memory.limit_in_bytes", "pids.max", "cpu.shares", "cpu.cfs_quota_us", "devices.list", "freezer.state", "cpuset.cpus",
	"memory.max", "cpu.weight", "cpu.max", "cgroup.freeze", "cgroup.subtree_control",
}

// fingerprint returns everything that can be seen of the bystander from outside.
func (w *worker) fingerprint() string {
	t := w.bystander.trial
	if t == nil {
		return ""
	}
	var out strings.Builder
	show := func(path string) {
		if text, err := os.ReadFile(path); err == nil {
			fmt.Fprintf(&out, "%s: %s\n", path, strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "; "))
		}
	}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.pid))
	fields := strings.Fields(string(stat))
	if len(fields) > 22 {
		fmt.Fprintf(&out, "process %s started at %s\n", fields[0], fields[21])
	} else {
		fmt.Fprintln(&out, "no process")
	}
	show(fmt.Sprintf("/proc/%d/mountinfo", t.pid))
	show(t.stdout)
	files, _ := filepath.Glob(w.state + "/" + t.id + "/*")
	for _, file := range files {
		show(file)
	}
	for _, dir := range w.bystander.cgroups {
		for _, name := range watched {
			show(dir + "/" + name)
		}
	}
	return out.String()
}
