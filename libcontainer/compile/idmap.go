package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/plan"
)

// mapped reports whether a mount has an id map (config.md, "idmap" and "ridmap").
func mapped(m *specs.Mount, o *mountOptions) bool {
	return o.idmap != "" || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
}

// checkMapped: these show what the namespaces of their maker are, and take no id map.
func (c *compiler) checkMapped(m *specs.Mount, o *mountOptions, field string) error {
	if !mapped(m, o) {
		return nil
	}
	switch m.Type {
	case "proc", "sysfs", "mqueue", "devpts", "cgroup", "cgroup2":
		return fieldError(field+".options", "the kernel has no id-mapped mounts of %s", m.Type)
	}
	return nil
}

// idmapMount maps the owners of files. Mapping wants CAP_SYS_ADMIN over the file system, which
// a user namespace lacks over those of the host: the parent does it.
func (c *compiler) idmapMount(tree plan.Slot, m *specs.Mount, o *mountOptions, field string) error {
	if !mapped(m, o) {
		return nil
	}
	mapping := c.idMapping(m, o)
	switch {
	case int(tree) < len(c.prog.Sources): // the parent made it
		c.prog.Sources[tree].Mapping = mapping
	case c.facts.Privileged() && c.namespace(specs.UserNamespace) != nil:
		c.b.For(field, "rung maps the owners of files")
		c.b.SyncAt(plan.SyncMap, tree)
		c.prog.Maps = append(c.prog.Maps, Map{Mapping: mapping, Why: plan.Why{Field: field, Purpose: "map the owners of " + c.destination(m)}})
		c.at(plan.SyncMap, MapOwners, field)
	default:
		slot := c.source(SourceUserNS, "", mapping.Recursive, field, "user namespace of the id map")
		c.prog.Sources[slot].Mapping = mapping
		c.b.For(field, "map the owners of files")
		c.b.IDMap(tree, slot, mapping.Recursive)
	}
	return nil
}

// idMapping is the mount's own, or that of the container's user namespace.
func (c *compiler) idMapping(m *specs.Mount, o *mountOptions) IDMapping {
	mapping := IDMapping{UIDs: m.UIDMappings, GIDs: m.GIDMappings, Recursive: o.idmap == "ridmap"}
	if len(m.UIDMappings) > 0 {
		return mapping
	}
	if ns := c.namespace(specs.UserNamespace); ns != nil && ns.Path != "" {
		mapping.Namespace = ns.Path
		return mapping
	}
	mapping.UIDs, mapping.GIDs = c.spec.Linux.UIDMappings, c.spec.Linux.GIDMappings
	return mapping
}
