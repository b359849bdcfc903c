package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Set applies every field of linux.resources. Set does not change a limit whose field is nil or empty. So a nil r
// changes nothing, and an update with empty r.Devices keeps the device rules (DeviceRules returns the list of a new
// container).
//
// Each error names the field. It is an error if a limit's controller does not exist or is not delegated, and if a
// property of v1 alone is set on v2. Set is for a new cgroup: after an error some limits are set and others are not.
func (m *Manager) Set(r *specs.LinuxResources) error {
	if r == nil {
		return m.checkCpuset()
	}
	return m.write(r)
}

// Update is Set for a container that runs. If a value is refused, those values that Update has changed by then are set
// again. It changes no other value, whoever has set it. With a unit, Update writes the limits and then tells systemd.
func (m *Manager) Update(r *specs.LinuxResources) error {
	m.journal = &journal{}
	defer func() { m.journal = nil }()
	err := m.update(r)
	if err == nil {
		return nil
	}
	if errBack := m.journal.restore(); errBack != nil {
		return fmt.Errorf("%w (and the old limits could not be set again: %w)", err, errBack)
	}
	return err
}

func (m *Manager) update(r *specs.LinuxResources) error {
	if m.unit != nil {
		return m.updateUnit(r)
	}
	return m.write(r)
}

// writeFile writes a control file of the cgroup. During an update it saves the old content first.
func (m *Manager) writeFile(dir, name, val string, write func(file, val string) error) error {
	if m.journal != nil {
		if err := m.journal.save(dir, name); err != nil {
			return err
		}
	}
	return write(dir+"/"+name, val)
}

func (m *Manager) write(r *specs.LinuxResources) error {
	if err := m.setMemory(r.Memory); err != nil {
		return err
	}
	if err := m.setCPU(r.CPU); err != nil {
		return err
	}
	if err := m.setCpuset(r.CPU); err != nil {
		return err
	}
	if err := m.setPids(r.Pids); err != nil {
		return err
	}
	if err := m.setBlockIO(r.BlockIO); err != nil {
		return err
	}
	if err := m.setHugepages(r.HugepageLimits); err != nil {
		return err
	}
	if err := m.setNetwork(r.Network); err != nil {
		return err
	}
	if err := m.setRdma(r.Rdma); err != nil {
		return err
	}
	if err := m.setDevices(r.Devices); err != nil {
		return err
	}
	return m.setUnified(r.Unified)
}

// target is the directory with the files of one controller.
type target struct {
	*cgroupDir
	m          *Manager
	controller string // its name in that hierarchy
}

// v2Name returns the v2 name of a v1 controller, "" if v2 has no such controller.
func v2Name(controller string) string {
	switch controller {
	case "blkio":
		return "io"
	case "cpuacct":
		return "cpu"
	case "net_cls", "net_prio", "devices", "freezer":
		return ""
	}
	return controller
}

// locate finds a controller, on v1 first. On a hybrid machine v2 has it only if cgroup.controllers of the cgroup lists
// it. On pure v2 locate does not look: the later write fails if the controller is missing.
func (m *Manager) locate(controller, field string) (target, error) {
	if d := m.dir(controller); d != nil {
		return target{d, m, controller}, nil
	}
	name := v2Name(controller)
	d := m.dir("")
	if d != nil && !slices.Contains(m.skipped, controller) && name != "" && (len(m.dirs) == 1 || listed(d.path+"/cgroup.controllers", name)) {
		return target{d, m, name}, nil
	}
	return target{}, m.notFound(controller, field)
}

func (m *Manager) notFound(controller, field string) error {
	if err := m.hasNone(field); err != nil {
		return err
	}
	for _, k := range m.skipped {
		if k == controller || (k == "" && m.dir("") == nil) {
			return fmt.Errorf("%s: cannot set %s limit: container could not join or create cgroup: "+
				"controller %s is not delegated to this user", field, controller, controller)
		}
	}
	if d := m.dir(""); d != nil && v2Name(controller) != "" {
		if why := d.whyMissing(v2Name(controller)); why != "" {
			return fmt.Errorf("%s: %s", field, why)
		}
	}
	return fmt.Errorf("%s: no cgroup hierarchy has the controller %s", field, controller)
}

// hasNone is the error for a limit of a container that has no cgroup, or nil.
func (m *Manager) hasNone(field string) error {
	switch {
	case m.cfg.Disabled:
		return fmt.Errorf("%s: cannot be set: the container gets no cgroup (--cgroup-manager disabled)", field)
	case m.without:
		return fmt.Errorf("%s: cannot be set: %w: it was created without one", field, ErrNotExist)
	}
	return nil
}

// write sets one control file on behalf of a field of config.json.
func (t target) write(field, file, val string) error {
	err := t.explain(field, file, t.m.writeFile(t.path, file, val, sys.WriteControl))
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ERANGE) {
		return fmt.Errorf("%w (the kernel does not take the value %q)", err, val)
	}
	return err
}

func (t target) writeInt(field, file string, val int64) error {
	return t.write(field, file, strconv.FormatInt(val, 10))
}

func (t target) writeUint(field, file string, val uint64) error {
	return t.write(field, file, strconv.FormatUint(val, 10))
}

// explain returns the error for a failed write. A file that is missing on v2 usually means that an ancestor does not
// enable the controller. The error then names that ancestor.
func (t target) explain(field, file string, err error) error {
	if err == nil {
		return nil
	}
	if t.v2 && (errors.Is(err, syscall.ENOENT) || isPermission(err)) &&
		!listed(t.path+"/cgroup.controllers", t.controller) {
		if why := t.whyMissing(t.controller); why != "" {
			return fmt.Errorf("%s: write %s: %w: %s", field, file, err, why)
		}
	}
	return fmt.Errorf("%s: write %s: %w", field, file, err)
}

// readUint reads a single number, where "max" is the largest number.
func (t target) readUint(file string) (uint64, error) {
	return readUint(t.path, file)
}

// onlyV1 returns the error for a property that v2 cannot apply. rung must not ignore such a property silently
// (config.md: a property that cannot be applied is an error).
func onlyV1(field string) error {
	return fmt.Errorf("%s: not available on cgroup v2", field)
}
