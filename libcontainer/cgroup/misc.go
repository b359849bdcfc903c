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

// setHugepages limits the usage of huge pages. It also limits reservations if the kernel accounts them (Linux 5.7).
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
			return withPageSizes(err)
		}
		err = t.writeUint(field, name+".rsvd"+suffix, l.Limit)
		if err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
	}
	return nil
}

// withPageSizes adds to the error of a size that the machine does not have those that it has.
func withPageSizes(err error) error {
	sizes, errRead := hugePageSizes()
	if !errors.Is(err, syscall.ENOENT) || errRead != nil || len(sizes) == 0 {
		return err
	}
	return fmt.Errorf("%w (the sizes of huge pages here are %s)", err, strings.Join(sizes, ", "))
}

// setNetwork sets the class (net_cls) and the priorities (net_prio) of traffic. v2 has neither controller.
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

var errUnifiedOnV1 = errors.New("linux.resources.unified: invalid configuration: cannot use unified on cgroup v1")

// unavailable is the error of a file of v2 whose controller the cgroup does not have.
func (d *cgroupDir) unavailable(key, controller string) error {
	return fmt.Errorf("linux.resources.unified[%s]: invalid configuration: can't be set: controller %q not available: %s",
		key, controller, d.whyMissing(controller))
}

// setUnified writes files of the v2 cgroup by name. The caller calls it last, so that these files override the values
// of the other fields.
func (m *Manager) setUnified(files map[string]string) error {
	if len(files) == 0 {
		return nil
	}
	if err := m.hasNone("linux.resources.unified"); err != nil {
		return err
	}
	d := m.dir("")
	if d == nil {
		if slices.Contains(m.skipped, "") {
			return errors.New("linux.resources.unified: container could not join or create cgroup: cgroup v2 is not delegated to this user")
		}
		return errUnifiedOnV1
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
	err := m.writeFile(d.path, key, val, writeLines)
	if err == nil {
		return nil
	}
	if (errors.Is(err, syscall.ENOENT) || isPermission(err)) &&
		controller != "cgroup" && !listed(d.path+"/cgroup.controllers", controller) {
		return d.unavailable(key, controller)
	}
	return fmt.Errorf("%s: write %s: %w", field, key, err)
}

// writeLines writes each line with a write(2) of its own, because the kernel takes one line for each write.
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
