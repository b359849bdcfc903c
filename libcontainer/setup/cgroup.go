package setup

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/waits"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
	"rung/libcontainer/idmap"
	"rung/libcontainer/store"
)

// PlaceCgroup decides where the cgroup is to be. If systemd is to make it, it must answer.
func (s *Setup) PlaceCgroup(id string) (err error) {
	s.Cgroup, err = cgroup.New(s.Facts.Cgroups, cgroup.Config{
		ID: id, Path: s.Spec.Linux.CgroupsPath, Rootless: s.Rootless, Warn: s.skippedCgroups,
		Disabled: s.NoCgroup, Systemd: s.Systemd, UserNS: s.Facts.UserNS, ForRoot: s.Facts.ForRoot(),
		Annotations: s.Spec.Annotations, Context: s.ctx, Programs: cgroup.ProgramTable(s.Store.DevicePrograms()),
	})
	if err != nil {
		return err
	}
	if r := s.Spec.Linux.Resources; r != nil && r.Memory != nil && r.Memory.KernelTCP != nil && !s.NoCgroup && !s.Cgroup.SumsSwap() { //nolint:staticcheck // deprecated, and part of the specification
		s.Log.Warn("linux.resources.memory.kernelTCP: ignored: only cgroup v1 has this limit")
	}
	if !s.Systemd || s.Dry {
		return nil
	}
	return s.Cgroup.Connect()
}

// skippedCgroups logs which hierarchies a rootless container does not join. runc is silent about them.
func (s *Setup) skippedCgroups(text string) { s.Log.Debug(text) }

// MakeCgroup makes the cgroup, without systemd, and sets its limits.
func (s *Setup) MakeCgroup() error {
	if err := s.Cgroup.Create(); err != nil {
		// It undoes what it made, and a cgroup that was there stays.
		return fmt.Errorf("unable to apply cgroup configuration: %w", err)
	}
	s.places.cgroup.Fill(s.destroyCgroup)
	s.Container.State.CgroupPaths = s.Cgroup.Paths() // a rootless one may have lost some
	r := s.resources()
	if s.DevicesLate {
		r.Devices = nil
	}
	if err := s.Cgroup.Set(r); err != nil {
		return err
	}
	return s.checkFrozen()
}

// destroyCgroup is the end of a create that failed.
func (s *Setup) destroyCgroup() {
	ctx, done := waits.ForCleanUp(s.ctx)
	defer done()
	s.Cgroup.SetContext(ctx)
	_ = s.Cgroup.Destroy()
}

// checkFrozen refuses a frozen cgroup, also above the container's own: the container's process would stand still in it.
func (s *Setup) checkFrozen() error {
	at, err := s.Cgroup.FrozenAt()
	if err == nil && at != "" {
		err = fmt.Errorf("linux.cgroupsPath: the cgroup %s is frozen, and no process runs in it", at)
	}
	return err
}

// LimitDevices sets the device rules that DevicesLate has left out.
func (s *Setup) LimitDevices() error {
	return s.Cgroup.Set(&specs.LinuxResources{Devices: s.resources().Devices})
}

// BeginUnit asks systemd for the unit, with a process in it. FinishUnit waits for it: rung and the stage go on
// meanwhile.
func (s *Setup) BeginUnit(pid int) error {
	s.places.cgroup.Fill(func() {
		if s.Cgroup.Settle() {
			s.destroyCgroup()
		}
	})
	return s.Cgroup.Begin(pid, s.resources())
}

// FinishUnit waits for the unit of BeginUnit and sets its limits.
func (s *Setup) FinishUnit() error {
	if err := s.Cgroup.Finish(); err != nil {
		return err
	}
	return s.checkFrozen()
}

// resources are the limits of the configuration, with the devices that every container has. A rootless container, one in a
// user namespace, and one without a cgroup can have no device rules.
func (s *Setup) resources() *specs.LinuxResources {
	r := specs.LinuxResources{}
	if s.Spec.Linux.Resources != nil {
		r = *s.Spec.Linux.Resources
	}
	if !s.Rootless && !s.Facts.UserNS && !s.NoCgroup {
		r.Devices = cgroup.DeviceRules(r.Devices, s.Spec.Linux.Devices)
	} else {
		r.Devices = nil
	}
	return &r
}

// Delegate gives the container's cgroup to its process's user on v2, if the process is to manage it. pid is a
// process in the container's user namespace; without one it has no meaning.
func (s *Setup) Delegate(pid int) error {
	if s.Facts.Cgroups == nil || s.Facts.Cgroups.Mode != host.CgroupV2 || !cgroup.Manages(s.Spec) {
		return nil
	}
	uid := 0
	if s.Spec.Process != nil {
		uid = int(s.Spec.Process.User.UID)
	}
	if bundle.NamespaceOf(s.Spec, specs.UserNamespace) != nil {
		mapped, known, err := idmap.HostUser(pid, uid)
		if !known {
			return err // a user that does not exist is an error where it is set
		}
		uid = mapped
	}
	return s.Cgroup.Delegate(uid)
}

// GuessCgroup returns the cgroup of a container with a damaged state: the one that create announced, or that of its
// configuration. If neither is known, it is the default one of the id, and processes in that are an error: they may be anybody's.
func (c Config) GuessCgroup(damaged *store.Container) (*cgroup.Manager, error) {
	cgroups, err := host.ProbeCgroups()
	if err != nil {
		return nil, err
	}
	if announced := damaged.CgroupPaths(); len(announced) > 0 {
		return cgroup.Load(cgroups, announced), nil
	}
	inside, err := host.InUserNS()
	if err != nil {
		return nil, err
	}
	at, known, err := damaged.CgroupsPath()
	if err != nil {
		return nil, err // its cgroup is not the default one because the file cannot be read
	}
	m, err := cgroup.New(cgroups, cgroup.Config{
		ID: damaged.ID(), Path: at, Rootless: c.Rootless, UserNS: inside, Warn: func(text string) { c.Log.Warn(text) },
		Systemd: c.Systemd || strings.Count(at, ":") == 2,
	})
	if err != nil {
		return nil, err
	}
	guessed := cgroup.Load(cgroups, m.Paths())
	if !known {
		err = unoccupied(guessed, damaged.ID())
	}
	return guessed, err
}

// unoccupied is an error if processes are in a cgroup that may be another container's.
func unoccupied(guessed *cgroup.Manager, id string) error {
	pids, err := guessed.Anywhere()
	if err == nil && len(pids) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("state and config.json of container %s are both damaged, so its cgroup is not known: whose process %d is, in the cgroup that a container of this id has by default, cannot be told (do: end the processes of that cgroup if they are the container's, and delete again)", id, pids[0])
}
