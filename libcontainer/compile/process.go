package compile

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// allCPUs is an affinity mask of 8192 processors, the most that Linux can be built for.
var allCPUs = strings.Repeat("\xff", 1024)

// process turns the hands into the user's process; create and exec share it. field is
// where p comes from: "process", or that of exec.
func (c *compiler) process(p *specs.Process, field string, inside host.Inside) {
	c.becomeProcess(p, field)
	c.exec(p, field, inside)
}

// becomeProcess is all of it but EXEC.
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

// sendsListener lists what whoever lets the process run does with the listener of its filter.
func (c *compiler) sendsListener() {
	if c.opts.Seccomp != nil && c.opts.Seccomp.Listener {
		c.at(plan.SyncListener, SendListener, "linux.seccomp.listenerPath")
	}
}

// loadsBeforeWait: an agent hears of a container when it is created, as from runc, and an agent
// that is missing is an error of create. A filter that denies what the wait for start takes, or
// asks about it, comes after that wait.
func (c *compiler) loadsBeforeWait() bool {
	f := c.opts.Seccomp
	return c.opts.Await && f != nil && f.Listener && f.Waits
}

func (c *compiler) exec(p *specs.Process, field string, inside host.Inside) {
	c.b.For(field+".args", "become the program")
	c.b.Exec(inside.Exec, p.Args, c.environment(p, inside))
}

func workingDirectory(p *specs.Process) string {
	if p.Cwd == "" {
		return "/"
	}
	return p.Cwd
}

// release closes what only the set-up needed. A process of `rung exec` may look at the
// descriptors of a container that waits for start, through /proc/1/fd; some of them lead to
// the host (CVE-2024-21626).
func (c *compiler) release() {
	c.b.For("", "no way out of a container that waits for start")
	for _, slot := range []plan.Slot{c.cgroup, c.null, c.park, c.dev, c.root, c.proc} {
		if slot != plan.None {
			c.b.Close(slot)
		}
	}
}

// ready is the last talk with the parent, but for that about a listener.
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

// accessible: a change of user makes the hands undumpable, and then hooks of startContainer and `rung exec` could not enter a
// container that waits for start, where rung has no rights but its user's.
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

// seccomp is as late as it can be: only execve is to pass it, or WaitCalls. Without no_new_privs
// the kernel wants CAP_SYS_ADMIN for it, so that capset has to pass it too.
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

// rlimits are set by the hands before they change the user: the parent may not set those of
// another user's process without CAP_SYS_RESOURCE. In a user namespace it is the other way
// round: only the parent may raise a limit there, and does so at SYNC ready.
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

// nofileBack: the hands have raised the limit, for what the set-up takes.
func nofileBack(b *plan.Builder) {
	b.For("", "the limit of open files that rung's caller has set")
	b.Number(plan.NofileBack)
}

func (c *compiler) parentSetsRlimits(p *specs.Process) bool {
	return len(p.Rlimits) > 0 && c.namespace(specs.UserNamespace) != nil
}

func (c *compiler) user(p *specs.Process, field string) {
	c.b.For(field+".user", "give the standard streams to the user")
	c.b.Number(plan.StdioOwner, uint64(p.User.UID), sys.Mkdev(1, 3))
	c.b.For(field+".user", "keep capabilities over the change of user")
	c.b.Number(plan.Keepcaps, 1)
	if !c.setgroupsDenied() {
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

// environment: the last value of a name counts, HOME comes from the container, and the
// descriptors of socket activation are announced (sd_listen_fds(3)).
func (c *compiler) environment(p *specs.Process, inside host.Inside) []string {
	env := slices.Clone(p.Env)
	if inside.Home != "" {
		env = append(env, "HOME="+inside.Home)
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
