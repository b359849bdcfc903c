package resctrl

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// These tests use plain files. tests/integration/resctrl.bats uses a file system that makes a group's files as the
// kernel does.

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func machine() map[string]string {
	return map[string]string{
		"schemata":                                "    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n",
		"info/L3/cbm_mask":                        "7ff\n",
		"info/L3/min_cbm_bits":                    "1\n",
		"info/L3/num_closids":                     "4\n",
		"info/MB/bandwidth_gran":                  "10\n",
		"info/MB/delay_linear":                    "1\n",
		"info/MB/min_bandwidth":                   "10\n",
		"info/MB/num_closids":                     "8\n",
		"info/L3_MON/mon_features":                "llc_occupancy\nmbm_total_bytes\n",
		"gold/schemata":                           "    MB:0= 20;1= 70\n    L3:0=7f0;1=01f\n",
		"gold/tasks":                              "",
		"gold/mon_data/mon_L3_00/llc_occupancy":   "4096\n",
		"gold/mon_data/mon_L3_00/mbm_total_bytes": "Unavailable\n",
		"gold/mon_groups/web/mon_data/mon_L3_00/llc_occupancy": "8192\n",
	}
}

func TestPlan(t *testing.T) {
	withoutCAT := machine()
	for name := range withoutCAT {
		if filepath.Dir(name) == "info/L3" {
			delete(withoutCAT, name)
		}
	}
	for _, c := range []struct {
		name   string
		files  map[string]string
		config specs.LinuxIntelRdt
		want   string // how the error begins
	}{
		{"the same value, written otherwise", machine(), specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:1=1f"}, ""},
		{"a bandwidth that the kernel rounds", machine(), specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=11;1=65"}, ""},
		{"another bandwidth", machine(), specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=21"},
			"linux.intelRdt.memBwSchema: MB:0=21 does not match"},
		{"a domain that is not there", machine(), specs.LinuxIntelRdt{ClosID: "gold", L3CacheSchema: "L3:2=1f"},
			"linux.intelRdt.l3CacheSchema: L3:2=1f does not match"},
		{"a cache that cannot be divided", withoutCAT, specs.LinuxIntelRdt{L3CacheSchema: "L3:1=1f"},
			"linux.intelRdt.l3CacheSchema: specified in config, but Intel RDT/CAT is not enabled"},
		{"a bandwidth that cannot be divided", map[string]string{"schemata": ""}, specs.LinuxIntelRdt{MemBwSchema: "MB:0=20"},
			"linux.intelRdt.memBwSchema: specified in config, but Intel RDT/MBA is not enabled"},
		{"no such class", machine(), specs.LinuxIntelRdt{ClosID: "lead"}, "linux.intelRdt.closID: "},
	} {
		_, err := Plan(tree(t, c.files), "web", &c.config)
		if (err == nil) != (c.want == "") || err != nil && err.Error()[:len(c.want)] != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestStats(t *testing.T) {
	root := tree(t, machine())
	const common = `{"l3_cache_info":{"cbm_mask":"7ff","min_cbm_bits":1,"num_closids":4},` +
		`"l3_cache_schema_root":"L3:0=7ff;1=7ff","l3_cache_schema":"L3:0=7f0;1=01f",` +
		`"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":8},` +
		`"mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0= 20;1= 70","schemata":["MB:0= 20;1= 70","    L3:0=7f0;1=01f"],` +
		`"mbm_stats":[{"mbm_total_bytes":0,"mbm_local_bytes":0}],"cmt_stats":[{"llc_occupancy":`
	for monitor, occupancy := range map[string]string{"": "4096", filepath.Join(root, "gold/mon_groups/web"): "8192"} {
		s, err := Load(State{Root: root, Path: filepath.Join(root, "gold"), Monitor: monitor}).Stats()
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := json.Marshal(s); string(text) != common+occupancy+"}]}" {
			t.Errorf("%s", text)
		}
	}
	if _, err := Load(State{Root: root, Path: filepath.Join(root, "lead")}).Stats(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestUpdate(t *testing.T) {
	root := tree(t, machine())
	group := Load(State{Root: root, Path: filepath.Join(root, "gold")})
	for _, c := range []struct{ l3, mb, want string }{
		{"", "", ""}, {"L3:0=1", "", "L3:0=1\n"}, {"L3:0=1", "MB:0=10", "L3:0=1\nMB:0=10\n"},
	} {
		if err := os.WriteFile(filepath.Join(root, "gold/schemata"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := group.Update(c.l3, c.mb); err != nil {
			t.Fatal(err)
		}
		if text, _ := os.ReadFile(filepath.Join(root, "gold/schemata")); string(text) != c.want {
			t.Errorf("%q %q: %q", c.l3, c.mb, text)
		}
	}
}

func parsed(t *testing.T, mountinfo string) []*sys.Mount {
	t.Helper()
	mounts, err := sys.ParseMounts([]byte(mountinfo))
	if err != nil {
		t.Fatal(err)
	}
	return mounts
}

func TestMountedAt(t *testing.T) {
	const others = "20 1 0:19 / /proc rw - proc proc rw\n30 1 0:30 /a /part rw - resctrl resctrl rw\n"
	if got := mountedAt(parsed(t, others)); got != "" {
		t.Error(got)
	}
	if got := mountedAt(parsed(t, others+"31 1 0:30 / /srv/r\\040d rw shared:5 - resctrl resctrl rw\n")); got != "/srv/r d" {
		t.Error(got)
	}
}

// An error other than "not found" does not mean "not available". A file name of 300 bytes causes such an error.
func TestUnreadableFilesAreErrors(t *testing.T) {
	root := "/" + strings.Repeat("x", 300)
	if _, _, err := Allocates(root); err == nil {
		t.Error("Allocates: no error")
	}
	group := tree(t, map[string]string{"schemata": "L3:0=f\n"})
	if _, err := Load(State{Root: root, Path: group}).Stats(); err == nil {
		t.Error("Stats: no error")
	}
	group = tree(t, map[string]string{"info/L3/cbm_mask": "f", "shared/tasks": ""}) // without schemata
	if _, err := Plan(group, "c", &specs.LinuxIntelRdt{ClosID: "shared", L3CacheSchema: "L3:0=f"}); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Plan: %v", err)
	}
}
