package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/idmap"
	"rung/libcontainer/launch"
	"rung/libcontainer/netdev"
	"rung/libcontainer/plan"
	"rung/libcontainer/resctrl"
	"rung/libcontainer/seccomp"
)

// CreateOptions is what the caller says beside config.json.
type CreateOptions struct {
	Await       bool // the process waits for Start; otherwise it runs when Create returns
	NoPivot     bool // chroot(2) where pivot_root(2) cannot be: the host's root is an initramfs
	NoKeyring   bool // the process keeps the session keyring of the caller
	Notify      bool // the process gets a socket for sd_notify(3), which ListenNotify makes
	PreserveFDs int  // descriptors 3 and up that the process gets, with those of ListenFDs
	ListenFDs   int
	Stdio       [3]*os.File
	Console     *os.File            // socket that gets the pty, where process.terminal is set
	Ready       func(pid int) error // called when all is set up, before the process may run
}

// creation is one run of Create: what has been made so far, to be undone on an error.
type creation struct {
	*Container
	bundle  *bundle.Bundle
	spec    *specs.Spec
	facts   *host.Facts
	opts    CreateOptions
	program *compile.Program
	hands   *launch.Hands
	helper  bool // newgidmap writes the map of groups: setgroups(2) stays allowed
	tasks   []*os.File

	ahead
	guess   host.Inside // what segment was compiled for
	second  *launch.Segment
	sources []*os.File      // descriptors for the second segment
	segment *launch.Segment // the third one
	amend   *launch.Segment // its end, where the guess was wrong
	made    bool            // the cgroup may exist
	resctrl *resctrl.Group  // of linux.intelRdt
	null    [3]bool         // standard streams that are /dev/null
	nodes   []string        // device nodes in the state directory
	mapped  int             // mounts that were mapped at SYNC map
	devices *netdev.Moved   // to be given back where the container is not created
	reached bool            // SYNC inside: the environment is there: hooks of create may have run
}

// Create makes a container of a validated bundle. Errors name the field; nothing is left
// behind. The hooks of createRuntime and createContainer run, and without Await those of
// startContainer and poststart too.
func (r *Runtime) Create(id string, b *bundle.Bundle, o CreateOptions) (_ *Container, err error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	r.setDefaults()
	c := &creation{bundle: b, opts: o}
	if c.spec, err = withoutOwn(b.Spec); err != nil {
		return nil, err
	}
	c.Container = &Container{runtime: r, config: b.Spec}
	if c.facts, err = r.facts(); err != nil {
		return nil, err
	}
	if c.dir, err = r.makeDir(id); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.undo()
		}
	}()
	if o.Notify {
		if err := c.addNotify(); err != nil {
			return nil, err
		}
	}
	// The hooks of the start need a process that waits for it.
	hooked := !o.Await && hasStartHooks(c.spec)
	c.opts.Await = o.Await || hooked
	if err := c.prepare(id); err != nil {
		return nil, err
	}
	err = c.launch()
	err = cmp.Or(err, c.removeNodes()) // one that masks are cloned from needs its name until then
	c.second.Close()
	c.segment.Close()
	c.amend.Close()
	closeAll(c.sources)
	if c.hands != nil {
		r.logTrace(c.hands)
	}
	if err != nil {
		return nil, mountError(c.spec, c.explain(err))
	}
	if hooked {
		if err := c.start(); err != nil {
			return nil, err
		}
	}
	c.devices.Forget()
	c.hands.Close()
	// The caller may stay for as long as the container runs: others may delete it meanwhile.
	c.unlock()
	return c.Container, nil
}

func hasStartHooks(s *specs.Spec) bool {
	return s.Hooks != nil && len(s.Hooks.StartContainer)+len(s.Hooks.Poststart) > 0
}

// prepare decides the cgroup's place and the first segment.
func (c *creation) prepare(id string) error {
	if err := c.begin(id, c.opts.Stdio); err != nil {
		return err
	}
	c.idMaps()
	return c.compile()
}

