package compile

// checkNetDevices refuses linux.netDevices without root: only the owner of the host's network namespace
// may move a device out of it.
func (c *compiler) checkNetDevices() error {
	if len(c.spec.Linux.NetDevices) > 0 && c.facts.Rootless() {
		return fieldError("linux.netDevices", "network devices are not supported for rootless containers")
	}
	return nil
}
