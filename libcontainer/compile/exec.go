package compile

import (
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// ExecInput is all that Exec reads.
type ExecInput struct {
	Spec    *specs.Spec    // the container's
	Process *specs.Process // what to execute in it
	Facts   *host.Facts
	Options Options
	Inside  host.Inside // the container runs: what is inside is known beforehand
	UserNS  bool        // the container has another user namespace than rung
}

// Exec compiles the one segment of exec: join the container's namespaces, fork for the PID
// namespace, and then the very ops that create uses for its process. Only the last process
// enters the cgroup, so that a full pids.max does not matter.
func Exec(in ExecInput) (*Program, error) {
	spec := *in.Spec
	spec.Process = in.Process
	c := &compiler{
		spec: &spec, facts: in.Facts, opts: in.Options, b: plan.NewBuilder(),
		prog: &Program{Actions: map[plan.SyncPoint][]Action{}},
		dev:  plan.None, proc: plan.None, null: plan.None, park: plan.None, cgroup: plan.None, start: plan.None, console: plan.None,
	}
	if c.spec.Linux == nil {
		c.spec.Linux = &specs.Linux{}
	}
	if err := c.checkProcess(in.Process); err != nil {
		return nil, err
	}
	c.inheritProc()
	if err := c.inherit(); err != nil {
		return nil, err
	}
	c.join(in.UserNS)
	if c.opts.Console { // only in the cgroup: the container may have put any device in its terminal's place
		c.enterTasks()
		peer := c.openPty(in.Process.ConsoleSize != nil)
		c.takeTerminal(peer)
	} else {
		c.enterTasks()
	}
	if a := in.Process.ExecCPUAffinity; a != nil && a.Final != "" {
		// The parent moves who could not be cloned into the unified cgroup: before Linux 6.2 he gets all CPUs of it.
		c.b.For("linux.cgroupsPath", "enter the cgroup before its CPUs are chosen from")
		c.b.SyncAt(plan.SyncHost, plan.None)
		c.at(plan.SyncHost, EnterCgroup, "linux.cgroupsPath")
		c.affinity(a.Final, "process.execCPUAffinity.final", "CPUs of the process")
	} else {
		c.at(plan.SyncReady, EnterCgroup, "linux.cgroupsPath")
	}
	c.process(in.Process, "process", in.Inside)
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
	flags := c.joined(user)
	if early := flags &^ sys.CLONE_NEWCGROUP; early != 0 { // none at all: EINVAL
		c.b.SetNS(pidfd, early)
	}
	if user {
		c.becomeRoot("linux.namespaces")
		if !c.setgroupsDenied() {
			c.b.Text(plan.Setgroups, "")
		}
	}
	c.b.For("linux.namespaces", "a process of the container's PID namespace")
	c.cloneIntoCgroup()
	if flags&sys.CLONE_NEWCGROUP != 0 {
		c.b.For("linux.namespaces", "join the cgroup namespace: from inside of it, a move into the cgroup is refused (nsdelegate)")
		c.b.SetNS(pidfd, sys.CLONE_NEWCGROUP)
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

// cloneIntoCgroup: at a full pids.max, clone3 into the cgroup fails and a migration does not;
// then the parent moves the process at SYNC ready.
func (c *compiler) cloneIntoCgroup() {
	cgroup := c.cgroupSlot()
	if cgroup == plan.None {
		c.b.Clone(plan.None, 0)
		return
	}
	cloned := c.b.Clone(cgroup, 0).Tolerate(syscall.EAGAIN, syscall.EBUSY, syscall.EOPNOTSUPP, syscall.EACCES)
	c.b.Clone(plan.None, 0).Unless(cloned)
}

// enterTasks enters the v1 cgroups, the last thing before the change of user.
func (c *compiler) enterTasks() {
	for i := range c.tasksFiles() {
		slot := c.source(SourceTasks, "", false, "linux.cgroupsPath", "tasks file of the container's cgroup")
		c.prog.Sources[slot].Index = i
		c.b.For("linux.cgroupsPath", "enter the cgroup")
		c.b.EnterCgroup(slot).IfSlots()
	}
}

func (c *compiler) joined(user bool) (flags uint64) {
	for i := range c.spec.Linux.Namespaces {
		flags |= NamespaceFlag(c.spec.Linux.Namespaces[i].Type)
	}
	if !user {
		flags &^= sys.CLONE_NEWUSER
	}
	return flags
}

// checkProcess refuses what the kernel would refuse later with less to say.
func (c *compiler) checkProcess(p *specs.Process) error {
	if len(p.User.AdditionalGids) > 0 && c.setgroupsDenied() {
		return fieldError("process.user.additionalGids", "cannot set any additional groups in a rootless container")
	}
	if err := c.checkLabel("process.selinuxLabel", p.SelinuxLabel); err != nil {
		return err
	}
	c.warnOfCapabilities(p, "process")
	return nil
}
