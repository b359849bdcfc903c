package bundle

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkResources checks linux.resources (config-linux.md, "Control groups").
func checkResources(s *specs.Spec) error {
	if s.Linux.Resources == nil {
		return nil
	}
	return ValidateResources(s.Linux.Resources, "linux.resources")
}

// ValidateResources is the part of Validate that `update` shares with `create`.
// field is the path of r in its document: "linux.resources" in config.json.
func ValidateResources(r *specs.LinuxResources, field string) error {
	checks := [...]func(*specs.LinuxResources, string) error{
		checkDeviceRules,
		checkMemory,
		checkCPU,
		checkBlockIO,
		checkHugepages,
		checkNetwork,
		checkRdma,
		checkUnified,
	}
	for _, check := range checks {
		if err := check(r, field); err != nil {
			return err
		}
	}
	return nil
}

// checkDeviceRules checks the device rules. A missing number is a wildcard, and so is -1.
func checkDeviceRules(r *specs.LinuxResources, field string) error {
	field += ".devices"
	lenient := LenientAccess(r.Devices)
	for i := range r.Devices {
		d := &r.Devices[i]
		switch d.Type {
		case "", "a", "b", "c":
		default:
			return fail(elementPath(field, i, ".type"), "invalid cgroup device type %q", d.Type)
		}
		if d.Access == "" {
			return fail(elementPath(field, i, ".access"), "must not be empty")
		}
		if strings.Trim(d.Access, "rwm") != "" && !slices.Contains(lenient, i) {
			return fail(elementPath(field, i, ".access"), "%q is not made of r, w and m", d.Access)
		}
		if d.Major != nil && *d.Major < -1 {
			return fail(elementPath(field, i, ".major"), "%d is negative", *d.Major)
		}
		if d.Minor != nil && *d.Minor < -1 {
			return fail(elementPath(field, i, ".minor"), "%d is negative", *d.Minor)
		}
	}
	return nil
}

// LenientAccess lists the rules whose access has other letters than r, w and m, which are passed over, as by runc: rules that
// deny where everything is denied that no rule has allowed. What else they name was allowed to nobody.
func LenientAccess(devices []specs.LinuxDeviceCgroup) (out []int) {
	allowed := false
	for i := range devices {
		d := &devices[i]
		everything := (d.Type == "" || d.Type == "a") && wildcard(d.Major) && wildcard(d.Minor)
		switch {
		case strings.Trim(d.Access, "rwm") == "":
			if everything && strings.Contains(d.Access, "r") && strings.Contains(d.Access, "w") && strings.Contains(d.Access, "m") {
				allowed = d.Allow
			}
		case !allowed && !d.Allow:
			out = append(out, i)
		}
	}
	return out
}

func wildcard(number *int64) bool { return number == nil || *number == -1 }

// unlimitedOr refuses a negative value except -1, which means no limit.
func unlimitedOr(field string, v *int64) error {
	if v != nil && *v < -1 {
		return fail(field, "%d is negative, and not -1 for no limit", *v)
	}
	return nil
}

func checkMemory(r *specs.LinuxResources, field string) error {
	m := r.Memory
	if m == nil {
		return nil
	}
	field += ".memory"
	limits := [...]struct {
		name  string
		value *int64
	}{{".limit", m.Limit}, {".reservation", m.Reservation}, {".swap", m.Swap}}
	for _, l := range limits {
		if err := unlimitedOr(field+l.name, l.value); err != nil {
			return err
		}
	}
	if m.Limit != nil && m.Swap != nil && *m.Swap > 0 && *m.Swap < *m.Limit {
		return fail(field+".swap", "%d is memory plus swap, and less than the memory limit %d", *m.Swap, *m.Limit)
	}
	if m.Swappiness != nil && *m.Swappiness > 100 && int64(*m.Swappiness) != -1 { // engines write -1 for "not set"
		return fail(field+".swappiness", "%d is not within 0 and 100", *m.Swappiness)
	}
	return nil
}

func checkCPU(r *specs.LinuxResources, field string) error {
	c := r.CPU
	if c == nil {
		return nil
	}
	field += ".cpu"
	// quota and pids.limit are not checked: for the kernel and for runc any negative value means no limit.
	if err := unlimitedOr(field+".realtimeRuntime", c.RealtimeRuntime); err != nil {
		return err
	}
	if c.Idle != nil && *c.Idle != 0 && *c.Idle != 1 {
		return fail(field+".idle", "%d is neither 0 nor 1", *c.Idle)
	}
	if c.Burst != nil && c.Quota != nil && *c.Quota > 0 && *c.Burst > uint64(*c.Quota) {
		return fail(field+".burst", "%d is larger than the quota %d", *c.Burst, *c.Quota)
	}
	if err := checkKernelList(field+".cpus", c.Cpus); err != nil {
		return err
	}
	return checkKernelList(field+".mems", c.Mems)
}

