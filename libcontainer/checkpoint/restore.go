package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/criu"
	"rung/libcontainer/host"
	"rung/libcontainer/open"
	"rung/libcontainer/setup"
	"rung/libcontainer/store"
)

// restoration is a restore under way.
type restoration struct {
	ctx      context.Context // ends all that waits
	setup    *setup.Setup
	opts     RestoreOptions
	criuPath string
	request  *criu.Request
	dirs     *directories
	restored *compile.Restored
	pass     []*os.File // descriptors 4 and up of CRIU
	criu     int        // its PID, until it is reaped
}

// Restore makes a container of a validated bundle and a checkpoint (runtime.md has no restore; the order
// is runc's): prestart and createRuntime hooks run, and the container process is a child of
// this one. The caller ends the returned list, as that of create. Nothing is left behind on an error.
func Restore(ctx context.Context, config setup.Config, id string, b *bundle.Bundle, o RestoreOptions) (*store.Container, *setup.Undo, error) {
	r := &restoration{ctx: ctx, opts: o}
	if err := r.find(b.Spec); err != nil {
		return nil, nil, err
	}
	defer r.dirs.close()
	var err error
	if r.setup, err = setup.New(ctx, config, id, b); err != nil {
		return nil, nil, err
	}
	err = r.restore()
	open.CloseAll(r.pass)
	if err != nil {
		r.setup.Undo.Run()
		return nil, nil, err
	}
	return r.setup.Container, &r.setup.Undo, nil
}

// find checks CRIU and the checkpoint before anything is made.
func (r *restoration) find(spec *specs.Spec) (err error) {
	if r.criuPath, err = findCRIU(r.ctx); err != nil {
		return err
	}
	if r.request, err = newRequest(criu.Restore, &r.opts.Common, spec); err != nil {
		return err
	}
	r.request.LogFile = restoreLog
	r.request.LSMProfile, r.request.LSMMountContext = r.opts.LSMProfile, r.opts.LSMMountContext
	r.dirs, err = openDirectories(&r.opts.Common)
	return err
}

func (r *restoration) restore() error {
	if err := r.prepare(); err != nil {
		return err
	}
	if err := r.run(); err != nil {
		return missing(r.dirs.images, r.request, r.dirs.explain(err, restoreLog, r.setup.Log))
	}
	if r.opts.Ready != nil {
		return r.opts.Ready(r.setup.Container.State.Pid)
	}
	return nil
}

// prepare does all that comes before CRIU.
func (r *restoration) prepare() error {
	if err := r.setup.Begin(false); err != nil {
		return err
	}
	if r.opts.Console == nil { // the streams of a container with a terminal are the terminal
		if _, err := setup.Streams(r.opts.Stdio, &r.setup.Container.State); err != nil {
			return err
		}
	}
	if err := r.setup.PlanResctrl(); err != nil {
		return err
	}
	if err := r.inheritPipes(); err != nil {
		return err
	}
	if err := r.namespaces(); err != nil {
		return err
	}
	if err := r.setup.Announce(); err != nil {
		return err
	}
	if err := r.compile(); err != nil {
		return err
	}
	if !r.setup.Systemd {
		if err := r.setup.MakeCgroup(); err != nil {
			return err
		}
	}
	return r.setup.KeepConfig()
}

// smallFile is the most that rung reads of a file of a checkpoint, in bytes: a checkpoint may come from anybody.
const smallFile = 1 << 20

// inheritPipes replaces the pipes that were the standard streams of the process by those of CRIU.
func (r *restoration) inheritPipes() error {
	path := filepath.Join(r.dirs.images.Name(), descriptorsFile)
	data, err := sys.ReadRegular(path, smallFile)
	if err != nil {
		return err
	}
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for n, name := range names {
		if n < len(r.opts.Stdio) && strings.HasPrefix(name, "pipe:") {
			r.request.InheritFDs = append(r.request.InheritFDs, criu.InheritFD{Key: name, FD: n})
		}
	}
	return nil
}

// namespaces tells CRIU about namespaces at a path. They are not restored: CRIU gets their descriptors, or joins them.
func (r *restoration) namespaces() error {
	if err := r.passNamespaces(); err != nil {
		return err
	}
	for i := range r.setup.Spec.Linux.Namespaces {
		ns := &r.setup.Spec.Linux.Namespaces[i]
		if ns.Path == "" {
			continue
		}
		switch ns.Type {
		case specs.NetworkNamespace, specs.PIDNamespace:
		case specs.CgroupNamespace:
			return fmt.Errorf("Do not know how to handle namespace %v", ns.Type) //nolint:staticcheck,revive // runc's words
		default:
			r.request.JoinNS = append(r.request.JoinNS, criu.JoinNS{Type: bundle.NamespaceFile(ns.Type), Path: ns.Path})
		}
	}
	return nil
}

// passNamespaces gives CRIU the namespaces that externalNamespaces has told the dump to leave out.
func (r *restoration) passNamespaces() error {
	for _, ns := range r.setup.Bundle.Spec.Linux.Namespaces {
		if ns.Path == "" || ns.Type != specs.NetworkNamespace && ns.Type != specs.PIDNamespace {
			continue
		}
		file, err := sys.OpenForReading(ns.Path)
		if err != nil {
			return fmt.Errorf("Requested %s namespace %v does not exist", ns.Type, ns.Path) //nolint:staticcheck,revive // runc's words
		}
		r.pass = append(r.pass, file)
		r.request.InheritFDs = append(r.request.InheritFDs, criu.InheritFD{
			Key: namespaceKey(ns.Type), FD: criu.SocketFD + len(r.pass),
		})
	}
	return nil
}

// compile compiles what CRIU's process does before it becomes CRIU, and tells CRIU the paths that it finds then.
func (r *restoration) compile() error {
	if err := r.setup.Facts.ProbeBundle(r.setup.Spec, r.setup.Bundle.Dir, r.setup.Container.State.Rootfs); err != nil {
		return err
	}
	in := compile.Input{Spec: r.setup.Spec, Facts: r.setup.Facts, Options: mountOptions(&r.setup.Container.State)}
	offers, err := newOffers(&r.setup.Container.State, compile.Externals(in))
	if err != nil {
		return err
	}
	dir, err := r.stagingDir(offers.paths())
	if err != nil {
		return err
	}
	r.restored, err = compile.Restore(compile.RestoreInput{
		Input: in, Dir: dir, Alone: offers.alone, Path: r.criuPath, Args: criu.Args(), Env: os.Environ(),
	})
	if err != nil {
		return err
	}
	r.request.Root = r.restored.Root
	r.request.ExtMounts, err = offers.named(r.restored.Paths, dir)
	return err
}

// stagingDir returns the directory that the mounts for CRIU cover, in CRIU's own mount namespace. It is the directory of the
// container's state, without links, because CRIU compares paths with those of mountinfo. A user namespace may not search
// that directory, and gets one that anybody may search.
func (r *restoration) stagingDir(used []string) (string, error) {
	own, err := os.Readlink(sys.FDPath(r.setup.Container.File()))
	if err != nil || !r.setup.Container.State.UserNS {
		return own, err
	}
	used = append(used, own, r.setup.Container.State.Rootfs, r.dirs.images.Name(), r.opts.WorkPath, r.criuPath, r.request.ConfigFile)
	for _, ns := range r.request.JoinNS {
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
