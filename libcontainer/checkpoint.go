package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/criu"
)

// CRIUOptions is what checkpoint and restore have in common. Those without a comment are the
// options of criu(8) of these names.
type CRIUOptions struct {
	ImagePath      string // directory of the checkpoint
	WorkPath       string // directory of logs; "" is that of the checkpoint
	CgroupMode     string // soft, full, strict, ignore, or "" for CRIU's default
	TCPEstablished bool
	ExtUnixSockets bool
	ShellJob       bool
	FileLocks      bool
	AutoDedup      bool
	LazyPages      bool
}

// CheckpointOptions is what the caller says of a checkpoint; see CRIUOptions.
type CheckpointOptions struct {
	CRIUOptions
	ParentPath      string // of an earlier pre-dump, relative to ImagePath
	PreDump         bool   // memory only; the container runs on
	LeaveRunning    bool
	TCPSkipInFlight bool
	LinkRemap       bool
	PageServer      criu.PageServer
	StatusFD        int // gets a zero byte, and is closed, when lazy pages can be had; -1 is none
}

// descriptorsFile has the names of the standard streams, as runc writes it.
const descriptorsFile = "descriptors.json"

// The logs of CRIU in the work directory.
const (
	dumpLog    = "dump.log"
	restoreLog = "restore.log"
)

