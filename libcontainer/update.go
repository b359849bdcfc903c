package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// Update changes the limits of a container that has not stopped. What r does not name stays as
// it is, devices among it. Where a value is refused, those that were in force are set again.
// Errors name the field as in config.json.
func (c *Container) Update(r *specs.LinuxResources) error {
	if r.Devices != nil {
		return errors.New("linux.resources.devices: cannot be updated")
	}
	if err := bundle.ValidateResources(r, "linux.resources"); err != nil {
		return err
	}
	manager, status, err := c.lockedCgroup()
	defer c.unlock()
	if err != nil {
		return err
	}
	if status == Stopped || status == Creating {
		return ErrNotRunning
	}
	before, err := c.Resources()
	if err != nil {
		return err
	}
	manager.SetWarn(func(text string) { c.runtime.Log.Warn(text) })
	if c.state.Unit != "" {
		r = withBandwidth(r, before.CPU)
	}
	if err := manager.Set(r); err != nil {
		back := *before
		back.Devices = nil
		if errBack := manager.Set(&back); errBack != nil {
			return fmt.Errorf("%w (and the old limits could not be set again: %w)", err, errBack)
		}
		return err
	}
	return c.writeResources(before, r)
}

// withBandwidth completes a CPU quota by its period, and the other way round, from what was asked for
// before: systemd writes no period where there is no quota, so that the cgroup can not tell.
func withBandwidth(r *specs.LinuxResources, before *specs.LinuxCPU) *specs.LinuxResources {
	if r.CPU == nil || before == nil {
		return r
	}
	cpu, out := *r.CPU, *r
	quota, period := cpu.Quota != nil && *cpu.Quota != 0, cpu.Period != nil && *cpu.Period != 0
	switch {
	case quota && !period:
		cpu.Period = before.Period
	case period && !quota:
		cpu.Quota = before.Quota
	}
	out.CPU = &cpu
	return &out
}

// Resources returns the limits in force: those of the configuration, and of later updates.
func (c *Container) Resources() (*specs.LinuxResources, error) {
	r := &specs.LinuxResources{}
	raw, err := sys.ReadFile(c.path(resourcesFile))
	if err == nil {
		return r, json.Unmarshal(raw, r)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	spec, err := c.Spec()
	if err != nil {
		return nil, err
	}
	if spec.Linux != nil && spec.Linux.Resources != nil {
		r = spec.Linux.Resources
	}
	return r, nil
}

// writeResources merges an update into what was in force: members that JSON leaves out of the
// update keep their value.
func (c *Container) writeResources(before, update *specs.LinuxResources) error {
	var merged specs.LinuxResources
	for _, r := range []*specs.LinuxResources{before, update} {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &merged); err != nil {
			return err
		}
	}
	text, err := json.Marshal(&merged)
	if err != nil {
		return err
	}
	return sys.ReplaceFile(c.path(resourcesFile), text, 0o600)
}
