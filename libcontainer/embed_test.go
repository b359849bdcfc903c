package libcontainer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/store"
)

// memoryBundle is a bundle that nobody has loaded or validated.
func memoryBundle(t *testing.T) *bundle.Bundle {
	t.Helper()
	spec := bundle.Default(false)
	spec.Root.Path = t.TempDir()
	spec.Process.Terminal = false
	return &bundle.Bundle{Dir: t.TempDir(), Spec: spec}
}

// What an embedder gives is validated: an error that names the field, and no panic. Nothing is left in the state directory.
func TestCreateOfWhatIsNoBundle(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*bundle.Bundle)
		says string
	}{
		"no configuration": {func(b *bundle.Bundle) { b.Spec = nil }, "bundle: it has no configuration"},
		"empty":            {func(b *bundle.Bundle) { b.Spec = &specs.Spec{} }, "ociVersion: "},
		"no root":          {func(b *bundle.Bundle) { b.Spec.Root = nil }, "root: "},
		"no process":       {func(b *bundle.Bundle) { b.Spec.Process = nil }, "process: "},
		"no program":       {func(b *bundle.Bundle) { b.Spec.Process.Args = nil }, "process.args: "},
		"a terminal":       {func(b *bundle.Bundle) { b.Spec.Process.Terminal = true }, "process.terminal: "},
		"relative":         {func(b *bundle.Bundle) { b.Dir = "bundle" }, "bundle: the directory "},
	} {
		b := memoryBundle(t)
		c.edit(b)
		r := &Runtime{Root: filepath.Join(t.TempDir(), "state")}
		for verb, do := range map[string]func() error{
			"create":  func() error { _, err := r.Create(t.Context(), "web", b, CreateOptions{}); return err },
			"explain": func() error { _, err := r.Explain("web", b, CreateOptions{}); return err },
			"restore": func() error { _, err := r.Restore(t.Context(), "web", b, RestoreOptions{}); return err },
		} {
			if name == "a terminal" && verb != "create" { // nobody uses it, or CRIU says whether there is one
				continue
			}
			if err := do(); err == nil || !strings.HasPrefix(err.Error(), c.says) {
				t.Errorf("%s of %s: %v, want %q", verb, name, err, c.says)
			}
		}
		if _, err := os.Stat(r.Root); err == nil {
			t.Errorf("%s: the state directory was made", name)
		}
	}
	if _, err := (&Runtime{}).Create(t.Context(), "web", nil, CreateOptions{}); err == nil {
		t.Error("no bundle is no error")
	}
}

// A bundle without Raw makes a container whose Spec can be read later, and the caller's configuration stays as it is.
func TestBundleWithoutRaw(t *testing.T) {
	b := memoryBundle(t)
	b.Spec.Linux, b.Spec.Hostname, b.Spec.Mounts, b.Spec.Root.Readonly = nil, "", nil, false
	checked, err := (&Runtime{}).begin("web", b)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := bundle.Parse(checked.Raw)
	if err != nil || spec.Process.Args[0] != b.Spec.Process.Args[0] {
		t.Errorf("%+v, %v", spec, err)
	}
	if b.Spec.Linux != nil || b.Raw != nil || checked.Spec.Linux == nil {
		t.Error("the caller's bundle was changed, or the checked one was not completed")
	}
}

func TestSpecIsACopy(t *testing.T) {
	r := runtimeWith(t, store.State{Life: store.Life{Pid: endedPid, StartTime: 1}})
	c := load(t, r)
	if err := c.disk.KeepConfig([]byte(`{"ociVersion":"1.3.0","process":{"args":["sh"]},"linux":{"resources":{"pids":{"limit":5}}}}`)); err != nil {
		t.Fatal(err)
	}
	spec, err := c.Spec()
	if err != nil {
		t.Fatal(err)
	}
	limits, err := c.Resources()
	if err != nil {
		t.Fatal(err)
	}
	spec.Process.Args[0] = "other"
	*limits.Pids.Limit = 7
	again, err := c.Spec()
	if err != nil || again.Process.Args[0] != "sh" || *again.Linux.Resources.Pids.Limit != 5 {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestExecWithATerminalForNobody(t *testing.T) {
	r := runtimeWith(t, store.State{Life: store.Life{Pid: endedPid, StartTime: 1}})
	_, err := load(t, r).Exec(t.Context(), &specs.Process{Cwd: "/", Args: []string{"sh"}, Terminal: true}, ExecOptions{})
	if err == nil || !strings.HasPrefix(err.Error(), "process.terminal: ") {
		t.Error(err)
	}
}

// Whoever waits for events can stop.
func TestEventsEndWithTheContext(t *testing.T) {
	state, err := ownState()
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, runtimeWith(t, state))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := c.Events(ctx, time.Hour, func(*Event) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Exec(ended, &specs.Process{Cwd: "/", Args: []string{"sh"}}, ExecOptions{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// No hole in a configuration is a panic: each member in turn is left out or zero.
func TestHolesInAConfiguration(t *testing.T) {
	r := &Runtime{Root: filepath.Join(t.TempDir(), "state")}
	c := load(t, runtimeWith(t, store.State{Life: store.Life{Pid: endedPid, StartTime: 1}}))
	dir, holes := t.TempDir(), 0
	for _, name := range []string{"docker-limits", "ctr-tty", "podman-userns", "umoci-rootless"} {
		raw, err := os.ReadFile("../testdata/engines/" + name + "/config.json")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := bundle.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; ; n++ {
			spec, left := bundle.Copy(whole), n
			if !clearNth(reflect.ValueOf(spec).Elem(), &left) {
				break
			}
			holes++
			_, _ = r.Explain("web", &bundle.Bundle{Dir: dir, Spec: spec}, CreateOptions{})
			if spec.Process != nil {
				_, _ = c.Exec(t.Context(), spec.Process, ExecOptions{})
			}
		}
	}
	if holes < 100 {
		t.Errorf("only %d holes", holes)
	}
}

// clearNth sets the value with that number, counted over all members and elements that are not zero, to
// zero. It reports whether there is one.
func clearNth(v reflect.Value, left *int) bool {
	if v.CanSet() && !v.IsZero() {
		if *left == 0 {
			v.SetZero()
			return true
		}
		*left--
	}
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && clearNth(v.Elem(), left)
	case reflect.Struct:
		for i := range v.NumField() {
			if clearNth(v.Field(i), left) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if clearNth(v.Index(i), left) {
				return true
			}
		}
	default:
	}
	return false
}

func TestExecOfNoProcess(t *testing.T) {
	c := load(t, runtimeWith(t, store.State{Life: store.Life{Pid: endedPid, StartTime: 1}}))
	if _, err := c.Exec(t.Context(), nil, ExecOptions{}); err == nil || !strings.HasPrefix(err.Error(), "process") {
		t.Error(err)
	}
}

// The program of docs/library.md is the one that the tests run, as it is.
func TestProgramOfThePage(t *testing.T) {
	page, err := os.ReadFile("../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("../tests/cmd/embed/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```go\n"+string(program)+"```\n") {
		t.Error("docs/library.md does not have tests/cmd/embed/main.go as it is")
	}
}
