// Package exec runs another process in a container that runs: the same operations as for the container's own process,
// after the container's namespaces are joined.
package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/host"
	"rung/libcontainer/idlist"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/plan"
	"rung/libcontainer/process"
	"rung/libcontainer/resctrl"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/setup"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// ErrPaused is the error of Exec in a paused container.
var ErrPaused = errors.New("cannot exec in a paused container (use --ignore-paused to override)")

// Options is what the caller says beside the process.
type Options struct {
	NoKeyring    bool              // the process keeps the session keyring of the caller, as in a container that was created so
	IgnorePaused bool              // in a paused container it waits; else that is ErrPaused
	Cgroups      map[string]string // sub-cgroups by v1 controller, or one for all under ""
	PreserveFDs  int
	ListenFDs    int
	Stdio        [3]*os.File
	Console      *os.File            // socket that gets the pty, where process.terminal is set
	Ready        func(pid int) error // called when all is set up, before the process may run
}

// execution is a process under way.
type execution struct {
	ctx       context.Context // ends all that waits
	config    *setup.Config
	container *store.Container
	spec      *specs.Spec    // the container's
	process   *specs.Process // to be run
	status    status.Status  // of the container
	opts      Options
	root      *os.File // the container's
	place     *cgroup.Manager
	program   *compile.Program
	stage     *launch.Stage
}

// Exec runs a validated process in a container. It returns the PID of the process, a child of this program, when it runs.
// The error is process.ErrNotRunning for a container that has stopped.
func Exec(ctx context.Context, config setup.Config, c *store.Container, p *specs.Process, o Options) (pid int, err error) {
	e := &execution{ctx: ctx, config: &config, container: c, status: status.Running, opts: o}
	if err := e.check(); err != nil {
		return 0, err
	}
	defer func() { err = e.orStopped(err) }()
	if e.spec, err = c.Config(); err != nil {
		return 0, err
	}
	e.process = inherited(p, e.spec.Process)
	if e.root, err = sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.State.Pid)); err != nil {
		return 0, err
	}
	defer e.root.Close()
	home, err := host.HomeInside(e.root, e.process.Env, e.process.User.UID)
	if err != nil {
		return 0, fmt.Errorf(setup.StartError+"%w", err)
	}
	return e.run(home, "")
}

// specOfProcess is the container's configuration with this process.
func (e *execution) specOfProcess() *specs.Spec {
	spec := *e.spec
	spec.Process = e.process
	return &spec
}

// check refuses a container that is in no state for another process.
func (e *execution) check() error {
	if e.container.State.Early {
		// The state was written a moment before the process entered its root.
		if err := e.container.AwaitVerb(e.ctx); err != nil {
			return err
		}
	}
	now, err := status.Of(e.container)
	if err != nil {
		return err
	}
	switch {
	case now == status.Creating:
		return process.NotRunning("cannot exec in a creating container: " + e.container.Holder())
	case now == status.Stopped:
		return notRunning(now)
	case now == status.Paused && !e.opts.IgnorePaused:
		return ErrPaused
	}
	return nil
}

func notRunning(now status.Status) process.NotRunning {
	return process.NotRunning("cannot exec in a " + string(now) + " container")
}

// orStopped returns the error of an exec, or that the container has stopped while it was under way: a file of init is missing
// then, namespaces have no process, or the kernel kills the stage with its PID namespace. What the kernel says about the program
// stays.
func (e *execution) orStopped(err error) error {
	var failure *launch.Failure
	if err == nil || errors.As(err, &failure) && !failure.Killed && (failure.OfProcess() || errors.Is(err, launch.ErrExec)) {
		return err
	}
	stopped := e.container.Init().OrStopped(err, notRunning(status.Stopped))
	if errors.Is(stopped, process.ErrNotRunning) {
		e.config.Log.Debug("the container stopped: " + err.Error())
	}
	return stopped
}

