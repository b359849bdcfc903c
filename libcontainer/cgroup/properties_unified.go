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

// propertyOfFile returns the property for a v2 file that holds one number, "" if there is none.
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
	case "memory.zswap.max":
		return "MemoryZSwapMax"
	case "pids.max":
		return "TasksMax"
	}
	return ""
}

// unifiedProperties returns the properties for the files of linux.resources.unified that systemd knows. setUnified
// writes all the files later.
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
		if known, err := m.knows(name); !known || err != nil {
			return nil, err
		}
		v, err := maxOrUint(text)
		if key == "pids.max" {
			v = max(v, 1) // systemd accepts no TasksMax of 0
		}
		return []systemd.Property{property(name, v)}, err
	}
	switch key {
	case "cpu.max":
		quota, period, err := m.roundCPUMax(text)
		if err != nil {
			return nil, err
		}
		return quotaProperties(quota, period), nil
	case "cpu.weight", "cpu.idle":
		return m.unifiedWeight(files, key)
	case "cpuset.cpus", "cpuset.mems":
		name := map[string]string{"cpuset.cpus": allowedCPUs, "cpuset.mems": allowedNodes}[key]
		bits, err := bitsOf(name, text)
		return []systemd.Property{property(name, systemd.Bytes(bits))}, err
	case "io.weight":
		return ioWeightProperties(files[key])
	case "io.max":
		return ioMaxProperties(files[key])
	case "io.latency":
		return ioLatencyProperties(files[key])
	}
	return nil, nil
}

// Versions of systemd that brought a property or a value of one.
const (
	idleVersion      = 252 // CPUWeight for cpu.idle
	oomPolicyVersion = 253 // OOMPolicy of a scope
	zswapVersion     = 253 // MemoryZSwapMax
)

// knows reports whether this systemd has the property. A limit that it has no property for is only written.
func (m *Manager) knows(name string) (bool, error) {
	if name != "MemoryZSwapMax" {
		return true, nil
	}
	v, err := m.unit.bus.Version()
	return v >= zswapVersion, err
}

// oomPolicy returns the OOMPolicy for memory.oom.group. systemd writes that file for each change of a property and each
// reload, and a scope can have the policy from its start only. An annotation for it has precedence.
func (m *Manager) oomPolicy(r *specs.LinuxResources) ([]systemd.Property, error) {
	const name = "OOMPolicy"
	isPolicy := func(p systemd.Property) bool { return p.Name == name }
	if strings.TrimSpace(r.Unified["memory.oom.group"]) != "1" || slices.ContainsFunc(m.unit.extra, isPolicy) {
		return nil, nil
	}
	v, err := m.unit.bus.Version()
	if err != nil || v < oomPolicyVersion {
		return nil, err
	}
	return []systemd.Property{property(name, systemd.String("kill"))}, nil
}

// writtenProperties returns the properties for limits that the kernel has converted when they were written.
func (m *Manager) writtenProperties(r *specs.LinuxResources) ([]systemd.Property, error) {
	if _, nice := r.Unified["cpu.weight.nice"]; !nice {
		return nil, nil
	}
	weight, err := readUint(m.dirs[0].path, "cpu.weight")
	return []systemd.Property{property("CPUWeight", systemd.Uint64(weight))}, err
}

// unifiedWeight returns the CPUWeight for cpu.weight or cpu.idle. Both files share this one property. If both are given,
// unifiedWeight returns it for only one of them: cpu.idle if the cgroup is to be idle, else cpu.weight.
func (m *Manager) unifiedWeight(files map[string]string, key string) ([]systemd.Property, error) {
	text, has := files["cpu.idle"]
	idle, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if key == "cpu.idle" {
		if _, weighed := files["cpu.weight"]; weighed && idle != 1 {
			return nil, nil
		}
		return m.weightProperty(&idle, 0)
	}
	w, err := strconv.ParseUint(strings.TrimSpace(files[key]), 0, 64)
	if err != nil || (has && idle == 1) {
		return nil, err
	}
	return []systemd.Property{property("CPUWeight", systemd.Uint64(w))}, nil
}
