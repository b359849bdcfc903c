package cgroup

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/systemd"
)

// propertyOfFile names the property for a v2 file that holds one number, or is "".
func propertyOfFile(name string) string {
	switch name {
	case "memory.high":
		return "MemoryHigh"
	case "memory.low":
		return "MemoryLow"
	case "memory.min":
		return "MemoryMin"
	case "memory.max":
		return "MemoryMax"
	case "memory.swap.max":
		return "MemorySwapMax"
	case "pids.max":
		return "TasksMax"
	}
	return ""
}

// unifiedProperties translates the files of linux.resources.unified that systemd has properties
// for; all are written later on.
func (m *Manager) unifiedProperties(r *specs.LinuxResources) (list []systemd.Property, err error) {
	for _, key := range slices.Sorted(maps.Keys(r.Unified)) {
		some, err := m.unifiedProperty(r.Unified, key)
		if err != nil {
			return nil, fmt.Errorf("linux.resources.unified[%s]: value conversion error: %w", key, err)
		}
		list = append(list, some...)
	}
	return list, nil
}

func (m *Manager) unifiedProperty(files map[string]string, key string) ([]systemd.Property, error) {
	text := strings.TrimSpace(files[key])
	if name := propertyOfFile(key); name != "" {
		v, err := maxOrUint(text)
		if key == "pids.max" {
			v = max(v, 1) // TasksMax knows no 0
		}
		return []systemd.Property{property(name, v)}, err
	}
	switch key {
	case "cpu.max":
		quota, period, err := m.cpuMaxInStep(text)
		return m.quotaProperties(quota, period), err
	case "cpu.weight", "cpu.idle":
		return m.unifiedWeight(files, key)
	case "cpuset.cpus", "cpuset.mems":
		bits, err := bitsOf(text)
		name := map[string]string{"cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes"}[key]
		return []systemd.Property{property(name, systemd.Bytes(bits))}, err
	case "io.weight":
		w, err := strconv.ParseUint(strings.TrimPrefix(text, "default "), 10, 64)
		if err != nil {
			return nil, nil // that of a device
		}
		return []systemd.Property{property("IOWeight", systemd.Uint64(w))}, nil
	}
	return nil, nil
}

// unifiedWeight: an idle cgroup's weight means nothing, and both are one property.
func (m *Manager) unifiedWeight(files map[string]string, key string) ([]systemd.Property, error) {
	text, has := files["cpu.idle"]
	idle, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if key == "cpu.idle" {
		if _, weighed := files["cpu.weight"]; weighed && idle != 1 {
			return nil, nil
		}
		return m.weightProperty(&idle, 0)
	}
	w, err := strconv.ParseUint(strings.TrimSpace(files[key]), 10, 64)
	if err != nil || (has && idle == 1) {
		return nil, err
	}
	return []systemd.Property{property("CPUWeight", systemd.Uint64(w))}, nil
}
