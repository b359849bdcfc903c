package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/idlist"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
)

// ExecOptions is what the caller says beside the process.
type ExecOptions struct {
	NoKeyring    bool              // the process keeps the session keyring of the caller, as in a container that was created so
	IgnorePaused bool              // in a paused container it waits; else that is ErrPaused
	Cgroups      map[string]string // sub-cgroups by v1 controller, or one for all under ""
	PreserveFDs  int
	ListenFDs    int
	Stdio        [3]*os.File
	Console      *os.File
	Ready        func(pid int) error // called when all is set up, before the process may run
}

// execution is one run of Exec, or of a hook of startContainer.
type execution struct {
	*Container
	status  Status // of the container
	spec    *specs.Spec
	process *specs.Process
	opts    ExecOptions
	program *compile.Program
	hands   *launch.Hands
	root    *os.File
	facts   *host.Facts
	place   *cgroup.Manager // the cgroups that the process enters
}

// Exec runs another process in the container. It returns the PID of the process, a child of
// this one, when it runs. In a container that has stopped it is ErrNotRunning.
func (c *Container) Exec(p *specs.Process, o ExecOptions) (pid int, err error) {
	if err := bundle.ValidateProcess(p, "process"); err != nil {
		return 0, err
	}
	e := &execution{Container: c, status: Running, process: p, opts: o}
	if err := e.check(); err != nil {
		return 0, err
	}
	if e.spec, err = c.Spec(); err != nil {
		return 0, err
	}
	if e.spec.Linux == nil {
		e.spec.Linux = &specs.Linux{}
	}
	e.process = inherited(p, e.spec.Process)
	if e.root, err = sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.state.Pid)); err != nil {
		return 0, err
	}
	defer e.root.Close()
	inside, err := host.LookInside(e.root, e.process.Args, e.process.Env, e.process.Cwd, e.process.User.UID)
	if err != nil {
		return 0, fmt.Errorf(startError+"%w", err)
	}
	if err := e.compile(inside); err != nil {
		return 0, err
	}
	return e.launch()
}

// inherited is a process with what it leaves out from the container's: as of runc, so that a
// process.json without capabilities is no more, and no less, than one of the container's.
func inherited(p, container *specs.Process) *specs.Process {
	out := *p
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
	return &out
}

func (e *execution) check() error {
	if e.state.Early {
		if err := e.settled(); err != nil {
			return err
		}
	}
	status, err := e.Status()
	if err != nil {
		return err
	}
	switch {
	case status == Stopped || status == Creating:
		return notRunning("cannot exec in a " + string(status) + " container")
	case status == Paused && !e.opts.IgnorePaused:
		return ErrPaused
	}
	return nil
}

