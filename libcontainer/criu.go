package libcontainer

import (
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

// descriptorsFile has the names of the standard streams, as runc writes it.
const descriptorsFile = "descriptors.json"

// The logs of CRIU in the work directory.
const (
	dumpLog    = "dump.log"
	restoreLog = "restore.log"
)

// findCRIU returns the path of one that is new enough.
func findCRIU() (string, error) {
	program, err := criu.Find()
	if err != nil {
		return "", err
	}
	return program, criu.CheckVersion(program)
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

// criuDirs are the directories that CRIU works in.
type criuDirs struct {
	images, work *os.File // work may be nil
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

// explain adds to a failure of CRIU what its log says, and quotes the log. There is none of that
// name where CRIU's configuration file names another.
func (d *criuDirs) explain(err error, name string, r *Runtime) error {
	dir := d.images
	if d.work != nil {
		dir = d.work
	}
	file := filepath.Join(dir.Name(), name)
	if _, err := os.Stat(file); err != nil {
		file = ""
	}
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
