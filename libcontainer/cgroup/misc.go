package cgroup

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// setHugepages limits usage and, where the kernel accounts them (5.7),
// reservations as well.
func (m *Manager) setHugepages(limits []specs.LinuxHugepageLimit) error {
	for i, l := range limits {
		field := item("linux.resources.hugepageLimits", i)
		if l.Pagesize == "" || strings.ContainsRune(l.Pagesize, '/') {
			return fmt.Errorf("%s.pageSize: %q is not a page size", field, l.Pagesize)
		}
		t, err := m.locate("hugetlb", field)
		if err != nil {
			return err
		}
		suffix := ".limit_in_bytes"
		if t.v2 {
			suffix = ".max"
		}
		name := "hugetlb." + l.Pagesize
		if err := t.writeUint(field, name+suffix, l.Limit); err != nil {
			return err
		}
		err = t.writeUint(field, name+".rsvd"+suffix, l.Limit)
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}

// setNetwork tags (net_cls) and ranks (net_prio) traffic; v2 has neither.
func (m *Manager) setNetwork(r *specs.LinuxNetwork) error {
	if r == nil {
		return nil
	}
	if id := deref(r.ClassID); id != 0 {
		const field = "linux.resources.network.classID"
		t, err := m.locate("net_cls", field)
		if err != nil {
			return err
		}
		if err := t.writeUint(field, "net_cls.classid", uint64(id)); err != nil {
			return err
		}
	}
	for i, p := range r.Priorities {
		field := item("linux.resources.network.priorities", i)
		t, err := m.locate("net_prio", field)
		if err != nil {
			return err
		}
		val := p.Name + " " + strconv.FormatUint(uint64(p.Priority), 10)
		if err := t.write(field, "net_prio.ifpriomap", val); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) setRdma(limits map[string]specs.LinuxRdma) error {
	for _, dev := range slices.Sorted(maps.Keys(limits)) {
		l, field := limits[dev], "linux.resources.rdma."+dev
		if l.HcaHandles == nil && l.HcaObjects == nil {
			return fmt.Errorf("%s: neither hcaHandles nor hcaObjects is set", field)
		}
		t, err := m.locate("rdma", field)
		if err != nil {
			return err
		}
		val := dev
		if l.HcaHandles != nil {
			val += " hca_handle=" + strconv.FormatUint(uint64(*l.HcaHandles), 10)
		}
		if l.HcaObjects != nil {
			val += " hca_object=" + strconv.FormatUint(uint64(*l.HcaObjects), 10)
		}
		if err := t.write(field, "rdma.max", val); err != nil {
			return err
		}
	}
	return nil
}

// setUnified writes files of the v2 cgroup by name, last of all, so that they
// override what the other fields were converted to. A value of several lines is
// written line by line, as the kernel takes it.
func (m *Manager) setUnified(files map[string]string) error {
	if len(files) == 0 {
		return nil
	}
	d := m.dir("")
	if d == nil {
		if slices.Contains(m.lost, "") {
			return errors.New("linux.resources.unified: container could not join or create cgroup: cgroup v2 is not delegated to this user")
		}
		return errors.New("linux.resources.unified: invalid configuration: cannot use unified on cgroup v1")
	}
	for _, key := range slices.Sorted(maps.Keys(files)) {
		if err := m.unifiedFile(d, key, files[key]); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) unifiedFile(d *cgroupDir, key, val string) error {
	field := "linux.resources.unified[" + key + "]"
	if strings.Contains(key, "/") {
		return fmt.Errorf("%s: must be a file name (no slashes)", field)
	}
	controller, param, ok := strings.Cut(key, ".")
	if !ok || controller == "" || param == "" {
		return fmt.Errorf("%s: must be in the form CONTROLLER.PARAMETER", field)
	}
	err := writeLines(d.path+"/"+key, val)
	if err == nil {
		return nil
	}
	if (errors.Is(err, syscall.ENOENT) || isPermission(err)) &&
		controller != "cgroup" && !listed(d.path+"/cgroup.controllers", controller) {
		return fmt.Errorf("%s: invalid configuration: can't be set: controller %q not available: %s",
			field, controller, d.whyMissing(controller))
	}
	return fmt.Errorf("%s: write %s: %w", field, key, err)
}

func writeLines(file, val string) error {
	fd, err := sys.OpenControl(file)
	if err != nil {
		return err
	}
	defer sys.CloseFd(fd)
	if val == "" {
		return sys.WriteFd(fd, "")
	}
	for line := range strings.Lines(val) {
		if err := sys.WriteFd(fd, line); err != nil {
			return err
		}
	}
	return nil
}
