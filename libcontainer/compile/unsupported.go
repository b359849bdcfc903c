package compile

// unsupported refuses what this version of rung does not do: a property that is asked for
// and not applied would be worse than an error (runtime.md, "Errors").
func (c *compiler) unsupported() error {
	l := c.spec.Linux
	switch {
	case l.IntelRdt != nil:
		return fieldError("linux.intelRdt", "not supported by this version of rung")
	case len(l.NetDevices) > 0 && c.facts.Rootless():
		return fieldError("linux.netDevices", "network devices are not supported for rootless containers")
	}
	return nil
}