// inherited is a process with what it leaves out from the container's: as of runc, so that a
// process.json without capabilities is no more, and no less, than one of the container's.
func inherited(p, container *specs.Process) *specs.Process {
	out := *p
	if container == nil { // created without one
		return &out
	}
	if out.Capabilities == nil {
		out.Capabilities = container.Capabilities
	}
	out.ApparmorProfile = cmp.Or(p.ApparmorProfile, container.ApparmorProfile)
	out.SelinuxLabel = cmp.Or(p.SelinuxLabel, container.SelinuxLabel)
	if len(out.Rlimits) == 0 {
		out.Rlimits = container.Rlimits
	}
	out.IOPriority = cmp.Or(p.IOPriority, container.IOPriority)
	out.Scheduler = cmp.Or(p.Scheduler, container.Scheduler)
	out.ExecCPUAffinity = cmp.Or(p.ExecCPUAffinity, container.ExecCPUAffinity)
	out.OOMScoreAdj = cmp.Or(p.OOMScoreAdj, container.OOMScoreAdj)
	out.User.Umask = cmp.Or(p.User.Umask, container.User.Umask)
	return setup.WithoutUnconfined(&out)
}

// run compiles the plan and has a stage execute it. program is the path of a hook; "": the stage looks for the process's.
func (e *execution) run(home, program string) (int, error) {
	prepared := e.config.Stage.Timeline.Begin(launch.Work, "look at the host and compile")
	if err := e.compile(home, program); err != nil {
		return 0, err
	}
	prepared()
	progress, err := launch.NewProgress(e.config.Stage.Traces())
	if err != nil {
		return 0, err
	}
	slots, err := e.open()
	defer open.CloseAll(slots)
	if err != nil {
		return 0, err
	}
	e.stage, err = e.config.Stage.Start(launch.Request{
		Plan: e.program.First, Slots: slots, Stdio: e.opts.Stdio, Preserve: e.opts.PreserveFDs, Progress: progress,
	})
	if err != nil {
		return 0, err
	}
	e.logAffinity()
	e.stage.Unfreeze = e.place.Unfreeze
	ctx, stop := e.unlessFrozen()
	defer stop()
	err = e.stage.Until(ctx, func() error { return e.newExchange().Run(e.stage, e.program.First) })
	e.config.Stage.LogTrace(e.stage, e.config.Log)
	if err != nil {
		e.stage.Abort()
		var failure *launch.Failure
		if errors.As(err, &failure) && (failure.Op.Code == plan.Exec || failure.Op.Code == plan.FindProgram) {
			// a relative interpreter begins at the working directory of this process
			err = setup.ExplainExec(e.specOfProcess(), e.container.State.Rootfs, failure.Program, err)
		}
		return 0, setup.ProcessError(setup.StartError, err)
	}
	defer e.stage.Close()
	return e.stage.Pid(), nil
}

