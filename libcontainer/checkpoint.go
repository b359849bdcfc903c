package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/criu"
)

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
	if err := c.destroy(); err != nil {
		c.runtime.Log.Warn(err.Error()) // the images are whole
	}
	return nil
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
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s[%d]:%s", criuNamespace(t), st.Ino, namespaceKey(t)))
	}
	return out, nil
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
