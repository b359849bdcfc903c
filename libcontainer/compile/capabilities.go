package compile

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/plan"
)

// capabilities are the five sets; bit n is capability n. A set that is not given is empty
// (CVE-2022-29162, CVE-2025-27612).
type capabilities struct {
	bounding, effective, inheritable, permitted, ambient uint64
}

// parseCapabilities returns the sets of p. It drops names that rung or the kernel does not know, as
// runc does; bundle.Warnings reports them.
func parseCapabilities(p *specs.Process, last int) capabilities {
	var c capabilities
	if p.Capabilities == nil {
		return c
	}
	known := ^uint64(0) >> (63 - min(last, 63))
	set := func(names []string) (out uint64) {
		for _, name := range names {
			if n, ok := bundle.CapabilityNumber(name); ok {
				out |= 1 << n
			}
		}
		return out & known
	}
	c.bounding = set(p.Capabilities.Bounding)
	c.effective = set(p.Capabilities.Effective)
	c.inheritable = set(p.Capabilities.Inheritable)
	c.permitted = set(p.Capabilities.Permitted)
	// An ambient capability must be permitted and inheritable (capabilities(7)).
	c.ambient = set(p.Capabilities.Ambient) & c.permitted & c.inheritable
	return c
}

const capSysAdmin = 1 << 21

// granted returns the capabilities of p that the process can get. Outside of a user namespace rung
// can give only those that it has itself. The specification requires that the others are left out
// with a warning (config.md, "capabilities"). The bounding set needs no check: it can only shrink.
func (c *compiler) granted(p *specs.Process) capabilities {
	caps := parseCapabilities(p, c.facts.LastCapability)
	if c.namespace(specs.UserNamespace) == nil {
		own := c.facts.Capabilities
		caps.effective &= own
		caps.permitted &= own
		caps.inheritable &= own
		caps.ambient &= own
	}
	return caps
}

func (c *compiler) noteCapabilities(p *specs.Process, field string) {
	asked, got := parseCapabilities(p, c.facts.LastCapability), c.granted(p)
	var names []string
	for i, name := range bundle.CapabilityNames() {
		if (asked.permitted|asked.effective)&^(got.permitted|got.effective)>>i&1 == 1 {
			names = append(names, name)
		}
	}
	if names != nil {
		c.prog.Notices = append(c.prog.Notices, fmt.Sprintf("%s.capabilities: ignoring capabilities that rung itself does not have: %v", field, names))
	}
}

func (c *compiler) bounding(caps capabilities, field string) {
	c.b.For(field+".capabilities.bounding", "drop what is not in the bounding set")
	c.b.Number(plan.Bounding, caps.bounding, uint64(c.facts.LastCapability))
}

// capset sets the effective, permitted and inheritable sets. extra is added to the first two until
// the seccomp filter is loaded.
func (c *compiler) capset(caps capabilities, extra uint64, field string) {
	c.b.For(field+".capabilities", "effective, permitted and inheritable sets")
	c.b.Number(plan.Capset, caps.effective|extra, caps.permitted|extra, caps.inheritable)
}

func (c *compiler) ambient(caps capabilities, field string) {
	if caps.ambient != 0 {
		c.b.For(field+".capabilities.ambient", "ambient set")
		c.b.Number(plan.Ambient, caps.ambient)
	}
}
