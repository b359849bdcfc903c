package compile

import (
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/plan"
)

// shows returns the namespace that a file system shows. Only the owner of that namespace may mount it.
func shows(fstype string) specs.LinuxNamespaceType {
	switch fstype {
	case "proc":
		return specs.PIDNamespace
	case "sysfs":
		return specs.NetworkNamespace
	case "mqueue":
		return specs.IPCNamespace
	}
	return ""
}

// foreign reports whether a file system shows a namespace that does not belong to the container's user namespace: the host's, or
// a joined one.
func (c *compiler) foreign(fstype string) bool {
	t := shows(fstype)
	user := c.namespace(specs.UserNamespace)
	if t == "" || user == nil || c.isNew(t) {
		return false
	}
	if user.Path != "" && c.namespace(t) != nil {
		return slices.Contains(c.facts.Foreign, t)
	}
	return true
}

// foreignFilesystems makes the file systems that show a foreign namespace before the stage enters the container's user namespace,
// where it has the rights of rung. They are attached as all others. The host's sysfs is bound instead (hostSysfs).
func (c *compiler) foreignFilesystems() error {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		o := c.options(m)
		switch {
		case o.bind || o.remount || mapped(m, &o) || !c.foreign(m.Type) || !c.hasMounts() || m.Type == "sysfs" && c.lacksSysfs():
			continue
		case !c.facts.Privileged() && c.namespace(shows(m.Type)) != nil:
			continue // it cannot be joined either, and that error comes first
		case !c.facts.Privileged(), o.needsMount2():
			return foreignError(m, mountField(i))
		}
		if pid := c.namespace(specs.PIDNamespace); m.Type == "proc" && pid != nil {
			// A process is in a PID namespace that it joins only after a fork, and then in the user namespace too.
			if !c.facts.ProcPidns {
				return foreignError(m, mountField(i))
			}
			o.data = append(o.data, plan.Option{Key: "pidns", Value: pid.Path})
		}
		if c.made == nil {
			c.made = map[int]made{}
		}
		c.made[i] = made{tree: c.newFilesystem(m, &o, mountField(i)), foreign: true}
	}
	return nil
}

// foreignError is about a file system that rung has no right to make, or no way to.
func foreignError(m *specs.Mount, field string) error {
	t := shows(m.Type)
	return fieldError(field, "%s shows the %s namespace, which does not belong to the container's user namespace: "+
		"list a new one in linux.namespaces, or bind the host's %s: %w", m.Type, t, m.Destination, syscall.EPERM)
}
