package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/plan"
)

// checkLabel refuses an SELinux label that would have no effect.
func (c *compiler) checkLabel(field, label string) error {
	if label == "" || c.facts.Selinux {
		return nil
	}
	return fieldError(field, "selinux label is specified in config, but selinux is disabled or not supported")
}

// labels sets the AppArmor profile and the SELinux label. Both take effect at execve.
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

// noLabel makes the kernel go back to the default label (proc_pid_attr(5)).
const noLabel = "\n"

// keyLabel labels the keyrings that the process makes: the container's policy must let it use
// its own session keyring.
func (c *compiler) keyLabel(label string) {
	if c.spec.Process.SelinuxLabel != "" {
		c.b.For("process.selinuxLabel", "label of new keyrings")
		c.b.Write(c.proc, "self/attr/keycreate", label)
	}
}

// mountLabel adds linux.mountLabel to the parameters of a new file system, if its files have no labels
// of their own.
func (c *compiler) mountLabel(fstype string, params []plan.Option) []plan.Option {
	label := c.spec.Linux.MountLabel
	if label == "" {
		return params
	}
	switch fstype {
	case "proc", "sysfs", "mqueue", "cgroup", "cgroup2": // the policy labels these, and relabel labels mqueue
		return params
	}
	return append(params, plan.Option{Key: bundle.ContextType(c.spec), Value: label})
}

// relabel labels the top of an mqueue file system, which takes no context, as runc does.
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
