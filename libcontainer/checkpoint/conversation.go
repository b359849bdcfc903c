package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/console"
	"rung/libcontainer/criu"
	"rung/libcontainer/hook"
	"rung/libcontainer/launch"
	"rung/libcontainer/netdev"
	"rung/libcontainer/open"
	"rung/libcontainer/status"
)

// run starts CRIU, which restores the processes.
func (r *restoration) run() error {
	conn, theirs, err := criu.Pair(r.ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	err = r.spawnCRIU(theirs)
	theirs.Close()
	if err != nil {
		return err
	}
	theirDirs, err := r.dirs.in(r.criu)
	if err != nil {
		return err
	}
	defer theirDirs.close()
	theirDirs.into(r.request)
	if err := r.enterCgroups(); err != nil {
		return err
	}
	pid, err := conn.Do(r.request, r.notified)
	conn.Close()
	if r.ctx.Err() != nil {
		_ = syscall.Kill(r.criu, syscall.SIGKILL)
	}
	status, errWait := sys.Wait(r.criu)
	r.criu = 0
	switch {
	case err != nil:
		return err
	case errWait != nil:
		return errWait
	case status.ExitStatus() != 0:
		return fmt.Errorf("criu failed: %w", &hook.ExitError{Status: status})
	case r.setup.Container.State.Pid == 0 || pid != r.setup.Container.State.Pid:
		return errors.New("criu failed: it did not tell of the restored process")
	}
	return nil
}

func (r *restoration) spawnCRIU(socket *os.File) error {
	progress, err := launch.NewProgress(r.setup.Stage.Traces())
	if err != nil {
		return err
	}
	opener := &open.Opener{
		Dir: &r.setup.Container.Dir, Launcher: r.setup.Stage, Cgroup: r.setup.Cgroup, Binds: map[string]string{},
		Context: r.ctx,
	}
	defer opener.Close()
	r.setup.Container.State.Binds = opener.Binds
	program := r.restored.Program
	opener.Note(program.Shown)
	slots, err := opener.All(program.Sources[:program.First.Inherited])
	defer open.CloseAll(slots)
	if err != nil {
		return err
	}
	stage, err := r.setup.Stage.Start(launch.Request{
		Plan: program.First, Slots: slots, Stdio: r.opts.Stdio, Progress: progress,
		Pass: append([]*os.File{socket}, r.pass...),
	})
	if err != nil {
		return err
	}
	err = stage.Until(r.ctx, func() error { return sendBatches(stage, opener, program) })
	r.setup.Stage.LogTrace(stage, r.setup.Log)
	if !errors.Is(err, launch.ErrRunning) {
		stage.Abort()
		return err
	}
	r.criu = stage.Pid()
	r.setup.Undo.Push(r.end)
	stage.Close()
	return nil
}

// sendBatches serves the stage until it is CRIU: it waits for nothing but mounts. The error is never nil.
func sendBatches(stage *launch.Stage, opener *open.Opener, program *compile.Program) error {
	for n := 0; ; n++ {
		point, _, err := stage.Next()
		if err != nil {
			return err
		}
		if n == len(program.Batches) {
			return errors.New("the stage asked for more mounts than the plan has")
		}
		files, err := opener.All(program.Batch(n))
		if err == nil {
			err = stage.Reply(point, nil, files)
		}
		open.CloseAll(files)
		if err != nil {
			return err
		}
	}
}

// enterCgroups puts CRIU into the cgroups of the restored processes, and tells it which they are.
func (r *restoration) enterCgroups() error {
	bySystemd, err := r.startUnit()
	if err != nil {
		return err
	}
	if err := r.setup.Cgroup.Enter(r.criu, bySystemd); err != nil {
		return err
	}
	if r.setup.Resctrl != nil {
		if err := r.setup.Resctrl.Create(r.criu); err != nil {
			return err
		}
	}
	placements, err := sys.Placements(r.criu)
	if err != nil {
		return err
	}
	for _, p := range placements {
		for _, label := range p.Labels() {
			r.request.CgroupRoots = append(r.request.CgroupRoots, criu.CgroupRoot{Controllers: label, Path: p.Path})
		}
	}
	return nil
}

// startUnit has systemd make the cgroup with CRIU in it, if systemd makes the cgroups. It reports whether CRIU is in the
// unified cgroup then.
func (r *restoration) startUnit() (bool, error) {
	if !r.setup.Systemd {
		return false, nil
	}
	if err := r.setup.BeginUnit(r.criu); err != nil {
		return false, err
	}
	if err := r.setup.FinishUnit(); err != nil {
		return false, err
	}
	r.setup.Container.State.CgroupPaths = r.setup.Cgroup.Paths()
	return len(r.setup.Container.State.CgroupPaths) == 1, nil
}

// notified is called by CRIU at points of the restore.
func (r *restoration) notified(n criu.Notification) error {
	r.setup.Log.Debug("criu waits at " + n.Script)
	switch n.Script {
	case "setup-namespaces":
		return r.namespacesMade(n.Pid)
	case "orphan-pts-master":
		if len(n.Files) != 1 || r.opts.Console == nil {
			return errors.New("process.terminal: the checkpoint has a terminal, and nobody is here to use it")
		}
		return console.SendFD(r.opts.Console, "/dev/ptmx", int(n.Files[0].Fd()))
	case "post-restore":
		return r.restoredAs(n.Pid)
	}
	return nil
}

// namespacesMade moves network devices and runs hooks when CRIU has made the namespaces. The network namespace is empty, or
// the one at a path.
func (r *restoration) namespacesMade(pid int) error {
	if bundle.IsNew(r.setup.Spec, specs.NetworkNamespace) {
		if err := r.network(pid); err != nil {
			return err
		}
	}
	h := r.setup.Spec.Hooks
	if h == nil {
		return nil
	}
	r.setup.HooksBegin()
	state := status.OCI(&r.setup.Container.State, status.Creating)
	state.Pid = pid
	if err := hook.RunAll(r.ctx, h.Prestart, "prestart", state, nil, r.setup.Container.NoteHook); err != nil { //nolint:staticcheck // deprecated, and part of the specification
		return err
	}
	return hook.RunAll(r.ctx, h.CreateRuntime, "createRuntime", state, nil, r.setup.Container.NoteHook)
}

// network brings up the loopback device of a new network namespace and moves devices there, as create does.
func (r *restoration) network(pid int) error {
	namespace, err := sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	if err := netdev.LoopbackUp(namespace); err != nil {
		namespace.Close()
		return fmt.Errorf("linux.namespaces: bring up the loopback device: %w", err)
	}
	if len(r.setup.Spec.Linux.NetDevices) == 0 {
		return namespace.Close()
	}
	return r.setup.MoveDevices(namespace)
}

// restoredAs writes the state of the container, whose processes run on after it.
func (r *restoration) restoredAs(pid int) error {
	if err := r.setup.SetProcess(pid); err != nil {
		return err
	}
	state := &r.setup.Container.State
	state.Created, state.Restored = time.Now().UTC(), true
	sameTimeNS, err := sys.SameTimeNamespace(pid)
	if err != nil {
		return err
	}
	state.TimeNS = !sameTimeNS
	if err := r.setup.Delegate(pid); err != nil { // its user namespace is there only now
		return err
	}
	return r.setup.Container.Write()
}

// end ends CRIU and what it has restored.
func (r *restoration) end() {
	if !r.setup.Systemd {
		_ = r.setup.Cgroup.Kill()
	}
	for _, pid := range []int{r.criu, r.setup.Container.State.Pid} {
		if pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = sys.Wait(pid)
		}
	}
}
