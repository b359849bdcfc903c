package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/idlist"
)

// Obstacles returns the errors that Create and Set would end with, as far as that can be known without making a cgroup: a
// hierarchy that may not be written, a cgroup that has processes, a controller that is not there or not delegated, and values
// that no kernel takes. A rootless caller has none where Create would leave a hierarchy out.
func (m *Manager) Obstacles(r *specs.LinuxResources) (out []error) {
	if m.unit == nil {
		for i := range m.dirs {
			d := &m.dirs[i]
			if err := m.foreseeMkdir(d); err != nil && !m.maySkip(d, err) {
				out = append(out, fmt.Errorf("unable to apply cgroup configuration: %w", err))
			}
		}
	}
	if r == nil {
		return out
	}
	for _, need := range needed(r) {
		if err := m.foreseeController(need.controller, need.field); err != nil {
			out = append(out, err)
		}
	}
	out = append(out, foreseeValues(r)...)
	out = append(out, foreseePageSizes(r.HugepageLimits)...)
	out = append(out, m.foreseeShares(r.CPU)...)
	if err := m.foreseeRates(r.BlockIO); err != nil {
		out = append(out, err)
	}
	return append(out, m.foreseeUnified(r.Unified)...)
}

// foreseePageSizes refuses sizes of huge pages that the machine does not have.
func foreseePageSizes(limits []specs.LinuxHugepageLimit) (out []error) {
	if len(limits) == 0 {
		return nil
	}
	sizes, err := hugePageSizes()
	if err != nil || len(sizes) == 0 {
		return nil
	}
	for i := range limits {
		if size := limits[i].Pagesize; !slices.Contains(sizes, size) {
			out = append(out, withPageSizes(fmt.Errorf("%s: write hugetlb.%s.max: %w", item("linux.resources.hugepageLimits", i), size, syscall.ENOENT)))
		}
	}
	return out
}

// Unwritable returns why a rootless caller gets no cgroup in a hierarchy; nil if it gets one in each.
func (m *Manager) Unwritable() error {
	for i := range m.dirs {
		if err := m.foreseeMkdir(&m.dirs[i]); err != nil && m.unit == nil {
			return err
		}
	}
	return nil
}

// foreseeMkdir returns the error of the mkdir of a cgroup, or of one that is there and not idle.
func (m *Manager) foreseeMkdir(d *cgroupDir) error {
	above, missing := d.path, ""
	for len(above) > len(d.mount) {
		if exists(above) {
			break
		}
		above, missing = path.Dir(above), above
	}
	if missing == "" {
		return m.checkIdle(d)
	}
	if err := m.mayWrite(above); err != nil {
		return fmt.Errorf("mkdir %s: %w", missing, err)
	}
	return nil
}

// mayWrite is sys.MayWrite. Root may write where only modes deny it.
func (m *Manager) mayWrite(path string) error {
	err := sys.MayWrite(path)
	if m.cfg.ForRoot && errors.Is(err, syscall.EACCES) {
		return nil
	}
	return err
}

// needOf is a controller that a field of linux.resources needs.
type needOf struct{ controller, field string }

func needed(r *specs.LinuxResources) (out []needOf) {
	add := func(given bool, controller, field string) {
		if given {
			out = append(out, needOf{controller, "linux.resources." + field})
		}
	}
	memory, cpu := r.Memory, r.CPU
	add(memory != nil && (memory.Limit != nil || memory.Swap != nil || memory.Reservation != nil), "memory", "memory")
	add(cpu != nil && (deref(cpu.Shares) != 0 || deref(cpu.Quota) != 0 || deref(cpu.Period) != 0), "cpu", "cpu")
	add(cpu != nil && (cpu.Cpus != "" || cpu.Mems != ""), "cpuset", "cpu")
	add(r.Pids != nil && r.Pids.Limit != nil, "pids", "pids")
	add(r.BlockIO != nil && asksForIO(r.BlockIO), "blkio", "blockIO")
	add(len(r.HugepageLimits) > 0, "hugetlb", "hugepageLimits")
	add(len(r.Rdma) > 0, "rdma", "rdma")
	add(r.Network != nil && deref(r.Network.ClassID) != 0, "net_cls", "network.classID")
	add(r.Network != nil && len(r.Network.Priorities) > 0, "net_prio", "network.priorities[0]")
	return out
}

// foreseeController returns why a controller cannot be used; nil if it can. On v2 rung enables it from the top down, in every
// cgroup that may be written and that nothing stands in the way of.
func (m *Manager) foreseeController(controller, field string) error {
	if err := m.hasNone(field); err != nil {
		return err
	}
	if d := m.dir(controller); d != nil {
		if err := m.foreseeMkdir(d); err != nil && m.maySkip(d, err) {
			return fmt.Errorf("%s: cannot set %s limit: container could not join or create cgroup: controller %s is not delegated to this user",
				field, controller, controller)
		}
		return nil
	}
	d, name := m.dir(""), v2Name(controller)
	if d == nil || name == "" {
		return fmt.Errorf("%s: no cgroup hierarchy has the controller %s", field, controller)
	}
	if m.unit != nil {
		return nil // systemd enables it
	}
	if !listed(d.mount+"/cgroup.controllers", name) {
		return fmt.Errorf("%s: %s", field, d.whyMissing(name))
	}
	dir := d.mount
	for part := range strings.SplitSeq(strings.TrimPrefix(d.path, d.mount+"/"), "/") {
		if !exists(dir) {
			return nil // rung makes it
		}
		file := dir + "/cgroup.subtree_control"
		if !listed(file, name) && (m.mayWrite(file) != nil || inTheWay(dir, name) != "") {
			return fmt.Errorf("%s: controller %s is not delegated: %s does not enable it%s", field, name, file, inTheWay(dir, name))
		}
		dir += "/" + part
	}
	return nil
}

