package compile

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// NamespaceFlag returns the clone(2) flag of a namespace type, 0 for an unknown one.
func NamespaceFlag(t specs.LinuxNamespaceType) uint64 {
	switch t {
	case specs.UserNamespace:
		return sys.CLONE_NEWUSER
	case specs.CgroupNamespace:
		return sys.CLONE_NEWCGROUP
	case specs.IPCNamespace:
		return sys.CLONE_NEWIPC
	case specs.UTSNamespace:
		return sys.CLONE_NEWUTS
	case specs.NetworkNamespace:
		return sys.CLONE_NEWNET
	case specs.TimeNamespace:
		return sys.CLONE_NEWTIME
	case specs.PIDNamespace:
		return sys.CLONE_NEWPID
	case specs.MountNamespace:
		return sys.CLONE_NEWNS
	}
	return 0
}

// joinOrder: user first, for the rights in it; mount last, for the paths.
var joinOrder = [...]specs.LinuxNamespaceType{
	specs.CgroupNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.NetworkNamespace,
	specs.TimeNamespace, specs.PIDNamespace, specs.MountNamespace,
}

func (c *compiler) namespace(t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range c.spec.Linux.Namespaces {
		if c.spec.Linux.Namespaces[i].Type == t {
			return &c.spec.Linux.Namespaces[i]
		}
	}
	return nil
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
	ns := c.namespace(t)
	return ns != nil && ns.Path == ""
}

// parentOpens reports whether the parent opens mount sources: it may mount, and the
// container's mount namespace is a copy of its own.
func (c *compiler) parentOpens() bool {
	return c.facts.Privileged() && c.isNew(specs.MountNamespace)
}

// hasMounts reports whether the container has a mount namespace, its own or a joined one.
func (c *compiler) hasMounts() bool { return c.namespace(specs.MountNamespace) != nil }

// namespaces emits what leads to the container process: user namespace, joined ones, clone.
func (c *compiler) namespaces() error {
	// A plain user could not write /proc/PID/uid_map of an undumpable process, and joins
	// nothing before it has a user namespace.
	late := c.isNew(specs.UserNamespace) && c.facts.Rootless()
	var outside map[specs.LinuxNamespaceType]joined
	if !late {
		c.undumpable()
		outside = c.joinOutside()
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

// joinsCgroupLate: from inside of a cgroup namespace the kernel refuses a move into a cgroup
// from outside (cgroups(7), nsdelegate), so that it is joined after the move. With a user
// namespace the process is moved by its parent.
func (c *compiler) joinsCgroupLate() bool { return c.namespace(specs.UserNamespace) == nil }

// joinOutside tries to join namespaces before the user namespace: one that is owned outside
// of it can not be joined from inside, and one that belongs to it only from there.
func (c *compiler) joinOutside() map[specs.LinuxNamespaceType]joined {
	out := map[specs.LinuxNamespaceType]joined{}
	if c.namespace(specs.UserNamespace) == nil {
		return out
	}
	for _, t := range joinOrder {
		if ns := c.namespace(t); ns != nil && ns.Path != "" && t != specs.MountNamespace {
			slot := c.namespaceSlot(t)
			c.b.For(c.namespaceField(t), "join the "+string(t)+" namespace, if it is owned outside of the user namespace")
			out[t] = joined{slot, c.b.SetNS(slot, NamespaceFlag(t)).Tolerate(syscall.EPERM)}
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
	c.b.For(c.namespaceField(t), "join the "+string(t)+" namespace")
	op := c.b.SetNS(slot, NamespaceFlag(t))
	if tried.op != (plan.OpRef{}) {
		op.Unless(tried.op)
	}
	c.b.Close(slot)
}

// undumpable keeps processes of a joined namespace from tracing the hands (CVE-2016-9962).
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
		c.b.For(field, "give up the groups of rung, which the user namespace may not allow")
		c.b.Text(plan.Setgroups, "").Tolerate(syscall.EPERM)
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
	if !c.setgroupsDenied() {
		c.forgiveDenied(c.b.Text(plan.Setgroups, ""))
	}
	return nil
}

// becomeRoot: the saved id stays that of rung where it is no real root and the process has yet to enter a v1 cgroup: the
// kernel lets the opener of a tasks file move only processes with his own real or saved id (kernel/cgroup/cgroup-v1.c,
// __cgroup1_procs_write). The change to the process's own user is of all ids.
func (c *compiler) becomeRoot(field string) {
	c.b.For(field, "become root of the user namespace")
	c.b.Number(plan.Setgid, 0)
	if c.tasksFiles() > 0 && (c.facts.Rootless() || c.facts.UserNS) {
		c.b.Number(plan.SetuidButSaved, 0)
	} else {
		c.b.Number(plan.Setuid, 0)
	}
}

// forgiveDenied: whether a user namespace that is joined denies setgroups(2) is not to be seen at
// its path. There are no groups then but those that who joins it could not give up outside.
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

// timeNamespace: unshare changes that of children only, and only an empty one takes offsets.
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

// ownProc gives the files of /proc/self to root of the user namespace: the change to it has
// made the process undumpable, and then they belong to root of the host (proc(5)).
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
			flags |= NamespaceFlag(t)
		}
	}
	c.b.For("linux.namespaces", "the container process, in new namespaces")
	c.b.Clone(c.cgroupSlot(), flags)
}

// cgroupSlot: clone3 into the unified cgroup spares a migration (Linux 5.7). It needs the
// rights of the host's root: not from a new user namespace. systemd makes a cgroup only for a
// process that exists, and moves it there.
func (c *compiler) cgroupSlot() plan.Slot {
	if c.opts.CgroupLate {
		return plan.None
	}
	if c.facts.Cgroups == nil || c.facts.Cgroups.Mode == host.CgroupV1 || c.opts.CgroupPaths[""] == "" {
		return plan.None
	}
	// In a user namespace rung may have got no cgroup there.
	if c.namespace(specs.UserNamespace) != nil || c.facts.Rootless() || c.facts.UserNS {
		return plan.None
	}
	c.cgroup = c.source(SourceCgroup, c.opts.CgroupPaths[""], false, "linux.cgroupsPath", "the container's cgroup")
	return c.cgroup
}
