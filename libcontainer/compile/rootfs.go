package compile

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/plan"
)

// propagations are the options that set a propagation; with an "r" before it, the name means the mounts below too.
var propagations = [...]struct {
	name  string
	value uint64
}{{"private", sys.MS_PRIVATE}, {"slave", sys.MS_SLAVE}, {"shared", sys.MS_SHARED}, {"unbindable", sys.MS_UNBINDABLE}}

// propagation returns the attribute that an option stands for, if it is one of propagations.
func propagation(option string) (attr plan.Attr, known bool) {
	for _, p := range &propagations {
		if below := option == "r"+p.name; below || option == p.name {
			return plan.Attr{Propagation: p.value, Recursive: below}, true
		}
	}
	return plan.Attr{}, false
}

// sharedRoot reports whether the configuration wants mounts to propagate to the host.
func (c *compiler) sharedRoot() bool {
	return strings.HasSuffix(c.spec.Linux.RootfsPropagation, "shared")
}

// cloned returns the propagation that a cloned mount gets. A clone of a shared mount is a peer of the
// host's mount until then. A bind mount stays a peer if linux.rootfsPropagation is shared (bindTree).
func (c *compiler) cloned(recursive bool) plan.Attr {
	if strings.HasSuffix(c.spec.Linux.RootfsPropagation, "private") {
		return plan.Attr{Propagation: sys.MS_PRIVATE, Recursive: recursive}
	}
	return plan.Attr{Propagation: sys.MS_SLAVE, Recursive: recursive}
}

// clonedWith is cloned for a mount that gets attributes too.
func (c *compiler) clonedWith(set uint64, recursive bool) plan.Attr {
	a := c.cloned(recursive)
	a.Set, a.Clear = set, clearOf(set)
	return a
}

// rootfs clones the root file system and attaches the clone at the path of the root file system, in the
// new mount namespace. Without a mount namespace there is only a chroot.
func (c *compiler) rootfs() error {
	if !c.hasMounts() {
		return c.hostRootfs()
	}
	c.openMaskSources()
	if err := c.ownNull(); err != nil {
		return err
	}
	c.openPeers()
	c.b.For("linux.rootfsPropagation", "mounts of the container stay inside")
	c.b.MountAttr(plan.None, "/", plan.Attr{Propagation: sys.MS_SLAVE, Recursive: true})
	c.root = c.cloneTree(c.opts.Rootfs, true, "root.path", "the root file system")
	c.cutOffRoot()
	c.attachRoot()
	return nil
}

// hostRootfs prepares the root of a container without a mount namespace. Its mounts are made on a clone
// of the root file system, which is attached at its path on the host. So `rung delete` removes all of
// them with one umount. No other mount of the host changes.
func (c *compiler) hostRootfs() error {
	if len(c.spec.Mounts) == 0 {
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

// cutOffRoot sets the propagation of the clone, so that mounts in the clone do not reach the host. If
// linux.rootfsPropagation is not set or is shared, the clone is private: later mounts of the host do
// not reach it either. A shared root then starts a peer group of its own, as with runc.
func (c *compiler) cutOffRoot() {
	c.b.For("linux.rootfsPropagation", "propagation of the root file system")
	c.b.MountAttr(c.root, "", c.cloned(true))
	if c.sharedRoot() || c.spec.Linux.RootfsPropagation == "" {
		c.b.MountAttr(c.root, "", plan.Attr{Propagation: sys.MS_PRIVATE})
	}
}

// attachRoot attaches the clone at its path, where createContainer hooks expect it. A process in a user
// namespace may not be allowed to search that path. Then the clone is attached over the first directory
// that the process may not search: that hides nothing that it could see. Hooks are programs of the host.
func (c *compiler) attachRoot() {
	c.b.For("root.path", "attach the root file system at its path")
	there, opened := c.b.Open(plan.None, c.opts.Rootfs, sys.O_PATH|sys.O_DIRECTORY, 0)
	userns := c.namespace(specs.UserNamespace) != nil
	if !userns {
		c.attachApart(there)
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

// attachApart attaches the clone at its path. If the stage opens sources later, there is an unbindable mount between the two: no
// recursive clone of the host's tree contains the container's root and what is mounted in it. In a user namespace that rung is in,
// the kernel may refuse that mount: mounts below root.path may be locked to it.
func (c *compiler) attachApart(there plan.Slot) {
	at := there
	if c.parentOpens() && !c.facts.UserNS && c.bindsRecursively() {
		c.b.For("root.path", "keep the container's mounts out of the sources of bind mounts")
		at = c.cloneInStage(c.opts.Rootfs, false, "root.path", "what keeps the container's mounts out of the sources of bind mounts")
		c.b.MountAttr(at, "", plan.Attr{Propagation: sys.MS_UNBINDABLE})
		c.b.MoveMount(at, there)
		c.b.For("root.path", "attach the root file system at its path")
	}
	c.b.MoveMount(c.root, at)
	if at != there {
		c.b.Close(at)
	}
	c.b.Close(there)
}

func (c *compiler) bindsRecursively() bool {
	return slices.ContainsFunc(c.spec.Mounts, func(m specs.Mount) bool { return slices.Contains(m.Options, "rbind") })
}

// cloneTree returns a detached clone of the mounts at a path of the host. The stage makes it in the new mount namespace, which has
// no mounts of mount namespaces (crun#2262); for a process in a user namespace the parent makes it, if it may.
func (c *compiler) cloneTree(path string, recursive bool, field, purpose string) plan.Slot {
	if c.parentOpens() && c.namespace(specs.UserNamespace) != nil {
		return c.source(SourceTree, path, recursive, field, purpose)
	}
	return c.cloneInStage(path, recursive, field, purpose)
}

func (c *compiler) cloneInStage(path string, recursive bool, field, purpose string) plan.Slot {
	flags := uint64(sys.OPEN_TREE_CLONE)
	if recursive {
		flags |= sys.AT_RECURSIVE
	}
	c.b.For(field, "clone "+purpose)
	tree, _ := c.b.OpenTree(plan.None, path, flags)
	return tree
}

// enterRoot makes the container's root the root of the process.
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
		attr, _ := propagation(c.spec.Linux.RootfsPropagation)
		c.b.MountAttr(c.root, "", attr)
	}
	return nil
}

// coverRoot moves the container's root over the host's root. A process with CAP_SYS_CHROOT can leave a
// chroot, and is still in the container's root then.
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

// hideRevealing unmounts the host's proc and sysfs: they would let the container mount new ones without
// masks. A mount that a user namespace may not unmount is covered.
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

// makeCwd makes the working directory if it is missing: runc does, and images rely on it.
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

// sysctls writes linux.sysctl through the private procfs, which has the values of the namespaces that
// the process is in.
func (c *compiler) sysctls() error {
	for _, key := range sortedKeys(c.spec.Linux.Sysctl) {
		field := "linux.sysctl[" + key + "]"
		c.b.For(field, "set the kernel parameter to "+strconv.Quote(c.spec.Linux.Sysctl[key]))
		c.b.Write(c.proc, "sys/"+bundle.SysctlPath(key), c.spec.Linux.Sysctl[key])
	}
	return nil
}
