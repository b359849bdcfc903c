package libcontainer

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Resources returns the limits in force: those of the configuration, and of later updates.
func (c *Container) Resources() (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{}
	raw, err := sys.ReadFile(c.path(resourcesFile))
	if err == nil {
		return r, json.Unmarshal(raw, r)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	spec, err := c.Spec()
	if err != nil {
		return nil, err
	}
	if spec.Linux != nil && spec.Linux.Resources != nil {
		r = spec.Linux.Resources
	}
	return r, nil
}

func (c *Container) writeResources(before, update *specs.LinuxResources) error {
	merged, err := merge(before, update)
	if err != nil {
		return err
	}
	text, err := json.Marshal(merged)
	if err != nil {
		return err
	}
	return sys.ReplaceFile(c.path(resourcesFile), text, 0o600)
}

// merge puts an update over what was in force: members that JSON leaves out of the update keep their
// value, and lists are of devices, page sizes or interfaces.
func merge(before, update *specs.LinuxResources) (*specs.LinuxResources, error) {
	old := *before
	old.Unified = maps.Clone(before.Unified)
	for _, name := range filesOf(update) {
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

func throttlesOf(b *specs.LinuxBlockIO) [4]*[]specs.LinuxThrottleDevice {
	return [4]*[]specs.LinuxThrottleDevice{
		&b.ThrottleReadBpsDevice, &b.ThrottleWriteBpsDevice, &b.ThrottleReadIOPSDevice, &b.ThrottleWriteIOPSDevice,
	}
}

func throttledDevice(d specs.LinuxThrottleDevice) [2]int64 { return [2]int64{d.Major, d.Minor} }

func replace[T any](_, update T) T { return update }

// upsert returns old with the elements of update, which meet those of the same key.
func upsert[T any, K comparable](old, update []T, key func(T) K, meet func(old, update T) T) []T {
	out := slices.Clone(old)
	for _, u := range update {
		if i := slices.IndexFunc(out, func(o T) bool { return key(o) == key(u) }); i >= 0 {
			out[i] = meet(out[i], u)
			continue
		}
		out = append(out, u)
	}
	return out
}

// filesOf are the files of cgroup v2 that an update writes other than by "unified", which is written
// last: an older value there counts no more.
func filesOf(r *specs.LinuxResources) (names []string) {
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
