package compile

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// bindsOf has that many bind mounts of a source, each with these options.
func bindsOf(n int, source string, options ...string) (out []specs.Mount) {
	for i := range n {
		out = append(out, specs.Mount{Destination: fmt.Sprintf("/m/%d", i), Source: source, Options: options})
	}
	return out
}

func withMounts(t *testing.T, user bool, mounts []specs.Mount) (*Program, error) {
	t.Helper()
	spec := &specs.Spec{
		Process: &specs.Process{Args: []string{"a"}, Cwd: "/"}, Root: &specs.Root{Path: "rootfs"}, Mounts: mounts,
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}},
	}
	if user {
		spec.Linux.Namespaces = append(spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		spec.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 1000, Size: 10}}
		spec.Linux.GIDMappings = spec.Linux.UIDMappings
	}
	facts := v1()
	facts.Sources["/proc/self/fd/7"] = host.Source{Descriptor: true}
	facts.Sources["/srv/dir"] = host.Source{Directory: true, ID: host.FileID{Device: 8, Inode: 9}}
	p, err := Create(Input{Spec: spec, Facts: facts, Options: Options{ID: "golden", Bundle: "/bundle"}})
	if err != nil {
		t.Fatal(err)
	}
	return p, p.Mounts("/bundle/rootfs", nil)
}

// The stage opens what it may: then the parent opens nothing, and knows what the mounts show.
func TestSourcesOfTheStage(t *testing.T) {
	p, err := withMounts(t, false, bindsOf(1000, "/srv/dir", "bind"))
	if err != nil || len(p.Sources) > 0 || len(p.Shown) != 1000 || p.Shown["mounts[999]"].String() != "8:9" {
		t.Errorf("%v, %d sources, shown %v", err, len(p.Sources), p.Shown["mounts[999]"])
	}
	// To another process this path is another file.
	p, err = withMounts(t, false, bindsOf(1, "/proc/self/fd/7", "bind"))
	if err != nil || len(p.Sources) != 1 || p.Sources[0].Kind != SourceTree {
		t.Errorf("%v, sources %+v", err, p.Sources)
	}
}

// The parent never has more descriptors open than one answer carries.
func TestSourcesComeInBatches(t *testing.T) {
	p, err := withMounts(t, true, bindsOf(300, "/srv/dir", "rbind"))
	if err != nil {
		t.Fatal(err)
	}
	syncs := 0
	for i := range p.Second.Ops {
		op := &p.Second.Ops[i]
		point, _ := op.Point()
		if op.Code != plan.Sync || point != plan.SyncSources {
			continue
		}
		batch := p.Batch(syncs)
		if len(batch) == 0 || len(batch) > plan.Batch || uint64(batch[0].Slot) != op.Ints[1] {
			t.Errorf("batch %d: %d sources, at slot %d, for %s", syncs, len(batch), batch[0].Slot, op.Format())
		}
		syncs++
	}
	if syncs != 3 || len(p.Batches) != 3 || len(p.WithPlan()) != plan.Batch {
		t.Errorf("%d syncs, batches %v, %d sources with the plan", syncs, p.Batches, len(p.WithPlan()))
	}
	if len(p.Actions[plan.SyncSources]) != 1 {
		t.Errorf("actions %v", p.Actions[plan.SyncSources])
	}
}

func TestMoreOpsThanThereMayBe(t *testing.T) {
	_, err := withMounts(t, false, bindsOf(plan.MostOps/4, "/srv/dir", "bind"))
	if err == nil || !strings.HasPrefix(err.Error(), "mounts[") || !strings.Contains(err.Error(), "196608 operations") {
		t.Error(err)
	}
}
