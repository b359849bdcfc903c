package create

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// foresee returns the error that Create would end with, as far as this host shows it to somebody who changes nothing; nil if it
// shows none. It has the words of Create.
func (c *creation) foresee(p *Preview) error {
	for _, look := range []func(*Preview) error{
		c.foreseeRights, c.foreseeNamespaces, c.foreseeResctrl, c.foreseeNetDevices, c.foreseeOps, c.foreseeDevices, c.foreseeAgent,
		c.foreseeHooks, c.foreseeCwd,
		c.foreseeProgram, c.foreseeRlimits,
	} {
		if err := look(p); err != nil {
			return mountError(c.setup.Spec, err)
		}
	}
	r := c.setup.Spec.Linux.Resources
	if blocked := c.setup.Cgroup.Obstacles(r); len(blocked) > 0 {
		return blocked[0]
	}
	return nil
}

// foreseeRights refuses new namespaces of a process without CAP_SYS_ADMIN that has none of users.
func (c *creation) foreseeRights(*Preview) error {
	spec := c.setup.Spec
	if c.setup.Facts.Privileged() || bundle.NamespaceOf(spec, specs.UserNamespace) != nil {
		return nil
	}
	for _, ns := range spec.Linux.Namespaces {
		if ns.Path == "" {
			return fmt.Errorf("linux.namespaces: the container process, in new namespaces: clone: %w (%s)", syscall.EPERM, launch.NeedsUserNamespace)
		}
	}
	return nil
}

// foreseeNamespaces opens the namespaces that the container joins.
func (c *creation) foreseeNamespaces(*Preview) error {
	for i, ns := range c.setup.Bundle.Spec.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		field := fmt.Sprintf("linux.namespaces[%d]", i)
		file, err := sys.OpenForReading(ns.Path)
		if errors.Is(err, syscall.EACCES) && c.setup.Facts.ForRoot() {
			continue // only root may look
		}
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		kind, err := sys.NamespaceKind(file)
		file.Close()
		if err != nil || kind != bundle.NamespaceFlag(ns.Type) {
			return fmt.Errorf("%s: join the %s namespace %s: setns: %w (%s)", field, ns.Type, ns.Path, syscall.EINVAL, launch.NoSuchNamespace)
		}
	}
	return nil
}

// foreseeOps looks at the operations whose outcome can be known.
func (c *creation) foreseeOps(p *Preview) error {
	f := &foresight{facts: c.setup.Facts, spec: c.setup.Spec, bundle: c.setup.Bundle.Dir, rootfs: c.setup.Container.State.Rootfs,
		onDevice: map[plan.Slot]string{}, noRealtime: c.deniesRealtime()}
	defer f.close()
	for _, segment := range []*plan.Plan{p.Program.First, p.Program.Second, p.Third} {
		if segment == nil {
			continue
		}
		for i := range segment.Ops {
			failure := &launch.Failure{Op: &segment.Ops[i], Index: i, Plan: segment}
			if failure.Op.SkipIfDone == 0 && f.fails(failure) && !failure.Op.OK.Has(failure.Errno) {
				return setup.ProcessError(setup.InitError, failure)
			}
		}
	}
	return nil
}

// foresight is what is known of the slots of a plan, and of the places on the host that its paths lead to.
type foresight struct {
	facts    *host.Facts
	contexts map[plan.Slot]*sys.FilesystemContext // nil: nothing is known of it

	spec           *specs.Spec
	bundle, rootfs string
	places         []host.Place // of the mounts; nil: not found yet

	onDevice   map[plan.Slot]string // the source of a file system that needs a block device; "" of others
	noRealtime bool                 // process.scheduler asks for a policy that the cgroup has no time for
}

func (f *foresight) close() {
	for _, context := range f.contexts {
		context.Close()
	}
}

// fails reports whether an operation will fail, and notes how.
func (f *foresight) fails(failure *launch.Failure) bool {
	switch op := failure.Op; op.Code {
	case plan.Fsopen:
		failure.Errno = f.open(op)
	case plan.Fsconfig:
		f.note(op)
		failure.Errno, failure.Messages = f.contexts[op.Slots[0]].Set(op.Text[0], op.Text[1], op.Ints[0])
		failure.Call = "fsconfig"
	case plan.Fsmount:
		failure.Call, failure.Errno, failure.Messages = f.mounts(op)
	case plan.SchedAttr:
		if f.noRealtime {
			failure.Errno = syscall.EPERM
		}
	case plan.Write:
		failure.Call, failure.Errno = f.writes(op)
	case plan.Mkpath, plan.Mknod:
		failure.Call, failure.Errno = f.makes(op)
	}
	return failure.Errno != 0
}

