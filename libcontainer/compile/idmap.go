package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/plan"
)

// mapped reports whether a mount has an id map (config.md, "idmap" and "ridmap").
func mapped(m *specs.Mount, o *mountOptions) bool {
	return o.idmap != "" || len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
}

// checkMapped refuses an id map for file systems that show kernel objects of a namespace: the kernel
// does not map their owners.
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

// idmapMount maps the owners of a mount's files. That needs CAP_SYS_ADMIN in the user namespace of
// the file system. In a user namespace the stage does not have it for the host's file systems, so the
// parent maps them.
func (c *compiler) idmapMount(tree plan.Slot, m *specs.Mount, o *mountOptions, field string) error {
	if !mapped(m, o) {
		return nil
	}
	mapping := c.idMapping(m, o)
	source := c.sourceOf(tree)
	switch {
	case source != nil: // the parent makes the mount, and maps it
		source.Mapping = mapping
	case c.facts.Privileged() && c.namespace(specs.UserNamespace) != nil:
		c.b.For(field, "rung maps the owners of files")
		c.b.SyncAt(plan.SyncMap, tree)
		c.prog.Maps = append(c.prog.Maps, Map{Mapping: mapping, Origin: plan.Origin{Field: field, Purpose: "map the owners of " + c.destination(m)}})
		c.at(plan.SyncMap, MapOwners, field)
	default:
		slot := c.source(SourceUserNS, "", mapping.Recursive, field, "user namespace of the id map")
		c.sourceOf(slot).Mapping = mapping
		c.b.For(field, "map the owners of files")
		c.b.IDMap(tree, slot, mapping.Recursive)
	}
	return nil
}

// idMapping returns the mount's own id map, or that of the container's user namespace.
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
