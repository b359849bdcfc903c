// Package compile turns a configuration into a plan. It is pure: no I/O, no clock,
// no environment. What it must know of the machine is in host.Facts, what the caller
// wants is in Options; what can only be seen inside the container comes at the SYNC
// "inside" and goes into the third segment.
//
// One file a subject; what create and exec do alike to a process is in process.go.
package compile

import (
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// Input is all that Create reads.
type Input struct {
	Spec    *specs.Spec
	Facts   *host.Facts
	Options Options
}

// Options is what the caller of rung asked for, beside config.json.
type Options struct {
	ID           string
	Bundle       string            // absolute; relative paths of config.json start here
	Rootfs       string            // absolute
	Await        bool              // create: wait for start. Otherwise the process starts at once
	NoPivot      bool              // --no-pivot
	NoKeyring    bool              // --no-new-keyring
	Console      bool              // process.terminal: the caller passes a socket for the pty
	ListenFDs    int               // LISTEN_FDS of rung's environment, passed on
	PreserveFDs  int               // --preserve-fds, with those of LISTEN_FDS
	CgroupPaths  map[string]string // by controller; "" is the unified hierarchy
	CgroupLate   bool              // create: the cgroup is made for a process that exists, by systemd
	SetgroupsOff bool              // the new user namespace will deny setgroups(2)
	Seccomp      *Filter           // linux.seccomp, compiled
	NullStreams  [3]bool           // standard streams that are the host's /dev/null
}

// Filter is a compiled seccomp profile.
type Filter struct {
	Program  []byte
	Flags    uint64
	Listener bool // it asks an agent, which is to get the listener
	Waits    bool // it lets pass all of WaitCalls
}

// WaitCalls are the system calls that the process of create makes after it has loaded a filter
// with a listener: it hands the listener over, drops what it kept, and waits for start.
var WaitCalls = []string{
	"accept4", "capset", "close", "execve", "exit_group", "ppoll", "prctl", "read", "rt_sigprocmask", "signalfd4", "write",
}

// load returns the slot of the listener, if there is one.
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
	null     plan.Slot // /dev/null of the host, for masks
	park     plan.Slot // a directory of the host's tree
	cgroup   plan.Slot // the container's unified cgroup, or None
	cgroupNS plan.Slot // a cgroup namespace that is joined late, or None
	start    plan.Slot // the socket of `rung start`, or None
	signals  plan.Slot // of a process that waits for start
	console  plan.Slot
	tasks    plan.Slot  // the first of the tasks files of v1 cgroups
	readonly []deferred // mounts that become read-only when all is made
	hostDone bool       // SYNC host has been emitted
	prepared bool       // all of the third segment but EXEC

	bound map[int]bound // of a restore: bind mounts by their index in mounts[]
}

type deferred struct {
	tree plan.Slot
	why  plan.Why
}

// newCompiler makes the compiler of any program but that of exec; the caller's configuration
// stays as it is.
func newCompiler(in Input) *compiler {
	spec := *in.Spec
	if spec.Linux == nil {
		spec.Linux = &specs.Linux{}
	}
	c := &compiler{
		spec: &spec, facts: in.Facts, opts: in.Options, b: plan.NewBuilder(),
		prog: &Program{Actions: map[plan.SyncPoint][]Action{}},
		root: plan.None, dev: plan.None, proc: plan.None, null: plan.None, park: plan.None, cgroup: plan.None, cgroupNS: plan.None, start: plan.None, console: plan.None,
	}
	c.prog.compiler = c
	return c
}

// Create compiles the first segment of create and run, which makes the namespaces: it is so
// short that the hands can be at it while the rest is compiled. Errors name the field.
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

// Mounts compiles the second segment: the root file system and its mounts, for facts that
// have been looked up for the bundle.
func (p *Program) Mounts(rootfs string, f *Filter) error {
	c := p.compiler
	c.opts.Rootfs, c.opts.Seccomp = rootfs, f
	c.b = c.b.Next()
	steps := []func() error{c.inherit, c.rootfs, c.mounts, c.setupDev}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	c.syncInside()
	if n := len(p.Sources); n > int(plan.FirstLocal) {
		return fieldError("mounts", "%d descriptors to be opened for them, more than %d", n, plan.FirstLocal)
	}
	p.Second = c.b.Plan(false)
	return plan.Check(p.Second, p.given()...)
}

// given returns the slots that are set when the second segment begins.
func (p *Program) given() []plan.Slot {
	out := p.First.Filled()
	for slot := p.First.Inherited; slot < len(p.Sources); slot++ {
		out = append(out, plan.Slot(slot))
	}
	return out
}

