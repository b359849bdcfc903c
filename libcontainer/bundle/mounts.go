package bundle

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkMounts: config.md, "Mounts". A relative destination is legal for the sake
// of old tools and means relative to "/"; Warnings tells of it.
func checkMounts(s *specs.Spec) error {
	for i := range s.Mounts {
		if err := checkMount(s, &s.Mounts[i], i); err != nil {
			return err
		}
	}
	return nil
}

func checkMount(s *specs.Spec, m *specs.Mount, i int) error {
	if m.Destination == "" {
		return fail(at("mounts", i, ".destination"), "must not be empty")
	}
	values := [...]struct{ name, value string }{
		{".destination", m.Destination}, {".source", m.Source}, {".type", m.Type},
	}
	for _, v := range values {
		if err := noNUL(at("mounts", i, v.name), v.value); err != nil {
			return err
		}
	}
	for j, o := range m.Options {
		if err := noNUL(at("mounts", i, at(".options", j, "")), o); err != nil {
			return err
		}
	}
	if isBind(m) && m.Source == "" {
		return fail(at("mounts", i, ".source"), "a bind mount needs a source")
	}
	return checkIDMappedMount(s, m, i)
}

// isBind goes by the options: the type of a bind mount is a dummy (config.md).
func isBind(m *specs.Mount) bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// checkIDMappedMount: the mapping is the mount's own or, where idmap or ridmap
// is all there is, that of the container's user namespace.
func checkIDMappedMount(s *specs.Spec, m *specs.Mount, i int) error {
	own := len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
	if !own && !slices.Contains(m.Options, "idmap") && !slices.Contains(m.Options, "ridmap") {
		return nil
	}
	if !own {
		if !hasNamespace(s, specs.UserNamespace) {
			return fail(at("mounts", i, ".uidMappings"), "id-mapped mounts must have both uid and gid mappings specified, or a user namespace to take them from")
		}
		return nil
	}
	if len(m.UIDMappings) == 0 {
		return fail(at("mounts", i, ".uidMappings"), "id-mapped mounts must have both uid and gid mappings specified")
	}
	if len(m.GIDMappings) == 0 {
		return fail(at("mounts", i, ".gidMappings"), "id-mapped mounts must have both uid and gid mappings specified")
	}
	if err := checkExtents(m.UIDMappings, at("mounts", i, ".uidMappings")); err != nil {
		return err
	}
	return checkExtents(m.GIDMappings, at("mounts", i, ".gidMappings"))
}
