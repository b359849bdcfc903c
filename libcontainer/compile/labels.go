package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// checkLabel: an SELinux label that could not take effect must not be passed over.
func (c *compiler) checkLabel(field, label string) error {
	if label == "" || c.facts.Selinux {
		return nil
	}
	return fieldError(field, "selinux label is specified in config, but selinux is disabled or not supported")
}

// labels take effect at execve.
func (c *compiler) labels(p *specs.Process, field string) {
	if p.ApparmorProfile != "" {
		c.b.For(field+".apparmorProfile", "AppArmor profile from execve on")
		c.b.Write(c.proc, "self/attr/"+c.facts.ApparmorAttr+"exec", "exec "+p.ApparmorProfile)
	}
	if p.SelinuxLabel != "" {
		c.b.For(field+".selinuxLabel", "SELinux label from execve on")
		c.b.Write(c.proc, "self/attr/exec", p.SelinuxLabel)
	}
}

// noLabel is what the kernel takes for "back to the default" (proc_pid_attr(5)).
const noLabel = "\n"

// keyLabel labels the keyrings that the process makes: the container's policy must let it use
// its own session keyring.
func (c *compiler) keyLabel(label string) {
	if c.spec.Process.SelinuxLabel != "" {
		c.b.For("process.selinuxLabel", "label of new keyrings")
		c.b.Write(c.proc, "self/attr/keycreate", label)
	}
}

// mountLabel adds the label to the parameters of a new file system whose files have none of
// their own.
func (c *compiler) mountLabel(fstype string, params []plan.Option) []plan.Option {
	label := c.spec.Linux.MountLabel
	if label == "" {
		return params
	}
	switch fstype {
	case "proc", "sysfs", "mqueue", "cgroup", "cgroup2": // labelled by the policy, or afterwards
		return params
	}
	return append(params, plan.Option{Key: "context", Value: label})
}

// relabel labels the top of a file system that takes no context: as runc does for mqueue.
func (c *compiler) relabel(tree plan.Slot, fstype, field string) {
	label := c.spec.Linux.MountLabel
	if label == "" || fstype != "mqueue" {
		return
	}
	c.b.For(field, "linux.mountLabel")
	top, _ := c.b.Open(tree, ".", sys.O_DIRECTORY, sys.RESOLVE_BENEATH)
	c.b.Xattr(top, "security.selinux", label)
	c.b.Close(top)
}
