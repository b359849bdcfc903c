// Package limits computes with limits of cgroups (linux.resources): what an update asks for in full, and what is in force
// after it. It reads and writes nothing.
package limits

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Merge returns the limits in force after an update: members that JSON leaves out of the update keep their value, and an
// element of a list replaces the one of the same device, page size or interface.
func Merge(before, update *specs.LinuxResources) (*specs.LinuxResources, error) {
	old := *before
	old.Unified = maps.Clone(before.Unified)
	for _, name := range unifiedFiles(update) {
		delete(old.Unified, name)
	}
	merged := &specs.LinuxResources{}
	for _, r := range []*specs.LinuxResources{&old, update} {
		text, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		// It would decode each element of a list over one of another device.
		merged.BlockIO = withoutLists(merged.BlockIO)
		merged.HugepageLimits = nil
		if err := json.Unmarshal(text, merged); err != nil {
			return nil, err
		}
	}
	if old.BlockIO != nil && update.BlockIO != nil {
		mergeDevices(merged.BlockIO, old.BlockIO, update.BlockIO)
	}
	merged.HugepageLimits = upsert(old.HugepageLimits, update.HugepageLimits,
		func(l specs.LinuxHugepageLimit) string { return l.Pagesize }, replace)
	if old.Network != nil && update.Network != nil {
		merged.Network.Priorities = upsert(old.Network.Priorities, update.Network.Priorities,
			func(p specs.LinuxInterfacePriority) string { return p.Name }, replace)
	}
	return merged, nil
}

func withoutLists(b *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	if b == nil {
		return nil
	}
	return &specs.LinuxBlockIO{Weight: b.Weight, LeafWeight: b.LeafWeight}
}

func mergeDevices(out, old, update *specs.LinuxBlockIO) {
	lists, olds := throttlesOf(out), throttlesOf(old)
	for i, news := range throttlesOf(update) {
		*lists[i] = upsert(*olds[i], *news, throttledDevice, replace)
	}
	out.WeightDevice = upsert(old.WeightDevice, update.WeightDevice,
		func(d specs.LinuxWeightDevice) [2]int64 { return [2]int64{d.Major, d.Minor} },
		func(old, update specs.LinuxWeightDevice) specs.LinuxWeightDevice {
			update.Weight, update.LeafWeight = cmp.Or(update.Weight, old.Weight), cmp.Or(update.LeafWeight, old.LeafWeight)
			return update
		})
}

// unifiedFiles returns the files of cgroup v2 that an update writes by other members than "unified". That member is
// written last, so an older value of such a file there must go.
func unifiedFiles(r *specs.LinuxResources) (names []string) {
	add := func(set bool, files ...string) {
		if set {
			names = append(names, files...)
		}
	}
	if m := r.Memory; m != nil {
		add(m.Limit != nil, "memory.max")
		add(m.Swap != nil, "memory.swap.max")
		add(m.Reservation != nil, "memory.low")
	}
	if c := r.CPU; c != nil {
		add(c.Shares != nil || c.Idle != nil, "cpu.weight", "cpu.weight.nice", "cpu.idle")
		add(c.Quota != nil || c.Period != nil, "cpu.max")
		add(c.Burst != nil, "cpu.max.burst")
		add(c.Cpus != "", "cpuset.cpus")
		add(c.Mems != "", "cpuset.mems")
	}
	add(r.Pids != nil && r.Pids.Limit != nil, "pids.max")
	if b := r.BlockIO; b != nil {
		add(b.Weight != nil || len(b.WeightDevice) > 0, "io.weight", "io.bfq.weight")
		for _, list := range throttlesOf(b) {
			add(len(*list) > 0, "io.max")
		}
	}
	for _, l := range r.HugepageLimits {
		add(true, "hugetlb."+l.Pagesize+".max", "hugetlb."+l.Pagesize+".rsvd.max")
	}
	return names
}

func throttlesOf(b *specs.LinuxBlockIO) [4]*[]specs.LinuxThrottleDevice {
	return [4]*[]specs.LinuxThrottleDevice{
		&b.ThrottleReadBpsDevice, &b.ThrottleWriteBpsDevice, &b.ThrottleReadIOPSDevice, &b.ThrottleWriteIOPSDevice,
	}
}

func throttledDevice(d specs.LinuxThrottleDevice) [2]int64 { return [2]int64{d.Major, d.Minor} }

func replace[T any](_, update T) T { return update }

// upsert returns old with the elements of update: combine makes one of two elements with the same key.
func upsert[T any, K comparable](old, update []T, key func(T) K, combine func(old, update T) T) []T {
	out := slices.Clone(old)
	for _, u := range update {
		if i := slices.IndexFunc(out, func(o T) bool { return key(o) == key(u) }); i >= 0 {
			out[i] = combine(out[i], u)
			continue
		}
		out = append(out, u)
	}
	return out
}