// open opens a context of a file system that the kernel has: for another fsopen(2) could load a module.
func (f *foresight) open(op *plan.Op) syscall.Errno {
	slot, kind := op.Slots[0], op.Text[0]
	f.contexts[slot].Close()
	delete(f.onDevice, slot)
	if sys.NeedsDevice(kind) {
		f.onDevice[slot] = ""
	}
	delete(f.contexts, slot)
	switch known, module := sys.KnownFilesystem(kind); {
	case !known && !module:
		return syscall.ENODEV
	case !known:
		return 0
	}
	context, err := sys.OpenContext(kind)
	if err != nil {
		return 0 // a right is missing that the stage will have, or the check of the system calls tells it
	}
	if f.contexts == nil {
		f.contexts = map[plan.Slot]*sys.FilesystemContext{}
	}
	f.contexts[slot] = context
	return 0
}

// writes looks at writes to /proc: kernel parameters that do not exist, and profiles that nothing takes.
func (f *foresight) writes(op *plan.Op) (call string, errno syscall.Errno) {
	name := op.Text[0]
	switch {
	case strings.HasPrefix(name, "sys/") && !ofDevice(name):
		if _, err := sys.Stat("/proc/" + name); errors.Is(err, syscall.ENOENT) {
			return "openat2", syscall.ENOENT
		}
	case strings.HasPrefix(op.Origin.Purpose, "AppArmor"):
		if on, err := sys.AppArmorEnabled(); err == nil && !on {
			return "write", syscall.EINVAL
		}
	}
	return "", 0
}

// ofDevice reports whether a kernel parameter belongs to a network device, which may be in the container only.
func ofDevice(name string) bool {
	parts := strings.Split(name, "/")
	return len(parts) > 4 && slices.Contains([]string{"conf", "neigh"}, parts[3])
}

// executable returns why a file cannot be executed: below root, or on the host. It is 0 if it can, or nobody may look.
func (c *creation) executable(root *os.File, name string) syscall.Errno {
	st, err := sys.Stat(name)
	if root != nil {
		st, err = sys.StatInRoot(root, name)
	}
	switch {
	case errors.Is(err, syscall.ENOENT):
		return syscall.ENOENT
	case errors.Is(err, syscall.ENOTDIR):
		return syscall.ENOTDIR
	case err != nil:
		return 0
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		return syscall.EISDIR
	case st.Mode&0o111 == 0: // not even root may
		return syscall.EACCES
	}
	return 0
}

// provided reports whether something that create does may put a file at a path of the container: a hook, or a mount with files.
func (c *creation) provided(root *os.File, file string) bool {
	if hasEarlyHooks(c.setup.Spec) {
		return true
	}
	place, known := setup.PlaceInRoot(root, file)
	return slices.ContainsFunc(c.setup.Spec.Mounts, func(m specs.Mount) bool {
		if !host.IsBind(&m) && slices.Contains(throwAway, m.Type) {
			return false
		}
		destination, knownToo := setup.PlaceInRoot(root, host.Destination(&m, c.setup.Container.State.Rootfs))
		_, below := host.Below(place, destination)
		return below || !known || !knownToo
	})
}

// hidden reports whether a mount lies over a path, so that what the root file system has there is of no matter.
func (c *creation) hidden(file string) bool {
	return slices.ContainsFunc(c.setup.Spec.Mounts, func(m specs.Mount) bool {
		_, below := host.Below(file, host.Destination(&m, c.setup.Container.State.Rootfs))
		return below
	})
}

