// Package setup makes what a container needs on the host before it has a process: its directory with the lock, the
// place of its cgroup, its resctrl group, and the state of it that is written first. Create and restore begin with it.
package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/compile"
	"rung/libcontainer/hook"
	"rung/libcontainer/host"
	"rung/libcontainer/launch"
	"rung/libcontainer/netdev"
	"rung/libcontainer/open"
	"rung/libcontainer/process"
	"rung/libcontainer/resctrl"
	"rung/libcontainer/seccomp"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// Config is what the embedder says of all containers (libcontainer.Runtime).
type Config struct {
	Store    store.Root
	Rootless bool // cgroups that may not be written are left out
	Systemd  bool // systemd makes the cgroups, as transient scopes
	NoCgroup bool // nobody makes cgroups
	Dry      bool // nothing is stored and nobody is asked: for an explanation
	Stage    *launch.Launcher
	Log      *slog.Logger
}

// Setup is a container that is being made.
type Setup struct {
	Config
	Bundle    *bundle.Bundle
	Spec      *specs.Spec // the configuration without the namespaces that are rung's own
	Facts     *host.Facts
	Container *store.Container
	Cgroup    *cgroup.Manager
	Resctrl   *resctrl.Group // of linux.intelRdt, or nil
	Undo      Undo

	ctx         context.Context // ends all that waits
	DevicesLate bool            // the cgroup gets its device rules by LimitDevices, not when it is made

	places struct{ cgroup, poststop *Place }
}

// New makes the directory of a container. After an error of anything that follows the caller runs Undo. What waits ends with
// ctx.
func New(ctx context.Context, config Config, id string, b *bundle.Bundle) (*Setup, error) {
	s := &Setup{Config: config, Bundle: b, ctx: ctx}
	var err error
	if s.Spec, err = WithoutOwn(b.Spec); err != nil {
		return nil, err
	}
	if s.Facts, err = host.Probe(); err != nil {
		return nil, fmt.Errorf("probe the machine: %w", err)
	}
	if s.Container, err = config.Store.Create(id); err != nil {
		return nil, err
	}
	s.Container.SetConfig(b.Spec)
	s.places.poststop = s.Undo.Reserve() // these hooks see no container any more
	s.Undo.Push(s.Container.Discard)
	return s, nil
}

// NewDry is New for an explanation, with facts that the caller has: nothing is made.
func NewDry(config Config, b *bundle.Bundle, facts *host.Facts) (*Setup, error) {
	config.Dry = true
	spec, err := WithoutOwn(b.Spec)
	return &Setup{Config: config, Bundle: b, Spec: spec, Facts: facts, Container: &store.Container{}}, err
}

// Begin takes the lock, decides the place of the cgroup and of the resctrl group, and sets the state as far as it is known.
func (s *Setup) Begin(noKeyring bool) error {
	if err := s.Container.LockNew(s.ctx); err != nil {
		return err
	}
	// The caller may stay for as long as the container runs: others may delete it meanwhile.
	s.Undo.PushBoth(nil, s.Container.Unlock)
	s.Undo.Push(func() {
		if err := open.DetachRoot(&s.Container.Dir, s.Container.State.Rootfs); err != nil {
			s.Log.Warn(err.Error())
		}
	})
	s.places.cgroup = s.Undo.Reserve()
	if err := s.PlaceCgroup(s.Container.ID()); err != nil {
		return err
	}
	s.Container.SetCgroup(s.Cgroup)
	s.Container.State = store.State{
		Format: store.Format,
		About: store.About{
			ID: s.Container.ID(), OCIVersion: s.Spec.Version, Bundle: s.Bundle.Dir, Created: time.Now().UTC(), Annotations: s.Spec.Annotations,
		},
		Isolation: store.Isolation{
			UserNS: bundle.NamespaceOf(s.Spec, specs.UserNamespace) != nil, OwnPid: bundle.IsNew(s.Spec, specs.PIDNamespace),
			Rootless: s.Rootless, NoKeyring: noKeyring,
		},
		Resources: store.Resources{CgroupPaths: s.Cgroup.Paths(), Unit: s.Cgroup.Unit()},
	}
	return nil
}

// PlanResctrl finds the group of linux.intelRdt. It changes nothing yet.
func (s *Setup) PlanResctrl() error {
	config := s.Spec.Linux.IntelRdt
	if config == nil {
		return nil
	}
	root, err := resctrl.Find()
	if err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	if s.Resctrl, err = resctrl.Plan(root, s.Container.State.ID, config); err != nil {
		return err
	}
	state := s.Resctrl.State()
	s.Container.State.Resctrl = &state
	s.Undo.Push(func() {
		if err := s.Resctrl.Undo(); err != nil {
			s.Log.Warn(err.Error())
		}
	})
	return nil
}

