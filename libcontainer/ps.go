package libcontainer

// Processes returns the PIDs of the container's processes, sub-cgroups included, in rung's PID
// namespace. A stopped container may have none, or those that its init left behind.
func (c *Container) Processes() ([]int, error) {
	manager, err := c.cgroup()
	if err != nil {
		return nil, err
	}
	return manager.Pids()
}