// begin is what create and restore do first: they take the lock, and decide what the state says.
func (c *creation) begin(id string, stdio [3]*os.File) error {
	if err := c.lockDir(); err != nil {
		return err
	}
	if err := c.placeCgroup(id); err != nil {
		return err
	}
	c.setState(id)
	if err := c.lookStreams(stdio); err != nil {
		return err
	}
	return c.planResctrl()
}

// setState is what is known of the container before it is made.
func (c *creation) setState(id string) {
	c.state = State{
		Format: stateFormat, ID: id, OCIVersion: c.spec.Version, Bundle: c.bundle.Dir,
		Created: time.Now().UTC(), CgroupPaths: c.manager.Paths(), Unit: c.manager.Unit(), Rootless: c.runtime.Rootless,
		UserNS: hasUserNS(c.spec), OwnPid: ownPidNamespace(c.spec), Annotations: c.spec.Annotations,
		NoKeyring: c.opts.NoKeyring,
	}
}

// lookStreams finds out which of the standard streams are pipes, whose names a checkpoint needs,
// and which are /dev/null. One may be closed.
func (c *creation) lookStreams(stdio [3]*os.File) error {
	for n, file := range stdio {
		if file == nil || c.opts.Console != nil {
			continue
		}
		info, err := file.Stat() // Fd would make the caller's file a blocking one
		if errors.Is(err, syscall.EBADF) || errors.Is(err, os.ErrClosed) {
			continue
		}
		if err != nil {
			return fmt.Errorf("standard stream %d: %w", n, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		switch {
		case !ok:
		case st.Mode&syscall.S_IFMT == syscall.S_IFIFO:
			c.state.Pipes[n] = "pipe:[" + strconv.FormatUint(st.Ino, 10) + "]"
		case st.Mode&syscall.S_IFMT == syscall.S_IFCHR && st.Rdev == sys.Mkdev(1, 3):
			c.null[n] = true
		}
	}
	return nil
}

func (c *creation) compile() (err error) {
	c.program, err = compile.Create(compile.Input{Spec: c.spec, Facts: c.facts, Options: compile.Options{
		ID: c.state.ID, Bundle: c.bundle.Dir, Await: c.opts.Await,
		NoPivot: c.opts.NoPivot, NoKeyring: c.opts.NoKeyring, Console: c.opts.Console != nil,
		ListenFDs: c.opts.ListenFDs, PreserveFDs: c.opts.PreserveFDs, CgroupPaths: c.state.CgroupPaths,
		CgroupLate: c.runtime.Systemd, SetgroupsOff: c.setgroupsOff(), NullStreams: c.null,
	}})
	if err != nil {
		return err
	}
	c.runtime.warn(c.program.Warnings)
	return nil
}

// announce writes the state before anything is made that outlives rung and the hands, so
// that a kill of rung at any later point leaves what delete can find.
func (c *creation) announce() (err error) {
	if c.state.Rootfs, err = rootfsPath(c.bundle); err != nil {
		return err
	}
	return c.writeStateTo(creatingFile)
}

// compileMounts compiles the second segment.
func (c *creation) compileMounts() error {
	filter, err := c.runtime.compileSeccomp(c.spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	if err := c.facts.Look(c.spec, c.bundle.Dir, c.state.Rootfs); err != nil {
		return err
	}
	if err := c.facts.LookNull(); err != nil {
		return err
	}
	if c.opts.NoPivot {
		if err := c.facts.LookMounts(c.state.Rootfs); err != nil {
			return err
		}
	}
	return c.program.Mounts(c.state.Rootfs, filter)
}

// prepareMounts makes ready what SYNC plan asks for.
func (c *creation) prepareMounts() (err error) {
	if err := c.compileMounts(); err != nil {
		return err
	}
	if c.second, err = launch.Seal(c.program.Second); err != nil {
		return err
	}
	c.sources, err = c.open(c.program.Sources[c.program.First.Inherited:])
	return err
}

// compileSeccomp goes through the cache of compiled filters, below the directory of state.
func (r *Runtime) compileSeccomp(s *specs.LinuxSeccomp) (*compile.Filter, error) {
	cache := seccomp.Cache{Dir: filepath.Join(r.Root, filtersDir), ReadOnly: r.dry}
	program, err := cache.Compile(s)
	if err != nil || program == nil {
		return nil, err
	}
	r.Log.Debug("seccomp filter flags: " + strconv.FormatUint(program.Flags, 10))
	return &compile.Filter{
		Program: program.Filter, Flags: program.Flags, Listener: program.Listener,
		Waits: program.Listener && seccomp.Passes(s, compile.WaitCalls),
	}, nil
}

// rootfsPath returns the absolute path of the root file system, which must be a directory.
func rootfsPath(b *bundle.Bundle) (string, error) {
	path := b.Spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.Dir, path)
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("root.path: invalid rootfs: %w", err)
	}
	if info, err := os.Stat(resolved); err != nil || !info.IsDir() {
		return "", fmt.Errorf("root.path: %s is not a directory", resolved)
	}
	return resolved, nil
}

func namespaceOf(s *specs.Spec, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range s.Linux.Namespaces {
		if s.Linux.Namespaces[i].Type == t {
			return &s.Linux.Namespaces[i]
		}
	}
	return nil
}

func hasUserNS(s *specs.Spec) bool { return namespaceOf(s, specs.UserNamespace) != nil }

// idMaps finds out who writes the map of groups of a new user namespace. That of users has no part
// in whether setgroups(2) stays allowed.
func (c *creation) idMaps() {
	if ns := namespaceOf(c.spec, specs.UserNamespace); ns != nil && ns.Path == "" {
		c.helper = idmap.NeedsHelper(c.spec.Linux.GIDMappings, c.facts.EGID, c.facts.MapsIDs)
	}
}

// setgroupsOff: who maps only its own id without privilege must give up setgroups(2) in
// that namespace (user_namespaces(7)).
func (c *creation) setgroupsOff() bool {
	ns := namespaceOf(c.spec, specs.UserNamespace)
	return ns != nil && ns.Path == "" && c.facts.Rootless() && !c.helper
}

// launch spawns the hands and serves them until the process runs or waits for start.
func (c *creation) launch() error {
	if c.needsCgroupFirst() {
		if err := c.announce(); err != nil {
			return err
		}
		if err := c.makeCgroup(); err != nil {
			return err
		}
		if err := c.delegateCgroup(0); err != nil { // without a user namespace
			return err
		}
	}
	if err := c.spawn(); err != nil {
		return err
	}
	c.listJobs()
	for {
		if err := c.workAhead(); err != nil {
			return err
		}
		point, shown, err := c.hands.Next()
		if errors.Is(err, launch.ErrRunning) {
			return nil
		}
		if err != nil {
			return err
		}
		c.runtime.Log.Debug("the hands wait", "sync", point.String())
		done, err := c.serve(point, shown)
		if shown != nil {
			shown.Close()
		}
		if err != nil || done {
			return err
		}
	}
}

func (c *creation) spawn() error {
	progress, err := c.newProgress()
	if err != nil {
		return err
	}
	slots, err := c.open(c.program.Sources[:c.program.First.Inherited])
	defer closeAll(slots)
	if err != nil {
		return err
	}
	c.hands, err = launch.Start(launch.Request{
		Plan: c.program.First, Slots: slots, Stdio: c.opts.Stdio,
		Preserve: c.opts.PreserveFDs, Progress: progress, Parallel: true,
	})
	return err
}

// newProgress: start, another process, reads the page of a container that waits for it.
func (c *creation) newProgress() (*launch.Progress, error) {
	if !c.opts.Await {
		return launch.NewProgress(c.runtime.Trace)
	}
	file, err := os.OpenFile(c.path(progressFile), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return launch.ProgressIn(file, c.runtime.Trace)
}

// serve does the parent's part of one SYNC. It reports done when create has nothing more
// to wait for.
func (c *creation) serve(point plan.SyncPoint, shown *os.File) (done bool, err error) {
	if point == plan.SyncMap {
		return false, c.mapShown(shown)
	}
	c.reached = c.reached || point == plan.SyncInside
	if err := c.catchUp(point); err != nil {
		return false, err
	}
	if c.answered[point] {
		return false, c.passed(point, shown)
	}
	c.served(point)
	segment := c.amended(point)
	var files []*os.File
	defer func() { closeAll(files) }()
	for _, a := range c.program.Actions[point] {
		switch a.Kind {
		case compile.WriteIDMaps:
			err = idmap.Write(c.hands.Pid(), c.spec.Linux.UIDMappings, c.spec.Linux.GIDMappings,
				idmap.Options{DenySetgroups: c.setgroupsOff()})
		case compile.SendMounts:
			if err := c.sendMounts(); err != nil {
				return false, err
			}
			return false, c.passed(point, nil)
		case compile.EnterCgroup:
			files, err = c.enterCgroup()
		case compile.JoinResctrl:
			err = c.resctrl.Create(c.hands.Pid())
		case compile.MoveDevices:
			err = c.moveDevices()
		case compile.RunPrestart, compile.RunCreateRuntime, compile.RunCreateContainer:
			err = c.runCreateHooks(a.Kind, shown)
		case compile.LookInside:
			segment, err = c.lookInside(shown)
		case compile.SetRlimits:
			err = setRlimits(c.hands.Pid(), c.spec.Process.Rlimits)
		case compile.SendListener:
			err = c.sendListener(c.spec, Creating, c.hands.Pid(), shown)
		case compile.StoreState:
			err = c.store()
		}
		if err != nil {
			return false, err
		}
	}
	c.hands.Parallel = len(c.jobs) > 0
	if err := c.hands.Reply(point, segment, files); err != nil {
		return false, err
	}
	if !c.opts.Await || point != c.program.Last() {
		return false, nil
	}
	// Only now: who is told of the process may kill it at once.
	return true, c.ready()
}

func (c *creation) moveDevices() error {
	namespace, err := sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/net", c.hands.Pid()))
	if err != nil {
		return fmt.Errorf("linux.netDevices: %w", err)
	}
	c.devices, err = netdev.Move(c.spec.Linux.NetDevices, namespace)
	return err
}

// store publishes the state: from here on the container is "created", or runs.
func (c *creation) store() error {
	if c.hidden() {
		if err := os.Rename(c.path(newStateFile), c.path(stateFile)); err != nil || c.opts.Await {
			return err
		}
	}
	return c.ready()
}

func (c *creation) ready() error {
	if c.opts.Ready == nil {
		return nil
	}
	return c.opts.Ready(c.state.Pid)
}

// undo removes all that was made, in the reverse order. Hooks of create may have made something
// that those of poststop take away again (runtime.md, "Lifecycle", steps 3 to 5, 12 and 13).
func (c *creation) undo() {
	if err := c.devices.Undo(); err != nil {
		c.runtime.Log.Warn(err.Error())
	}
	if c.hands != nil {
		c.hands.Abort()
	}
	c.undoResctrl()
	if c.made || (c.manager != nil && c.manager.Settle()) {
		_ = c.manager.Destroy()
	}
	if err := c.detachRoot(); err != nil {
		c.runtime.Log.Warn(err.Error())
	}
	if c.reached {
		c.runPoststop(c.spec)
	}
	_ = os.RemoveAll(c.dir.Name())
	c.dir.Close()
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
