package compile

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/plan"
)

// groupOps counts the ops that change the supplementary groups, in create and in exec, with a user namespace of each kind.
func groupOps(t *testing.T, annotations map[string]string, namespaces ...specs.LinuxNamespace) (n int) {
	t.Helper()
	spec := specOf()
	spec.Annotations = annotations
	spec.Linux.Namespaces = append(spec.Linux.Namespaces, namespaces...)
	process := *spec.Process
	process.User.AdditionalGids = []uint32{0}
	spec.Process = &process
	in := Input{Spec: spec, Facts: v1(), Options: Options{ID: "web", Bundle: "/b", Rootfs: "/b/rootfs"}}
	program, err := create(in)
	if err != nil {
		t.Fatal(err)
	}
	third, err := program.Inside("")
	if err != nil {
		t.Fatal(err)
	}
	exec, err := Exec(ExecInput{Spec: spec, Process: &process, Facts: in.Facts, Options: in.Options, UserNS: len(namespaces) > 0})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*plan.Plan{program.First, program.Second, third, exec.First} {
		for i := range p.Ops {
			if p.Ops[i].Code == plan.Setgroups {
				n++
			}
		}
	}
	return n
}

func TestKeepGroups(t *testing.T) {
	for name, namespaces := range map[string][]specs.LinuxNamespace{
		"none": nil, "new": {{Type: specs.UserNamespace}}, "joined": {{Type: specs.UserNamespace, Path: "/proc/1/ns/user"}},
	} {
		for _, value := range []string{"1", "", "true"} {
			if n := groupOps(t, map[string]string{bundle.AnnotationKeepGroups: value}, namespaces...); n != 0 {
				t.Errorf("user namespace %s, value %q: %d ops of groups", name, value, n)
			}
		}
		if none, off := groupOps(t, nil, namespaces...), groupOps(t, map[string]string{bundle.AnnotationKeepGroups: "0"}, namespaces...); none < 2 || none != off {
			t.Errorf("user namespace %s: %d ops without the annotation, %d with 0", name, none, off)
		}
	}
}

// Podman adds groups of its own to those that the process is to keep.
func TestKeepGroupsWhereSetgroupsIsDenied(t *testing.T) {
	c := &compiler{spec: specOf(), facts: v1(), prog: &Program{}, opts: Options{SetgroupsOff: true}}
	process := *c.spec.Process
	process.User.AdditionalGids = []uint32{100}
	if err := c.checkProcess(&process); err == nil {
		t.Error("additional groups are accepted where nobody can set them")
	}
	c.spec.Annotations = map[string]string{bundle.AnnotationKeepGroups: "1"}
	if err := c.checkProcess(&process); err != nil {
		t.Error(err)
	}
}

func TestContextType(t *testing.T) {
	const label = "system_u:object_r:container_file_t:s0:c1,c2"
	for kind, want := range map[string]string{"": "context", "context": "context", "fscontext": "fscontext", "defcontext": "defcontext", "rootcontext": "rootcontext"} {
		spec := specOf()
		spec.Linux.MountLabel = label
		if kind != "" {
			spec.Annotations = map[string]string{bundle.AnnotationContextType: kind}
		}
		c := newCompiler(Input{Spec: spec, Facts: selinux()})
		params := c.mountLabel("tmpfs", nil)
		if !slices.Equal(params, []plan.Option{{Key: want, Value: label}}) {
			t.Errorf("%q: %v", kind, params)
		}
		if data := mountData(params); !strings.HasPrefix(data, want+`="`) {
			t.Errorf("%q: %s for mount(2)", kind, data)
		}
	}
}
