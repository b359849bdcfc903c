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

// Set applies every field of linux.resources. What is nil or empty is left as
// it is; nil r and empty r.Devices change nothing, so an update without device
// rules keeps them (DeviceRules makes the list of a new container).
//
// Each error names the field. A limit whose controller does not exist, or is
// not delegated, is an error; so is a v1-only property on v2. With a unit, systemd
// is told first, and the very values that it has are written.
func (m *Manager) Set(r *specs.LinuxResources) error {
	if r == nil {
		return m.filled()
	}
	if m.unit != nil {
		var err error
		if r, err = m.tell(r); err != nil {
			return err
		}
	}
	return m.write(r)
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

// target is the directory where one controller's files are.
type target struct {
	*cgroupDir
	m          *Manager
	controller string // v1 name, for messages
}

// v2Name is a v1 controller's name on v2, "" where v2 has no such controller.
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

// locate finds a controller, v1 first. On a hybrid machine v2 has it only if
// the cgroup's cgroup.controllers says so; on pure v2 the write itself tells.
func (m *Manager) locate(controller, field string) (target, error) {
	if d := m.dir(controller); d != nil {
		return target{d, m, controller}, nil
	}
	name := v2Name(controller)
	d := m.dir("")
	if d != nil && !slices.Contains(m.lost, controller) && name != "" && (len(m.dirs) == 1 || listed(d.path+"/cgroup.controllers", name)) {
		return target{d, m, name}, nil
	}
	return target{}, m.notFound(controller, field)
}

func (m *Manager) notFound(controller, field string) error {
	for _, k := range m.lost {
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

// write sets one control file on behalf of a field of config.json.
func (t target) write(field, file, val string) error {
	return t.explain(field, file, sys.WriteControl(t.path+"/"+file, val))
}

func (t target) writeInt(field, file string, val int64) error {
	return t.write(field, file, strconv.FormatInt(val, 10))
}

func (t target) writeUint(field, file string, val uint64) error {
	return t.write(field, file, strconv.FormatUint(val, 10))
}

// explain makes the error of a failed write. A file that is missing on v2 means
// as a rule that the controller did not come down here; then say where it stopped.
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

// readUint reads a single number; "max" is the largest one.
func (t target) readUint(file string) (uint64, error) {
	return readUint(t.path, file)
}

// onlyV1 is the error for a property that v2 has nothing for. It must not be
// dropped silently (config.md: a property that cannot be applied is an error).
func onlyV1(field string) error {
	return fmt.Errorf("%s: not available on cgroup v2", field)
}
