package create

import (
	"errors"
	"fmt"
	"os"

	"rung/libcontainer/compile"
	"rung/libcontainer/exchange"
	"rung/libcontainer/launch"
	"rung/libcontainer/open"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// mounts compiles and sends the second segment, which makes the root file system and its mounts.
type mounts struct {
	setup   *setup.Setup
	opts    *Options
	program *compile.Program
	opener  *open.Opener

	segment *launch.Segment
	sources []*os.File // for the segment
	mapped  int        // mounts that the stage has shown to be mapped
	batches int        // of sources that were sent at SYNC sources
}

func (m *mounts) compile() error {
	filter, err := m.setup.Filter(m.setup.Spec.Linux.Seccomp)
	if err != nil {
		return err
	}
	facts, rootfs := m.setup.Facts, m.setup.Container.State.Rootfs
	if err := facts.ProbeBundle(m.setup.Spec, m.setup.Bundle.Dir, rootfs); err != nil {
		return err
	}
	if err := facts.ProbeNull(); err != nil {
		return err
	}
	if m.opts.NoPivot {
		if err := facts.ProbeMounts(rootfs); err != nil {
			return err
		}
	}
	return m.program.Mounts(rootfs, filter)
}

// prepare makes what SYNC plan asks for: the segment, and the descriptors for it.
func (m *mounts) prepare() (err error) {
	if err := m.compile(); err != nil {
		return err
	}
	return m.open()
}

// open makes the answer to SYNC plan of the compiled segment.
func (m *mounts) open() (err error) {
	if m.segment, err = launch.Seal(m.program.Second); err != nil {
		return err
	}
	m.opener.Note(m.program.Shown)
	m.sources, err = m.opener.All(m.program.WithPlan())
	return err
}

// batch opens the next sources for SYNC sources, after it has closed those before. The stage has its own of these.
func (m *mounts) batch(*os.File) (a exchange.Answer, err error) {
	open.CloseAll(m.sources)
	m.sources = nil
	if m.batches == len(m.program.Batches) {
		return a, errors.New("the stage asked for more mounts than the plan has")
	}
	m.batches++
	m.sources, err = m.opener.All(m.program.Batch(m.batches - 1))
	return exchange.Answer{Files: m.sources}, err
}

// ready: with a new user namespace the id maps come first, and SYNC plan is answered when the stage is there.
func (m *mounts) ready() bool { return m.segment != nil && !m.program.First.Syncs(plan.SyncIDs) }

func (m *mounts) answer(*os.File) (exchange.Answer, error) {
	return exchange.Answer{Segment: m.segment, Files: m.sources, Busy: true}, nil
}

// mapOwners maps the owners of a mount that the stage shows. They come in the order of the program.
func (m *mounts) mapOwners(tree *os.File) (a exchange.Answer, err error) {
	if tree == nil || m.mapped == len(m.program.Maps) {
		return a, fmt.Errorf("the stage showed no mount to be mapped")
	}
	next := &m.program.Maps[m.mapped]
	m.mapped++
	if err := m.opener.MapOwners(tree, &next.Mapping); err != nil {
		return a, fmt.Errorf("%s: %s: %w", next.Origin.Field, next.Origin.Purpose, err)
	}
	return a, nil
}

func (m *mounts) close() {
	m.segment.Close()
	open.CloseAll(m.sources)
	m.opener.Close()
}