func (e *execution) compile(home, program string) error {
	state := &e.container.State
	cgroups, err := e.container.Cgroups()
	if err != nil {
		return err
	}
	facts, err := host.ProbeWith(cgroups)
	if err != nil {
		return fmt.Errorf("probe the machine: %w", err)
	}
	spec := setup.WithoutShared(e.spec, state.Pid)
	if e.place, err = findPlace(e.container, e.opts.Cgroups, cgroups); err != nil {
		return err
	}
	e.place.SetContext(e.ctx)
	if err := e.checkFrozen(e.place); err != nil {
		return err
	}
	filter, err := e.config.Filter(spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	var sameUserNS, setgroupsOff bool
	if state.UserNS {
		if sameUserNS, err = sys.SameUserNamespace(state.Pid); err != nil {
			return err
		}
		if setgroupsOff, err = sys.SetgroupsDenied(state.Pid); err != nil {
			return err
		}
	}
	e.program, err = compile.Exec(compile.ExecInput{
		Spec: spec, Process: e.process, Facts: facts, Home: home,
		UserNS: state.UserNS && !sameUserNS,
		Options: compile.Options{
			ID: state.ID, Bundle: state.Bundle, NoKeyring: e.opts.NoKeyring || state.NoKeyring, Console: e.opts.Console != nil,
			ListenFDs: e.opts.ListenFDs, PreserveFDs: e.opts.PreserveFDs, CgroupPaths: e.place.Paths(),
			SetgroupsOff: setgroupsOff, Seccomp: filter, Program: program,
		},
	})
	if err == nil {
		err = bundle.CheckProcessIDs(e.specOfProcess())
	}
	if err != nil {
		return err
	}
	e.config.Notice(e.program.Notices)
	return nil
}

// checkFrozen refuses a frozen cgroup: the process would stand still before it runs.
func (e *execution) checkFrozen(place *cgroup.Manager) error {
	if e.opts.IgnorePaused {
		return nil
	}
	at, err := place.FrozenAt()
	if err == nil && at != "" {
		err = fmt.Errorf("%w: the cgroup %s is frozen", ErrPaused, at)
	}
	return err
}

// freezeCheck is how often exec looks whether somebody has frozen the cgroup that its process is about to enter.
const freezeCheck = time.Second

// unlessFrozen returns a context that ends when the cgroup is frozen after checkFrozen: a pause takes the lock, and exec does
// not. The caller calls stop.
func (e *execution) unlessFrozen() (_ context.Context, stop func()) {
	cgroups, err := e.container.Cgroups()
	if e.opts.IgnorePaused || err != nil {
		return e.ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(e.ctx)
	place := cgroup.Load(cgroups, e.place.Paths()) // one of its own, for another goroutine
	go func() {
		ticker := time.NewTicker(freezeCheck)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if err := e.checkFrozen(place); errors.Is(err, ErrPaused) {
				cancel(err)
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// logAffinity logs with which CPUs the stage enters the container, in the words of runc's nsexec, which its tests and
// those of youki look for.
func (e *execution) logAffinity() {
	a := e.process.ExecCPUAffinity
	if a == nil || a.Initial == "" {
		return
	}
	if list, err := idlist.Parse(a.Initial); err == nil && len(list) > 0 {
		e.config.Log.Debug(fmt.Sprintf("nsexec[%d]: affinity: %#x", e.stage.Pid(), list.Words()[0]))
	}
}

// open opens the descriptors of the program. The caller closes them, after an error too. Errors do not name the
// configuration's field: it is the container's, and not that of the process.
func (e *execution) open() ([]*os.File, error) {
	tasks, err := e.place.OpenTasks()
	if err != nil {
		return nil, placeError(err)
	}
	opener := &open.Opener{Pid: e.container.State.Pid, Root: e.root, Console: e.opts.Console, Cgroup: e.place, Tasks: tasks}
	files, err := opener.All(e.program.Sources)
	var failed *open.Error
	if errors.As(err, &failed) {
		err = failed.Err
		if failed.Field == "linux.cgroupsPath" {
			err = placeError(err)
		}
		files = append(files, tasks...)
	}
	return files, err
}

// newExchange is the conversation of exec.
func (e *execution) newExchange() *exchange.Exchange {
	x := &exchange.Exchange{
		Actions: e.program.Actions, Log: e.config.Log, Timeline: e.config.Stage.Timeline,
		Rows: exchange.Rows{
			compile.EnterCgroup: e.row(func() error { return enterCgroup(e.place, e.stage.Pid()) }),
			compile.JoinResctrl: e.row(e.joinResctrl),
			compile.SetRlimits:  e.row(func() error { return process.SetRlimits(e.stage.Pid(), e.process.Rlimits) }),
			compile.SendListener: {Do: func(listener *os.File) (exchange.Answer, error) {
				state := status.OCI(&e.container.State, e.status)
				return exchange.Answer{}, seccomp.SendListener(e.ctx, e.spec.Linux.Seccomp, state, e.stage.Pid(), listener)
			}},
		},
	}
	x.Points = map[plan.SyncPoint]exchange.Row{plan.SyncReady: e.row(e.ready)}
	return x
}

// ready is what is done before the process may run.
func (e *execution) ready() error {
	if e.opts.Console == nil && e.container.State.UserNS {
		if err := process.GiveStreams(e.opts.Stdio, e.stage.Pid(), e.process.User.UID); err != nil {
			return err
		}
	}
	if e.opts.Ready == nil {
		return nil
	}
	return e.opts.Ready(e.stage.Pid())
}

// row is a row of something that adds nothing to the answer. In exec nothing is done ahead.
func (e *execution) row(do func() error) exchange.Row {
	return exchange.Row{Do: func(*os.File) (exchange.Answer, error) { return exchange.Answer{}, do() }}
}

// joinResctrl: the group may have been removed from under the container.
func (e *execution) joinResctrl() error {
	if e.container.State.Resctrl == nil {
		return nil
	}
	group := resctrl.Load(*e.container.State.Resctrl)
	if there, err := sys.Exists(group.State().Path); !there {
		return err
	}
	return group.Join(e.stage.Pid())
}
