package compile

import (
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// bindMount attaches a clone of mounts that exist. All attributes are set on the clone
// before it is attached; none is ever changed through a path (CVE-2026-115521).
func (c *compiler) bindMount(m *specs.Mount, o *mountOptions, field string) error {
	tree, kind, err := c.bindTree(m, o, field, c.madeInside(host.SourcePath(m, c.opts.Bundle)))
	if err != nil {
		return err
	}
	c.attach(tree, m, kind, field)
	c.propagate(tree, o, field)
	c.closeTree(tree)
	return nil
}

// bindTree makes the clone, of a source that only the hands see where it lies inside, and says
// what its mount point is.
func (c *compiler) bindTree(m *specs.Mount, o *mountOptions, field string, inside bool) (tree plan.Slot, kind uint64, err error) {
	if p := o.notForBind(c.spec.Linux.MountLabel); p != "" {
		return 0, 0, fieldError(field+".options", "bind mounts cannot have any filesystem-specific options applied: %q", p)
	}
	source := host.SourcePath(m, c.opts.Bundle)
	look, ok := c.facts.Sources[source]
	if !c.joinsMounts() && !inside && ok && look.Err != 0 {
		return 0, 0, fieldError(field+".source", "stat %s: %w", source, look.Err)
	}
	if err := c.checkLocked(look, o, field); ok && err != nil {
		return 0, 0, err
	}
	kind = plan.MkpathDir
	if ok && look.Err == 0 && !look.Directory {
		kind = plan.MkpathFile
	}
	if inside {
		tree = c.cloneByHands(source, o.recursive, field, source+" for "+c.destination(m))
	} else {
		tree = c.cloneTree(source, o.recursive, field, source+" for "+c.destination(m))
	}
	c.b.For(field, "propagation of the clone")
	if !c.sharedRoot() {
		c.b.MountAttr(tree, "", c.cloned(o.recursive))
	}
	if err := c.idmapMount(tree, m, o, field); err != nil {
		return 0, 0, err
	}
	c.bindAttributes(tree, o, field)
	return tree, kind, nil
}

// lockedFlags have the same bits in statfs(2) and mount_setattr(2).
const lockedFlags = sys.MOUNT_ATTR_RDONLY | sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOEXEC

// checkLocked: in a user namespace a mount keeps the flags that its source carries
// (mount_namespaces(7)); who asks for the opposite gets an error, and not another mount.
func (c *compiler) checkLocked(look host.Source, o *mountOptions, field string) error {
	if c.namespace(specs.UserNamespace) == nil {
		return nil
	}
	if look.Flags&o.clear&lockedFlags != 0 {
		return fieldError(field+".options", "cannot clear locked flags of the source in a user namespace: %w", syscall.EPERM)
	}
	if o.atime && o.set&accessTimes != accessTimesOf(look.Flags) {
		return fieldError(field+".options", "cannot change locked atime flags of the source in a user namespace: %w", syscall.EPERM)
	}
	return nil
}

// accessTimes are the attributes that the kernel locks together.
const accessTimes = sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME

// accessTimesOf turns the flags of statfs(2) into attributes.
func accessTimesOf(flags uint64) (attrs uint64) {
	const noatime, nodiratime, relatime = 0x400, 0x800, 0x1000 // ST_NOATIME, ST_NODIRATIME, ST_RELATIME
	switch {
	case flags&noatime != 0:
		attrs = sys.MOUNT_ATTR_NOATIME
	case flags&relatime == 0:
		attrs = sys.MOUNT_ATTR_STRICTATIME
	}
	if flags&nodiratime != 0 {
		attrs |= sys.MOUNT_ATTR_NODIRATIME
	}
	return attrs
}

// madeInside reports whether a source lies in the root file system: an earlier mount may have
// made it, which only the hands can see, at the path where the root is attached.
func (c *compiler) madeInside(source string) bool {
	return !c.joinsMounts() && strings.HasPrefix(source, strings.TrimSuffix(c.opts.Rootfs, "/")+"/")
}

// joinsMounts reports whether paths mean something else to the hands than to rung.
func (c *compiler) joinsMounts() bool {
	return c.hasMounts() && !c.isNew(specs.MountNamespace)
}

// bindAttributes: without an option the mount keeps what its source carries; with one it has
// just those that are named, like a remount by mount(2). In a user namespace the kernel locks
// flags against clearing (mount_namespaces(7)): those stay set.
func (c *compiler) bindAttributes(tree plan.Slot, o *mountOptions, field string) {
	c.b.For(field, "mount attributes")
	clear, mayBeLocked := o.clear, uint64(0)
	if o.named {
		clear |= sys.MOUNT_ATTR_NOSYMFOLLOW &^ o.set
		switch {
		case c.namespace(specs.UserNamespace) != nil:
		case c.facts.UserNS: // rung's own: what was mounted in it is not locked
			mayBeLocked = lockedFlags &^ (o.set | clear)
		default:
			clear |= lockedFlags &^ o.set
		}
	}
	switch {
	case o.atime:
		clear |= sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME&^o.set
	case c.facts.UserNS || c.namespace(specs.UserNamespace) != nil:
		clear &^= accessTimes // locked too: who only clears them keeps the source's, as of runc
	}
	c.setAttributes(tree, plan.Attr{Set: o.set, Clear: clear})
	c.clearEach(tree, mayBeLocked, false)
	c.b.For(field, "mount attributes of the whole tree")
	c.setAttributes(tree, plan.Attr{Set: o.recSet, Clear: o.recClear, Recursive: true})
}

func (c *compiler) setAttributes(tree plan.Slot, a plan.Attr) {
	atime := a.Set & sys.MOUNT_ATTR__ATIME
	if a.Set != 0 {
		c.b.MountAttr(tree, "", plan.Attr{Set: a.Set, Clear: clearOf(atime), Recursive: a.Recursive})
	}
	if clear := a.Clear; clear != 0 && (atime == 0 || clear != sys.MOUNT_ATTR__ATIME) {
		if atime != 0 {
			clear &^= sys.MOUNT_ATTR__ATIME
		}
		if c.parentOpens() {
			c.b.MountAttr(tree, "", plan.Attr{Clear: clear, Recursive: a.Recursive})
			return
		}
		c.clearEach(tree, clear, a.Recursive)
	}
}

// clearEach clears flags one by one: a locked one must not keep the others.
func (c *compiler) clearEach(tree plan.Slot, clear uint64, recursive bool) {
	if clear&sys.MOUNT_ATTR__ATIME == sys.MOUNT_ATTR__ATIME {
		c.b.MountAttr(tree, "", plan.Attr{Clear: sys.MOUNT_ATTR__ATIME, Recursive: recursive}).Tolerate(syscall.EPERM)
		clear &^= sys.MOUNT_ATTR__ATIME
	}
	for clear != 0 {
		flag := clear & -clear
		c.b.MountAttr(tree, "", plan.Attr{Clear: flag, Recursive: recursive}).Tolerate(syscall.EPERM)
		clear &^= flag
	}
}
