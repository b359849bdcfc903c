package libcontainer

import (
	"os"
	"path/filepath"
	"runtime/metrics"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
	"rung/libcontainer/seccomp"
)

// Bounds of what a configuration may cost before anything is done: a hostile config.json must
// not eat the memory of the engine's machine.
const (
	maxConfig = 1 << 20
	maxAlloc  = 64 << 20
)

// maxProfile bounds the profiles that are compiled here: libseccomp's time grows with the
// square of their length.
const maxProfile = 8 << 10

func fuzzFacts(euid int, cgroups *host.Cgroups) *host.Facts {
	f := &host.Facts{EUID: euid, EGID: euid, LastCapability: 40, Kcore: true, Cgroups: cgroups}
	if euid == 0 {
		f.Capabilities = 1<<41 - 1
	}
	return f
}

func fuzzMachines() []*host.Facts {
	v1 := &host.Cgroups{Mode: host.CgroupV1, Hierarchies: []host.Hierarchy{
		{Mountpoint: "/sys/fs/cgroup/memory", Controllers: []string{"memory"}, Root: "/", Own: "/"},
		{Mountpoint: "/sys/fs/cgroup/systemd", Name: "systemd", Root: "/", Own: "/user.slice"},
	}}
	v2 := &host.Cgroups{Mode: host.CgroupV2, Hierarchies: []host.Hierarchy{
		{Mountpoint: "/sys/fs/cgroup", V2: true, Root: "/", Own: "/user.slice"},
	}}
	return []*host.Facts{fuzzFacts(0, v1), fuzzFacts(0, v2), fuzzFacts(1000, v2)}
}

// FuzzConfigToPlan takes any text on the way of a config.json: it is loaded, validated and
// compiled for three machines, as create and as exec, and the plans are marshalled. The seeds
// are what real engines wrote.
func FuzzConfigToPlan(f *testing.F) {
	for _, pattern := range []string{"../testdata/engines/*/config.json", "compile/testdata/*/config.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds: %s, %v", pattern, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) <= maxConfig {
			configToPlans(t, raw, len(raw) <= maxProfile)
		}
	})
}

// configToPlans checks that the way to the plans of one machine costs no more than maxAlloc.
func configToPlans(t *testing.T, raw []byte, profile bool) error {
	t.Helper()
	before := allocated()
	spec, err := bundle.Parse(raw)
	if err == nil {
		err = bundle.Validate(spec)
	}
	if err != nil {
		checkAllocated(t, allocated()-before, len(raw))
		return err
	}
	bundle.Warnings(spec)
	filter, err := fuzzFilter(spec, profile)
	if err != nil {
		return err
	}
	loaded := allocated() - before
	for _, facts := range fuzzMachines() {
		before = allocated()
		compileCreate(t, spec, facts, filter)
		compileExec(t, spec, facts, filter)
		checkAllocated(t, loaded+allocated()-before, len(raw))
	}
	return nil
}

func checkAllocated(t *testing.T, n uint64, size int) {
	t.Helper()
	if n > maxAlloc {
		t.Errorf("%d bytes of memory for a configuration of %d", n, size)
	}
}

// allocated counts what was ever allocated, freed or not: an upper bound.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func fuzzFilter(spec *specs.Spec, profile bool) (*compile.Filter, error) {
	if !profile || spec.Linux == nil {
		return nil, nil
	}
	program, err := seccomp.Compile(spec.Linux.Seccomp)
	if err != nil || program == nil {
		return nil, err
	}
	return &compile.Filter{Program: program.Filter, Flags: program.Flags, Listener: program.Listener}, nil
}

func compileCreate(t *testing.T, spec *specs.Spec, facts *host.Facts, filter *compile.Filter) {
	program, err := compile.Create(compile.Input{Spec: spec, Facts: facts, Options: compile.Options{
		ID: "fuzz", Bundle: "/bundle", Await: true, Console: spec.Process.Terminal,
	}})
	if err != nil {
		return
	}
	if err := program.Mounts("/bundle/rootfs", filter); err != nil {
		return
	}
	third, err := program.Inside("/")
	if err != nil {
		return
	}
	marshal(t, program.First, program.Second, third)
}

func compileExec(t *testing.T, spec *specs.Spec, facts *host.Facts, filter *compile.Filter) {
	program, err := compile.Exec(compile.ExecInput{
		Spec: spec, Process: spec.Process, Facts: facts, Home: "/",
		Options: compile.Options{ID: "fuzz", Bundle: "/bundle", Console: spec.Process.Terminal, Seccomp: filter},
	})
	if err == nil {
		marshal(t, program.First)
	}
}

// marshal: whatever Check lets pass has a form in which the stage takes it.
func marshal(t *testing.T, plans ...*plan.Plan) {
	for _, p := range plans {
		if _, err := p.Marshal(); err != nil {
			t.Error(err)
		}
	}
}
