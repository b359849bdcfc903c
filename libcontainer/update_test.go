package libcontainer

import (
	"encoding/json"
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

func resources(t *testing.T, text string) *specs.LinuxResources {
	t.Helper()
	r := &specs.LinuxResources{}
	if err := json.Unmarshal([]byte(text), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func asText(t *testing.T, r *specs.LinuxResources) string {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestWithSwap: on v2 another limit of memory must not change the sum of memory and swap.
func TestWithSwap(t *testing.T) {
	const before = `{"memory":{"limit":100,"swap":300}}`
	for _, c := range []struct{ before, update, want string }{
		{before, `{"memory":{"limit":200}}`, `{"memory":{"limit":200,"swap":300}}`},
		{before, `{"memory":{"limit":200,"swap":400}}`, `{"memory":{"limit":200,"swap":400}}`},
		{before, `{"memory":{"limit":-1}}`, `{"memory":{"limit":-1,"swap":-1}}`},
		{before, `{"memory":{"reservation":50}}`, `{"memory":{"reservation":50}}`},
		{before, `{"pids":{"limit":5}}`, `{"pids":{"limit":5}}`},
		{`{"memory":{"limit":100,"swap":-1}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200}}`},
		{`{"memory":{"limit":100}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200}}`},
		{`{}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200}}`},
		{`{"memory":{"swap":300},"unified":{"memory.swap.max":"7"}}`, `{"memory":{"limit":200}}`, `{"memory":{"limit":200}}`},
	} {
		if got := asText(t, withSwap(resources(t, c.update), resources(t, c.before))); got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.update, c.before, got, c.want)
		}
	}
}

// TestUndoing: what an update that is refused has set already is taken back, where there was no limit too.
func TestUndoing(t *testing.T) {
	for _, c := range []struct{ before, update, want string }{
		{`{}`, `{"memory":{"limit":5,"swap":6,"reservation":7},"cpu":{"shares":8,"quota":9,"burst":10,"period":11,"idle":1},"pids":{"limit":12}}`,
			`{"memory":{"limit":-1,"reservation":-1,"swap":-1},"cpu":{"shares":1024,"quota":-1,"burst":0,"period":100000,"idle":0},"pids":{"limit":-1}}`},
		{`{"memory":{"limit":1},"cpu":{"quota":2,"cpus":"0"},"pids":{"limit":3}}`, `{"memory":{"limit":5},"cpu":{"quota":9},"pids":{"limit":12}}`,
			`{"memory":{"limit":1},"cpu":{"quota":2,"cpus":"0"},"pids":{"limit":3}}`},
		{`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":5}]}}`, `{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":9}]}}`,
			`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":16,"rate":0},{"major":8,"minor":0,"rate":5}]}}`},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":1}]}`, `{"hugepageLimits":[{"pageSize":"2MB","limit":3},{"pageSize":"1GB","limit":4}]}`,
			`{"hugepageLimits":[{"pageSize":"2MB","limit":1},{"pageSize":"1GB","limit":18446744073709551615}]}`},
		{`{"devices":[{"allow":false}],"pids":{"limit":3}}`, `{"memory":{}}`, `{"memory":{},"pids":{"limit":3}}`},
	} {
		if got := asText(t, undoing(resources(t, c.update), resources(t, c.before))); got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.update, c.before, got, c.want)
		}
	}
}

// TestWithoutZeros: 0 is what is not set, but for those where it is a value.
func TestWithoutZeros(t *testing.T) {
	const update = `{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"burst":0,"period":0,"idle":0},"pids":{"limit":0}}`
	if got := asText(t, withoutZeros(resources(t, update))); got != `{"memory":{},"cpu":{"burst":0,"idle":0},"pids":{"limit":0}}` {
		t.Error(got)
	}
}

// TestMerge: what is remembered of an update, for the next one's undoing and for those that ask.
func TestMerge(t *testing.T) {
	for _, c := range []struct{ before, update, want string }{
		{`{"memory":{"limit":1,"swap":2},"pids":{"limit":3}}`, `{"memory":{"limit":5}}`, `{"memory":{"limit":5,"swap":2},"pids":{"limit":3}}`},
		// An older file of "unified" would be written over the newer limit.
		{`{"unified":{"memory.max":"1","memory.high":"2","pids.max":"3"}}`, `{"memory":{"limit":5}}`,
			`{"memory":{"limit":5},"unified":{"memory.high":"2","pids.max":"3"}}`},
		{`{"unified":{"pids.max":"3","cpu.max":"1 2","cpu.weight":"7","io.max":"8:0 rbps=1"}}`,
			`{"cpu":{"quota":5,"shares":6},"pids":{"limit":4},"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":9}]}}`,
			`{"cpu":{"shares":6,"quota":5},"pids":{"limit":4},"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":9}]}}`},
		{`{"unified":{"pids.max":"3"}}`, `{"pids":{"limit":4},"unified":{"pids.max":"5"}}`, `{"pids":{"limit":4},"unified":{"pids.max":"5"}}`},
		{`{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":100},{"major":8,"minor":32,"weight":300}]}}`,
			`{"blockIO":{"weightDevice":[{"major":8,"minor":16,"leafWeight":200},{"major":8,"minor":32,"leafWeight":400}]}}`,
			`{"blockIO":{"weightDevice":[{"major":8,"minor":0,"weight":100},{"major":8,"minor":32,"weight":300,"leafWeight":400},` +
				`{"major":8,"minor":16,"leafWeight":200}]}}`},
		{`{"hugepageLimits":[{"pageSize":"2MB","limit":1}]}`, `{"hugepageLimits":[{"pageSize":"1GB","limit":2},{"pageSize":"2MB","limit":3}]}`,
			`{"hugepageLimits":[{"pageSize":"2MB","limit":3},{"pageSize":"1GB","limit":2}]}`},
		{`{"network":{"classID":1,"priorities":[{"name":"a","priority":1}]}}`, `{"network":{"priorities":[{"name":"b","priority":2}]}}`,
			`{"network":{"classID":1,"priorities":[{"name":"a","priority":1},{"name":"b","priority":2}]}}`},
		{`{}`, `{"network":{"priorities":[{"name":"b","priority":2}]}}`, `{"network":{"priorities":[{"name":"b","priority":2}]}}`},
	} {
		merged, err := merge(resources(t, c.before), resources(t, c.update))
		if err != nil {
			t.Fatal(err)
		}
		if got := asText(t, merged); got != c.want {
			t.Errorf("%s after %s:\n%s, want\n%s", c.update, c.before, got, c.want)
		}
	}
}
