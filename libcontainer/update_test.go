package libcontainer

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// TestWithBandwidth: systemd is told of a quota and its period together.
func TestWithBandwidth(t *testing.T) {
	cpu := func(quota int64, period uint64) *specs.LinuxCPU {
		return &specs.LinuxCPU{Quota: &quota, Period: &period}
	}
	for _, test := range []struct{ update, before, want *specs.LinuxCPU }{
		{cpu(5000, 0), cpu(1000, 20000), cpu(5000, 20000)},
		{cpu(0, 50000), cpu(1000, 20000), cpu(1000, 50000)},
		{cpu(5000, 50000), cpu(1000, 20000), cpu(5000, 50000)},
		{cpu(0, 0), cpu(1000, 20000), cpu(0, 0)},
	} {
		got := withBandwidth(&specs.LinuxResources{CPU: test.update}, test.before).CPU
		if *got.Quota != *test.want.Quota || *got.Period != *test.want.Period {
			t.Errorf("%d %d after %d %d: %d %d", *test.update.Quota, *test.update.Period, *test.before.Quota, *test.before.Period, *got.Quota, *got.Period)
		}
	}
	if r := withBandwidth(&specs.LinuxResources{}, cpu(1, 1)); r.CPU != nil {
		t.Error("an update without CPU got one")
	}
}
