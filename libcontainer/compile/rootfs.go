package compile

import (
	"cmp"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/plan"
)

var propagations = map[string]plan.Attr{
	"private":     {Propagation: sys.MS_PRIVATE},
	"rprivate":    {Propagation: sys.MS_PRIVATE, Recursive: true},
	"slave":       {Propagation: sys.MS_SLAVE},
	"rslave":      {Propagation: sys.MS_SLAVE, Recursive: true},
	"shared":      {Propagation: sys.MS_SHARED},
	"rshared":     {Propagation: sys.MS_SHARED, Recursive: true},
	"unbindable":  {Propagation: sys.MS_UNBINDABLE},
	"runbindable": {Propagation: sys.MS_UNBINDABLE, Recursive: true},
}

// sharedRoot reports whether the configuration wants mounts to propagate to the host.
func (c *compiler) sharedRoot() bool {
	return strings.HasSuffix(c.spec.Linux.RootfsPropagation, "shared")
}

// cloned is the propagation that a cloned mount gets: a clone of a shared mount is a peer
// of the host's, and stays one only where the configuration says shared.
func (c *compiler) cloned(recursive bool) plan.Attr {
	if strings.HasSuffix(c.spec.Linux.RootfsPropagation, "private") {
		return plan.Attr{Propagation: sys.MS_PRIVATE, Recursive: recursive}
	}
	return plan.Attr{Propagation: sys.MS_SLAVE, Recursive: recursive}
}

// rootfs attaches a clone of the root file system on top of "/" of the new mount
// namespace. Without a mount namespace there is only a chroot.
func (c *compiler) rootfs() error {
	if !c.hasMounts() {
		return c.hostRootfs()
	}
	c.openMaskSources()
	c.b.For("linux.rootfsPropagation", "mounts of the container stay inside")
	c.b.MountAttr(plan.None, "/", plan.Attr{Propagation: sys.MS_SLAVE, Recursive: true})
	if err := c.replaceNull(); err != nil {
		return err
	}
	c.root = c.cloneTree(c.opts.Rootfs, true, "root.path", "the root file system")
	c.cutOffRoot()
	c.attachRoot()
	return nil
}

// hostRootfs is the root of a container without a mount namespace. What it mounts is on a clone
// of the root file system that is attached at its path on the host, so that one umount takes all
// of it away again: rung delete does that. Nothing else of the host's mounts is changed.
func (c *compiler) hostRootfs() error {
	if len(c.spec.Mounts) == 0 && !c.spec.Root.Readonly {
		c.b.For("root.path", "open the root file system")
		c.root, _ = c.b.Open(plan.None, c.opts.Rootfs, sys.O_PATH|sys.O_DIRECTORY, 0)
		return nil
	}
	if c.namespace(specs.UserNamespace) != nil {
		return fieldError("mounts", "cannot be mounted in a user namespace without a mount namespace in linux.namespaces: %w", syscall.EPERM)
	}
	c.root = c.source(SourceHostRoot, c.opts.Rootfs, true, "root.path", "the root file system, to be attached on the host")
	c.cutOffRoot()
	c.attachRoot()
	return nil
}

// cutOffRoot: mounts that are made in the clone stay there. Later mounts of the host do not come in
// where nothing is said of it, nor into a root that is to be shared, which begins a group of its
// own: as with runc.
func (c *compiler) cutOffRoot() {
	c.b.For("linux.rootfsPropagation", "propagation of the root file system")
	c.b.MountAttr(c.root, "", c.cloned(true))
	if c.sharedRoot() || c.spec.Linux.RootfsPropagation == "" {
		c.b.MountAttr(c.root, "", propagations["private"])
	}
}

// attachRoot puts the clone where createContainer hooks look for it. A user namespace may
// lack the right to search that path; then the directory that it stops at serves, which hides
// nothing that it could see: hooks are programs of the host.
func (c *compiler) attachRoot() {
	c.b.For("root.path", "attach the root file system at its path")
	there, opened := c.b.Open(plan.None, c.opts.Rootfs, sys.O_PATH|sys.O_DIRECTORY, 0)
	userns := c.namespace(specs.UserNamespace) != nil
	if !userns {
		c.b.MoveMount(c.root, there)
		c.b.Close(there)
		return
	}
	opened.Tolerate(syscall.EACCES)
	c.b.MoveMount(c.root, there).IfSlots()
	attached := c.b.Last()
	place := cmp.Or(c.facts.Closed, "/")
	c.b.For("root.path", "attach the root file system over "+place+": its path may not be searched")
	top, _ := c.b.Open(plan.None, place, sys.O_PATH|sys.O_DIRECTORY, 0)
	c.b.Last().Unless(attached)
	c.b.MoveMount(c.root, top).IfSlots()
	c.b.Close(top)
	c.b.Close(there)
}

