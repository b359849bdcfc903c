package bundle

import (
	"io/fs"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// The kernel's device numbers have 12 bits of major and 20 of minor: MINORBITS
// of <linux/kdev_t.h>.
const (
	majorMax = 1<<12 - 1
	minorMax = 1<<20 - 1
)

// DefaultDevices are in every container (config-linux.md, "Default Devices").
func DefaultDevices() []specs.LinuxDevice {
	return []specs.LinuxDevice{
		charDevice("/dev/null", 1, 3), charDevice("/dev/random", 1, 8), charDevice("/dev/full", 1, 7),
		charDevice("/dev/tty", 5, 0), charDevice("/dev/zero", 1, 5), charDevice("/dev/urandom", 1, 9),
	}
}

func charDevice(name string, major, minor int64) specs.LinuxDevice {
	mode := fs.FileMode(0o666)
	return specs.LinuxDevice{Path: name, Type: "c", Major: major, Minor: minor, FileMode: &mode}
}

// checkDevices checks linux.devices (config-linux.md, "Devices"). A FIFO has no
// device number; rung ignores one in the configuration.
func checkDevices(s *specs.Spec) error {
	for i := range s.Linux.Devices {
		d := &s.Linux.Devices[i]
		if err := absolute("", d.Path); err != nil {
			return absolute(elementPath("linux.devices", i, ".path"), d.Path)
		}
		switch d.Type {
		case "p":
			continue
		case "b", "c", "u":
		default:
			return fail(elementPath("linux.devices", i, ".type"), "invalid device type %q: one of b, c, u, p", d.Type)
		}
		if d.Major < 0 || d.Major > majorMax {
			return fail(elementPath("linux.devices", i, ".major"), "%d is not within 0 and %d", d.Major, majorMax)
		}
		if d.Minor < 0 || d.Minor > minorMax {
			return fail(elementPath("linux.devices", i, ".minor"), "%d is not within 0 and %d", d.Minor, minorMax)
		}
	}
	return checkNesting(s.Linux.Devices)
}

// checkNesting refuses a device whose directory would be another device.
func checkNesting(devices []specs.LinuxDevice) error {
	var paths map[string]bool // of all devices, made for the first that is not directly in /dev
	for i := range devices {
		above := path.Dir(devices[i].Path)
		if above == "/dev" {
			continue
		}
		if paths == nil {
			paths = map[string]bool{}
			for _, list := range [...][]specs.LinuxDevice{devices, DefaultDevices()} {
				for j := range list {
					paths[path.Clean(list[j].Path)] = true
				}
			}
		}
		for ; above != "/"; above = path.Dir(above) {
			if paths[above] {
				return fail(elementPath("linux.devices", i, ".path"), "%s is a device, and no directory for another one", above)
			}
		}
	}
	return nil
}

// checkNetDevices checks linux.netDevices (config-linux.md, "Network Devices").
func checkNetDevices(s *specs.Spec) error {
	if len(s.Linux.NetDevices) == 0 {
		return nil
	}
	if !hasNamespace(s, specs.NetworkNamespace) {
		return fail("linux.netDevices", "unable to move network devices without a NET namespace")
	}
	taken := make(map[string]string, len(s.Linux.NetDevices))
	for name, d := range s.Linux.NetDevices {
		field := memberPath("linux.netDevices", name)
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

// template reports whether the kernel accepts the percent signs in a name: it completes one %d to a
// free number and refuses any other percent sign (__dev_alloc_name of net/core/dev.c).
func template(name string) bool {
	before, after, _ := strings.Cut(name, "%d")
	return !strings.Contains(before+after, "%")
}

// interfaceName is dev_valid_name of the kernel's net/core/dev.c. A name has at most
// 15 bytes: IFNAMSIZ counts the final NUL.
func interfaceName(name string) bool {
	return name != "" && len(name) < 16 && name != "." && name != ".." && !strings.ContainsAny(name, "/: \t\n\v\f\r\x00")
}
