package cgroup

import (
	"errors"
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
)

const devicesField = "linux.resources.devices"

// access is the set of BPF_DEVCG_ACC_* bits (include/uapi/linux/bpf.h).
type access uint8

const (
	accMknod access = 1 << iota
	accRead
	accWrite
	accAll = accMknod | accRead | accWrite
)

const anyNumber = -1

// deviceRule is one rule for one kind of device. The type "a" (all) of config.json becomes two deviceRules, or a reset
// (see parseRule).
type deviceRule struct {
	kind         byte // 'b' or 'c'
	major, minor int64
	access       access
	allow        bool
}

// DeviceRules returns the device rules of a new container: the rules of config.json, then the defaults for every
// container. The defaults are those of runc: mknod of any device, and the use of null, random, full, tty, zero,
// urandom, the ptys, ptmx and tun. A node of linux.devices with the path of a default device replaces that device, so
// DeviceRules leaves the default's rule out.
func DeviceRules(r []specs.LinuxDeviceCgroup, nodes []specs.LinuxDevice) []specs.LinuxDeviceCgroup {
	others := [...]specs.LinuxDeviceCgroup{
		{Type: "c", Major: number(136), Access: "rwm"},                    // /dev/pts
		{Type: "c", Major: number(5), Minor: number(2), Access: "rwm"},    // ptmx
		{Type: "c", Major: number(10), Minor: number(200), Access: "rwm"}, // net/tun: VPN containers rely on it
	}
	defaults := bundle.DefaultDevices()
	out := make([]specs.LinuxDeviceCgroup, 0, len(r)+2+len(defaults)+len(others))
	out = append(out, r...)
	out = append(out, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Access: "m"}, specs.LinuxDeviceCgroup{Allow: true, Type: "b", Access: "m"})
	for i := range defaults {
		d := &defaults[i]
		if !slices.ContainsFunc(nodes, func(n specs.LinuxDevice) bool { return n.Path == d.Path }) {
			out = append(out, specs.LinuxDeviceCgroup{Allow: true, Type: d.Type, Major: &d.Major, Minor: &d.Minor, Access: "rwm"})
		}
	}
	for _, rule := range others {
		rule.Allow = true
		out = append(out, rule)
	}
	return out
}

func number(n int64) *int64 {
	if n == anyNumber {
		return nil
	}
	return &n
}

// parseRule checks rule i and splits the type "a" into block and character devices. reset is true for a rule on
// everything ("a *:* rwm"), which overrides all rules before it. With lenient, parseRule ignores unknown letters in
// the access.
func parseRule(r specs.LinuxDeviceCgroup, i int, lenient bool) (rules []deviceRule, reset bool, err error) {
	field := item(devicesField, i)
	d := deviceRule{major: anyNumber, minor: anyNumber, allow: r.Allow}
	if r.Major != nil {
		d.major = *r.Major
	}
	if r.Minor != nil {
		d.minor = *r.Minor
	}
	const max32 = 1<<32 - 1
	if d.major < anyNumber || d.major > max32 {
		return nil, false, fmt.Errorf("%s.major: %d is not a device number", field, d.major)
	}
	if d.minor < anyNumber || d.minor > max32 {
		return nil, false, fmt.Errorf("%s.minor: %d is not a device number", field, d.minor)
	}
	if d.access, err = parseAccess(r.Access, lenient); err != nil {
		return nil, false, fmt.Errorf("%s.access: %w", field, err)
	}
	switch r.Type {
	case "b", "c":
		d.kind = r.Type[0]
		return []deviceRule{d}, false, nil
	case "", "a":
		if d.major == anyNumber && d.minor == anyNumber && d.access == accAll {
			return nil, true, nil
		}
		b, c := d, d
		b.kind, c.kind = 'b', 'c'
		return []deviceRule{b, c}, false, nil
	}
	return nil, false, fmt.Errorf("%s.type: %q is none of a, b, c", field, r.Type)
}

func parseAccess(s string, lenient bool) (access, error) {
	if s == "" {
		return 0, errors.New("device access cannot be empty")
	}
	var a access
	for _, c := range s {
		switch c {
		case 'r':
			a |= accRead
		case 'w':
			a |= accWrite
		case 'm':
			a |= accMknod
		default:
			if !lenient {
				return 0, fmt.Errorf("%q is not made of r, w, m", s)
			}
		}
	}
	return a, nil
}

// compileRules turns the list into the default verdict and the rules that come
// after the last reset. Without a reset everything is denied by default
// (GHSA-g54h-m393-cpwq).
func compileRules(list []specs.LinuxDeviceCgroup) (allowAll bool, rules []deviceRule, err error) {
	rules = make([]deviceRule, 0, len(list))
	lenient := bundle.LenientAccess(list)
	for i := range list {
		rs, reset, err := parseRule(list[i], i, slices.Contains(lenient, i))
		if err != nil {
			return false, nil, err
		}
		if reset {
			allowAll, rules = list[i].Allow, rules[:0]
			continue
		}
		rules = append(rules, rs...)
	}
	return allowAll, rules, nil
}

// setDevices applies the device rules: with the v1 controller if there is one, else with a BPF program on v2. The
// kernel may permit neither to a rootless caller or in a user namespace. setDevices then skips the rules, because the
// container cannot make a device node either.
func (m *Manager) setDevices(list []specs.LinuxDeviceCgroup) error {
	if len(list) == 0 {
		return nil
	}
	allowAll, rules, err := compileRules(list)
	if err != nil {
		return err
	}
	switch v1, v2 := m.dir("devices"), m.dir(""); {
	case v1 != nil:
		err = setDevicesV1(v1, allowAll, rules)
	case v2 != nil:
		err = setDevicesV2(v2, m.cfg.Programs, allowAll, rules)
	case m.cfg.Rootless:
		return nil
	default:
		return m.notFound("devices", devicesField)
	}
	if err != nil && isPermission(err) {
		inside, errInside := host.InUserNS()
		if m.cfg.Rootless || inside && errInside == nil {
			return nil
		}
	}
	return err
}
