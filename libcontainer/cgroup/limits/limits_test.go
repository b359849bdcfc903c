package limits

import (
	"encoding/json"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

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

// TestWithSwap: on v2 another limit of memory must not change the sum of memory and swap, unless somebody else has changed it.
func TestWithSwap(t *testing.T) {
	const before = `{"memory":{"limit":100,"swap":300}}`
	for _, c := range []struct {
		update  string
		inForce bool
		want    string
	}{
		{`{"memory":{"limit":200}}`, true, `{"memory":{"limit":200,"swap":300}}`},
		{`{"memory":{"limit":200}}`, false, `{"memory":{"limit":200}}`},
		{`{"memory":{"limit":200,"swap":400}}`, true, `{"memory":{"limit":200,"swap":400}}`},
		{`{"memory":{"limit":-1}}`, true, `{"memory":{"limit":-1,"swap":-1}}`},
		{`{"memory":{"limit":-1}}`, false, `{"memory":{"limit":-1,"swap":-1}}`},
		{`{"memory":{"reservation":50}}`, true, `{"memory":{"reservation":50}}`},
		{`{"pids":{"limit":5}}`, true, `{"pids":{"limit":5}}`},
	} {
		if got := asText(t, WithSwap(resources(t, c.update), resources(t, before), c.inForce)); got != c.want {
			t.Errorf("%s, in force %v: %s, want %s", c.update, c.inForce, got, c.want)
		}
	}
}

func TestSwapSum(t *testing.T) {
	for text, want := range map[string]uint64{
		`{"memory":{"limit":100,"swap":300}}`: 300, `{"memory":{"swap":-1}}`: 0, `{"memory":{"limit":100}}`: 0, `{}`: 0,
		`{"memory":{"swap":300},"unified":{"memory.swap.max":"7"}}`: 0,
	} {
		if got := SwapSum(resources(t, text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// TestWithoutZeros: 0 is what is not set, but for those where it is a value.
func TestWithoutZeros(t *testing.T) {
	const update = `{"memory":{"limit":0,"reservation":0,"swap":0},"cpu":{"shares":0,"quota":0,"burst":0,"period":0,"idle":0},"pids":{"limit":0}}`
	if got := asText(t, WithoutZeros(resources(t, update))); got != `{"memory":{},"cpu":{"burst":0,"idle":0},"pids":{"limit":0}}` {
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
		merged, err := Merge(resources(t, c.before), resources(t, c.update))
		if err != nil {
			t.Fatal(err)
		}
		if got := asText(t, merged); got != c.want {
			t.Errorf("%s after %s:\n%s, want\n%s", c.update, c.before, got, c.want)
		}
	}
}
