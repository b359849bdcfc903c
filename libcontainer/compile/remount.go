package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// remount changes a mount that exists: one of an earlier entry, or one in the root file system. As
// with mount(8), with bind it changes only the mount's attributes, without bind the parameters of the
// file system too. If there is no mount, the kernel returns EINVAL.
func (c *compiler) remount(m *specs.Mount, o *mountOptions, field string) error {
	switch p := o.notForBind(); {
	case mapped(m, o) || o.copyUp:
		return fieldError(field+".options", "remount cannot be combined with an id map or with tmpcopyup")
	case o.bind && p != "":
		return fieldError(field+".options", "bind mounts cannot have any filesystem-specific options applied: %q", p)
	}
	target := c.mountPoint(m, plan.MkpathNone, field)
	late := c.lateReadOnly(m, o)
	if late {
		o.set &^= sys.MOUNT_ATTR_RDONLY
	}
	if o.bind {
		c.remountAttributes(target, o, field)
	} else {
		c.b.For(field, "remount "+c.destination(m))
		c.b.Mount(target, m.Source, m.Type, mountData(o.data), sys.MS_REMOUNT|mountFlags(o.attributes())|o.superblock)
	}
	c.propagate(target, o, field)
	c.closeOrDefer(target, m, late, field)
	return nil
}

// remountAttributes sets the attributes that options name, and clears the others, like a remount by
// mount(2). It leaves those that the kernel may have locked (mount_namespaces(7)).
func (c *compiler) remountAttributes(target plan.Slot, o *mountOptions, field string) {
	// Never nothing: the kernel would not look whether there is a mount.
	clear, mayBeLocked := o.clear|sys.MOUNT_ATTR_NOSYMFOLLOW&^o.set, uint64(0)
	switch {
	case c.namespace(specs.UserNamespace) != nil:
	case c.facts.UserNS:
		mayBeLocked = lockedFlags &^ (o.set | clear)
	default:
		clear |= lockedFlags &^ o.set
	}
	if o.atime {
		clear |= sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME&^o.set
	}
	c.b.For(field, "mount attributes")
	c.b.MountAttr(target, "", plan.Attr{Set: o.set, Clear: clear})
	c.clearEach(target, mayBeLocked, false)
	if o.recSet|o.recClear != 0 {
		c.b.For(field, "mount attributes of the whole tree")
		c.b.MountAttr(target, "", plan.Attr{Set: o.recSet, Clear: o.recClear | clearOf(o.recSet), Recursive: true})
	}
}
