// Package compile turns a configuration into a plan. It is pure: no I/O, no clock, no
// environment. host.Facts has the facts about the machine, Options the caller's wishes.
// What can only be seen inside the container, the home directory of its user, comes at SYNC
// inside, for the third segment.
//
// Each file has one subject. process.go has the ops that create and exec share.
package compile

import (
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// Input is the input of Create.
type Input struct {
	Spec    *specs.Spec
	Facts   *host.Facts
	Options Options
}

// Options is what the caller of rung asks for in addition to config.json.
type Options struct {
	ID           string
	Bundle       string            // absolute; relative paths of config.json start here
	Rootfs       string            // absolute
	Await        bool              // wait for `rung start` (create); else the program starts at once
	NoPivot      bool              // --no-pivot
	NoKeyring    bool              // --no-new-keyring
	Program      string            // exec: the path of a hook, which is not searched for
	Console      bool              // process.terminal: the caller passes a socket for the pty
	ListenFDs    int               // number of LISTEN_FDS in rung's environment, which the process gets
	PreserveFDs  int               // number of --preserve-fds and LISTEN_FDS together
	CgroupPaths  map[string]string // the container's cgroups, by hierarchyKey; "" is the unified hierarchy
	CgroupLate   bool              // create: systemd makes the cgroup after the process exists
	SetgroupsOff bool              // the new user namespace will deny setgroups(2)
	Seccomp      *Filter           // linux.seccomp, compiled
	NullStreams  [3]bool           // standard streams that are the host's /dev/null
	GivenStreams bool              // the standard streams need no new owner
}

// Filter is a compiled seccomp profile.
type Filter struct {
	Program  []byte
	Flags    uint64
	Listener bool // the filter asks an agent, which must get the listener
	Waits    bool // the filter allows all WaitCalls
}

// WaitCalls are the system calls that the process of create makes after it has loaded a filter
// with a listener: it hands the listener over, drops capabilities, and waits for start.
var WaitCalls = []string{
	"accept4", "capset", "close", "execve", "exit_group", "ppoll", "prctl", "read", "rt_sigprocmask", "signalfd4", "write",
}

// load adds the ops that load the filter. It returns the slot of the listener, or None.
func (f *Filter) load(b *plan.Builder) plan.Slot {
	b.For("linux.seccomp", "load the filter")
	if f.Listener {
		return b.LoadListener(string(f.Program), f.Flags)
	}
	b.LoadSeccomp(string(f.Program), f.Flags, plan.None)
	return plan.None
}

// compiler carries the state of one compilation from segment to segment.
type compiler struct {
	spec  *specs.Spec
	facts *host.Facts
	opts  Options
	b     *plan.Builder
	prog  *Program

	root     plan.Slot // the container's root directory
	dev      plan.Slot // its /dev
	proc     plan.Slot // a private procfs, or None
	null     plan.Slot // the host's /dev/null, for masks
	park     plan.Slot // a directory of the host's tree, where the source of masks is attached
	cgroup   plan.Slot // the container's unified cgroup, or None
	cgroupNS plan.Slot // a cgroup namespace that is joined late, or None
	start    plan.Slot // the socket of `rung start`, or None
	signals  plan.Slot // the signalfd of a process that waits for start
	console  plan.Slot
	tasks    plan.Slot    // the first of the tasks files of v1 cgroups
	readonly []deferred   // mounts that become read-only after all mounts are made
	hostDone bool         // the ops that enter the cgroups are compiled
	later    int          // the index in mounts[] after the current mount
	made     map[int]made // file systems of later mounts that are made early, by index
	prepared bool         // the third segment is compiled, except EXEC

	placed struct { // the last result of destination
		mount        *specs.Mount
		rootfs, path string
	}
	opened  map[string]plan.Slot // the clones of openPeers, by field
	sources map[plan.Slot]int    // the index in Sources of what fills a slot
	batched int                  // sources of the current batch
	window  plan.Slot            // where the current batch begins; None: it comes with the segment

	bound map[int]bound // restore: the bind mounts, by their index in mounts[]
}

// made is a file system that is made before its turn.
type made struct {
	tree    plan.Slot
	foreign bool // it shows a namespace that does not belong to the container's user namespace
}

type deferred struct {
	tree   plan.Slot
	origin plan.Origin
}

// newCompiler returns a compiler for any program except that of exec. It does not change the
// caller's configuration.
func newCompiler(in Input) *compiler {
	spec := *in.Spec
	c := &compiler{
		spec: &spec, facts: in.Facts, opts: in.Options, b: plan.NewBuilder(),
		prog: &Program{Actions: map[plan.SyncPoint][]Action{}},
		root: plan.None, dev: plan.None, proc: plan.None, null: plan.None, park: plan.None, cgroup: plan.None, cgroupNS: plan.None, start: plan.None, console: plan.None,
		window: plan.None,
	}
	c.prog.compiler = c
	return c
}

// Create compiles the first segment of create and run, which makes the namespaces. It is short, so
// that the stage executes it while rung compiles the rest. Errors name the field.
func Create(in Input) (*Program, error) {
	c := newCompiler(in)
	if err := c.checkMasks(); err != nil {
		return nil, err
	}
	if err := c.checkNetDevices(); err != nil {
		return nil, err
	}
	if err := c.checkLabel("linux.mountLabel", c.spec.Linux.MountLabel); err != nil {
		return nil, err
	}
	if err := c.checkProcess(c.spec.Process); err != nil {
		return nil, err
	}
	c.inheritProc()
	steps := []func() error{c.beforeNamespaces, c.namespaces, c.insideBasics}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c.b.For("", "wait for the next segment")
	c.b.SyncNext(plan.SyncPlan)
	c.at(plan.SyncPlan, SendMounts, "mounts")
	c.prog.First = c.b.Plan(true)
	return c.prog, plan.Check(c.prog.First)
}

// Mounts compiles the second segment: the root file system and its mounts. The caller must have
// added the facts of the bundle before (host.Facts.ProbeBundle).
func (p *Program) Mounts(rootfs string, f *Filter) error {
	c := p.compiler
	c.opts.Rootfs, c.opts.Seccomp = rootfs, f
	c.b = c.b.Next(c.mountOps())
	c.batched = 0
	steps := []func() error{c.inherit, c.loopback, c.rootfs, c.mounts, c.setupDev}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	c.syncInside()
	p.Second = c.b.Plan(false)
	return plan.Check(p.Second, p.given()...)
}

// given returns the slots that are set when the second segment begins.
func (p *Program) given() []plan.Slot {
	out := p.First.Filled()
	for _, s := range p.WithPlan() {
		out = append(out, s.Slot)
	}
	return out
}

// mountOps estimates the number of ops of the second segment, so that the list of them need not grow.
func (c *compiler) mountOps() int {
	const (
		always    = 128
		ofMount   = 6
		ofDevice  = 6
		ofOptions = 2 // options in an op: the others are attributes of the mount
	)
	n := always + ofDevice*len(c.spec.Linux.Devices)
	for i := range c.spec.Mounts {
		n += ofMount + len(c.spec.Mounts[i].Options)/ofOptions
	}
	return n
}

// processOps is mountOps for the third segment.
func (c *compiler) processOps() int {
	const always = 128
	return always + len(c.spec.Linux.MaskedPaths) + len(c.spec.Linux.ReadonlyPaths) + len(c.spec.Linux.Sysctl) +
		len(c.spec.Process.Rlimits) + len(c.readonly)*2
}

// Prepare compiles the part of the third segment that does not depend on what is inside. Inside calls
// it if nobody has; a caller that waits for the stage anyway can do it in that time.
func (p *Program) Prepare() {
	c := p.compiler
	if c.prepared {
		return
	}
	c.prepared = true
	c.b = c.b.Next(c.processOps())
	c.afterSync()
	steps := []func() error{
		c.makeCwd, c.nullStreams, c.openConsole, c.names, c.sysctls, c.masks, c.finishMounts, c.enterRoot,
	}
	for _, step := range steps {
		if p.failed = step(); p.failed != nil {
			return
		}
	}
	c.becomeProcess(c.spec.Process, "process")
}

// Inside compiles the third segment for the home directory that the parent has found inside the container (host.HomeInside).
// It may be called again with another one.
func (p *Program) Inside(home string) (*plan.Plan, error) {
	p.Prepare()
	if p.failed != nil {
		return nil, p.failed
	}
	c := *p.compiler
	c.b = c.b.Copy() // the caller may guess the directory first, and call again after it has looked
	c.exec(c.spec.Process, "process", home)
	third := c.b.Plan(false)
	return third, plan.Check(third, p.Second.Filled(p.given()...)...)
}

// AfterReady compiles the part of the third segment after SYNC ready, for another home directory than the one that
// the segment was compiled for.
func (p *Program) AfterReady(home string) (*plan.Plan, error) {
	third, err := p.Inside(home)
	if err != nil {
		return nil, err
	}
	return third.After(plan.SyncReady)
}

func fieldError(field, format string, args ...any) error {
	return fmt.Errorf(field+": "+format, args...)
}

func (c *compiler) at(p plan.SyncPoint, kind ActionKind, field string) {
	action := Action{Kind: kind, Origin: plan.Origin{Field: field, Purpose: kind.String()}}
	c.prog.Actions[p] = append(c.prog.Actions[p], action)
}

// source adds a descriptor that the parent opens, and returns its slot.
func (c *compiler) source(kind SourceKind, path string, recursive bool, field, purpose string) plan.Slot {
	slot := c.nextSource()
	if c.sources == nil {
		c.sources = map[plan.Slot]int{}
	}
	c.sources[slot] = len(c.prog.Sources)
	c.prog.Sources = append(c.prog.Sources, Source{
		Kind: kind, Path: path, Recursive: recursive, Origin: plan.Origin{Field: field, Purpose: purpose}, Slot: slot,
	})
	return slot
}

// nextSource returns the slot of the next source. If the batch is full, the plan asks the parent for another one.
func (c *compiler) nextSource() plan.Slot {
	if c.batched == plan.Batch {
		origin := c.b.Origin()
		c.b.For("", "wait for the next mounts that the parent opens")
		c.window, _ = c.b.SyncFor(plan.SyncSources, plan.None, plan.Batch)
		c.b.For(origin.Field, origin.Purpose)
		if len(c.prog.Batches) == 0 {
			c.at(plan.SyncSources, SendSources, "")
		}
		c.prog.Batches = append(c.prog.Batches, len(c.prog.Sources))
		c.batched = 0
	}
	c.batched++
	if c.window == plan.None {
		return c.b.Inherit()
	}
	return c.window + plan.Slot(c.batched) - 1
}

// sourceOf returns the source that fills a slot, or nil if an op does.
func (c *compiler) sourceOf(slot plan.Slot) *Source {
	if i, ok := c.sources[slot]; ok {
		return &c.prog.Sources[i]
	}
	return nil
}

// inherit adds the sources that belong to no mount and no namespace.
func (c *compiler) inherit() error {
	if c.opts.Await {
		c.start = c.source(SourceStart, "", false, "", "start socket")
	}
	if c.opts.Console {
		c.console = c.source(SourceConsole, "", false, "process.terminal", "console socket")
	}
	return nil
}

func (c *compiler) inheritProc() {
	if c.needsProc() {
		c.proc = c.source(SourceProc, "", false, "", "private procfs for writes to /proc")
	}
}

func (c *compiler) needsProc() bool {
	l := c.spec.Linux
	p := c.spec.Process
	return len(l.Sysctl) > 0 || len(l.TimeOffsets) > 0 ||
		p.OOMScoreAdj != nil || p.ApparmorProfile != "" || p.SelinuxLabel != ""
}

// beforeNamespaces adds the ops that need rung's rights on the host.
func (c *compiler) beforeNamespaces() error {
	c.b.For("", "reset the CPU affinity that rung inherited")
	c.b.Text(plan.Affinity, allCPUs()).Tolerate(syscall.EINVAL, syscall.EPERM)
	if adj := c.spec.Process.OOMScoreAdj; adj != nil {
		c.b.For("process.oomScoreAdj", "set the badness for the OOM killer")
		c.b.Write(c.proc, "self/oom_score_adj", fmt.Sprint(*adj))
	}
	return nil
}

// insideBasics adds the first ops of the container process.
func (c *compiler) insideBasics() error {
	c.b.For("", "new session")
	c.b.Number(plan.Setsid)
	c.b.For("", "modes are given in full")
	c.b.Number(plan.Umask, 0)
	if !c.opts.NoKeyring {
		c.keyring(c.opts.ID)
	}
	return nil
}

// loopback is an op of the second segment, though the namespace is there before: it may wait for whoever else changes the network
// of the machine, and rung can begin to write the state as soon as it knows the process.
func (c *compiler) loopback() error {
	if c.isNew(specs.NetworkNamespace) {
		c.b.For("linux.namespaces", "bring up the loopback device")
		c.b.Number(plan.Loopback)
	}
	return nil
}

// keyringPermissions gives the possessor all rights, and the owner view, read, search and link,
// so that exec can join the keyring.
const keyringPermissions = 0x3f1b0000

func (c *compiler) keyring(id string) {
	c.keyLabel(c.spec.Process.SelinuxLabel)
	defer c.keyLabel(noLabel)
	c.b.For("", "own session keyring, so that the caller's keys stay outside")
	join := c.b.Add(plan.Op{
		Code: plan.Keyring, Text: [3]string{"_ses." + id}, Ints: [4]uint64{keyringPermissions},
	})
	if !c.facts.Keys { // if the kernel has keys, ENOSYS comes from a filter, and request_key(2) could find the caller's keys
		join.Tolerate(syscall.ENOSYS)
	}
}

// syncHost waits until the parent has made the cgroup, and enters it. It comes as late as the
// configuration allows, so that little of the set-up is charged to the container's memory limit:
// before the first cgroup mount or tmpcopyup, or else at SYNC inside. It does not wait if CLONE has done it all.
func (c *compiler) syncHost() {
	if c.hostDone {
		return
	}
	c.makeLater()
	c.hostDone = true
	if !c.clonedIntoAll() {
		c.b.For("linux.cgroupsPath", "wait for the cgroup")
		c.tasks, _ = c.b.SyncFor(plan.SyncHost, plan.None, c.tasksFiles())
		c.hostActions(plan.SyncHost)
		c.enterCgroups()
	}
	c.unshareCgroup()
}

// clonedIntoAll reports whether the process is cloned into its only cgroup, so that there is nothing to wait for and to enter.
func (c *compiler) clonedIntoAll() bool {
	return c.cgroup != plan.None && c.tasksFiles() == 0 && c.spec.Linux.IntelRdt == nil
}

// tasksFiles returns the number of v1 hierarchies: the process enters each by its tasks file.
func (c *compiler) tasksFiles() (n int) {
	if c.facts.Cgroups == nil {
		return 0
	}
	for i := range c.facts.Cgroups.Hierarchies {
		if !c.facts.Cgroups.Hierarchies[i].V2 {
			n++
		}
	}
	return n
}

// enterCgroups enters the v1 cgroups. The slot of a hierarchy in which rung could make no cgroup
// (rootless) is empty.
func (c *compiler) enterCgroups() {
	c.b.For("linux.cgroupsPath", "enter the cgroup")
	for i := range c.tasksFiles() {
		slot := c.tasks + plan.Slot(i)
		c.b.EnterCgroup(slot).IfSlots()
		c.b.Close(slot)
	}
}

func (c *compiler) hostActions(p plan.SyncPoint) {
	c.at(p, EnterCgroup, "linux.cgroupsPath")
	c.resctrl(p)
}

func (c *compiler) resctrl(p plan.SyncPoint) {
	if c.spec.Linux.IntelRdt != nil {
		c.at(p, JoinResctrl, "linux.intelRdt")
	}
}

func (c *compiler) unshareCgroup() {
	ns := c.namespace(specs.CgroupNamespace)
	switch {
	case ns == nil:
	case ns.Path == "":
		c.b.For(c.namespaceField(specs.CgroupNamespace), "new cgroup namespace, rooted at the container's cgroup")
		c.b.Number(plan.Unshare, sys.CLONE_NEWCGROUP)
	case c.joinsCgroupLate():
		c.b.For(c.namespaceField(specs.CgroupNamespace), "join the cgroup namespace")
		c.b.SetNS(c.cgroupNS, sys.CLONE_NEWCGROUP)
		c.b.Close(c.cgroupNS)
	}
}

func (c *compiler) syncInside() {
	c.b.For("", "mounts are made: wait for hooks and the next segment")
	if c.hostDone {
		c.b.SyncAt(plan.SyncInside, c.root)
	} else {
		c.tasks, _ = c.b.SyncFor(plan.SyncInside, c.root, c.tasksFiles())
		c.hostActions(plan.SyncInside)
	}
	if c.prog.DevicesLate {
		c.at(plan.SyncInside, LimitDevices, "linux.resources.devices")
	}
	if len(c.spec.Linux.NetDevices) > 0 {
		c.at(plan.SyncInside, MoveDevices, "linux.netDevices")
	}
	if h := c.spec.Hooks; h != nil {
		if len(h.Prestart) > 0 { //nolint:staticcheck // deprecated, and part of the specification
			c.at(plan.SyncInside, RunPrestart, "hooks.prestart")
		}
		if len(h.CreateRuntime) > 0 {
			c.at(plan.SyncInside, RunCreateRuntime, "hooks.createRuntime")
		}
		if len(h.CreateContainer) > 0 {
			c.at(plan.SyncInside, RunCreateContainer, "hooks.createContainer")
		}
	}
	c.at(plan.SyncInside, LookInside, "process.args")
	if c.parentSetsRlimits(c.spec.Process) {
		c.at(plan.SyncReady, SetRlimits, "process.rlimits")
	}
	c.sendsListener()
	c.at(c.lastOfCreate(), StoreState, "")
}

// lastOfCreate returns the last point before the process of create waits for start. A container is
// "created" only after the agent of linux.seccomp.listenerPath has its listener.
func (c *compiler) lastOfCreate() plan.SyncPoint {
	if c.loadsBeforeWait() {
		return plan.SyncListener
	}
	return plan.SyncReady
}

// Last returns the point after which create is done and the process waits for start.
func (p *Program) Last() plan.SyncPoint { return p.compiler.lastOfCreate() }

// afterSync enters the cgroups if SYNC inside has brought them.
func (c *compiler) afterSync() {
	if !c.hostDone {
		c.hostDone = true
		c.enterCgroups()
		c.unshareCgroup()
	}
}
