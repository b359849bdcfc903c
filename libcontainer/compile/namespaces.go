package compile

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// joinOrder is the order in which namespaces are joined. The user namespace comes before them, because
// it gives the rights to join them. The mount namespace comes last, because it changes what paths mean.
var joinOrder = [...]specs.LinuxNamespaceType{
	specs.CgroupNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace,
	specs.TimeNamespace, specs.PIDNamespace, specs.MountNamespace,
}

func (c *compiler) namespace(t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	return bundle.NamespaceOf(c.spec, t)
}

func (c *compiler) namespaceField(t specs.LinuxNamespaceType) string {
	for i := range c.spec.Linux.Namespaces {
		if c.spec.Linux.Namespaces[i].Type == t {
			return fmt.Sprintf("linux.namespaces[%d]", i)
		}
	}
	return "linux.namespaces"
}

func (c *compiler) isNew(t specs.LinuxNamespaceType) bool {
	return bundle.IsNew(c.spec, t)
}

// parentOpens reports whether the parent opens mount sources: it may mount, and the container's mount
// namespace begins as a copy of the parent's.
func (c *compiler) parentOpens() bool {
	return c.facts.Privileged() && c.isNew(specs.MountNamespace)
}

// hasMounts reports whether the container has a mount namespace, its own or a joined one.
func (c *compiler) hasMounts() bool { return c.namespace(specs.MountNamespace) != nil }

// namespaces compiles the ops up to the clone of the container process: it makes or joins the user
// namespace, joins the others, and clones into new ones.
func (c *compiler) namespaces() error {
	// For a plain user the stage stays dumpable until its user namespace is made: the parent could
	// not write /proc/PID/uid_map of an undumpable process. Before that a plain user can join nothing.
	late := c.isNew(specs.UserNamespace) && c.facts.Rootless()
	var outside map[specs.LinuxNamespaceType]joined
	if !late {
		c.undumpable()
		outside = c.joinOutside()
	}
	if err := c.foreignFilesystems(); err != nil {
		return err
	}
	if err := c.userNamespace(); err != nil {
		return err
	}
	if late {
		c.undumpable()
	}
	for _, t := range joinOrder {
		ns := c.namespace(t)
		switch {
		case ns == nil || ns.Path == "":
		case t == specs.CgroupNamespace && c.joinsCgroupLate():
			c.cgroupNS = c.namespaceSlot(t)
		default:
			c.joinNamespace(t, outside[t])
		}
	}
	c.timeNamespace()
	c.clone()
	return nil
}

// joinsCgroupLate reports whether the cgroup namespace is joined after the process is in its cgroup: the
// kernel refuses a move into a cgroup outside of the process's cgroup namespace (cgroups(7),
// nsdelegate). With a user namespace the parent moves the process.
func (c *compiler) joinsCgroupLate() bool { return c.namespace(specs.UserNamespace) == nil }

// joinOutside tries to join namespaces before the user namespace. A namespace that is owned outside of
// the user namespace can only be joined from outside, one that belongs to it only from inside.
func (c *compiler) joinOutside() map[specs.LinuxNamespaceType]joined {
	out := map[specs.LinuxNamespaceType]joined{}
	if c.namespace(specs.UserNamespace) == nil {
		return out
	}
	for _, t := range joinOrder {
		if ns := c.namespace(t); ns != nil && ns.Path != "" && t != specs.MountNamespace {
			slot := c.namespaceSlot(t)
			c.b.For(c.namespaceField(t), "join the "+string(t)+" namespace, if it is owned outside of the user namespace")
			out[t] = joined{slot, c.b.SetNS(slot, bundle.NamespaceFlag(t)).Tolerate(syscall.EPERM)}
		}
	}
	return out
}

// joined is an attempt to join a namespace.
type joined struct {
	slot plan.Slot
	op   plan.OpRef
}

func (c *compiler) namespaceSlot(t specs.LinuxNamespaceType) plan.Slot {
	return c.source(SourceNamespace, c.namespace(t).Path, false, c.namespaceField(t), "the "+string(t)+" namespace")
}

func (c *compiler) joinNamespace(t specs.LinuxNamespaceType, tried joined) {
	slot := tried.slot
	if tried.op == (plan.OpRef{}) {
		slot = c.namespaceSlot(t)
	}
	c.b.For(c.namespaceField(t), "join the "+string(t)+" namespace "+c.namespace(t).Path)
	op := c.b.SetNS(slot, bundle.NamespaceFlag(t))
	if tried.op != (plan.OpRef{}) {
		op.Unless(tried.op)
	}
	c.b.Close(slot)
}

// undumpable keeps processes of a joined namespace from tracing the stage (CVE-2016-9962).
func (c *compiler) undumpable() {
	if c.joins() {
		c.b.For("linux.namespaces", "no tracing of rung from a joined namespace")
		c.b.Number(plan.Dumpable, 0)
	}
}

// joins reports whether the container shares a namespace with others.
func (c *compiler) joins() bool {
	return slices.ContainsFunc(c.spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Path != "" })
}