// Prepare compiles of the third segment what does not depend on the view inside. Inside
// does it if it was not done; a caller that waits for the hands anyway has the time.
func (p *Program) Prepare() {
	c := p.compiler
	if c.prepared {
		return
	}
	c.prepared = true
	c.b = c.b.Next()
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

// Inside compiles the third segment from what the parent saw inside.
func (p *Program) Inside(inside host.Inside) (*plan.Plan, error) {
	p.Prepare()
	if p.failed != nil {
		return nil, p.failed
	}
	c := *p.compiler
	c.b = c.b.Copy() // may be called again: with a guess first, then with what is there
	c.exec(c.spec.Process, "process", inside)
	third := c.b.Plan(false)
	return third, plan.Check(third, p.Second.Filled(p.given()...)...)
}

// AfterReady compiles what the third segment has behind SYNC ready, for another view of the
// inside than that which it was compiled for.
func (p *Program) AfterReady(inside host.Inside) (*plan.Plan, error) {
	third, err := p.Inside(inside)
	if err != nil {
		return nil, err
	}
	return third.After(plan.SyncReady)
}

func fieldError(field, format string, args ...any) error {
	return fmt.Errorf(field+": "+format, args...)
}

func (c *compiler) at(p plan.SyncPoint, kind ActionKind, field string) {
	action := Action{Kind: kind, Why: plan.Why{Field: field, Purpose: kind.String()}}
	c.prog.Actions[p] = append(c.prog.Actions[p], action)
}

func (c *compiler) source(kind SourceKind, path string, recursive bool, field, purpose string) plan.Slot {
	c.prog.Sources = append(c.prog.Sources, Source{
		Kind: kind, Path: path, Recursive: recursive, Why: plan.Why{Field: field, Purpose: purpose},
	})
	return c.b.Inherit()
}

// inherit asks for the descriptors that do not belong to one mount or namespace.
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

// beforeNamespaces is what needs the rights that rung has on the host.
func (c *compiler) beforeNamespaces() error {
	c.b.For("", "reset the CPU affinity that rung inherited")
	c.b.Text(plan.Affinity, allCPUs).Tolerate(syscall.EINVAL, syscall.EPERM)
	if adj := c.spec.Process.OOMScoreAdj; adj != nil {
		c.b.For("process.oomScoreAdj", "set the badness for the OOM killer")
		c.b.Write(c.proc, "self/oom_score_adj", fmt.Sprint(*adj))
	}
	return nil
}

// insideBasics is the start of the container process's own life.
func (c *compiler) insideBasics() error {
	c.b.For("", "new session")
	c.b.Number(plan.Setsid)
	c.b.For("", "modes are given in full")
	c.b.Number(plan.Umask, 0)
	if !c.opts.NoKeyring {
		c.keyring(c.opts.ID)
	}
	if ns := c.namespace(specs.NetworkNamespace); ns != nil && ns.Path == "" {
		c.b.For("linux.namespaces", "bring up the loopback device")
		c.b.Number(plan.Loopback)
	}
	return nil
}

// keyring permissions: all for the possessor; view, read, search and link for the owner,
// so that exec can join it.
const keyringPermissions = 0x3f1b0000

func (c *compiler) keyring(id string) {
	c.keyLabel(c.spec.Process.SelinuxLabel)
	defer c.keyLabel(noLabel)
	c.b.For("", "own session keyring, so that the caller's keys stay outside")
	c.b.Add(plan.Op{
		Code: plan.Keyring, Text: [3]string{"_ses." + id}, Ints: [4]uint64{keyringPermissions},
	}).Tolerate(syscall.ENOSYS)
}

// syncHost is placed as late as the configuration allows, so that little of the set-up is
// charged to the container's memory limit: before the first cgroup mount, or at SYNC inside.
func (c *compiler) syncHost() {
	if c.hostDone {
		return
	}
	c.hostDone = true
	c.b.For("linux.cgroupsPath", "wait for the cgroup")
	c.tasks, _ = c.b.SyncFor(plan.SyncHost, plan.None, c.tasksFiles())
	c.hostActions(plan.SyncHost)
	c.enterCgroups()
	c.unshareCgroup()
}

// tasksFiles is the number of v1 hierarchies that the process enters by itself.
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

// enterCgroups: slots of hierarchies that were given up (rootless) are empty.
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

// lastOfCreate is the point behind which the process of create waits for start: "created" is
// also that the agent of linux.seccomp.listenerPath has its listener.
func (c *compiler) lastOfCreate() plan.SyncPoint {
	if c.loadsBeforeWait() {
		return plan.SyncListener
	}
	return plan.SyncReady
}

// Last is the point at which create has done its part, where the process waits for start.
func (p *Program) Last() plan.SyncPoint { return p.compiler.lastOfCreate() }

// afterSync emits what had to wait for the cgroup.
func (c *compiler) afterSync() {
	if !c.hostDone {
		c.hostDone = true
		c.enterCgroups()
		c.unshareCgroup()
	}
}