// foreseeDevices refuses a device where the image has something else. Where devices are bound, they cover what is there.
func (c *creation) foreseeDevices(p *Preview) error {
	facts, spec := c.setup.Facts, c.setup.Spec
	if p.Root == nil || facts.UserNS || bundle.NamespaceOf(spec, specs.UserNamespace) != nil || !facts.Has(host.CapMknod) {
		return nil
	}
	for i := range spec.Linux.Devices {
		d := &spec.Linux.Devices[i]
		at := path.Clean(d.Path)
		if at == "/dev/ptmx" || c.provided(p.Root, at) || c.hidden(at) {
			continue
		}
		file, err := sys.OpenInRoot(p.Root, at, sys.O_PATH|sys.O_NOFOLLOW)
		if err != nil {
			continue
		}
		st, err := sys.Stat(sys.FDPath(file))
		file.Close()
		if err == nil && !compile.IsDevice(d, st.Mode, st.Rdev) {
			return fmt.Errorf("linux.devices[%d]: %s%s: statx: %w (%s)", i, at, compile.MustBeDevice, syscall.ENODEV, launch.NotThatDevice)
		}
	}
	return nil
}

func (c *creation) foreseeCwd(p *Preview) error {
	cwd := path.Clean(c.setup.Spec.Process.Cwd)
	if p.Root == nil || c.hidden(cwd) || c.provided(p.Root, cwd) {
		return nil
	}
	st, err := sys.StatInRoot(p.Root, cwd)
	if err != nil || st.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return nil // a missing one is made
	}
	return fmt.Errorf(setup.InitError+"process.cwd: chdir to cwd (%q): chdir: %w", c.setup.Spec.Process.Cwd, syscall.ENOTDIR)
}

// foreseeProgram looks for the program where nothing can come over the root file system that has it.
func (c *creation) foreseeProgram(p *Preview) error {
	process := c.setup.Spec.Process
	if p.Root == nil || programOf(c.setup.Bundle.Spec.Process) != "" {
		return nil
	}
	searched := !strings.Contains(process.Args[0], "/")
	last, tried := syscall.ENOENT, process.Args[0]
	for _, name := range compile.Candidates(process) {
		full := name
		if !path.IsAbs(name) {
			full = path.Join(process.Cwd, name)
		}
		tried = full
		if c.provided(p.Root, full) {
			return nil
		}
		if last = c.executable(p.Root, full); last == 0 {
			return c.foreseeExec(full)
		}
	}
	var err error
	switch {
	case searched:
		err = fmt.Errorf(setup.InitError+"%w", notInPath(process.Args[0]))
	case last == syscall.EISDIR:
		err = fmt.Errorf(setup.InitError+"exec: %q: %w (%v)", process.Args[0], last, syscall.EACCES)
	case last == syscall.ENOENT:
		err = fmt.Errorf(setup.InitError+"exec: %q: stat %s: %w", process.Args[0], process.Args[0], last)
	default:
		err = fmt.Errorf(setup.InitError+"exec: %q: %w", process.Args[0], last)
	}
	return setup.ExplainExec(c.setup.Spec, c.setup.Container.State.Rootfs, tried, err)
}

// notInPath is the error of a program, by its name, that no directory of PATH has.
type notInPath string

func (name notInPath) Error() string {
	return fmt.Sprintf("exec: %q: executable file not found in $PATH", string(name))
}

func (name notInPath) Unwrap() error { return syscall.ENOENT }

// foreseeExec refuses a program that is there, and of which it is known why the kernel will not execute it.
func (c *creation) foreseeExec(program string) error {
	if v := setup.Format(c.setup.Spec, c.setup.Container.State.Rootfs, program); v != nil {
		return fmt.Errorf("exec %s: %w", program, v)
	}
	for _, errno := range [...]syscall.Errno{syscall.EACCES, syscall.ENOENT, syscall.EPERM} {
		denied := fmt.Errorf("exec %s: %w", program, errno)
		if err := setup.ExplainExec(c.setup.Spec, c.setup.Container.State.Rootfs, program, denied); err != denied { //nolint:errorlint // with an explanation it is another one
			return err
		}
	}
	return nil
}

// foreseeRlimits compares process.rlimits with the hard limits of the caller, which only CAP_SYS_RESOURCE may raise.
func (c *creation) foreseeRlimits(*Preview) error {
	if c.setup.Facts.Has(host.CapSysResource) {
		return nil
	}
	for i, limit := range c.setup.Spec.Process.Rlimits {
		_, hard, err := sys.GetRlimit(limit.Type)
		if err == nil && limit.Hard > hard {
			return fmt.Errorf("process.rlimits[%d]: set %s: prlimit64: %w (%s)", i, limit.Type, syscall.EPERM, launch.RlimitHint)
		}
	}
	return nil
}
