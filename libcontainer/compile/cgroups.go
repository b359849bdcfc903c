package compile

import (
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// cgroupMount shows the container its cgroups: cgroup2, or a tmpfs with a mount for each v1
// hierarchy. With a cgroup namespace these are new mounts, which show only the namespace's part.
// Without one, they are bind mounts of the container's cgroups on v1, and the whole tree on v2.
func (c *compiler) cgroupMount(m *specs.Mount, o *mountOptions, field string) {
	if c.facts.Cgroups.Mode == host.CgroupV2 {
		c.cgroup2Mount(m, o, field)
		return
	}
	c.b.For(field, "tmpfs for the cgroup hierarchies")
	attrs := o.attributes()&^sys.MOUNT_ATTR_RDONLY | v1Attributes
	params := []plan.Option{{Key: "source", Value: "tmpfs"}, {Key: "mode", Value: "755"}}
	tree, _ := c.b.Filesystem("tmpfs", c.mountLabel("tmpfs", params), attrs)
	c.attach(tree, m, plan.MkpathDir, field)
	for i := range c.facts.Cgroups.Hierarchies {
		if h := &c.facts.Cgroups.Hierarchies[i]; !h.V2 {
			c.hierarchyMount(tree, h, o, field)
		}
	}
	c.propagate(tree, o, field)
	c.closeOrDefer(tree, m, o.readOnly(), field) // later mounts make mount points in it
}

// v1Attributes are set on every v1 cgroup mount, whatever its options are, as with runc.
const v1Attributes = sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV | sys.MOUNT_ATTR_NOEXEC

func (c *compiler) hierarchyMount(dir plan.Slot, h *host.Hierarchy, o *mountOptions, field string) {
	name := path.Base(h.Mountpoint)
	c.b.For(field, "cgroup hierarchy "+name)
	tree := c.hierarchyTree(h, o)
	target, _ := c.b.Mkpath(dir, name, plan.MkpathDir, 0o755)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	c.b.Close(tree)
	if strings.Contains(name, ",") {
		for _, controller := range strings.Split(name, ",") {
			c.b.Symlink(name, dir, controller).Tolerate(syscall.EEXIST)
		}
	}
}

func (c *compiler) hierarchyTree(h *host.Hierarchy, o *mountOptions) plan.Slot {
	if c.namespace(specs.CgroupNamespace) != nil {
		params := []plan.Option{{Key: "source", Value: "cgroup"}}
		for _, controller := range h.Controllers {
			params = append(params, plan.Option{Key: controller})
		}
		if h.Name != "" {
			params = append(params, plan.Option{Key: "name", Value: h.Name})
		}
		tree, _ := c.b.Filesystem("cgroup", params, o.attributes()|v1Attributes)
		return tree
	}
	tree := c.boundHierarchy(h)
	c.b.MountAttr(tree, "", c.clonedWith(o.attributes(), false))
	return tree
}

// boundHierarchy clones the container's cgroup. If rung could not make one (rootless), the process
// stays in rung's own cgroup, and boundHierarchy clones that.
func (c *compiler) boundHierarchy(h *host.Hierarchy) plan.Slot {
	made := c.opts.CgroupPaths[hierarchyKey(h)]
	if made == "" {
		tree, _ := c.b.OpenTree(plan.None, ownCgroup(h), sys.OPEN_TREE_CLONE)
		return tree
	}
	tree, opened := c.b.OpenTree(plan.None, made, sys.OPEN_TREE_CLONE)
	if c.facts.Rootless() || c.facts.UserNS {
		opened.Tolerate(syscall.ENOENT)
		c.b.Add(plan.Op{
			Code: plan.OpenTree, Slots: [3]plan.Slot{plan.None, tree, plan.None},
			Ints: [4]uint64{sys.OPEN_TREE_CLONE}, Text: [3]string{ownCgroup(h)},
		}).Unless(opened)
	}
	return tree
}

// hierarchyKey returns the key of a hierarchy in Options.CgroupPaths.
func hierarchyKey(h *host.Hierarchy) string {
	if len(h.Controllers) > 0 {
		return h.Controllers[0]
	}
	return "name=" + h.Name
}

// ownCgroup returns the path of rung's own cgroup in a hierarchy, or the mount point if that cgroup
// is not below the mount (in a cgroup namespace, cgroup_namespaces(7)).
func ownCgroup(h *host.Hierarchy) string {
	below, ok := strings.CutPrefix(h.Own, strings.TrimSuffix(h.Root, "/"))
	if !ok || (below != "" && below[0] != '/') || strings.Contains(below, "/..") {
		return h.Mountpoint
	}
	return path.Join(h.Mountpoint, below)
}

// unified returns the mount point of the unified hierarchy on the host, or "".
func (c *compiler) unified() string {
	if c.facts.Cgroups == nil {
		return ""
	}
	for i := range c.facts.Cgroups.Hierarchies {
		if h := &c.facts.Cgroups.Hierarchies[i]; h.V2 {
			return h.Mountpoint
		}
	}
	return ""
}

// cgroup2Mount mounts cgroup2. A user namespace may do so only with a cgroup namespace of its own.
// If the mount is refused, the container's cgroup is bound in its place.
func (c *compiler) cgroup2Mount(m *specs.Mount, o *mountOptions, field string) {
	if c.clonesCgroup2(o) {
		c.cgroup2Clone(m, o, field)
		return
	}
	attrs := o.attributes()
	private := c.namespace(specs.CgroupNamespace) != nil
	if c.facts.Rootless() && !private {
		attrs |= sys.MOUNT_ATTR_RDONLY // CVE-2023-25809
	}
	target := c.mountPoint(m, plan.MkpathDir, field)
	c.b.For(field, "new cgroup2 for "+c.destination(m))
	tree, made := c.b.TryFilesystem("cgroup2", append([]plan.Option{{Key: "source", Value: "cgroup"}}, o.parameters()...), attrs, syscall.EPERM, syscall.EBUSY)
	c.b.MoveMount(tree, target).IfSlots()
	source := c.unified()
	if own := c.opts.CgroupPaths[""]; private && own != "" {
		source = own
	}
	c.b.For(field, "bind "+source+" where cgroup2 may not be mounted")
	bound, _ := c.b.OpenTree(plan.None, source, sys.OPEN_TREE_CLONE|sys.AT_RECURSIVE)
	c.b.Last().Unless(made)
	c.b.MountAttr(bound, "", c.clonedWith(attrs, true)).IfSlots()
	c.b.MoveMount(bound, target).IfSlots()
	if len(o.propagation) > 0 {
		mounted, _ := c.b.Open(c.root, c.destination(m), sys.O_PATH, sys.RESOLVE_IN_ROOT)
		c.propagate(mounted, o, field)
		c.b.Close(mounted)
	}
	c.b.Close(tree)
	c.b.Close(bound)
	c.b.Close(target)
}

// clonesCgroup2 reports whether the container shows a clone of the machine's cgroup2 mount. There is one such file system, and
// a new mount from the first cgroup namespace sets its options for the whole machine: nsdelegate and memory_recursiveprot would be
// off afterwards (kernel/cgroup/cgroup.c, apply_cgroup_root_flags; runc#5258). It also waits some 10 ms for a grace period of RCU.
// A user namespace cannot do that, and has attributes of mounts that it may not change.
func (c *compiler) clonesCgroup2(o *mountOptions) bool {
	if c.namespace(specs.CgroupNamespace) != nil || c.namespace(specs.UserNamespace) != nil || c.facts.Rootless() || c.facts.UserNS {
		return false
	}
	return !slices.ContainsFunc(o.parameters(), func(p plan.Option) bool { return !cgroup2Flags[p.Key] })
}

// cgroup2Flags are the options that cgroup2 has for the whole machine (cgroup-v2.rst, Mounting), and that a clone has without being
// asked: containerd copies them into the mounts of privileged containers. Of any other option the kernel says what is wrong.
var cgroup2Flags = map[string]bool{
	"nsdelegate": true, "favordynmods": true, "memory_localevents": true, "memory_recursiveprot": true,
	"memory_hugetlb_accounting": true, "pids_localevents": true,
}

// cgroup2Clone attaches a clone with the attributes that a new mount would have, and without ties to the machine's mount.
func (c *compiler) cgroup2Clone(m *specs.Mount, o *mountOptions, field string) {
	const all = lockedFlags | sys.MOUNT_ATTR_NODIRATIME | sys.MOUNT_ATTR_NOSYMFOLLOW
	set := o.attributes()
	c.b.For(field, "clone "+c.unified()+", so that its options stay as they are")
	tree, _ := c.b.OpenTree(plan.None, c.unified(), sys.OPEN_TREE_CLONE)
	c.b.MountAttr(tree, "", plan.Attr{Set: set, Clear: all&^set | sys.MOUNT_ATTR__ATIME, Propagation: sys.MS_PRIVATE})
	c.attach(tree, m, plan.MkpathDir, field)
	c.propagate(tree, o, field)
	c.b.Close(tree)
}
