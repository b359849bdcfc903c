package cgroup

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/systemd"
)

// deviceProperties give systemd the device rules, which it applies again at a reload. It knows
// only lists of what is allowed. Where the rules are more than that:
//
// On v2 a device is allowed if systemd's program and rung's both say so, and systemd leaves
// rung's alone; so systemd gets rules that allow no less, and rung's are exact.
//
// On v1 there is but one list, that of the kernel: systemd gets rules that allow no more.
func (m *Manager) deviceProperties(r *specs.LinuxResources) ([]systemd.Property, error) {
	if len(r.Devices) == 0 {
		return nil, nil
	}
	allowAll, rules, err := compileRules(r.Devices)
	if err != nil {
		return nil, err
	}
	denies := false
	for _, d := range rules {
		denies = denies || !d.allow
	}
	policy := "strict"
	var allowed []systemd.Value
	switch {
	case allowAll && (m.pureV2() || !denies):
		policy = "auto" // without a list: no filter at all
	case !allowAll:
		allowed = deviceList(rules, m.pureV2())
	}
	return []systemd.Property{
		property("DeviceAllow", systemd.Array{Elem: "(ss)"}), // an empty one clears the list
		property("DevicePolicy", systemd.String(policy)),
		property("DeviceAllow", systemd.Array{Elem: "(ss)", Items: allowed}),
	}, nil
}

// deviceList sums the rules up; wide says to which side to err.
func deviceList(rules []deviceRule, wide bool) (out []systemd.Value) {
	type device struct {
		kind         byte
		major, minor int64
	}
	sum := map[device]access{}
	var order []device
	for _, r := range rules {
		d := device{r.kind, r.major, r.minor}
		if _, known := sum[d]; !known {
			order = append(order, d)
		}
		if r.allow {
			sum[d] |= r.access
			continue
		}
		sum[d] &^= r.access
		for _, other := range order {
			if overlap := other.kind == d.kind && meets(other.major, d.major) && meets(other.minor, d.minor); overlap && !wide {
				sum[other] &^= r.access
			}
		}
	}
	for _, d := range order {
		path, exact := devicePath(d.kind, d.major, d.minor)
		if sum[d] != 0 && (exact || wide) {
			out = append(out, systemd.Struct{systemd.String(path), systemd.String(letters(sum[d]))})
		}
	}
	return out
}

func meets(a, b int64) bool { return a == b || a == anyNumber || b == anyNumber }

// devicePath is how systemd names devices (systemd.resource-control(5), DeviceAllow=). It can not
// name a minor number of any major one: then it is all devices.
func devicePath(kind byte, major, minor int64) (path string, exact bool) {
	name := map[byte]string{'b': "block", 'c': "char"}[kind]
	switch {
	case major == anyNumber:
		return name + "-*", minor == anyNumber
	case minor == anyNumber:
		return name + "-" + strconv.FormatInt(major, 10), true
	}
	return "/dev/" + name + "/" + strconv.FormatInt(major, 10) + ":" + strconv.FormatInt(minor, 10), true
}

func letters(a access) string {
	out := ""
	for _, l := range [...]struct {
		bit  access
		text string
	}{{accRead, "r"}, {accWrite, "w"}, {accMknod, "m"}} {
		if a&l.bit != 0 {
			out += l.text
		}
	}
	return out
}
