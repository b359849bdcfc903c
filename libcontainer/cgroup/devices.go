package cgroup

import (
	"errors"
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

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

// deviceRule is one rule on one kind of device. The "all" type of config.json
// becomes two of them, or a reset (see parseRule).
type deviceRule struct {
	kind         byte // 'b' or 'c'
	major, minor int64
	access       access
	allow        bool
}

// DeviceRules is the device rule list of a new container: the rules of
// config.json, then what every container may use, as runc has it since
// Docker's first days: mknod of anything, null, random, full, tty, zero, urandom,
// the ptys, ptmx and tun. A node of linux.devices with the path of a default one
// takes its place, and its rule with it.
func DeviceRules(r []specs.LinuxDeviceCgroup, nodes []specs.LinuxDevice) []specs.LinuxDeviceCgroup {
	defaults := [...]struct {
		path         string
		kind         string
		major, minor int64
		access       string
	}{
		{"", "c", anyNumber, anyNumber, "m"},
		{"", "b", anyNumber, anyNumber, "m"},
		{"/dev/null", "c", 1, 3, "rwm"},
		{"/dev/random", "c", 1, 8, "rwm"},
		{"/dev/full", "c", 1, 7, "rwm"},
		{"/dev/tty", "c", 5, 0, "rwm"},
		{"/dev/zero", "c", 1, 5, "rwm"},
		{"/dev/urandom", "c", 1, 9, "rwm"},
		{"", "c", 136, anyNumber, "rwm"}, // /dev/pts
		{"", "c", 5, 2, "rwm"},           // ptmx
		{"", "c", 10, 200, "rwm"},        // net/tun: VPN containers rely on it
	}
	replaced := func(path string) bool {
		for i := range nodes {
			if path != "" && nodes[i].Path == path {
				return true
			}
		}
		return false
	}
	out := make([]specs.LinuxDeviceCgroup, 0, len(r)+len(defaults))
	out = append(out, r...)
	for _, d := range defaults {
		if !replaced(d.path) {
			out = append(out, specs.LinuxDeviceCgroup{
				Allow: true, Type: d.kind, Major: number(d.major), Minor: number(d.minor), Access: d.access,
			})
		}
	}
	return out
}

func number(n int64) *int64 {
	if n == anyNumber {
		return nil
	}
	return &n
}

// parseRule checks a rule and splits the type "a" in block and character
// devices. reset is true for the rule on everything ("a *:* rwm"), which makes
// all rules before it void. lenient passes over unknown letters of the access.
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
// (GHSA-g54h-m393-cpwq): a rule that denies then takes away from what was allowed, and what it
// names beside r, w and m can have been allowed to nobody, so that it is passed over, as by runc.
func compileRules(list []specs.LinuxDeviceCgroup) (allowAll bool, rules []deviceRule, err error) {
	rules = make([]deviceRule, 0, len(list))
	for i := range list {
		rs, reset, err := parseRule(list[i], i, !allowAll && !list[i].Allow)
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

// setDevices applies the device rules: by the v1 controller if there is one,
// else by a program on v2. In a user namespace neither is permitted and the rules
// are left out, as no one there can make a device node either.
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
		err = setDevicesV2(v2, allowAll, rules)
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