func (c *compiler) userNamespace() error {
	ns := c.namespace(specs.UserNamespace)
	if ns == nil {
		return nil
	}
	field := c.namespaceField(specs.UserNamespace)
	if ns.Path != "" {
		slot := c.source(SourceNamespace, ns.Path, false, field, "join the user namespace")
		if !c.keepsGroups() {
			c.b.For(field, "give up the groups of rung, which the user namespace may not allow")
			c.b.Text(plan.Setgroups, "").Tolerate(syscall.EPERM)
		}
		c.b.For(field, "join the user namespace")
		c.b.SetNS(slot, sys.CLONE_NEWUSER)
		c.b.Close(slot)
	} else {
		c.b.For(field, "new user namespace")
		c.b.Number(plan.Unshare, sys.CLONE_NEWUSER)
		c.b.For("linux.uidMappings", "wait for the id maps")
		c.b.SyncAt(plan.SyncIDs, plan.None)
		c.at(plan.SyncIDs, WriteIDMaps, "linux.uidMappings")
	}
	c.becomeRoot(field)
	if c.setsGroups() {
		c.forgiveDenied(c.b.Text(plan.Setgroups, ""))
	}
	return nil
}

// becomeRoot becomes root of the user namespace. If rung is not the host's root, it keeps rung's saved uid until the process
// is in its v1 cgroups: the user that opened a tasks file may move only processes with its own real or saved uid
// (kernel/cgroup/cgroup-v1.c, __cgroup1_procs_write). The later change to the process's user changes all ids.
func (c *compiler) becomeRoot(field string) {
	c.b.For(field, "become root of the user namespace")
	c.b.Number(plan.Setgid, 0)
	if c.tasksFiles() > 0 && (c.facts.Rootless() || c.facts.UserNS) {
		c.b.Number(plan.SetuidButSaved, 0)
	} else {
		c.b.Number(plan.Setuid, 0)
	}
}

// forgiveDenied tolerates that setgroups(2) is denied in a user namespace that is joined: its path does
// not show whether it is. If it is, the supplementary groups are those that rung had before it joined.
func (c *compiler) forgiveDenied(setgroups plan.OpRef) {
	if ns := c.namespace(specs.UserNamespace); ns != nil && ns.Path != "" {
		setgroups.Tolerate(syscall.EPERM)
	}
}

// setgroupsDenied reports whether the kernel refuses setgroups(2) in the container
// (user_namespaces(7), "deny").
func (c *compiler) setgroupsDenied() bool {
	return c.opts.SetgroupsOff || c.facts.SetgroupsDeny
}

// keepsGroups reports whether all processes of the container keep the groups of rung's caller, also where process.user names
// others, as Podman does for its option keep-groups.
func (c *compiler) keepsGroups() bool { return bundle.KeepsGroups(c.spec) }

// setsGroups reports whether the process gives up rung's groups for its own.
func (c *compiler) setsGroups() bool { return !c.setgroupsDenied() && !c.keepsGroups() }

// timeNamespace makes a new time namespace and sets its offsets. Only children of the stage enter it, so
// it is still empty, and only an empty time namespace takes offsets.
func (c *compiler) timeNamespace() {
	if !c.isNew(specs.TimeNamespace) {
		return
	}
	c.b.For(c.namespaceField(specs.TimeNamespace), "new time namespace")
	c.b.Number(plan.Unshare, sys.CLONE_NEWTIME)
	var lines strings.Builder
	for _, clock := range sortedKeys(c.spec.Linux.TimeOffsets) {
		o := c.spec.Linux.TimeOffsets[clock]
		fmt.Fprintf(&lines, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
	}
	if lines.Len() > 0 {
		c.b.For("linux.timeOffsets", "set the offsets of the clocks")
		c.ownProc(1)
		c.b.Write(c.proc, "self/timens_offsets", lines.String())
		c.ownProc(0)
	}
}

// ownProc makes the process dumpable (1) or undumpable (0) again. The files in /proc/self of an
// undumpable process belong to the host's root, so root of a user namespace could not write them
// (proc(5)).
func (c *compiler) ownProc(dumpable uint64) {
	if c.namespace(specs.UserNamespace) != nil {
		c.b.Number(plan.Dumpable, dumpable)
	}
}

var clonedNamespaces = [...]specs.LinuxNamespaceType{
	specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace, specs.PIDNamespace, specs.MountNamespace,
}

func (c *compiler) clone() {
	var flags uint64
	for _, t := range clonedNamespaces {
		if c.isNew(t) {
			flags |= bundle.NamespaceFlag(t)
		}
	}
	c.b.For("linux.namespaces", "the container process, in new namespaces")
	c.b.Clone(c.cgroupSlot(), flags)
}

// cgroupSlot returns the unified cgroup that the process is cloned into (clone3, Linux 5.7), which saves
// a migration; or None. That needs the rights of the host's root, which a process in a user namespace
// does not have. systemd makes a cgroup only for a process that exists, and moves it there.
func (c *compiler) cgroupSlot() plan.Slot {
	if c.opts.CgroupLate {
		return plan.None
	}
	if c.facts.Cgroups == nil || c.facts.Cgroups.Mode == host.CgroupV1 || c.opts.CgroupPaths[""] == "" {
		return plan.None
	}
	// In a user namespace rung may not have been able to make the cgroup.
	if c.namespace(specs.UserNamespace) != nil || c.facts.Rootless() || c.facts.UserNS {
		return plan.None
	}
	c.prog.DevicesLate = c.facts.Cgroups.Mode == host.CgroupV2 && c.mountsBlockDevices()
	c.cgroup = c.source(SourceCgroup, c.opts.CgroupPaths[""], false, "linux.cgroupsPath", "the container's cgroup")
	return c.cgroup
}
