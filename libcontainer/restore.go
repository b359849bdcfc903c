package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/console"
	"rung/libcontainer/criu"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/netdev"
)

// RestoreOptions is what the caller says of a restore, beside config.json.
type RestoreOptions struct {
	CRIUOptions
	LSMProfile      string // TYPE:NAME
	LSMMountContext string
	Stdio           [3]*os.File
	Console         *os.File            // socket that gets the pty of a container that has one
	Ready           func(pid int) error // called when the container runs
}

// restoration is one run of Restore: as of Create, what has been made so far is undone on an
// error.
type restoration struct {
	*creation
	opts     RestoreOptions
	criuPath string
	request  *criu.Request
	restored *compile.Restored
	dirs     *criuDirs
	pass     []*os.File // descriptors 4 and up of CRIU
	criu     int        // its PID, until it is reaped
	hooked   bool       // hooks have run, which those of poststop may have to make up for
}

// Restore makes a container of a bundle and a checkpoint (runtime.md has no restore; the order
// is runc's): prestart and createRuntime hooks run, and the container process is a child of
// this one. Nothing is left behind on an error.
func (r *Runtime) Restore(id string, b *bundle.Bundle, o RestoreOptions) (_ *Container, err error) {
	if err := ValidateID(id); err != nil {
		return nil, err
	}
	r.setDefaults()
	c := &restoration{creation: &creation{bundle: b}, opts: o}
	if c.spec, err = withoutOwn(withLinux(b.Spec)); err != nil {
		return nil, err
	}
	c.Container = &Container{runtime: r, config: b.Spec}
	if err := c.find(); err != nil {
		return nil, err
	}
	defer c.dirs.close()
	if c.facts, err = r.facts(); err != nil {
		return nil, err
	}
	if c.dir, err = r.makeDir(id); err != nil {
		return nil, err
	}
	defer func() {
		closeAll(c.pass)
		if err != nil {
			c.undo()
		}
	}()
	if err := c.prepare(id); err != nil {
		return nil, err
	}
	if err := c.run(); err != nil {
		return nil, c.missing(c.dirs.explain(err, restoreLog, r))
	}
	c.devices.Forget()
	if o.Ready != nil {
		if err := o.Ready(c.state.Pid); err != nil {
			return nil, err
		}
	}
	c.unlock()
	return c.Container, nil
}

// find checks CRIU and the checkpoint before anything is made.
func (c *restoration) find() (err error) {
	if c.criuPath, err = findCRIU(); err != nil {
		return err
	}
	if c.request, err = newRequest(criu.Restore, &c.opts.CRIUOptions, c.spec); err != nil {
		return err
	}
	c.request.LogFile = restoreLog
	c.request.LSMProfile, c.request.LSMMountContext = c.opts.LSMProfile, c.opts.LSMMountContext
	c.dirs, err = openCRIUDirs(&c.opts.CRIUOptions)
	return err
}

// prepare is all that comes before CRIU.
func (c *restoration) prepare(id string) error {
	if err := c.begin(id, c.opts.Stdio); err != nil {
		return err
	}
	if err := c.inheritPipes(); err != nil {
		return err
	}
	if err := c.namespaces(); err != nil {
		return err
	}
	if err := c.announce(); err != nil {
		return err
	}
	if err := c.compileRestore(); err != nil {
		return err
	}
	if !c.runtime.Systemd {
		if err := c.makeCgroup(); err != nil {
			return err
		}
	}
	return c.keepConfig()
}

// inheritPipes gives the restored process CRIU's standard streams in the place of the pipes
// that it had.
func (c *restoration) inheritPipes() error {
	path := filepath.Join(c.dirs.images.Name(), descriptorsFile)
	data, err := readRegular(path)
	if err != nil {
		return err
	}
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for n, name := range names {
		if n < len(c.opts.Stdio) && strings.HasPrefix(name, "pipe:") {
			c.request.InheritFDs = append(c.request.InheritFDs, criu.InheritFD{Key: name, FD: n})
		}
	}
	return nil
}

// readRegular reads a small file of a checkpoint, which may come from anywhere: a FIFO would
// make rung wait, and a large file take its memory.
func readRegular(path string) ([]byte, error) {
	const most = 1 << 20
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s: not a regular file of at most %d bytes", path, most)
	}
	return io.ReadAll(file)
}

