package checkpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/criu"
	"rung/libcontainer/process"
	"rung/libcontainer/setup"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

const stopped process.NotRunning = "Container cannot be checkpointed in stopped state" // runc's words

// Dump saves a container's processes; the caller holds its lock. When it fails, or when ctx ends, the container runs on.
func Dump(ctx context.Context, c *store.Container, log *slog.Logger, o Options) error {
	now, err := status.Of(c)
	if err != nil {
		return err
	}
	if now != status.Running && now != status.Paused {
		return fmt.Errorf("Container cannot be checkpointed in %s state", now) //nolint:staticcheck,revive // runc's words
	}
	if err := checkFreezer(c); err != nil {
		return err
	}
	program, err := findCRIU(ctx)
	if err != nil {
		return err
	}
	if err := checkDumpFeatures(ctx, program, &o); err != nil {
		return err
	}
	if err := checkStatusFD(&o); err != nil {
		return err
	}
	request, err := dumpRequest(c, &o)
	if err != nil {
		return c.Init().OrStopped(err, stopped)
	}
	if err := makeImageDir(o.ImagePath, c.State.UserNS); err != nil {
		return err
	}
	dirs, err := openDirectories(&o.Common)
	if err != nil {
		return err
	}
	defer dirs.close()
	dirs.into(request)
	if !o.PreDump {
		if err := writeDescriptors(&c.State, dirs.images); err != nil {
			return c.Init().OrStopped(err, stopped)
		}
	}
	if err := runDump(ctx, program, request, &o, log); err != nil {
		if now == status.Running {
			c.Thaw() // a CRIU that was killed may have left the container frozen
		}
		return dirs.explain(err, dumpLog, log)
	}
	return nil
}

// checkFreezer refuses a container below a frozen cgroup: CRIU can thaw the container's own cgroup only.
func checkFreezer(c *store.Container) error {
	manager, err := c.Cgroup()
	if err != nil {
		return err
	}
	at, err := manager.FrozenAbove()
	if err == nil && at != "" {
		err = fmt.Errorf("Container cannot be checkpointed in the frozen cgroup %s", at) //nolint:staticcheck,revive // runc's words
	}
	return err
}

func checkDumpFeatures(ctx context.Context, program string, o *Options) error {
	var wanted []criu.Feature
	if o.PreDump {
		wanted = append(wanted, criu.MemTrack)
	}
	if o.LazyPages {
		wanted = append(wanted, criu.LazyPages)
	}
	return criu.CheckFeatures(ctx, program, wanted...)
}

func checkStatusFD(o *Options) error {
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

func dumpRequest(c *store.Container, o *Options) (*criu.Request, error) {
	config, err := c.Config()
	if err != nil {
		return nil, err
	}
	spec, err := setup.WithoutOwn(config)
	if err != nil {
		return nil, err
	}
	if err := checkForeign(c.State.Pid, spec); err != nil {
		return nil, err
	}
	r, err := newRequest(criu.Dump, &o.Common, spec)
	if err != nil {
		return nil, err
	}
	r.LogFile, r.Root, r.Pid = dumpLog, c.State.Rootfs, c.State.Pid
	r.LeaveRunning, r.LinkRemap, r.TCPSkipInFlight = o.LeaveRunning, o.LinkRemap, o.TCPSkipInFlight
	r.ParentImage, r.PageServer = o.ParentPath, o.PageServer
	manager, err := c.Cgroup()
	if err != nil {
		return nil, err
	}
	r.FreezeCgroup = manager.FreezerPath()
	if r.Externals, err = externalNamespaces(config); err != nil {
		return nil, err
	}
	if o.PreDump {
		r.Kind = criu.PreDump
		return r, nil
	}
	r.ExtMounts, err = externals(c, spec)
	return r, err
}

// externalNamespaces returns the network and PID namespaces at a path, also rung's own: they are still there when the
// container is restored. The keys are runc's.
func externalNamespaces(spec *specs.Spec) (out []string, err error) {
	for _, t := range [...]specs.LinuxNamespaceType{specs.NetworkNamespace, specs.PIDNamespace} {
		ns := bundle.NamespaceOf(spec, t)
		if ns == nil || ns.Path == "" {
			continue
		}
		st, err := sys.Stat(ns.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s[%d]:%s", bundle.NamespaceFile(t), st.Ino, namespaceKey(t)))
	}
	return out, nil
}

// runDump runs CRIU until the dump is done.
func runDump(ctx context.Context, program string, request *criu.Request, o *Options, log *slog.Logger) error {
	process, err := criu.Start(ctx, program)
	if err != nil {
		return err
	}
	_, err = process.Do(request, func(n criu.Notification) error {
		log.Debug("criu waits at " + n.Script)
		if n.Script == "status-ready" && o.StatusFD >= 0 {
			if err := sys.WriteZero(o.StatusFD); err != nil {
				log.Warn("can't write \\0 to status fd: " + err.Error())
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

// writeDescriptors writes which standard streams of the process were pipes when it began. Their other ends are outside of
// the container, so a restore replaces them by its own streams.
func writeDescriptors(state *store.State, images *os.File) error {
	names := state.Pipes
	for n := range names {
		if names[n] != "" {
			continue
		}
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", state.Pid, n))
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

// makeImageDir makes the directory if it is missing. CRIU in a user namespace may not search a directory of root's, so all
// may search it then, and none may read it.
func makeImageDir(path string, userNS bool) error {
	if path == "" {
		return errors.New("invalid directory to save checkpoint")
	}
	mode := os.FileMode(0o700)
	if userNS {
		mode = 0o711
	}
	return os.MkdirAll(path, mode)
}
