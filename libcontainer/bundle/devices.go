package bundle

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The kernel's device numbers have 12 bits of major and 20 of minor: MINORBITS
// of <linux/kdev_t.h>.
const (
	majorMax = 1<<12 - 1
	minorMax = 1<<20 - 1
)

// checkDevices: config-linux.md, "Devices". A FIFO has no number; one that is
// given anyway is of no consequence.
func checkDevices(s *specs.Spec) error {
	for i := range s.Linux.Devices {
		d := &s.Linux.Devices[i]
		if err := absolute(at("linux.devices", i, ".path"), d.Path); err != nil {
			return err
		}
		switch d.Type {
		case "p":
			continue
		case "b", "c", "u":
		default:
			return fail(at("linux.devices", i, ".type"), "invalid device type %q", d.Type)
		}
		if d.Major < 0 || d.Major > majorMax {
			return fail(at("linux.devices", i, ".major"), "%d is not within 0 and %d", d.Major, majorMax)
		}
		if d.Minor < 0 || d.Minor > minorMax {
			return fail(at("linux.devices", i, ".minor"), "%d is not within 0 and %d", d.Minor, minorMax)
		}
	}
	return nil
}

// checkNetDevices: config-linux.md, "Network Devices".
func checkNetDevices(s *specs.Spec) error {
	if len(s.Linux.NetDevices) == 0 {
		return nil
	}
	if !hasNamespace(s, specs.NetworkNamespace) {
		return fail("linux.netDevices", "unable to move network devices without a NET namespace")
	}
	taken := make(map[string]string, len(s.Linux.NetDevices))
	for name, d := range s.Linux.NetDevices {
		field := key("linux.netDevices", name)
		if !interfaceName(name) {
			return fail(field, "invalid network device name %q", name)
		}
		inside := d.Name
		if inside == "" {
			inside = name
		} else if !interfaceName(inside) || !template(inside) {
			return fail(field+".name", "invalid network device name %q", inside)
		}
		if other, ok := taken[inside]; ok && !strings.Contains(inside, "%d") {
			return fail("linux.netDevices", "%q and %q are both to be named %q", min(name, other), max(name, other), inside)
		}
		taken[inside] = name
	}
	return nil
}

// template: the kernel completes a name with one %d in it, and refuses any other percent sign
// (__dev_alloc_name of net/core/dev.c).
func template(name string) bool {
	before, after, _ := strings.Cut(name, "%d")
	return !strings.Contains(before+after, "%")
}

// interfaceName is dev_valid_name of the kernel's net/core/dev.c: less than
// IFNAMSIZ bytes, counting the final NUL.
func interfaceName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r\x00")
}
