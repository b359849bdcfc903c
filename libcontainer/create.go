package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/idmap"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
	"rung/libcontainer/seccomp"
)

// CreateOptions is what the caller says beside config.json.
type CreateOptions struct {
	Await       bool // the process waits for Start; otherwise it runs when Create returns
	NoPivot     bool
	NoKeyring   bool
	PreserveFDs int // descriptors 3 and up that the process gets, with those of ListenFDs
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
	guess   host.Inside     // what segment was compiled for
	segment *launch.Segment // the second one
	made    bool            // the cgroup may exist
}

// Create makes a container of a validated bundle. Errors name the field; nothing is left
// behind. The hooks of createRuntime and createContainer run, and without Await those of
// startContainer and poststart too.
func (r *Runtime) Create(id string, b *bundle.Bundle, o CreateOptions) (_ *Container, err error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	c := &creation{bundle: b, spec: b.Spec, opts: o}
	c.Container = &Container{runtime: r}
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
	// The hooks of the start need a process that waits for it.
	hooked := !o.Await && hasStartHooks(c.spec)
	c.opts.Await = o.Await || hooked
	if err := c.prepare(id); err != nil {
		return nil, err
	}
	err = c.launch()
	c.segment.Close()
	if c.hands != nil {
		r.logTrace(c.hands)
	}
	if err != nil {
		return nil, c.explain(err)
	}
	if hooked {
		if err := c.Start(); err != nil {
			return nil, err
		}
	}
	// The caller may stay for as long as the container runs: others may delete it meanwhile.
	return c.Container, sys.Funlock(c.dir)
}

func hasStartHooks(s *specs.Spec) bool {
	return s.Hooks != nil && len(s.Hooks.StartContainer)+len(s.Hooks.Poststart) > 0
}

// prepare decides everything: the cgroup's place, the plan. It writes the state first of
// all, so that a kill of rung at any later point leaves what delete can find.
func (c *creation) prepare(id string) error {
	if err := c.lock(); err != nil {
		return err
	}
	rootfs, err := rootfsPath(c.bundle)
	if err != nil {
		return err
	}
	if err := c.idMaps(); err != nil {
		return err
	}
	c.manager, err = cgroup.New(c.facts.Cgroups, cgroup.Config{
		ID: id, Path: c.spec.Linux.CgroupsPath, Rootless: c.runtime.Rootless, Warn: c.left,
	})
	if err != nil {
		return err
	}
	c.state = State{
		Format: stateFormat, ID: id, OCIVersion: c.spec.Version, Bundle: c.bundle.Dir, Rootfs: rootfs,
		Created: time.Now().UTC(), CgroupPaths: c.manager.Paths(), Rootless: c.runtime.Rootless,
		UserNS: hasUserNS(c.spec), OwnPid: ownPidNamespace(c.spec), Annotations: c.spec.Annotations,
	}
	if err := c.writeStateTo(creatingFile); err != nil {
		return err
	}
	return c.compile(rootfs)
}