// namespaces that have a path are not restored: CRIU gets them, or joins them.
func (c *restoration) namespaces() error {
	if err := c.passNamespaces(); err != nil {
		return err
	}
	for i := range c.spec.Linux.Namespaces {
		ns := &c.spec.Linux.Namespaces[i]
		if ns.Path == "" {
			continue
		}
		switch ns.Type {
		case specs.NetworkNamespace, specs.PIDNamespace:
		case specs.CgroupNamespace:
			return fmt.Errorf("Do not know how to handle namespace %v", ns.Type) //nolint:staticcheck,revive // runc's words
		default:
			c.request.JoinNS = append(c.request.JoinNS, criu.JoinNS{Type: criuNamespace(ns.Type), Path: ns.Path})
		}
	}
	return nil
}

// passNamespaces gives CRIU what externalNamespaces has told it to leave out.
func (c *restoration) passNamespaces() error {
	for _, ns := range withLinux(c.bundle.Spec).Linux.Namespaces {
		if ns.Path == "" || ns.Type != specs.NetworkNamespace && ns.Type != specs.PIDNamespace {
			continue
		}
		file, err := sys.OpenForReading(ns.Path)
		if err != nil {
			return fmt.Errorf("Requested %s namespace %v does not exist", ns.Type, ns.Path) //nolint:staticcheck,revive // runc's words
		}
		c.pass = append(c.pass, file)
		c.request.InheritFDs = append(c.request.InheritFDs, criu.InheritFD{
			Key: namespaceKey(ns.Type), FD: criu.SocketFD + len(c.pass),
		})
	}
	return nil
}

// compileRestore compiles what CRIU's process does before it is CRIU, and tells CRIU where all
// is then.
func (c *restoration) compileRestore() error {
	if err := c.facts.Look(c.spec, c.bundle.Dir, c.state.Rootfs); err != nil {
		return err
	}
	in := compile.Input{Spec: c.spec, Facts: c.facts, Options: c.options()}
	offers, err := c.offers(compile.Externals(in))
	if err != nil {
		return err
	}
	dir, err := c.stageDir(offers.paths())
	if err != nil {
		return err
	}
	c.restored, err = compile.Restore(compile.RestoreInput{
		Input: in, Dir: dir, Alone: offers.alone, Path: c.criuPath, Args: criu.Args(), Env: os.Environ(),
	})
	if err != nil {
		return err
	}
	c.request.Root = c.restored.Root
	c.request.ExtMounts, err = offers.named(c.restored.Paths, dir)
	return err
}

// stageDir is the directory that CRIU's mounts are placed over, in its mount namespace alone:
// that of the container's state, without links, for CRIU compares paths with those of mountinfo.
// A user namespace may not search that one, and gets one that anybody may.
func (c *restoration) stageDir(used []string) (string, error) {
	own, err := os.Readlink(sys.FDPath(c.dir))
	if err != nil || !c.state.UserNS {
		return own, err
	}
	used = append(used, own, c.state.Rootfs, c.dirs.images.Name(), c.opts.WorkPath, c.criuPath, c.request.ConfigFile)
	for _, ns := range c.request.JoinNS {
		used = append(used, ns.Path)
	}
	for _, dir := range []string{"/mnt", "/media", "/srv"} {
		below := func(path string) bool { _, is := host.Below(path, dir); return is }
		if st, err := os.Lstat(dir); err == nil && st.IsDir() && st.Mode()&0o001 != 0 && !slices.ContainsFunc(used, below) {
			return dir, nil
		}
	}
	return own, nil
}

// run has CRIU restore the processes.
func (c *restoration) run() error {
	conn, theirs, err := criu.Pair()
	if err != nil {
		return err
	}
	defer conn.Close()
	err = c.spawnCRIU(theirs)
	theirs.Close()
	if err != nil {
		return err
	}
	theirDirs, err := c.dirs.in(c.criu)
	if err != nil {
		return err
	}
	defer theirDirs.close()
	theirDirs.into(c.request)
	if err := c.enterCgroups(); err != nil {
		return err
	}
	pid, err := conn.Do(c.request, c.notified)
	conn.Close()
	status, errWait := sys.Wait(c.criu)
	c.criu = 0
	switch {
	case err != nil:
		return err
	case errWait != nil:
		return errWait
	case status.ExitStatus() != 0:
		return fmt.Errorf("criu failed: %w", &exitError{status})
	case c.state.Pid == 0 || pid != c.state.Pid:
		return errors.New("criu failed: it did not tell of the restored process")
	}
	return nil
}

