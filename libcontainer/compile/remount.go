package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// remount changes a mount that is there already: one of an earlier entry, or one that the root
// file system brings. As with mount(8), bind means its attributes only, no bind the parameters
// of its file system too. Where there is none the kernel says EINVAL.
func (c *compiler) remount(m *specs.Mount, o *mountOptions, field string) error {
	switch p := o.notForBind(c.spec.Linux.MountLabel); {
	case mapped(m, o) || o.copyUp:
		return fieldError(field+".options", "remount goes neither with an id map nor with tmpcopyup")
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
		c.b.Fchdir(target)
		c.b.For(field, "remount "+c.destination(m))
		c.b.Mount(m.Source, m.Type, mountData(o.data), sys.MS_REMOUNT|mountFlags(o.attributes())|o.superblock)
	}
	c.propagate(target, o, field)
	c.closeOrDefer(target, m, late, field)
	return nil
}

// remountAttributes: flags that are not named are cleared, like a remount by mount(2) does,
// but for those that the kernel may have locked (mount_namespaces(7)).
func (c *compiler) remountAttributes(target plan.Slot, o *mountOptions, field string) {
	clear, mayBeLocked := o.clear, uint64(0)
	switch {
	case c.namespace(specs.UserNamespace) != nil:
	case c.facts.UserNS:
		mayBeLocked = (lockedFlags | sys.MOUNT_ATTR_NOSYMFOLLOW) &^ (o.set | clear)
	default:
		clear |= (lockedFlags | sys.MOUNT_ATTR_NOSYMFOLLOW) &^ o.set
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
