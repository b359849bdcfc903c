package compile

import (
	"path"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// bindMount attaches a clone of the mounts at the source. It sets all attributes on the clone
// before it attaches it, and never changes a mount through a path (CVE-2026-115521).
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

// copyLink makes the symbolic link that is the source anew at the destination, as crun does for the option copy-symlink. A link
// that says the same may be there; anything else that is there is an error. Where the link leads is for who follows it.
func (c *compiler) copyLink(link *host.Link, m *specs.Mount, o *mountOptions, field string) error {
	if p := o.notForBind(); p != "" {
		return fieldError(field+".options", "bind mounts cannot have any filesystem-specific options applied: %q", p)
	}
	dir, name := path.Split(c.destination(m))
	if name == "" {
		return fieldError(field+".destination", "a symbolic link cannot be made at /")
	}
	c.b.For(field, "directory of the symbolic link "+c.destination(m))
	parent, _ := c.b.Mkpath(c.root, dir, plan.MkpathDir|plan.MkpathNoproc, 0o755)
	c.b.For(field, "copy the symbolic link "+host.SourcePath(m, c.opts.Bundle)+" to "+c.destination(m))
	made := c.b.Symlink(link.Target, parent, name)
	if link.There {
		made.Tolerate(syscall.EEXIST)
	}
	c.b.Close(parent)
	return nil
}

// bindTree makes the clone, and returns its slot and the kind of its mount point. With inside the
// source lies in the root file system, where only the stage sees it.
func (c *compiler) bindTree(m *specs.Mount, o *mountOptions, field string, inside bool) (tree plan.Slot, kind uint64, err error) {
	if p := o.notForBind(); p != "" {
		return 0, 0, fieldError(field+".options", "bind mounts cannot have any filesystem-specific options applied: %q", p)
	}
	source := host.SourcePath(m, c.opts.Bundle)
	found, ok := c.facts.Sources[source]
	if !c.joinsMounts() && !inside && ok && found.Err != 0 {
		return 0, 0, fieldError(field+".source", "stat %s: %w", source, found.Err)
	}
	if err := c.checkLocked(found, o, field); ok && err != nil {
		return 0, 0, err
	}
	kind = plan.MkpathDir
	if ok && found.Err == 0 && !found.Directory {
		kind = plan.MkpathFile
	}
	if tree, err = c.bindSource(m, o, found, field, inside); err != nil {
		return 0, 0, err
	}
	cut := plan.Attr{}
	if !c.sharedRoot() {
		cut = c.cloned(o.recursive)
	}
	if cut.Recursive || mapped(m, o) { // else it goes together with the attributes
		c.b.For(field, "propagation of the clone")
		c.setAttributes(tree, cut)
		cut = plan.Attr{}
	}
	if err := c.idmapMount(tree, m, o, field); err != nil {
		return 0, 0, err
	}
	c.bindAttributes(tree, o, cut.Propagation, field)
	return tree, kind, nil
}

// bindSource returns the clone of the source of a bind mount. The parent makes it for a process in a user namespace, which may not
// search all directories on the way and may not leave out the mounts below the source; if its owners are mapped; and if it is a
// descriptor of rung's. Any other file of rung's own process is none of the container's: /proc/self/exe would be rung's program on
// the host, which root in the container may write to. For the stage such a path means the container's process, as with runc and crun.
func (c *compiler) bindSource(m *specs.Mount, o *mountOptions, found host.Source, field string, inside bool) (plan.Slot, error) {
	source := host.SourcePath(m, c.opts.Bundle)
	purpose := source + " for " + c.destination(m)
	if !inside && c.parentOpens() && (c.namespace(specs.UserNamespace) != nil || mapped(m, o) || found.Descriptor) {
		if found.OfProcess {
			return 0, fieldError(field+".source", "%s is a file of rung's own process: of these only descriptors (/proc/self/fd) can be mounted with a user namespace or an id map: %w", source, syscall.EINVAL)
		}
		return c.source(SourceTree, source, o.recursive, field, purpose), nil
	}
	if !inside && found.ID != (host.FileID{}) && !found.OfProcess {
		if c.prog.Shown == nil {
			c.prog.Shown = map[string]host.FileID{}
		}
		c.prog.Shown[field] = found.ID
	}
	if tree, opened := c.opened[field]; opened {
		return tree, nil
	}
	return c.cloneInStage(source, o.recursive, field, purpose), nil
}

// openPeers clones the sources of all bind mounts before the mounts of the new mount namespace become slaves of the host's: if
// linux.rootfsPropagation is shared, they stay peers of these.
func (c *compiler) openPeers() {
	if !c.sharedRoot() || !c.parentOpens() || c.namespace(specs.UserNamespace) != nil {
		return
	}
	c.opened = map[string]plan.Slot{}
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		o := parseOptions(m.Options)
		source := host.SourcePath(m, c.opts.Bundle)
		found := c.facts.Sources[source]
		if _, copied := c.facts.Links[i]; copied {
			continue
		}
		if !o.bind || o.remount || mapped(m, &o) || found.Descriptor || found.Err != 0 || c.madeInside(source) {
			continue
		}
		field := mountField(i)
		c.opened[field] = c.cloneInStage(source, o.recursive, field, source+" for "+c.destination(m))
	}
}

