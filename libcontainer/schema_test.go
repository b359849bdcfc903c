package libcontainer

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rung/libcontainer/bundle"
	"rung/libcontainer/check"
	"rung/libcontainer/host"
)

// schemaLoader reads the schemas of the specification. One of them has a reference without its slash.
type schemaLoader struct{}

func (schemaLoader) Load(url string) (any, error) {
	text, err := os.ReadFile(strings.TrimPrefix(url, "file://"))
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("#definitions"), []byte("#/definitions"))
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}

// schemaOf compiles a JSON schema of the specification, from the module that holds its Go types too.
func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil { // as in the machines of other architectures
		t.Skip("requires the go command, to find the module")
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/opencontainers/runtime-spec").Output()
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft4) // only the top files say so
	compiler.UseLoader(schemaLoader{})
	schema, err := compiler.Compile(filepath.Join(strings.TrimSpace(string(dir)), "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// document is a value as a JSON parser gives it; edit may change it.
func document(t *testing.T, value any, edit func(map[string]any)) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(out.(map[string]any))
	}
	return out
}

func TestFeaturesFollowTheSchema(t *testing.T) {
	schema := schemaOf(t, "features-schema.json")
	if err := schema.Validate(document(t, Features("1.2.3", "abc"), nil)); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(map[string]any){
		"no version":   func(f map[string]any) { delete(f, "ociVersionMax") },
		"a wrong type": func(f map[string]any) { f["hooks"] = "all" },
		"deep":         func(f map[string]any) { f["linux"].(map[string]any)["cgroup"] = []any{} },
	} {
		if schema.Validate(document(t, Features("1.2.3", "abc"), edit)) == nil {
			t.Errorf("%s: the schema does not mind", name)
		}
	}
}

func TestDefaultConfigFollowsTheSchema(t *testing.T) {
	schema := schemaOf(t, "config-schema.json")
	for _, rootless := range []bool{false, true} {
		if err := schema.Validate(document(t, bundle.Default(rootless), nil)); err != nil {
			t.Error(err)
		}
	}
}

func TestStateFollowsTheSchema(t *testing.T) {
	schema := schemaOf(t, "state-schema.json")
	state := State{ID: "a", OCIVersion: "1.3.0", Bundle: "/b", Pid: 7, Annotations: map[string]string{"k": "v"}}
	for _, status := range []Status{Creating, Created, Running, Paused, Stopped} {
		if err := schema.Validate(document(t, state.OCI(status), nil)); err != nil {
			t.Errorf("%s: %v", status, err)
		}
	}
	if schema.Validate(document(t, state.OCI(Running), func(s map[string]any) { s["status"] = "asleep" })) == nil {
		t.Error("the schema does not mind a status of its own")
	}
}

// ownSchema compiles a schema of this tree.
func ownSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "docs", "schema", name))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// exampleRuntime is a runtime and a bundle that explain and check take from anybody.
func exampleRuntime(t *testing.T) (*Runtime, *bundle.Bundle) {
	t.Helper()
	b := DefaultBundle(os.Geteuid() != 0)
	b.Spec.Mounts = append(b.Spec.Mounts, specs.Mount{Destination: "/mnt", Source: "/proc/self/root/tmp", Options: []string{"rbind", "ro"}})
	b.Spec.Process.Rlimits = nil
	return &Runtime{Root: t.TempDir(), Rootless: os.Geteuid() != 0}, b
}

func TestExplanationFollowsTheSchema(t *testing.T) {
	schema := ownSchema(t, "explain.json")
	r, b := exampleRuntime(t)
	e, err := r.Explain("example", b, CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e.Facts.Devices = map[string]host.Device{"/dev/x": {Kind: syscall.S_IFBLK, Rdev: 8 << 8}}
	e.Facts.Sources["/missing"] = host.Source{Err: syscall.ENOENT}
	e.Facts.Targets = map[string]host.Target{"/dev": {Mode: 0o1755}}
	if err := schema.Validate(document(t, e, nil)); err != nil {
		t.Error(err)
	}
	for name, edit := range map[string]func(map[string]any){
		"a set of capabilities": func(e map[string]any) { e["facts"].(map[string]any)["capabilities"] = 7 },
		"a number of an errno": func(e map[string]any) {
			e["facts"].(map[string]any)["sources"].(map[string]any)["/missing"].(map[string]any)["errno"] = 2
		},
		"a new field": func(e map[string]any) { e["more"] = true },
		"no segments": func(e map[string]any) { delete(e, "segments") },
	} {
		if schema.Validate(document(t, e, edit)) == nil {
			t.Errorf("%s: the schema does not mind", name)
		}
	}
}

func TestCheckFollowsTheSchema(t *testing.T) {
	schema := ownSchema(t, "check.json")
	report := check.Report{Bundle: "/b", UID: 7, Kernel: "6.1", Untried: []string{"mounts[1]: x"}}
	report.Add(check.Need{Name: "n", State: check.Missing, Required: true, Field: "f", For: "x", Found: "y", Who: "w", Do: "d"}, check.Need{Name: "m", State: check.OK})
	if err := schema.Validate(document(t, report, nil)); err != nil {
		t.Error(err)
	}
	if schema.Validate(document(t, report, func(r map[string]any) { r["starts"] = "yes" })) == nil {
		t.Error("the schema does not mind a string")
	}
}