// cloneTree gets a detached clone of the mounts at a path of the host: from the parent
// where that may, else by the hands.
func (c *compiler) cloneTree(path string, recursive bool, field, purpose string) plan.Slot {
	if c.parentOpens() {
		return c.source(SourceTree, path, recursive, field, purpose)
	}
	return c.cloneByHands(path, recursive, field, purpose)
}

func (c *compiler) cloneByHands(path string, recursive bool, field, purpose string) plan.Slot {
	flags := uint64(sys.OPEN_TREE_CLONE)
	if recursive {
		flags |= sys.AT_RECURSIVE
	}
	c.b.For(field, "clone "+purpose)
	tree, _ := c.b.OpenTree(plan.None, path, flags)
	return tree
}

// enterRoot makes the container's root the process's.
func (c *compiler) enterRoot() error {
	c.b.For("root.path", "enter the root file system")
	c.b.Fchdir(c.root)
	if c.hasMounts() && !c.opts.NoPivot {
		c.b.Number(plan.PivotRoot)
		c.b.For("root.path", "detach the host's file systems")
		c.b.Umount(".", sys.MNT_DETACH)
	} else {
		c.coverRoot()
		c.b.Text(plan.Chroot, ".")
	}
	c.b.For("root.path", "stand on the new root")
	c.b.Text(plan.Chdir, "/")
	switch c.spec.Linux.RootfsPropagation {
	case "shared", "rshared", "unbindable", "runbindable":
		c.b.For("linux.rootfsPropagation", "propagation of the container's root")
		c.b.MountAttr(c.root, "", propagations[c.spec.Linux.RootfsPropagation])
	}
	return nil
}

// coverRoot moves the container's root over the host's, so that who breaks out of the
// chroot, which CAP_SYS_CHROOT can, comes out where it was.
func (c *compiler) coverRoot() {
	if !c.hasMounts() {
		return
	}
	c.hideRevealing()
	c.b.For("root.path", "enter the root file system")
	top, _ := c.b.Open(plan.None, "/", sys.O_PATH|sys.O_DIRECTORY, 0)
	c.b.MoveMount(c.root, top)
	c.b.Close(top)
}

// hideRevealing takes the host's proc and sysfs away, which would let the container mount new ones
// that have no masks. A mount that a user namespace may not take away is covered.
func (c *compiler) hideRevealing() {
	if !c.isNew(specs.MountNamespace) {
		return
	}
	if len(c.spec.Linux.MaskedPaths) > 0 {
		c.b.For("linux.maskedPaths", "take the empty directory off the host's "+parked)
		c.b.Umount(parked, sys.MNT_DETACH)
	}
	for _, place := range slices.Backward(c.facts.Revealing) {
		c.b.For("root.path", "without pivot_root, take "+place+" of the host away")
		gone := c.b.Umount(place, sys.MNT_DETACH).Tolerate(syscall.EINVAL, syscall.EPERM, syscall.ENOENT)
		c.b.For("root.path", "without pivot_root, cover "+place+" of the host")
		there, opened := c.b.Open(plan.None, place, sys.O_PATH|sys.O_DIRECTORY, 0)
		opened.Tolerate(syscall.ENOENT).Unless(gone)
		tree, _ := c.b.Filesystem("tmpfs", nil, 0)
		c.b.MoveMount(tree, there).Unless(gone).IfSlots()
		c.b.Close(tree)
		c.b.Close(there)
	}
}

// makeCwd: runc makes a working directory that is missing, and images rely on it.
func (c *compiler) makeCwd() error {
	cwd := c.spec.Process.Cwd
	if cwd == "" || cwd == "/" {
		return nil
	}
	c.b.For("process.cwd", "make the working directory where it is missing")
	slot, _ := c.b.Mkpath(c.root, cwd, plan.MkpathDir, 0o755)
	c.b.Close(slot)
	return nil
}

func (c *compiler) names() error {
	if c.spec.Hostname != "" {
		c.b.For("hostname", "set the host name")
		c.b.Text(plan.Hostname, c.spec.Hostname)
	}
	if c.spec.Domainname != "" {
		c.b.For("domainname", "set the domain name")
		c.b.Text(plan.Domainname, c.spec.Domainname)
	}
	return nil
}

// sysctls are written through the private procfs, which shows the values of the
// namespaces that the process is in.
func (c *compiler) sysctls() error {
	for _, key := range sortedKeys(c.spec.Linux.Sysctl) {
		field := "linux.sysctl[" + key + "]"
		c.b.For(field, "set the kernel parameter")
		c.b.Write(c.proc, "sys/"+bundle.SysctlPath(key), c.spec.Linux.Sysctl[key])
	}
	return nil
}
