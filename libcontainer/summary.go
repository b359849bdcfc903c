package libcontainer

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
)

// Summary prints for people what the container sees, may do and may use, a line for each.
func (e *Explanation) Summary(w io.Writer) error {
	p := &printer{w: w}
	s := &summary{spec: e.spec, facts: e.Facts, print: p.line}
	p.line("container %s of bundle %s, for %s", e.ID, e.Bundle, e.reader())
	p.line("\nit sees:")
	s.sees()
	p.line("\nit may do:")
	s.mayDo()
	p.line("\nit may use:")
	s.mayUse(e.cgroups)
	s.onTheHost()
	if e.Unknown != "" {
		p.line("\nnote: %s", e.Unknown)
	}
	return p.err
}

type summary struct {
	spec  *specs.Spec
	facts *host.Facts
	print func(format string, args ...any)
}

// item prints a line of a section.
func (s *summary) item(label, format string, args ...any) {
	s.print("  %-14s "+format, append([]any{label}, args...)...)
}

// list prints one item a line, with the label at the first.
func (s *summary) list(label string, items []string) {
	for _, one := range items {
		s.item(label, "%s", one)
		label = ""
	}
}

var namespaceNames = []struct {
	kind  specs.LinuxNamespaceType
	shown string
}{
	{specs.PIDNamespace, "processes"}, {specs.NetworkNamespace, "network"}, {specs.IPCNamespace, "IPC"}, {specs.UTSNamespace, "host name"},
	{specs.MountNamespace, "mounts"}, {specs.CgroupNamespace, "cgroups"}, {specs.UserNamespace, "users"}, {specs.TimeNamespace, "clocks"},
}

func (s *summary) sees() {
	root := s.spec.Root.Path
	if s.spec.Root.Readonly {
		root += ", read-only"
	}
	s.item("root", "%s", root)
	var mounts []string
	for i := range s.spec.Mounts {
		mounts = append(mounts, mountLine(&s.spec.Mounts[i]))
	}
	s.list("mounts", mounts)
	var own, shared, joined []string
	for _, n := range namespaceNames {
		switch ns := bundle.NamespaceOf(s.spec, n.kind); {
		case ns == nil:
			shared = append(shared, n.shown)
		case ns.Path == "":
			own = append(own, n.shown)
		default:
			joined = append(joined, n.shown+" of "+ns.Path)
		}
	}
	s.item("of its own", "%s", cmp.Or(strings.Join(own, ", "), "nothing"))
	s.item("of the host", "%s", cmp.Or(strings.Join(shared, ", "), "nothing"))
	s.list("of others", joined)
	if n := len(s.spec.Linux.MaskedPaths); n > 0 {
		s.item("hidden", "%s", strings.Join(s.spec.Linux.MaskedPaths, " "))
	}
	if n := len(s.spec.Linux.ReadonlyPaths); n > 0 {
		s.item("read-only", "%s", strings.Join(s.spec.Linux.ReadonlyPaths, " "))
	}
	var devices []string
	for _, d := range s.spec.Linux.Devices {
		devices = append(devices, d.Path)
	}
	for _, d := range bundle.DefaultDevices() {
		if !slices.Contains(devices, d.Path) {
			devices = append(devices, d.Path)
		}
	}
	s.item("devices", "%s", strings.Join(devices, " "))
}

// mountLine says what is where, and what one may do there.
func mountLine(m *specs.Mount) string {
	line := path.Clean(m.Destination) + ": "
	if host.IsBind(m) {
		line += m.Source + " of the host"
	} else {
		line += "a new " + m.Type
	}
	switch {
	case slices.Contains(m.Options, "ro") || slices.Contains(m.Options, "rro"):
		line += ", read-only"
	case host.IsBind(m):
		line += ", writable"
	}
	return line
}

func (s *summary) mayDo() {
	p := s.spec.Process
	if p == nil {
		s.item("program", "none: start refuses it")
		return
	}
	s.item("program", "%q in %s", p.Args, p.Cwd)
	s.item("user", "%s", s.user(p.User))
	s.item("capabilities", "%s", orNone(bounding(p.Capabilities)))
	s.item("more rights", "%s", map[bool]string{true: "never (no_new_privs)", false: "by set-user-id programs and file capabilities, within the bounding set"}[p.NoNewPrivileges])
	s.item("system calls", "%s", filterLine(s.spec.Linux.Seccomp))
	if p.ApparmorProfile != "" {
		s.item("AppArmor", "%s", p.ApparmorProfile)
	}
	if p.SelinuxLabel != "" {
		s.item("SELinux", "%s", p.SelinuxLabel)
	}
}