func (c *creation) compile(rootfs string) error {
	filter, err := compileSeccomp(c.spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	c.facts.Look(c.spec, c.bundle.Dir, rootfs)
	c.program, err = compile.Create(compile.Input{Spec: c.spec, Facts: c.facts, Options: compile.Options{
		ID: c.state.ID, Bundle: c.bundle.Dir, Rootfs: rootfs, Await: c.opts.Await,
		NoPivot: c.opts.NoPivot, NoKeyring: c.opts.NoKeyring, Console: c.opts.Console != nil,
		ListenFDs: c.opts.ListenFDs, PreserveFDs: c.opts.PreserveFDs, CgroupPaths: c.state.CgroupPaths,
		SetgroupsOff: c.setgroupsOff(), Seccomp: filter,
	}})
	return err
}

func compileSeccomp(s *specs.LinuxSeccomp) (*compile.Filter, error) {
	program, err := seccomp.Compile(s)
	if err != nil || program == nil {
		return nil, err
	}
	if program.Listener {
		return nil, fmt.Errorf("linux.seccomp: SCMP_ACT_NOTIFY is not supported by this version of rung")
	}
	return &compile.Filter{Program: program.Filter, Flags: program.Flags}, nil
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

// idMaps finds out who writes the maps of a new user namespace.
func (c *creation) idMaps() (err error) {
	ns := namespaceOf(c.spec, specs.UserNamespace)
	if ns == nil || ns.Path != "" {
		return nil
	}
	// The map of users has no part in that.
	own := []specs.LinuxIDMapping{{HostID: uint32(os.Geteuid()), Size: 1}}
	c.helper, err = idmap.NeedsHelper(own, c.spec.Linux.GIDMappings)
	return err
}

// setgroupsOff: who maps only its own id without privilege must give up setgroups(2) in
// that namespace (user_namespaces(7)).
func (c *creation) setgroupsOff() bool {
	ns := namespaceOf(c.spec, specs.UserNamespace)
	return ns != nil && ns.Path == "" && c.facts.Rootless() && !c.helper
}

// launch spawns the hands and serves them until the process runs or waits for start.
func (c *creation) launch() error {
	early := c.needsCgroupFirst()
	if early {
		if err := c.makeCgroup(); err != nil {
			return err
		}
	}
	if err := c.spawn(); err != nil {
		return err
	}
	// On v1 the hands need the cgroup late: it is made while they are at work.
	if !early {
		if err := c.makeCgroup(); err != nil {
			return err
		}
	}
	if err := c.aheadOfHost(); err != nil {
		return err
	}
	for {
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
		if point == plan.SyncInside {
			if err := c.aheadOfReady(); err != nil {
				return err
			}
		}
	}
}

// aheadOfHost does while the hands are at work what they would else wait for.
func (c *creation) aheadOfHost() (err error) {
	if err := sys.WriteFile(c.path(configFile), c.bundle.Raw, 0o600); err != nil {
		return err
	}
	c.program.Prepare()
	if err := c.guessInside(); err != nil {
		return err
	}
	c.tasks, err = c.manager.OpenTasks()
	return err
}

// guessInside compiles the second segment for what the root file system shows before
// anything is mounted. That is nearly always what is found inside later on.
func (c *creation) guessInside() error {
	root, err := sys.OpenPath(c.state.Rootfs)
	if err != nil {
		return nil // the hands will say what is wrong with it
	}
	defer root.Close()
	p := c.spec.Process
	if c.guess, err = host.LookInside(root, p.Args, p.Env, p.Cwd, p.User.UID); err != nil {
		return nil
	}
	c.segment, err = c.sealInside(c.guess)
	return err
}

func (c *creation) sealInside(inside host.Inside) (*launch.Segment, error) {
	segment, err := c.program.Inside(inside)
	if err != nil {
		return nil, err
	}
	c.state.ExecOp = len(segment.Ops) - 1
	return launch.Seal(segment)
}

// aheadOfReady writes the state of the container that is about to be created.
func (c *creation) aheadOfReady() error {
	pid := c.hands.Pid()
	stat, err := sys.ReadProcessStat(pid)
	if err != nil {
		return err
	}
	c.state.Pid, c.state.StartTime = pid, stat.StartTime
	if c.opts.Await {
		return c.writeStateTo(newStateFile) // "created" only when it waits for start
	}
	c.state.Early = true
	return c.writeStateTo(stateFile)
}

func (c *creation) needsCgroupFirst() bool {
	for _, s := range c.program.Sources {
		if s.Kind == compile.SourceCgroup {
			return true
		}
	}
	return false
}

func (c *creation) makeCgroup() error {
	if err := c.manager.Create(); err != nil {
		return err // it undoes what it made, and a cgroup that was there stays
	}
	c.made = true
	c.state.CgroupPaths = c.manager.Paths() // a rootless one may have lost some
	r := specs.LinuxResources{}
	if c.spec.Linux.Resources != nil {
		r = *c.spec.Linux.Resources
	}
	if !c.runtime.Rootless && !c.facts.UserNS {
		r.Devices = cgroup.DeviceRules(r.Devices, c.spec.Linux.Devices)
	} else {
		r.Devices = nil
	}
	return c.manager.Set(&r)
}

func (c *creation) spawn() error {
	progress, err := c.newProgress()
	if err != nil {
		return err
	}
	slots, err := c.open(c.program.Sources)
	defer closeAll(slots)
	if err != nil {
		return err
	}
	c.hands, err = launch.Start(launch.Request{
		Plan: c.program.First, Slots: slots, Stdio: c.opts.Stdio,
		Preserve: c.opts.PreserveFDs, Progress: progress,
	})
	return err
}

// newProgress: start, another process, reads the page of a container that waits for it.
func (c *creation) newProgress() (*launch.Progress, error) {
	if !c.opts.Await {
		file, err := sys.Memfd("progress", 0)
		if err != nil {
			return nil, err
		}
		return launch.NewProgress(file, c.runtime.Trace)
	}
	file, err := os.OpenFile(c.path(progressFile), os.O_CREATE|os.O_RDWR|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return launch.NewProgress(file, c.runtime.Trace)
}

// serve does the parent's part of one SYNC. It reports done when create has nothing more
// to wait for.
func (c *creation) serve(point plan.SyncPoint, shown *os.File) (done bool, err error) {
	var segment *launch.Segment
	var files []*os.File
	defer func() { closeAll(files) }()
	for _, a := range c.program.Actions[point] {
		switch a.Kind {
		case compile.WriteIDMaps:
			err = idmap.Write(c.hands.Pid(), c.spec.Linux.UIDMappings, c.spec.Linux.GIDMappings,
				idmap.Options{DenySetgroups: c.setgroupsOff()})
		case compile.EnterCgroup:
			files, err = c.enterCgroup()
		case compile.RunPrestart, compile.RunCreateRuntime, compile.RunCreateContainer:
			err = c.runCreateHooks(a.Kind)
		case compile.LookInside:
			segment, err = c.lookInside(shown)
		case compile.SetRlimits:
			err = setRlimits(c.hands.Pid(), c.spec.Process.Rlimits)
		case compile.StoreState:
			err = c.store()
		}
		if err != nil {
			return false, err
		}
	}
	err = c.hands.Reply(point, segment, files)
	return point == plan.SyncReady && c.opts.Await, err
}

// enterCgroup puts the process into the unified cgroup, unless it was cloned into it, and
// opens what it enters the v1 hierarchies by.
func (c *creation) enterCgroup() ([]*os.File, error) {
	if c.state.CgroupPaths[""] != "" && !c.needsCgroupFirst() {
		if err := c.manager.EnterUnified(c.hands.Pid()); err != nil {
			return nil, err
		}
	}
	return c.tasks, nil
}

func (c *creation) lookInside(root *os.File) (*launch.Segment, error) {
	if root == nil {
		return nil, errors.New("the hands did not show the container's root")
	}
	p := c.spec.Process
	inside, err := host.LookInside(root, p.Args, p.Env, p.Cwd, p.User.UID)
	if err != nil {
		return nil, err
	}
	if c.segment != nil && inside == c.guess {
		return c.segment, nil
	}
	c.segment.Close()
	c.segment, err = c.sealInside(inside)
	return c.segment, err
}

// store publishes the state: from here on the container is "created".
func (c *creation) store() error {
	if c.opts.Await {
		if err := os.Rename(c.path(newStateFile), c.path(stateFile)); err != nil {
			return err
		}
	}
	if c.opts.Ready == nil {
		return nil
	}
	return c.opts.Ready(c.state.Pid)
}

// undo removes all that was made, in the reverse order.
func (c *creation) undo() {
	if c.hands != nil {
		c.hands.Abort()
	}
	if c.made {
		_ = c.manager.Destroy()
	}
	_ = os.RemoveAll(c.dir.Name())
	c.dir.Close()
}

// explain adds what is known beside the errno: that the memory limit was too small.
func (c *creation) explain(err error) error {
	var failure *launch.Failure
	if errors.As(err, &failure) {
		c.runtime.Log.Debug("the plan around the failing op:\n" + failure.Around())
		if failure.Killed && c.manager != nil {
			if n, _ := c.manager.OOMKilled(); n > 0 {
				return fmt.Errorf("linux.resources.memory.limit is too small for the start: OOM killed: %w", err)
			}
		}
	}
	return err
}

// left tells of cgroups that are left out, about which runc is silent.
func (c *creation) left(text string) { c.runtime.Log.Debug(text) }

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
