package create

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// Preview is what Create would do: nothing of it has been done.
type Preview struct {
	Program *compile.Program
	Third   *plan.Plan // the segment after SYNC inside, as far as it is known; nil if it is not
	Unknown string     // what could not be found out
	Cgroups []string   // the directories of the cgroup, sorted
	Refusal error      // what Create would end with, as far as it can be known without doing it
	Root    *os.File   // the root file system, while the preview is made; nil if it cannot be opened
}

// NewPreview compiles a validated bundle as Create would. What Create looks up inside of the container is looked up in
// the root file system as it lies on the host.
func NewPreview(config setup.Config, id string, b *bundle.Bundle, facts *host.Facts, o Options) (*Preview, error) {
	rootfs, err := setup.Rootfs(b)
	if err != nil {
		return nil, err
	}
	for i, ns := range b.Spec.Linux.Namespaces {
		if ns.Path != "" {
			facts.ProbeNamespace(fmt.Sprintf("linux.namespaces[%d].path", i), ns.Path)
		}
	}
	s, err := setup.NewDry(config, b, facts)
	if err != nil {
		return nil, err
	}
	s.Spec = withProcess(s.Spec)
	c := &creation{setup: s, opts: o}
	state := &s.Container.State
	state.ID = id
	streams, err := c.streams()
	if err != nil {
		return nil, err
	}
	if err := s.PlaceCgroup(id); err != nil {
		return nil, err
	}
	state.CgroupPaths, state.Rootfs = s.Cgroup.Paths(), rootfs
	if err := c.compile(streams); err != nil {
		return nil, err
	}
	c.addSteps(context.Background())
	if err := c.mounts.compile(); err != nil {
		return nil, err
	}
	p := &Preview{Program: c.program, Cgroups: slices.Compact(slices.Sorted(maps.Values(state.CgroupPaths)))}
	if p.Root, err = sys.OpenPath(rootfs); err == nil {
		defer func() { p.Root.Close(); p.Root = nil }()
	}
	p.compileInside(c, err)
	p.Refusal = c.foresee(p)
	return p, nil
}

// compileInside compiles the third segment, for as much of it as can be known from here. err is why the root cannot be opened.
func (out *Preview) compileInside(c *creation, err error) {
	p, rootfs := c.setup.Spec.Process, c.setup.Container.State.Rootfs
	var home string
	if err == nil {
		home, err = host.HomeInside(out.Root, p.Env, p.User.UID)
	}
	if err == nil && programOf(c.setup.Bundle.Spec.Process) == "" {
		err = c.setup.Facts.ProbeProgram(out.Root, p, compile.Candidates(p))
	}
	if err != nil {
		out.Unknown = fmt.Sprintf("not found in %s before anything is mounted: %v", filepath.Base(rootfs), err)
	}
	third, err := c.program.Inside(home)
	if err != nil {
		out.Unknown = err.Error()
		return
	}
	out.Third = third
}