// The bounds of the kernel for the bandwidth of the scheduler, in microseconds (sched-bwc.rst).
const (
	leastQuota = 1_000
	mostPeriod = 1_000_000
)

// pagesOfExec is less than any program takes for its first page tables and its stack.
const pagesOfExec = 4

// foreseeValues returns errors for values that no kernel takes, and for processors that this machine does not have.
func foreseeValues(r *specs.LinuxResources) (out []error) {
	if c := r.CPU; c != nil {
		if c.Quota != nil && *c.Quota > 0 && *c.Quota < leastQuota {
			out = append(out, fmt.Errorf("linux.resources.cpu.quota: %d: %w (the kernel takes no quota below %d us)", *c.Quota, syscall.EINVAL, leastQuota))
		}
		if c.Period != nil && *c.Period > 0 && (*c.Period < leastQuota || *c.Period > mostPeriod) {
			out = append(out, fmt.Errorf("linux.resources.cpu.period: %d: %w (the kernel takes %d to %d us)", *c.Period, syscall.EINVAL, leastQuota, mostPeriod))
		}
		out = append(out, beyond("linux.resources.cpu.cpus", c.Cpus, "/sys/devices/system/cpu/possible", "processors")...)
		out = append(out, beyond("linux.resources.cpu.mems", c.Mems, "/sys/devices/system/node/possible", "memory nodes")...)
	}
	if m := r.Memory; m != nil && m.Limit != nil && *m.Limit > 0 && *m.Limit < int64(pagesOfExec*os.Getpagesize()) {
		out = append(out, fmt.Errorf("linux.resources.memory.limit is too small for the start: %d bytes, and no program starts in less than %d",
			*m.Limit, pagesOfExec*os.Getpagesize()))
	}
	return out
}

// beyond returns an error if a list has numbers that a list of the kernel does not have.
func beyond(field, given, file, what string) []error {
	text, err := sys.ReadSmall(file)
	if given == "" || err != nil {
		return nil
	}
	have, err := idlist.Parse(strings.TrimSpace(text))
	wanted, errWanted := idlist.Parse(given)
	if err != nil || errWanted != nil || !slices.ContainsFunc(wanted, func(r idlist.Range) bool { return !within(r, have) }) {
		return nil
	}
	return []error{fmt.Errorf("%s: %q: %w (this machine has the %s %s)", field, given, syscall.ERANGE, what, strings.TrimSpace(text))}
}

// within reports whether one of the ranges of a list holds a range.
func within(r idlist.Range, have idlist.List) bool {
	return slices.ContainsFunc(have, func(h idlist.Range) bool { return r.First >= h.First && r.Last <= h.Last })
}

// foreseeShares returns the error of shares that v1 does not take; v2 takes all, as weights.
func (m *Manager) foreseeShares(r *specs.LinuxCPU) []error {
	d := m.dir("cpu")
	if r == nil || deref(r.Shares) == 0 || d == nil {
		return nil
	}
	if err := checkShares(*r.Shares); err != nil {
		return []error{err}
	}
	return nil
}

// foreseeRates returns the error of a rate for a block device that this machine does not have.
func (m *Manager) foreseeRates(r *specs.LinuxBlockIO) error {
	const known = "/sys/dev/block/"
	if r == nil || !exists(known) {
		return nil
	}
	for _, l := range throttles(r) {
		for i, d := range l.devices {
			if exists(known + devNum(d.LinuxBlockIODevice)) {
				continue
			}
			file := "io.max"
			if m.dir("blkio") != nil {
				file = l.v1
			}
			return fmt.Errorf("%s: write %s: %w", item(ioField+l.field, i), file, syscall.ENODEV)
		}
	}
	return nil
}

// foreseeUnified returns the error of files of v2 whose controller is not there.
func (m *Manager) foreseeUnified(files map[string]string) (out []error) {
	if len(files) == 0 {
		return nil
	}
	d := m.dir("")
	if d == nil {
		return []error{errUnifiedOnV1}
	}
	for _, key := range slices.Sorted(maps.Keys(files)) {
		controller, _, ok := strings.Cut(key, ".")
		if ok && controller != "cgroup" && !listed(d.mount+"/cgroup.controllers", controller) {
			out = append(out, d.unavailable(key, controller))
		}
	}
	return out
}

// DeniesRealtime reports whether the kernel will refuse real-time policies to a process of the cgroup: on v1, where the kernel has a
// share of real time for each cgroup (CONFIG_RT_GROUP_SCHED), a new one has none (sched-rt-group.rst).
func (m *Manager) DeniesRealtime(r *specs.LinuxResources) bool {
	const file = "/cpu.rt_runtime_us"
	d := m.dir("cpu")
	if d == nil || r != nil && r.CPU != nil && deref(r.CPU.RealtimeRuntime) != 0 {
		return false
	}
	if exists(d.path) {
		text, err := sys.ReadSmall(d.path + file)
		return err == nil && strings.TrimSpace(text) == "0"
	}
	return exists(d.mount + file)
}