// user says which user of the host the user of the container is.
func (s *summary) user(u specs.User) string {
	line := fmt.Sprintf("uid %d, gid %d", u.UID, u.GID)
	if len(u.AdditionalGids) > 0 {
		line += fmt.Sprintf(", groups %v", u.AdditionalGids)
	}
	if !bundle.IsNew(s.spec, specs.UserNamespace) {
		return line + ": the same on the host"
	}
	for _, m := range s.spec.Linux.UIDMappings {
		if u.UID >= m.ContainerID && u.UID-m.ContainerID < m.Size {
			return fmt.Sprintf("%s: uid %d on the host", line, m.HostID+u.UID-m.ContainerID)
		}
	}
	return line
}

func bounding(c *specs.LinuxCapabilities) []string {
	if c == nil {
		return nil
	}
	return c.Bounding
}

func filterLine(p *specs.LinuxSeccomp) string {
	if p == nil {
		return "all: no seccomp filter"
	}
	names := 0
	for i := range p.Syscalls {
		names += len(p.Syscalls[i].Names)
	}
	return fmt.Sprintf("a seccomp filter: %s, but for %d calls in %d rules", p.DefaultAction, names, len(p.Syscalls))
}

func orNone(list []string) string { return cmp.Or(strings.Join(list, " "), "none") }

func (s *summary) mayUse(cgroups []string) {
	s.list("cgroup", cgroups)
	r := s.spec.Linux.Resources
	if r == nil {
		r = &specs.LinuxResources{}
	}
	s.item("memory", "%s", memoryLine(r.Memory))
	s.item("processors", "%s", cpuLine(r.CPU))
	processes := "no limit"
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit > 0 {
		processes = fmt.Sprint(*r.Pids.Limit)
	}
	s.item("processes", "%s", processes)
	for _, key := range slices.Sorted(maps.Keys(r.Unified)) {
		s.item("unified", "%s = %s", key, r.Unified[key])
	}
	if s.spec.Process != nil {
		var limits []string
		for _, l := range s.spec.Process.Rlimits {
			limits = append(limits, fmt.Sprintf("%s %s, at most %s", l.Type, limit(l.Soft), limit(l.Hard)))
		}
		s.list("limits", limits)
	}
}

func memoryLine(m *specs.LinuxMemory) string {
	if m == nil || m.Limit == nil || *m.Limit <= 0 {
		return "no limit"
	}
	line := fmt.Sprintf("%d bytes", *m.Limit)
	if m.Swap != nil && *m.Swap > 0 {
		line += fmt.Sprintf(", with swap %d", *m.Swap)
	}
	return line
}

func cpuLine(c *specs.LinuxCPU) string {
	if c == nil {
		return "no limit"
	}
	var parts []string
	if c.Quota != nil && *c.Quota > 0 {
		const usual = 100_000 // the kernel's period in us (sched-bwc.rst)
		period := uint64(usual)
		if c.Period != nil && *c.Period > 0 {
			period = *c.Period
		}
		parts = append(parts, fmt.Sprintf("%.2f of one", float64(*c.Quota)/float64(period)))
	}
	if c.Shares != nil {
		parts = append(parts, fmt.Sprintf("shares %d", *c.Shares))
	}
	if c.Cpus != "" {
		parts = append(parts, "only "+c.Cpus)
	}
	return cmp.Or(strings.Join(parts, ", "), "no limit")
}

// onTheHost lists the programs that run outside of the container.
func (s *summary) onTheHost() {
	h := s.spec.Hooks
	if h == nil {
		return
	}
	var lines []string
	for _, list := range []struct {
		name  string
		hooks []specs.Hook
	}{{"prestart", h.Prestart}, {"createRuntime", h.CreateRuntime}, {"poststart", h.Poststart}, {"poststop", h.Poststop}} { //nolint:staticcheck // deprecated, and part of the specification
		for _, one := range list.hooks {
			lines = append(lines, list.name+": "+one.Path)
		}
	}
	if len(lines) > 0 {
		s.print("\nprograms that run on the host:")
		s.list("hooks", lines)
	}
}
