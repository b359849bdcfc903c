package compile

import (
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// ExecInput is the input of Exec.
type ExecInput struct {
	Spec    *specs.Spec    // the container's
	Process *specs.Process // the process to execute in it
	Facts   *host.Facts
	Options Options
	Home    string // the process's HOME if its environment does not set it: the container runs already, so the parent can look before
	UserNS  bool   // the container's user namespace is not rung's
}

// Exec compiles the one segment of exec. It joins the container's namespaces, forks for the PID
// namespace, and goes on with the same ops as create. Only the last process enters the cgroup, so
// that exec works at a full pids.max.
func Exec(in ExecInput) (*Program, error) {
	spec := *in.Spec
	spec.Process = in.Process
	c := &compiler{
		spec: &spec, facts: in.Facts, opts: in.Options, b: plan.NewBuilder(),
		prog: &Program{Actions: map[plan.SyncPoint][]Action{}},
		dev:  plan.None, proc: plan.None, null: plan.None, park: plan.None, cgroup: plan.None, start: plan.None, console: plan.None,
		window: plan.None,
	}
	if err := c.checkProcess(in.Process); err != nil {
		return nil, err
	}
	c.inheritProc()
	if err := c.inherit(); err != nil {
		return nil, err
	}
	c.join(in.UserNS)
	if c.opts.Console { // opened in the cgroup, whose device rules apply then: the container may have replaced its terminal
		c.enterTasks()
		peer := c.openPty(in.Process.ConsoleSize != nil)
		c.takeTerminal(peer)
	} else {
		c.enterTasks()
	}
	if a := in.Process.ExecCPUAffinity; a != nil && a.Final != "" {
		// The parent moves a process that could not be cloned into the unified cgroup. Before Linux 6.2 the move gives the
		// process all CPUs of the cgroup, so the affinity is set after it.
		c.b.For("linux.cgroupsPath", "enter the cgroup before its CPUs are chosen from")
		c.b.SyncAt(plan.SyncHost, plan.None)
		c.at(plan.SyncHost, EnterCgroup, "linux.cgroupsPath")
		c.affinity(a.Final, "process.execCPUAffinity.final", "CPUs of the process")
	} else {
		c.at(plan.SyncReady, EnterCgroup, "linux.cgroupsPath")
	}
	c.process(in.Process, "process", in.Home)
	c.sendsListener()
	c.resctrl(plan.SyncReady)
	if c.parentSetsRlimits(in.Process) {
		c.at(plan.SyncReady, SetRlimits, "process.rlimits")
	}
	c.prog.First = c.b.Plan(true)
	return c.prog, plan.Check(c.prog.First)
}

func (c *compiler) join(user bool) {
	pidfd := c.source(SourcePidfd, "", false, "", "the container's init")
	c.root = c.source(SourceRoot, "", false, "", "the container's root")
	_ = c.beforeNamespaces()
	if a := c.spec.Process.ExecCPUAffinity; a != nil { // before the clone, which may be into the cgroup
		c.affinity(a.Initial, "process.execCPUAffinity.initial", "CPUs until it is in the cgroup")
	}
	c.b.For("", "no tracing of rung from the container")
	c.b.Number(plan.Dumpable, 0)
	c.b.For("linux.namespaces", "join the container's namespaces")
	early := c.joined(user)
	cgroupNS := c.lateCgroupNS(pidfd, early, user)
	if cgroupNS != plan.None {
		early &^= sys.CLONE_NEWCGROUP
	}
	if early != 0 { // setns(2) without a flag fails with EINVAL
		c.b.SetNS(pidfd, early)
	}
	if user {
		c.becomeRoot("linux.namespaces")
		if c.setsGroups() {
			c.b.Text(plan.Setgroups, "")
		}
	}
	c.b.For("linux.namespaces", "a process of the container's PID namespace")
	c.cloneIntoCgroup()
	if cgroupNS != plan.None {
		c.b.For("linux.namespaces", "join the cgroup namespace: from inside of it, a move into the cgroup is refused (nsdelegate)")
		c.b.SetNS(cgroupNS, sys.CLONE_NEWCGROUP)
	}
	if cgroupNS != pidfd && cgroupNS != plan.None {
		c.b.Close(cgroupNS)
	}
	c.b.Close(pidfd)
	c.b.For("", "new session")
	c.b.Number(plan.Setsid)
	if !c.opts.NoKeyring {
		c.keyring(c.opts.ID)
	}
	c.b.For("root.path", "enter the container's root")
	c.b.Fchdir(c.root)
	c.b.Text(plan.Chroot, ".")
	c.b.Text(plan.Chdir, "/")
}

// lateCgroupNS returns the slot by which the cgroup namespace is joined after the process is in its cgroup, or None if it is
// joined with the others. In the container's user namespace the stage has no rights to a process that waits for start, so its
// pidfd does not do: setns(2) asks for those rights, and for a descriptor of the namespace only for the namespace's own. A
// namespace that is older than the user namespace can be joined only from outside, as in create.
func (c *compiler) lateCgroupNS(pidfd plan.Slot, flags uint64, user bool) plan.Slot {
	switch {
	case flags&sys.CLONE_NEWCGROUP == 0, user && !c.isNew(specs.CgroupNamespace):
		return plan.None
	case !user:
		return pidfd
	}
	return c.source(SourceCgroupNS, "", false, "linux.namespaces", "the container's cgroup namespace")
}

// cloneIntoCgroup clones into the unified cgroup. At a full pids.max that fails, but a migration does
// not: then the parent moves the process at SYNC ready.
func (c *compiler) cloneIntoCgroup() {
	cgroup := c.cgroupSlot()
	if cgroup == plan.None {
		c.b.Clone(plan.None, 0)
		return
	}
	cloned := c.b.Clone(cgroup, 0).Tolerate(syscall.EAGAIN, syscall.EBUSY, syscall.EOPNOTSUPP, syscall.EACCES)
	c.b.Clone(plan.None, 0).Unless(cloned)
}

// enterTasks enters the v1 cgroups.
func (c *compiler) enterTasks() {
	for i := range c.tasksFiles() {
		slot := c.source(SourceTasks, "", false, "linux.cgroupsPath", "tasks file of the container's cgroup")
		c.sourceOf(slot).Index = i
		c.b.For("linux.cgroupsPath", "enter the cgroup")
		c.b.EnterCgroup(slot).IfSlots()
	}
}

func (c *compiler) joined(user bool) (flags uint64) {
	for i := range c.spec.Linux.Namespaces {
		flags |= bundle.NamespaceFlag(c.spec.Linux.Namespaces[i].Type)
	}
	if !user {
		flags &^= sys.CLONE_NEWUSER
	}
	return flags
}

// checkProcess refuses what the kernel would refuse later with a less clear error.
func (c *compiler) checkProcess(p *specs.Process) error {
	if len(p.User.AdditionalGids) > 0 && c.setgroupsDenied() && !c.keepsGroups() {
		return fieldError("process.user.additionalGids", "cannot set any additional groups in a rootless container")
	}
	if err := c.checkLabel("process.selinuxLabel", p.SelinuxLabel); err != nil {
		return err
	}
	c.noteCapabilities(p, "process")
	return nil
}