// Checkpoint saves the container's processes with CRIU. Without LeaveRunning or PreDump it is
// deleted then, as runc does it. When it fails, the container runs on.
func (c *Container) Checkpoint(o CheckpointOptions) error {
	if err := c.lock(); err != nil {
		return err
	}
	defer c.unlock()
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status != Running && status != Paused {
		return fmt.Errorf("Container cannot be checkpointed in %s state", status) //nolint:staticcheck,revive // runc's words
	}
	if err := c.dump(&o, status); err != nil {
		return err
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	return c.destroy()
}

func (c *Container) dump(o *CheckpointOptions, status Status) error {
	program, err := findCRIU()
	if err != nil {
		return err
	}
	if err := checkDumpFeatures(program, o); err != nil {
		return err
	}
	if err := checkStatusFD(o); err != nil {
		return err
	}
	request, err := c.dumpRequest(o)
	if err != nil {
		return err
	}
	if err := c.makeImageDir(o.ImagePath); err != nil {
		return err
	}
	dirs, err := openCRIUDirs(&o.CRIUOptions)
	if err != nil {
		return err
	}
	defer dirs.close()
	dirs.into(request)
	if !o.PreDump {
		if err := c.writeDescriptors(dirs.images); err != nil {
			return err
		}
	}
	if err := c.runDump(program, request, o); err != nil {
		if status == Running {
			c.thawAfter()
		}
		return dirs.explain(err, dumpLog, c.runtime)
	}
	return nil
}

// findCRIU returns the path of one that is new enough.
func findCRIU() (string, error) {
	program, err := criu.Find()
	if err != nil {
		return "", err
	}
	return program, criu.CheckVersion(program)
}

func checkDumpFeatures(program string, o *CheckpointOptions) error {
	var wanted []criu.Feature
	if o.PreDump {
		wanted = append(wanted, criu.MemTrack)
	}
	if o.LazyPages {
		wanted = append(wanted, criu.LazyPages)
	}
	return criu.CheckFeatures(program, wanted...)
}

func checkStatusFD(o *CheckpointOptions) error {
	if !o.LazyPages || o.StatusFD < 0 {
		return nil
	}
	writable, err := sys.Writable(o.StatusFD)
	switch {
	case err != nil:
		return fmt.Errorf("invalid --status-fd argument %d: %w", o.StatusFD, err)
	case !writable:
		return fmt.Errorf("invalid --status-fd argument %d: not writable", o.StatusFD)
	}
	return nil
}

func (c *Container) dumpRequest(o *CheckpointOptions) (*criu.Request, error) {
	config, err := c.Spec()
	if err != nil {
		return nil, err
	}
	spec, err := withoutOwn(withLinux(config))
	if err != nil {
		return nil, err
	}
	r, err := newRequest(criu.Dump, &o.CRIUOptions, spec)
	if err != nil {
		return nil, err
	}
	r.LogFile, r.Root, r.Pid = dumpLog, c.state.Rootfs, c.state.Pid
	r.LeaveRunning, r.LinkRemap, r.TCPSkipInFlight = o.LeaveRunning, o.LinkRemap, o.TCPSkipInFlight
	r.ParentImage, r.PageServer = o.ParentPath, o.PageServer
	manager, err := c.cgroup()
	if err != nil {
		return nil, err
	}
	r.FreezeCgroup = manager.FreezerPath()
	if r.Externals, err = externalNamespaces(withLinux(config)); err != nil {
		return nil, err
	}
	if o.PreDump {
		r.Kind = criu.PreDump
		return r, nil
	}
	r.ExtMounts, err = c.externals(spec)
	return r, err
}

// newRequest has what checkpoint and restore have in common.
func newRequest(kind criu.Kind, o *CRIUOptions, spec *specs.Spec) (*criu.Request, error) {
	mode, err := criu.ParseCgroupMode(o.CgroupMode)
	if err != nil {
		return nil, err
	}
	// A terminal of the caller's, not of the container, is taken from the caller again.
	inherits := o.ShellJob && (spec.Process == nil || !spec.Process.Terminal)
	return &criu.Request{
		Kind: kind, OrphanPTS: !inherits, WorkFD: -1, CgroupMode: mode, ConfigFile: criuConfig(spec),
		TCPEstablished: o.TCPEstablished, ExtUnixSockets: o.ExtUnixSockets, ShellJob: o.ShellJob,
		FileLocks: o.FileLocks, AutoDedup: o.AutoDedup, LazyPages: o.LazyPages,
	}, nil
}

// criuConfig is the file with settings that CRIU puts before those of the request: runc's,
// unless an annotation names another one, or "" for none. CRIU ignores one that is not there.
func criuConfig(spec *specs.Spec) string {
	if file, given := spec.Annotations["org.criu.config"]; given {
		return file
	}
	return "/etc/criu/runc.conf"
}

// externalNamespaces are those at a path, rung's own ones among them: they are there still when
// the container is restored. The keys are those of runc.
func externalNamespaces(spec *specs.Spec) (out []string, err error) {
	for _, t := range [...]specs.LinuxNamespaceType{specs.NetworkNamespace, specs.PIDNamespace} {
		ns := namespaceOf(spec, t)
		if ns == nil || ns.Path == "" {
			continue
		}
		st, err := sys.Stat(ns.Path)
		if err != nil {
			return nil, &os.PathError{Op: "stat", Path: ns.Path, Err: err}
		}
		out = append(out, fmt.Sprintf("%s[%d]:%s", criuNamespace(t), st.Ino, namespaceKey(t)))
	}
	return out, nil
}

// withLinux spares those who read linux the question whether it is there.
func withLinux(spec *specs.Spec) *specs.Spec {
	if spec.Linux != nil {
		return spec
	}
	out := *spec
	out.Linux = &specs.Linux{}
	return &out
}

// criuNamespace is the name of a namespace below /proc/PID/ns, which CRIU has too.
func criuNamespace(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.NetworkNamespace:
		return "net"
	case specs.MountNamespace:
		return "mnt"
	}
	return string(t)
}

func namespaceKey(t specs.LinuxNamespaceType) string {
	name := criuNamespace(t)
	return "extRoot" + strings.ToUpper(name[:1]) + name[1:] + "NS"
}

// runDump talks with CRIU until the dump is done.
func (c *Container) runDump(program string, request *criu.Request, o *CheckpointOptions) error {
	process, err := criu.Start(program)
	if err != nil {
		return err
	}
	_, err = process.Do(request, func(n criu.Notification) error {
		c.runtime.Log.Debug("criu waits at " + n.Script)
		if n.Script == "status-ready" && o.StatusFD >= 0 {
			if err := sys.WriteZero(o.StatusFD); err != nil {
				c.runtime.Log.Warn("can't write \\0 to status fd: " + err.Error())
			}
			o.StatusFD = -1
		}
		return nil
	})
	errExit := process.Finish()
	if err == nil && errExit != nil && request.Kind != criu.PreDump { // that one waits for a dump
		err = fmt.Errorf("criu failed: %w", errExit)
	}
	return err
}

