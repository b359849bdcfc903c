package bundle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// capabilityNames are in the order of their numbers in <linux/capability.h>. The last
// one is of Linux 5.9.
var capabilityNames = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
	"CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// CapabilityNames lists the capabilities that rung knows; the index is the
// kernel's number. The caller may change the slice.
func CapabilityNames() []string {
	return slices.Clone(capabilityNames[:])
}

// CapabilityNumber returns the kernel's number of a capability such as "CAP_CHOWN";
// false if rung does not know it.
func CapabilityNumber(name string) (int, bool) {
	i := slices.Index(capabilityNames[:], name)
	return i, i >= 0
}

// Warnings returns a message for each thing in s that is allowed, but ignored or
// deprecated. s must have passed Validate.
func Warnings(s *specs.Spec) []string {
	var w []string
	for i := range s.Mounts {
		if d := s.Mounts[i].Destination; !strings.HasPrefix(d, "/") {
			w = append(w, fmt.Sprintf("mounts[%d].destination: relative destination path %s is deprecated, using it as relative to /", i, d))
		}
	}
	w = append(w, ProcessWarnings(s.Process, "process")...)
	return append(w, linuxWarnings(s)...)
}

func linuxWarnings(s *specs.Spec) []string {
	var w []string
	if p := s.Linux.Personality; p != nil && len(p.Flags) > 0 {
		w = append(w, fmt.Sprintf("linux.personality.flags: ignoring unsupported personality flags: %v", p.Flags))
	}
	if ns := NamespaceOf(s, specs.UserNamespace); ns != nil && ns.Path != "" && len(s.Linux.UIDMappings)+len(s.Linux.GIDMappings) > 0 {
		w = append(w, "linux.uidMappings: both a user namespace path to join and mappings specified, you may only provide one")
	}
	if r := s.Linux.Resources; r != nil {
		for _, i := range LenientAccess(r.Devices) {
			w = append(w, fmt.Sprintf("linux.resources.devices[%d].access: ignoring what is not r, w or m in %q", i, r.Devices[i].Access))
		}
	}
	//nolint:staticcheck // This warns of deprecated members.
	if r := s.Linux.Resources; r != nil && r.Memory != nil && r.Memory.Kernel != nil {
		w = append(w, "linux.resources.memory.kernel: kernel memory settings are ignored")
	}
	return w
}

// ProcessWarnings is the part of Warnings that `exec` shares with `create`. rung drops
// unknown capabilities, and config.md requires a warning for them.
func ProcessWarnings(p *specs.Process, field string) []string {
	if p == nil || p.Capabilities == nil {
		return nil
	}
	c := p.Capabilities
	var unknown []string
	for _, set := range [...][]string{c.Bounding, c.Effective, c.Inheritable, c.Permitted, c.Ambient} {
		for _, name := range set {
			if _, ok := CapabilityNumber(name); !ok && !slices.Contains(unknown, name) {
				unknown = append(unknown, name)
			}
		}
	}
	var w []string
	if unknown != nil {
		slices.Sort(unknown)
		w = append(w, fmt.Sprintf("%s.capabilities: ignoring unknown or unavailable capabilities: %v", field, unknown))
	}
	if denied := notRaised(c); denied != nil {
		w = append(w, fmt.Sprintf("%s.capabilities.ambient: can't raise ambient capability %s: not both inheritable and permitted",
			field, strings.Join(denied, ", ")))
	}
	return w
}

// notRaised returns the known ambient capabilities that the kernel would refuse (capabilities(7)). They share one warning:
// Buildah before 1.38 asks for more than ten of them in each step of a build, and ten warnings would bury the step's output.
func notRaised(c *specs.LinuxCapabilities) (names []string) {
	for _, name := range c.Ambient {
		_, known := CapabilityNumber(name)
		if known && !(slices.Contains(c.Inheritable, name) && slices.Contains(c.Permitted, name)) {
			names = append(names, name)
		}
	}
	return names
}
