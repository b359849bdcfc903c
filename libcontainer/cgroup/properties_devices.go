package cgroup

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/systemd"
)

// deviceProperties returns the device rules as properties, because systemd applies its own rules again at a reload.
// systemd knows only a list of allowed devices. If that list cannot express the rules:
//
// On v2 the kernel allows a device if systemd's program and rung's program both allow it, and systemd does not touch
// rung's program. So systemd gets rules that allow the same or more, and rung's program is exact.
//
// On v1 the kernel has only one list, so systemd gets rules that allow the same or less.
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
		policy = "auto" // with an empty list this means no filter
	case !allowAll:
		allowed = deviceList(rules, m.pureV2())
	}
	return []systemd.Property{
		property("DeviceAllow", systemd.Array{Elem: "(ss)"}), // an empty value clears the list
		property("DevicePolicy", systemd.String(policy)),
		property("DeviceAllow", systemd.Array{Elem: "(ss)", Items: allowed}),
	}, nil
}

// deviceList converts the rules to a list of allowed devices. Where the list cannot express the rules, it allows more
// than they do if wide is true, and less if wide is false.
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
			if same := other.kind == d.kind && overlaps(other.major, d.major) && overlaps(other.minor, d.minor); same && !wide {
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

// devicePath returns systemd's name of devices (systemd.resource-control(5), DeviceAllow=). systemd has no name for one
// minor number of every major number: devicePath then returns the name for all devices of the kind, and exact is false.
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