// lockedFlags have the same bits in statfs(2) and mount_setattr(2).
const lockedFlags = sys.MOUNT_ATTR_RDONLY | sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOEXEC

// checkLocked refuses options that clear flags of the source in a user namespace: the kernel keeps
// these flags (mount_namespaces(7)), and the mount would not be what the configuration asks for.
func (c *compiler) checkLocked(found host.Source, o *mountOptions, field string) error {
	if c.namespace(specs.UserNamespace) == nil {
		return nil
	}
	if found.Flags&o.clear&lockedFlags != 0 {
		return fieldError(field+".options", "cannot clear locked flags of the source in a user namespace: %w", syscall.EPERM)
	}
	if o.atime && o.set&accessTimes != accessTimesOf(found.Flags) {
		return fieldError(field+".options", "cannot change locked atime flags of the source in a user namespace: %w", syscall.EPERM)
	}
	return nil
}

// accessTimes are the attributes that the kernel locks together.
const accessTimes = sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME

// accessTimesOf returns the mount attributes for the access time flags of statfs(2).
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

// madeInside reports whether a source lies in the root file system. An earlier mount may be there.
// Only the stage can see it, at the path where the root is attached.
func (c *compiler) madeInside(source string) bool {
	return !c.joinsMounts() && strings.HasPrefix(path.Clean(source), strings.TrimSuffix(c.opts.Rootfs, "/")+"/")
}

// joinsMounts reports whether the container joins a mount namespace: then paths may lead to other
// files for the stage than for rung.
func (c *compiler) joinsMounts() bool {
	return c.hasMounts() && !c.isNew(specs.MountNamespace)
}

// bindAttributes sets the attributes of the clone. If no option names an attribute, the mount keeps
// those of its source. Else it has only the named ones, like a remount by mount(2). In a user
// namespace the kernel does not let anybody clear the flags of the source (mount_namespaces(7)):
// these stay set.
//
// A propagation, if one is given, is set with them.
func (c *compiler) bindAttributes(tree plan.Slot, o *mountOptions, propagation uint64, field string) {
	c.b.For(field, "mount attributes")
	clear, mayBeLocked := o.clear, uint64(0)
	if o.named {
		clear |= sys.MOUNT_ATTR_NOSYMFOLLOW &^ o.set
		switch {
		case c.namespace(specs.UserNamespace) != nil:
		case c.facts.UserNS: // the kernel locks only the mounts from outside of rung's user namespace
			mayBeLocked = lockedFlags &^ (o.set | clear)
		default:
			clear |= lockedFlags &^ o.set
		}
	}
	switch {
	case o.atime:
		clear |= sys.MOUNT_ATTR__ATIME | sys.MOUNT_ATTR_NODIRATIME&^o.set
	case c.facts.UserNS || c.namespace(specs.UserNamespace) != nil:
		clear &^= accessTimes // the kernel locks these too: an option that only clears them has no effect, as with runc
	}
	c.setAttributes(tree, plan.Attr{Set: o.set, Clear: clear, Propagation: propagation})
	c.clearEach(tree, mayBeLocked, false)
	c.b.For(field, "mount attributes of the whole tree")
	c.setAttributes(tree, plan.Attr{Set: o.recSet, Clear: o.recClear, Recursive: true})
}

// setAttributes makes one system call of it, unless flags may be locked.
func (c *compiler) setAttributes(tree plan.Slot, a plan.Attr) {
	later := uint64(0) // flags to be cleared one by one
	if !c.parentOpens() {
		later, a.Clear = a.Clear, 0
	}
	if a.Set&sys.MOUNT_ATTR__ATIME != 0 { // the kernel sets an access time only if the whole field is cleared
		a.Clear |= sys.MOUNT_ATTR__ATIME
		later &^= sys.MOUNT_ATTR__ATIME
	}
	if a != (plan.Attr{Recursive: a.Recursive}) {
		c.b.MountAttr(tree, "", a)
	}
	c.clearEach(tree, later, a.Recursive)
}

// clearEach clears flags one by one, so that a locked flag does not keep the others from being cleared.
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
