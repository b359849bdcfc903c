package compile

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// allCPUs is an affinity mask of 8192 processors, the highest number that Linux can be built for.
func allCPUs() string { return strings.Repeat("\xff", 1024) }

// process compiles the ops that turn the stage into the user's process. create and exec share them.
// field is the path of p in its document, home its HOME if its environment does not set it.
func (c *compiler) process(p *specs.Process, field, home string) {
	c.becomeProcess(p, field)
	c.exec(p, field, home)
}

// becomeProcess compiles the ops of process except EXEC.
func (c *compiler) becomeProcess(p *specs.Process, field string) {
	c.labels(p, field)
	c.scheduling(p, field)
	caps := c.granted(p)
	early := c.opts.Seccomp != nil && !p.NoNewPrivileges
	c.bounding(caps, field)
	c.b.For(field+".cwd", "change to the working directory")
	cd := c.b.Text(plan.Chdir, workingDirectory(p)).Tolerate(syscall.EACCES, syscall.EPERM)
	c.rlimits(p, field)
	c.user(p, field)
	c.b.For(field+".cwd", "change to the working directory as the user")
	c.b.Text(plan.Chdir, workingDirectory(p)).Unless(cd)
	c.b.For(field+".cwd", "the working directory must be inside the container")
	c.b.Number(plan.VerifyCwd)
	var extra uint64
	if early {
		extra = capSysAdmin
	}
	c.capset(caps, extra, field)
	c.ambient(caps, field)
	c.umask(p, field)
	if p.NoNewPrivileges {
		c.b.For(field+".noNewPrivileges", "no new privileges by execve")
		c.b.Number(plan.NoNewPrivs)
	}
	if c.opts.Program == "" {
		c.b.For(field+".args", "find the program, with the rights of its user")
		c.b.FindProgram(Candidates(p))
	}
	c.ready()
	filter := func() {
		c.seccomp()
		if early {
			c.capset(caps, 0, field)
		}
	}
	if c.loadsBeforeWait() {
		filter()
		c.awaitStart()
		return
	}
	c.awaitStart()
	filter()
}

// sendsListener adds the action for a listener: the parent, or `rung start`, sends the seccomp listener
// to the agent before it lets the process run.
func (c *compiler) sendsListener() {
	if c.opts.Seccomp != nil && c.opts.Seccomp.Listener {
		c.at(plan.SyncListener, SendListener, "linux.seccomp.listenerPath")
	}
}

// loadsBeforeWait reports whether a filter with a listener is loaded before the wait for start. The
// agent then hears of the container at create, as with runc, and a missing agent is an error of create.
// A filter that denies a call of that wait, or asks the agent about it, is loaded after the wait.
func (c *compiler) loadsBeforeWait() bool {
	f := c.opts.Seccomp
	return c.opts.Await && f != nil && f.Listener && f.Waits
}

func (c *compiler) exec(p *specs.Process, field, home string) {
	c.b.For(field+".args", "become the program")
	c.b.Exec(c.opts.Program, p.Args, c.environment(p, home))
}

func workingDirectory(p *specs.Process) string {
	if p.Cwd == "" {
		return "/"
	}
	return p.Cwd
}

// release closes the descriptors that only the set-up needs. Some of them lead to the host, and a
// process of `rung exec` could reach them in a container that waits for start, by /proc/1/fd
// (CVE-2024-21626).
func (c *compiler) release() {
	c.b.For("", "no way out of a container that waits for start")
	for _, slot := range []plan.Slot{c.cgroup, c.null, c.park, c.dev, c.root, c.proc} {
		if slot != plan.None {
			c.b.Close(slot)
		}
	}
}

// ready waits for the parent at SYNC ready. After it, the only message is about a listener.
func (c *compiler) ready() {
	if c.start != plan.None {
		c.release()
		c.accessible()
		c.b.For("", "a signal ends a container that waits for start")
		c.signals = c.b.HoldSignals()
	}
	c.b.For("", "all is set up but the start")
	c.b.SyncAt(plan.SyncReady, plan.None)
}

// accessible makes the stage dumpable again for a rootless rung, after the change of user has made it undumpable. Else hooks
// of startContainer and `rung exec` could not enter a container that waits for start.
func (c *compiler) accessible() {
	if c.facts.Rootless() && !c.joins() {
		c.b.For("", "let rung, which has no rights but its user's, enter a container that waits for start")
		c.b.Number(plan.Dumpable, 1)
	}
}

func (c *compiler) awaitStart() {
	if c.start != plan.None {
		c.b.For("", "wait for start")
		c.b.AwaitStart(c.start, c.signals)
	}
}