func (c *restoration) spawnCRIU(socket *os.File) error {
	progress, err := launch.NewProgress(c.runtime.Trace)
	if err != nil {
		return err
	}
	slots, err := c.open(c.restored.Program.Sources)
	defer closeAll(slots)
	if err != nil {
		return err
	}
	hands, err := launch.Start(launch.Request{
		Plan: c.restored.Program.First, Slots: slots, Stdio: c.opts.Stdio, Progress: progress,
		Pass: append([]*os.File{socket}, c.pass...),
	})
	if err != nil {
		return err
	}
	_, _, err = hands.Next()
	c.runtime.logTrace(hands)
	if !errors.Is(err, launch.ErrRunning) {
		hands.Abort()
		return err
	}
	c.criu = hands.Pid()
	hands.Close()
	return nil
}

// enterCgroups puts CRIU where the restored processes are to be, and tells it so.
func (c *restoration) enterCgroups() error {
	bySystemd, err := c.startUnit()
	if err != nil {
		return err
	}
	if err := c.manager.Enter(c.criu, bySystemd); err != nil {
		return err
	}
	if c.resctrl != nil {
		if err := c.resctrl.Create(c.criu); err != nil {
			return err
		}
	}
	text, err := sys.ReadFile(fmt.Sprintf("/proc/%d/cgroup", c.criu))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			c.request.CgroupRoots = append(c.request.CgroupRoots, criu.CgroupRoot{Controllers: controller, Path: parts[2]})
		}
	}
	return nil
}

// startUnit has systemd make the cgroup, with CRIU in it, where that is asked for. It reports
// whether CRIU is in the unified one by that.
func (c *restoration) startUnit() (bool, error) {
	if !c.runtime.Systemd {
		return false, nil
	}
	if err := c.manager.Begin(c.criu, c.resources()); err != nil {
		return false, err
	}
	if err := c.manager.Finish(); err != nil {
		return false, err
	}
	c.state.CgroupPaths = c.manager.Paths()
	return len(c.state.CgroupPaths) == 1, nil
}

// notified does what is to be done at points of the restore.
func (c *restoration) notified(n criu.Notification) error {
	c.runtime.Log.Debug("criu waits at " + n.Script)
	switch n.Script {
	case "setup-namespaces":
		return c.namespacesMade(n.Pid)
	case "orphan-pts-master":
		if len(n.Files) != 1 || c.opts.Console == nil {
			return errors.New("process.terminal: the checkpoint has a terminal, and nobody is here to use it")
		}
		return console.SendFD(c.opts.Console, "/dev/ptmx", int(n.Files[0].Fd()))
	case "post-restore":
		return c.restoredAs(n.Pid)
	}
	return nil
}

// namespacesMade: CRIU has made an empty network namespace, or has the one at a path.
func (c *restoration) namespacesMade(pid int) error {
	if ns := namespaceOf(c.spec, specs.NetworkNamespace); ns != nil && ns.Path == "" {
		if err := c.network(pid); err != nil {
			return err
		}
	}
	h := c.spec.Hooks
	if h == nil {
		return nil
	}
	c.hooked = true
	state := c.OCI(Creating)
	state.Pid = pid
	if err := runHooks(h.Prestart, "prestart", state, nil); err != nil { //nolint:staticcheck // deprecated, and part of the specification
		return err
	}
	return runHooks(h.CreateRuntime, "createRuntime", state, nil)
}

// network does what create does to a new network namespace.
func (c *restoration) network(pid int) error {
	namespace, err := sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	if err := netdev.LoopbackUp(namespace); err != nil {
		namespace.Close()
		return fmt.Errorf("linux.namespaces: bring up the loopback device: %w", err)
	}
	if len(c.spec.Linux.NetDevices) == 0 {
		return namespace.Close()
	}
	c.devices, err = netdev.Move(c.spec.Linux.NetDevices, namespace)
	return err
}

// restoredAs writes the state of the container that is about to run on.
func (c *restoration) restoredAs(pid int) error {
	stat, err := sys.ReadProcessStat(pid)
	if err != nil {
		return err
	}
	c.state.Pid, c.state.StartTime = pid, stat.StartTime
	c.state.Created, c.state.Restored = time.Now().UTC(), true
	c.state.TimeNS = !sys.SameTimeNamespace(pid)
	if err := c.delegateCgroup(pid); err != nil { // its user namespace is there only now
		return err
	}
	return c.writeStateTo(stateFile)
}

// undo ends CRIU and what it has restored, and removes the rest as for a create.
func (c *restoration) undo() {
	if c.made {
		_ = c.manager.Kill()
	}
	for _, pid := range []int{c.criu, c.state.Pid} {
		if pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_, _ = sys.Wait(pid)
		}
	}
	if c.hooked {
		c.runPoststop(c.spec)
	}
	c.creation.undo()
}