func checkBlockIO(r *specs.LinuxResources, field string) error {
	b := r.BlockIO
	if b == nil {
		return nil
	}
	field += ".blockIO"
	if err := checkWeights(b.Weight, b.LeafWeight, field); err != nil {
		return err
	}
	for i := range b.WeightDevice {
		d := &b.WeightDevice[i]
		if d.Weight == nil && d.LeafWeight == nil {
			return fail(elementPath(field+".weightDevice", i, ""), "need a weight or a leafWeight")
		}
		if err := checkWeights(d.Weight, d.LeafWeight, elementPath(field+".weightDevice", i, "")); err != nil {
			return err
		}
		if err := checkBlockDevice(&d.LinuxBlockIODevice, elementPath(field+".weightDevice", i, "")); err != nil {
			return err
		}
	}
	lists := [...]struct {
		name string
		list []specs.LinuxThrottleDevice
	}{
		{".throttleReadBpsDevice", b.ThrottleReadBpsDevice}, {".throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{".throttleReadIOPSDevice", b.ThrottleReadIOPSDevice}, {".throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	}
	for _, l := range lists {
		for i := range l.list {
			if err := checkBlockDevice(&l.list[i].LinuxBlockIODevice, elementPath(field+l.name, i, "")); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkWeights allows 1 to 1000, the weights of BFQ, and 0, which engines send for "not set". The specification's range begins
// with 10, that of CFQ (block/bfq-iosched.h; config-linux.md, "Block IO").
func checkWeights(weight, leaf *uint16, field string) error {
	weights := [...]struct {
		name  string
		value *uint16
	}{{".weight", weight}, {".leafWeight", leaf}}
	for _, w := range weights {
		if w.value != nil && *w.value > 1000 {
			return fail(field+w.name, "%d is above 1000", *w.value)
		}
	}
	return nil
}

func checkBlockDevice(d *specs.LinuxBlockIODevice, field string) error {
	if d.Major < 0 || d.Major > majorMax {
		return fail(field+".major", "%d is not within 0 and %d", d.Major, majorMax)
	}
	if d.Minor < 0 || d.Minor > minorMax {
		return fail(field+".minor", "%d is not within 0 and %d", d.Minor, minorMax)
	}
	return nil
}

// checkHugepages checks the page sizes strictly: a size is part of a file name, such as
// hugetlb.2MB.max.
func checkHugepages(r *specs.LinuxResources, field string) error {
	for i, l := range r.HugepageLimits {
		digits := strings.TrimRight(l.Pagesize, "KMGTB")
		unit := l.Pagesize[len(digits):]
		good := digits != "" && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
		switch unit {
		case "KB", "MB", "GB", "TB":
		default:
			good = false
		}
		if !good {
			return fail(elementPath(field+".hugepageLimits", i, ".pageSize"), "%q is not a size such as 64KB, 2MB or 1GB", l.Pagesize)
		}
	}
	return nil
}

func checkNetwork(r *specs.LinuxResources, field string) error {
	if r.Network == nil {
		return nil
	}
	for i, p := range r.Network.Priorities {
		if !interfaceName(p.Name) {
			return fail(elementPath(field+".network.priorities", i, ".name"), "invalid network device name %q", p.Name)
		}
	}
	return nil
}

func checkRdma(r *specs.LinuxResources, field string) error {
	for name, l := range r.Rdma {
		if name == "" || strings.ContainsAny(name, " \n\x00") {
			return fail(memberPath(field+".rdma", name), "invalid device name %q", name)
		}
		if l.HcaHandles == nil && l.HcaObjects == nil {
			return fail(memberPath(field+".rdma", name), "need hcaHandles or hcaObjects")
		}
	}
	return nil
}

// limitsOfCore are the files of the cgroup itself, and not of a controller, that limit or measure. The others move, kill and
// freeze processes, or decide what the cgroup is: "cgroup.procs" with "1" would move the host's init into the container's
// cgroup.
var limitsOfCore = []string{"cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"}

// checkUnified checks that a key is CONTROLLER.PARAMETER, the name of a file in the
// cgroup's directory, and not one that is the runtime's.
func checkUnified(r *specs.LinuxResources, field string) error {
	for name := range r.Unified {
		if strings.ContainsRune(name, 0) {
			return fail(memberPath(field+".unified", name), "contains a nul byte")
		}
		if strings.ContainsRune(name, '/') {
			return fail(memberPath(field+".unified", name), "must be a file name (no slashes)")
		}
		if controller, _, ok := strings.Cut(name, "."); !ok || controller == "" {
			return fail(memberPath(field+".unified", name), "must be of the form CONTROLLER.PARAMETER")
		}
		if strings.HasPrefix(name, "cgroup.") && !slices.Contains(limitsOfCore, name) {
			return fail(memberPath(field+".unified", name), "is no limit: only the runtime writes this file")
		}
	}
	return nil
}