// thawAfter: a CRIU that was killed may have left the container frozen.
func (c *Container) thawAfter() {
	manager, err := c.cgroup()
	if err != nil {
		return
	}
	if frozen, err := manager.Frozen(); err == nil && frozen {
		_ = manager.Thaw()
	}
}

// writeDescriptors notes which standard streams are pipes, whose other ends are outside: a
// restore puts its own in their places. They are those that the process began with.
func (c *Container) writeDescriptors(images *os.File) error {
	names := c.state.Pipes
	for n := range names {
		if names[n] != "" {
			continue
		}
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", c.state.Pid, n))
		if err == nil && !strings.HasPrefix(target, "pipe:") {
			names[n] = target
		}
	}
	data, err := json.Marshal(names)
	if err != nil {
		return err
	}
	return sys.ReplaceFile(filepath.Join(images.Name(), descriptorsFile), data, 0o600)
}

// criuDirs are the directories that CRIU works in.
type criuDirs struct {
	images, work *os.File // work may be nil
}

// makeImageDir makes the directory where it is missing. In a user namespace CRIU lacks the right
// to search one of root's: then it may be searched, and not read.
func (c *Container) makeImageDir(path string) error {
	if path == "" {
		return errors.New("invalid directory to save checkpoint")
	}
	mode := os.FileMode(0o700)
	if c.state.UserNS {
		mode = 0o711
	}
	return os.MkdirAll(path, mode)
}

// openCRIUDirs opens that of the images, and makes that of the work.
func openCRIUDirs(o *CRIUOptions) (d *criuDirs, err error) {
	d = &criuDirs{}
	if d.images, err = sys.OpenDirectory(o.ImagePath); err != nil {
		return nil, err
	}
	if o.WorkPath == "" {
		return d, nil
	}
	if err := os.Mkdir(o.WorkPath, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		d.close()
		return nil, err
	}
	if d.work, err = sys.OpenDirectory(o.WorkPath); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *criuDirs) close() { closeAll([]*os.File{d.images, d.work}) }

// in opens the same directories in the mount namespace of a process: CRIU mounts file systems in
// that of its work, and the kernel lets it do so only there.
func (d *criuDirs) in(pid int) (*criuDirs, error) {
	out := &criuDirs{}
	for _, dir := range []struct{ from, to **os.File }{{&d.images, &out.images}, {&d.work, &out.work}} {
		if *dir.from == nil {
			continue
		}
		path, err := os.Readlink(sys.FDPath(*dir.from))
		if err == nil {
			*dir.to, err = sys.OpenDirectory(fmt.Sprintf("/proc/%d/root%s", pid, path))
		}
		if err != nil {
			out.close()
			return nil, err
		}
	}
	return out, nil
}

func (d *criuDirs) into(r *criu.Request) {
	r.ImagesFD = int(d.images.Fd())
	if d.work != nil {
		r.WorkFD = int(d.work.Fd())
	}
}

// explain adds to a failure of CRIU what its log says, and quotes the log.
func (d *criuDirs) explain(err error, name string, r *Runtime) error {
	dir := d.images
	if d.work != nil {
		dir = d.work
	}
	file := filepath.Join(dir.Name(), name)
	cause, lines := criu.ReadLog(file)
	if len(lines) > 0 {
		r.Log.Warn(fmt.Sprintf("--- Quoting %q", file))
		for _, line := range lines {
			r.Log.Warn(line)
		}
		r.Log.Warn("---")
	}
	var failure *criu.Error
	if errors.As(err, &failure) {
		failure.Cause, failure.Log = cause, file
		return err
	}
	if cause != "" {
		return fmt.Errorf("%w: %s (log file: %s)", err, cause, file)
	}
	return err
}
