package compile

import (
	"fmt"
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
)

// ExternalKind says where an external mount comes from.
type ExternalKind int

// The kinds of external mounts.
const (
	ExternalBind   ExternalKind = iota // a bind mount of mounts[]
	ExternalSysfs                      // the host's sysfs in the place of one of the container's own
	ExternalCgroup                     // a v1 cgroup
	ExternalDevice                     // a device node: a user namespace may not make it
	ExternalMask                       // the null device over a masked path
)

// External is a mount that a checkpoint does not hold: at a restore it comes from the host again.
type External struct {
	Kind ExternalKind
	// Name is the mount's name in the checkpoint: the destination in config.json, never a path that
	// was resolved in the image (CVE-2026-119101, CVE-2026-115520). So it does not depend on the
	// order of mounts[] either.
	Name        string
	Destination string // path in the container; its links may still have to be resolved
	Source      string // path on the host; "" for a device
	Inside      bool   // Source lies in the root file system: an earlier mount may be there
	Recursive   bool   // the mounts below Source are mounted too
	Index       int    // in mounts[]
	Attrs       uint64 // attributes that the mount must have: MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC
	Below       uint64 // attributes that all mounts below it must have
	Device      specs.LinuxDevice
	Field       string
}

// Externals lists the external mounts of a container, in the order in which they are made.
func Externals(in Input) []External {
	c := newCompiler(in)
	var out []External
	for i := range c.spec.Mounts {
		out = append(out, c.externalMount(i)...)
	}
	if c.bindsDevices() {
		out = append(out, c.externalDevices()...)
	}
	return append(out, c.externalMasks(out)...)
}

func (c *compiler) externalMount(i int) []External {
	m := &c.spec.Mounts[i]
	o := parseOptions(m.Options)
	e := External{Name: c.destination(m), Destination: c.destination(m), Index: i, Field: fmt.Sprintf("mounts[%d]", i)}
	_, copied := c.facts.Links[i] // a link of the root file system, not a mount
	switch {
	case o.remount, copied:
	case o.bind:
		e.Source = host.SourcePath(m, c.opts.Bundle)
		e.Inside, e.Recursive = c.madeInside(e.Source), o.recursive
		e.Attrs = (o.set&^o.recClear | o.recSet) & lockedFlags
		e.Below = o.recSet & lockedFlags
		return []External{e}
	case m.Type == "cgroup" && c.facts.Cgroups.Mode != host.CgroupV2 && c.namespace(specs.CgroupNamespace) == nil:
		return c.externalCgroups(e)
	case m.Type == "sysfs" && c.lacksSysfs():
		e.Kind, e.Source = ExternalSysfs, "/sys"
		return []External{e}
	}
	return nil
}

func (c *compiler) externalCgroups(e External) (out []External) {
	e.Kind = ExternalCgroup
	dir := e.Destination
	for i := range c.facts.Cgroups.Hierarchies {
		h := &c.facts.Cgroups.Hierarchies[i]
		if h.V2 {
			continue
		}
		e.Name = path.Join(dir, path.Base(h.Mountpoint))
		e.Destination = e.Name
		if e.Source = c.opts.CgroupPaths[hierarchyKey(h)]; e.Source == "" {
			e.Source = ownCgroup(h)
		}
		out = append(out, e)
	}
	return out
}

func (c *compiler) externalDevices() (out []External) {
	for i, d := range c.allDevices() {
		name := path.Clean(d.Path)
		field := fmt.Sprintf("linux.devices[%d]", i)
		if i >= len(c.spec.Linux.Devices) {
			field = "default device " + name
		}
		if name != "/dev/ptmx" && d.Type != "p" && !c.bindsDev() {
			out = append(out, External{Kind: ExternalDevice, Name: name, Destination: name, Device: d, Field: field})
		}
	}
	return out
}

// externalMasks returns the masked paths. All have the same name, because their source is the same:
// runc's name, unless a mount has it.
func (c *compiler) externalMasks(others []External) (out []External) {
	name := "/dev/null"
	for i := range others {
		if others[i].Name == name {
			name = "linux.maskedPaths"
		}
	}
	for i, p := range c.spec.Linux.MaskedPaths {
		out = append(out, External{
			Kind: ExternalMask, Name: name, Destination: path.Join("/", p), Source: "/dev/null", Field: fmt.Sprintf("linux.maskedPaths[%d]", i),
		})
	}
	return out
}
