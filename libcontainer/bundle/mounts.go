package bundle

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// checkMounts checks mounts (config.md, "Mounts"). A relative destination is allowed,
// because old tools write it, and means relative to "/"; Warnings reports it.
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
		return fail(elementPath("mounts", i, ".destination"), "must not be empty")
	}
	values := [...]struct{ name, value string }{
		{".destination", m.Destination}, {".source", m.Source}, {".type", m.Type},
	}
	for _, v := range values {
		if strings.IndexByte(v.value, 0) >= 0 { // a field of each would cost as much as all other checks
			return noNUL(elementPath("mounts", i, v.name), v.value)
		}
	}
	for j, o := range m.Options {
		if strings.IndexByte(o, 0) >= 0 {
			return noNUL(elementPath("mounts", i, elementPath(".options", j, "")), o)
		}
	}
	if isBind(m) && m.Source == "" {
		return fail(elementPath("mounts", i, ".source"), "a bind mount needs a source")
	}
	return checkIDMappedMount(s, m, i)
}

// isBind looks at the options only: the type of a bind mount has no meaning (config.md).
func isBind(m *specs.Mount) bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// readOnly reports whether the options make the mount read-only: the last one of "ro" and "rw" counts.
func readOnly(m *specs.Mount) bool {
	for _, o := range slices.Backward(m.Options) {
		switch o {
		case "ro":
			return true
		case "rw":
			return false
		}
	}
	return false
}

// checkIDMappedMount checks the id mapping of a mount. With the option idmap or ridmap
// and no mapping of its own, a mount gets that of the container's user namespace.
func checkIDMappedMount(s *specs.Spec, m *specs.Mount, i int) error {
	own := len(m.UIDMappings) > 0 || len(m.GIDMappings) > 0
	if !own && !slices.Contains(m.Options, "idmap") && !slices.Contains(m.Options, "ridmap") {
		return nil
	}
	if !own {
		if !hasNamespace(s, specs.UserNamespace) {
			return fail(elementPath("mounts", i, ".uidMappings"), "id-mapped mounts must have both uid and gid mappings specified, or a user namespace to take them from")
		}
		return nil
	}
	if len(m.UIDMappings) == 0 {
		return fail(elementPath("mounts", i, ".uidMappings"), "id-mapped mounts must have both uid and gid mappings specified")
	}
	if len(m.GIDMappings) == 0 {
		return fail(elementPath("mounts", i, ".gidMappings"), "id-mapped mounts must have both uid and gid mappings specified")
	}
	if err := checkExtents(m.UIDMappings, elementPath("mounts", i, ".uidMappings")); err != nil {
		return err
	}
	return checkExtents(m.GIDMappings, elementPath("mounts", i, ".gidMappings"))
}
