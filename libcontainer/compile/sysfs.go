package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// lacksSysfs reports whether the container may not mount sysfs. sysfs shows a network namespace, and
// only the owner of that namespace may mount it. A user namespace does not own the network namespace
// that rung is in.
func (c *compiler) lacksSysfs() bool {
	return c.namespace(specs.UserNamespace) != nil && c.namespace(specs.NetworkNamespace) == nil
}

// hostSysfs binds the host's sysfs, which shows the same. It leaves out the mounts below /sys if rung may
// clone /sys without them. Else they become read-only, because cgroups are among them (CVE-2023-25809).
func (c *compiler) hostSysfs(m *specs.Mount, o *mountOptions, field string) {
	attrs, whole := o.attributes(), !c.parentOpens()
	if whole {
		attrs |= sys.MOUNT_ATTR_RDONLY
	}
	tree := c.cloneTree("/sys", whole, field, "the host's /sys: a user namespace may not show the host's network anew")
	c.b.MountAttr(tree, "", c.clonedWith(attrs, whole))
	c.attach(tree, m, plan.MkpathDir, field)
	c.propagate(tree, o, field)
	c.b.Close(tree)
}