// HooksBegin notes that hooks of create may run from now on: then those of poststop run if the container is not created
// (runtime.md, "Lifecycle", steps 3 to 5, 12 and 13).
func (s *Setup) HooksBegin() {
	s.places.poststop.Fill(func() {
		hook.Poststop(s.ctx, s.Spec, status.OCI(&s.Container.State, status.Stopped), s.Log)
	})
}

// Announce writes the state before anything is made that outlives rung and the stage, so that delete finds what is
// left when rung is killed at any later point.
func (s *Setup) Announce() (err error) {
	if s.Container.State.Rootfs, err = Rootfs(s.Bundle); err != nil {
		return err
	}
	return s.Container.Announce()
}

// KeepConfig stores config.json as it was given.
func (s *Setup) KeepConfig() error { return s.Container.KeepConfig(s.Bundle.Raw) }

// StreamFacts is what is known of the standard streams.
type StreamFacts struct {
	Null    [3]bool  // which are /dev/null
	Owners  []uint32 // of the pipes and sockets
	Missing bool     // one is not given: what it will be is not known
}

// OwnedBy reports whether all pipes and sockets belong to a user.
func (f *StreamFacts) OwnedBy(uid uint32) bool {
	return !f.Missing && !slices.ContainsFunc(f.Owners, func(owner uint32) bool { return owner != uid })
}

// Streams finds out what the standard streams are, and notes in the state which are pipes: a checkpoint needs their
// names. One may be closed.
func Streams(stdio [3]*os.File, state *store.State) (facts StreamFacts, err error) {
	for n, file := range stdio {
		if file == nil {
			facts.Missing = true
			continue
		}
		info, err := file.Stat() // Fd would make the caller's file a blocking one
		if errors.Is(err, syscall.EBADF) || errors.Is(err, os.ErrClosed) {
			continue
		}
		if err != nil {
			return facts, fmt.Errorf("standard stream %d: %w", n, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			continue
		}
		if process.IsStream(info.Mode()) {
			facts.Owners = append(facts.Owners, st.Uid)
		}
		switch {
		case st.Mode&syscall.S_IFMT == syscall.S_IFIFO:
			state.Pipes[n] = "pipe:[" + strconv.FormatUint(st.Ino, 10) + "]"
		case sys.IsNull(st):
			facts.Null[n] = true
		}
	}
	return facts, nil
}

// Rootfs returns the absolute path of the root file system, which must be a directory.
func Rootfs(b *bundle.Bundle) (string, error) {
	path := b.Spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.Dir, path)
	}
	resolved, err := sys.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("root.path: invalid rootfs: %w", err)
	}
	if info, err := os.Stat(resolved); err != nil || !info.IsDir() {
		return "", fmt.Errorf("root.path: %s is not a directory", resolved)
	}
	return resolved, nil
}

// Filter compiles a seccomp profile through the cache of compiled filters. It is nil without a profile.
func (c *Config) Filter(s *specs.LinuxSeccomp) (*compile.Filter, error) {
	cache := seccomp.Cache{Dir: c.Store.Filters(), ReadOnly: c.Dry}
	program, err := cache.Compile(s)
	if err != nil || program == nil {
		return nil, err
	}
	c.Log.Debug("seccomp filter flags: " + strconv.FormatUint(program.Flags, 10))
	return &compile.Filter{
		Program: program.Filter, Flags: program.Flags, Listener: program.Listener,
		Waits: program.Listener && seccomp.Passes(s, compile.WaitCalls),
	}, nil
}

// LevelNotice is the level of what must be logged (config.md, "capabilities"), and nobody can act on: an engine gives its
// containers more capabilities than it has itself, and would see a warning at each of them. It is below slog.LevelInfo.
const LevelNotice = slog.LevelInfo - 1

// Notice logs texts at LevelNotice.
func (c *Config) Notice(texts []string) {
	for _, text := range texts {
		c.Log.Log(context.Background(), LevelNotice, text)
	}
}

// SetProcess notes the container's first process in the state.
func (s *Setup) SetProcess(pid int) error {
	stat, err := sys.ReadProcessStat(pid)
	if err != nil {
		return err
	}
	s.Container.State.Pid, s.Container.State.StartTime = pid, stat.StartTime
	return nil
}

// MoveDevices moves the network devices of the configuration to a namespace, which it takes over.
func (s *Setup) MoveDevices(namespace *os.File) error {
	moved, err := netdev.Move(s.Spec.Linux.NetDevices, namespace)
	if err != nil {
		return err
	}
	s.Undo.PushBoth(func() {
		if err := moved.Undo(); err != nil {
			s.Log.Warn(err.Error())
		}
	}, moved.Forget)
	return nil
}
