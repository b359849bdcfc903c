package compile

// checkNetDevices: to take a device from the host's network namespace needs its owner's rights.
func (c *compiler) checkNetDevices() error {
	if len(c.spec.Linux.NetDevices) > 0 && c.facts.Rootless() {
		return fieldError("linux.netDevices", "network devices are not supported for rootless containers")
	}
	return nil
}