// seccomp loads the filter as late as possible, so that the filter need only allow execve, or WaitCalls.
// Without no_new_privs the kernel requires CAP_SYS_ADMIN to load it; then the filter must allow capset
// too, which drops that capability.
func (c *compiler) seccomp() {
	f := c.opts.Seccomp
	if f == nil {
		return
	}
	if f.Listener && c.facts.Rootless() {
		c.b.For("linux.seccomp.listenerPath", "let rung, which has no rights but its user's, take the listener")
		c.b.Number(plan.Dumpable, 1)
	}
	listener := f.load(c.b)
	if !c.loadsBeforeWait() {
		return
	}
	c.b.For("", "no way out of a container that waits for start")
	c.b.Close(listener)
	if c.facts.Rootless() && c.joins() {
		c.b.Number(plan.Dumpable, 0)
	}
}

// rlimits sets the resource limits before the change of user. Later the parent would need
// CAP_SYS_RESOURCE to set those of another user's process. With a user namespace only the parent may
// raise a limit, so it sets them, at SYNC ready.
func (c *compiler) rlimits(p *specs.Process, field string) {
	if !slices.ContainsFunc(p.Rlimits, func(l specs.POSIXRlimit) bool { return l.Type == "RLIMIT_NOFILE" }) {
		nofileBack(c.b)
	}
	if c.parentSetsRlimits(p) {
		return
	}
	for i, l := range p.Rlimits {
		if resource, ok := sys.RlimitResource(l.Type); ok {
			c.b.For(field+".rlimits["+strconv.Itoa(i)+"]", "set "+l.Type)
			c.b.Number(plan.Rlimit, uint64(resource), l.Soft, l.Hard)
		}
	}
}

// nofileBack restores the limit of open files, which the stage has raised for the set-up.
func nofileBack(b *plan.Builder) {
	b.For("", "the limit of open files that rung's caller has set")
	b.Number(plan.NofileBack)
}

func (c *compiler) parentSetsRlimits(p *specs.Process) bool {
	return len(p.Rlimits) > 0 && c.namespace(specs.UserNamespace) != nil
}

func (c *compiler) user(p *specs.Process, field string) {
	if !c.opts.GivenStreams {
		var terminal uint64
		if c.opts.Console {
			terminal = 1
		}
		c.b.For(field+".user", "give the standard streams to the user")
		c.b.Number(plan.StdioOwner, uint64(p.User.UID), terminal)
	}
	c.b.For(field+".user", "keep capabilities over the change of user")
	c.b.Number(plan.Keepcaps, 1)
	if c.setsGroups() {
		c.b.For(field+".user.additionalGids", "supplementary groups")
		setgroups := c.b.Text(plan.Setgroups, groups(p.User.AdditionalGids))
		if len(p.User.AdditionalGids) == 0 {
			c.forgiveDenied(setgroups)
		}
	}
	c.b.For(field+".user.gid", "change group")
	c.b.Number(plan.Setgid, uint64(p.User.GID))
	c.b.For(field+".user.uid", "change user")
	c.b.Number(plan.Setuid, uint64(p.User.UID))
}

func groups(gids []uint32) string {
	var out []byte
	for _, g := range gids {
		out = binary.NativeEndian.AppendUint32(out, g)
	}
	return string(out)
}

func (c *compiler) umask(p *specs.Process, field string) {
	mask := uint64(0o022)
	if p.User.Umask != nil {
		mask = uint64(*p.User.Umask)
	}
	c.b.For(field+".user.umask", "file mode creation mask")
	c.b.Number(plan.Umask, mask)
}

// environment returns the environment of the program. If a name is given twice, the last value counts.
// HOME is that of the container's user if process.env does not set it. LISTEN_FDS and LISTEN_PID
// announce the descriptors of socket activation (sd_listen_fds(3)).
func (c *compiler) environment(p *specs.Process, home string) []string {
	env := slices.Clone(p.Env)
	if home != "" {
		env = append(env, "HOME="+home)
	}
	if n := c.opts.ListenFDs; n > 0 {
		env = append(env, "LISTEN_FDS="+strconv.Itoa(n), "LISTEN_PID=1")
	}
	return lastOfEach(env)
}

func lastOfEach(env []string) []string {
	last := make(map[string]int, len(env))
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		last[name] = i
	}
	out := env[:0:0]
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); last[name] == i {
			out = append(out, e)
		}
	}
	return out
}

func (c *compiler) scheduling(p *specs.Process, field string) {
	if pers := c.spec.Linux.Personality; pers != nil {
		c.b.For("linux.personality", "execution domain")
		c.b.Number(plan.Personality, personality(pers.Domain))
	}
	if p.Scheduler != nil {
		c.b.For(field+".scheduler", "scheduling policy")
		c.b.Text(plan.SchedAttr, schedAttr(p.Scheduler))
	}
	if p.IOPriority != nil {
		c.b.For(field+".ioPriority", "I/O class and priority")
		c.b.Number(plan.Ioprio, ioPriority(p.IOPriority))
	}
	c.memoryPolicy()
}
