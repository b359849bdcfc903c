package libcontainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/check"
	"rung/libcontainer/create"
	"rung/libcontainer/host"
)

// Check finds out whether a bundle would start on this host, and what the host lacks. It tries the set-up of the container in a
// process that is thrown away, and changes nothing. The bundle may be that of DefaultBundle.
func (r *Runtime) Check(ctx context.Context, id string, b *bundle.Bundle, o CreateOptions) (*check.Report, error) {
	return r.check(ctx, id, b, o, host.Probe)
}

// CheckAsRoot is Check for who is not root and wants to know what root would need. Nothing is tried: only root could.
func (r *Runtime) CheckAsRoot(ctx context.Context, id string, b *bundle.Bundle, o CreateOptions) (*check.Report, error) {
	return r.check(ctx, id, b, o, host.ProbeForRoot)
}

// CheckID finds out whether a new container may have an id: no other one of this directory of states has it.
func (r *Runtime) CheckID(id string) check.Need {
	r.setDefaults()
	n := check.Need{Name: "container id", State: check.OK, Required: true, Found: id}
	if there, err := sys.Exists(filepath.Join(r.Root, id)); err == nil && there {
		n.State, n.Found = check.Restricted, fmt.Sprintf("%v: %s in %s", ErrExist, id, r.Root)
		n.Who, n.Do = "the caller of rung", "choose another id, or rung delete the container"
	}
	return n
}

// DefaultBundle is the bundle that a check without one is for: the configuration of `rung spec` with the host's own root file
// system. Its program is the running one, which is on every host.
func DefaultBundle(rootless bool) *bundle.Bundle {
	spec := bundle.Default(rootless)
	spec.Root.Path = "/"
	spec.Process.Terminal = false
	if self, err := os.Executable(); err == nil {
		spec.Process.Args = []string{self}
	}
	return &bundle.Bundle{Dir: "/", Spec: spec}
}

// Unreadable is the report of a host whose proc file system does not tell what rung must know of itself.
func Unreadable(err error) *check.Report {
	report := &check.Report{UID: os.Geteuid(), Kernel: check.Release()}
	report.Add(check.Probe(err))
	return report
}

// Unloadable is the report of a configuration that cannot be loaded. dir is that of the bundle, file its config.json.
func Unloadable(dir, file string, err error) *check.Report {
	report := &check.Report{Bundle: dir, UID: os.Geteuid(), Kernel: check.Release()}
	report.Add(check.OfError(&check.Subject{Config: file}, configuration, "", err))
	return report
}

const configuration = "configuration"

func (r *Runtime) check(ctx context.Context, id string, given *bundle.Bundle, o CreateOptions, probe func() (*host.Facts, error)) (*check.Report, error) {
	report := &check.Report{UID: os.Geteuid(), Kernel: check.Release()}
	b, err := r.begin(id, given)
	if err == nil {
		err = checkRuns(b, &o)
	}
	subject := &check.Subject{Root: r.Root, Rootless: r.Rootless, NoKeyring: o.NoKeyring, NoPivot: o.NoPivot}
	if given.Raw != nil { // a file has it
		report.Bundle, subject.Config = given.Dir, cmp.Or(given.Path, filepath.Join(given.Dir, bundle.ConfigName))
	}
	if err != nil {
		report.Add(check.OfError(subject, configuration, "", err))
		return report, nil
	}
	subject.Spec = b.Spec
	if subject.Facts, err = probe(); err != nil {
		return Unreadable(err), nil
	}
	report.UID = subject.Facts.EUID
	report.Add(check.Machine(subject)...)
	manager, err := create.CgroupOf(ctx, r.config(), id, b, subject.Facts)
	report.Add(check.Cgroups(subject, manager, err)...)
	report.Add(check.Checkpoint(ctx))
	r.checkBundle(ctx, report, subject, id, b, o)
	return report, nil
}

// checkBundle adds what the host shows of the bundle, and the trial.
func (r *Runtime) checkBundle(ctx context.Context, report *check.Report, s *check.Subject, id string, b *bundle.Bundle, o CreateOptions) {
	const named = "bundle"
	preview, err := create.NewPreview(r.config(), id, b, s.Facts, o)
	if err == nil {
		err = preview.Refusal
	}
	report.AddOnce(check.OfError(s, named, "what config.json asks for", err))
	trial := check.Need{Name: "trial", State: check.Unknown, Required: true, For: "the set-up of the container, in a process that is thrown away"}
	if s.Facts.ForRoot() {
		trial.Found = "only root could try it"
		report.Add(trial)
		return
	}
	own, err := host.Probe() // the preview has added what it found of the bundle to the other facts
	if err != nil {
		report.Add(check.Probe(err))
		return
	}
	rehearsal, err := create.Rehearse(ctx, r.config(), id, b, own, o)
	report.Untried = rehearsal.Untried
	if errors.Is(err, create.ErrUntried) {
		trial.Found = err.Error()
		report.Add(trial)
		return
	}
	report.AddOnce(check.OfError(s, trial.Name, trial.For, err))
	report.Add(check.IDMapped(s, create.TryIDMapped(ctx, r.config(), b, s.Facts)))
}