func (e *execution) compile(inside host.Inside) error {
	facts, err := e.runtime.facts()
	if err != nil {
		return err
	}
	e.facts = facts
	e.spec = withoutShared(e.spec, e.state.Pid)
	if err = e.findPlace(); err != nil {
		return err
	}
	filter, err := e.runtime.compileSeccomp(e.spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	e.program, err = compile.Exec(compile.ExecInput{
		Spec: e.spec, Process: e.process, Facts: facts, Inside: inside,
		UserNS: e.state.UserNS && !sys.SameUserNamespace(e.state.Pid),
		Options: compile.Options{
			ID: e.state.ID, Bundle: e.state.Bundle, NoKeyring: e.opts.NoKeyring || e.state.NoKeyring, Console: e.opts.Console != nil,
			ListenFDs: e.opts.ListenFDs, PreserveFDs: e.opts.PreserveFDs, CgroupPaths: e.place.Paths(),
			SetgroupsOff: e.state.UserNS && sys.SetgroupsDenied(e.state.Pid), Seccomp: filter,
		},
	})
	if err != nil {
		return err
	}
	e.runtime.warn(e.program.Warnings)
	return nil
}

func (e *execution) launch() (int, error) {
	progress, err := launch.NewProgress(e.runtime.Trace)
	if err != nil {
		return 0, err
	}
	slots, err := e.open()
	defer closeAll(slots)
	if err != nil {
		return 0, err
	}
	e.hands, err = launch.Start(launch.Request{
		Plan: e.program.First, Slots: slots, Stdio: e.opts.Stdio, Preserve: e.opts.PreserveFDs, Progress: progress,
	})
	if err != nil {
		return 0, err
	}
	e.logAffinity()
	err = e.serve()
	e.runtime.logTrace(e.hands)
	if err != nil {
		e.hands.Abort()
		return 0, err
	}
	defer e.hands.Close()
	return e.hands.Pid(), nil
}

// logAffinity tells with which CPUs the hands enter the container. runc's nsexec says so, and
// its tests, and those of youki, know of it by these words only.
func (e *execution) logAffinity() {
	a := e.process.ExecCPUAffinity
	if a == nil || a.Initial == "" {
		return
	}
	if list, err := idlist.Parse(a.Initial); err == nil && len(list) > 0 {
		e.runtime.Log.Debug(fmt.Sprintf("nsexec[%d]: affinity: %#x", e.hands.Pid(), list.Words()[0]))
	}
}

func (e *execution) serve() error {
	for {
		point, shown, err := e.hands.Next()
		if errors.Is(err, launch.ErrRunning) {
			return nil
		}
		if err != nil {
			return err
		}
		e.runtime.Log.Debug("the hands wait", "sync", point.String())
		if err := e.actions(point, shown); err != nil {
			return err
		}
		if err := e.hands.Reply(point, nil, nil); err != nil {
			return err
		}
	}
}

func (e *execution) actions(point plan.SyncPoint, shown *os.File) (err error) {
	if point == plan.SyncListener {
		defer shown.Close()
		return e.sendListener(e.spec, e.status, e.hands.Pid(), shown)
	}
	for _, a := range e.program.Actions[point] {
		switch a.Kind {
		case compile.EnterCgroup:
			err = e.enterCgroup()
		case compile.JoinResctrl:
			err = e.joinResctrl()
		case compile.SetRlimits:
			err = setRlimits(e.hands.Pid(), e.process.Rlimits)
		default:
			err = fmt.Errorf("%s: no part of exec", a.Kind)
		}
		if err != nil {
			return err
		}
	}
	if point == plan.SyncReady && e.opts.Ready != nil {
		return e.opts.Ready(e.hands.Pid())
	}
	return nil
}

// joinResctrl: the group may have been removed from under the container.
func (e *execution) joinResctrl() error {
	group := e.Resctrl()
	if group == nil {
		return nil
	}
	if there, err := sys.Exists(group.State().Path); !there {
		return err
	}
	return group.Join(e.hands.Pid())
}

func (e *execution) open() ([]*os.File, error) {
	var files []*os.File
	tasks, err := e.place.OpenTasks()
	if err != nil {
		return nil, placeError(err)
	}
	for _, s := range e.program.Sources {
		file, err := e.openSource(s, tasks)
		if err != nil {
			return append(files, tasks...), err
		}
		files = append(files, file)
	}
	return files, nil
}

func (e *execution) openSource(s compile.Source, tasks []*os.File) (*os.File, error) {
	switch s.Kind {
	case compile.SourcePidfd:
		return sys.PidfdOpen(e.state.Pid)
	case compile.SourceRoot:
		return sys.Dup(e.root)
	case compile.SourceProc:
		return openProc()
	case compile.SourceConsole:
		return sys.Dup(e.opts.Console)
	case compile.SourceCgroup:
		file, err := e.place.OpenUnified()
		return file, placeError(err)
	case compile.SourceTasks:
		if s.Index < len(tasks) {
			return tasks[s.Index], nil
		}
		return nil, nil // a hierarchy that create had to leave out
	}
	return nil, fmt.Errorf("no descriptor of kind %d for exec", s.Kind)
}
