package cgroup

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const pidsField = "linux.resources.pids.limit"

// setPids writes pids.max. nil means unset, and a negative number means no limit. setPids writes a limit of 0 as 1: a
// cgroup with one process behaves the same under both, systemd does not accept 0, and under 0 the kernel refuses
// clone3(CLONE_INTO_CGROUP) with EAGAIN.
func (m *Manager) setPids(r *specs.LinuxPids) error {
	if r == nil || r.Limit == nil {
		return nil
	}
	t, err := m.locate("pids", pidsField)
	if err != nil {
		if *r.Limit < 0 && len(m.skipped) > 0 {
			return nil // a container outside the pids cgroup has no limit anyway
		}
		return err
	}
	if t.fresh && *r.Limit < 0 {
		return nil
	}
	return t.write(pidsField, "pids.max", pidsMax(*r.Limit))
}

func pidsMax(limit int64) string {
	switch {
	case limit < 0:
		return "max"
	case limit == 0:
		return "1"
	}
	return strconv.FormatInt(limit, 10)
}
