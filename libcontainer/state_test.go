package libcontainer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"rung/libcontainer/resctrl"

	"rung/internal/sys"
)

func sampleState() State {
	return State{
		Format: stateFormat, ID: "web", OCIVersion: "1.3.0", Bundle: "/b \"<&>\" é", Rootfs: "/b/rootfs", Pid: 7, StartTime: 9,
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), CgroupPaths: map[string]string{"": "/x", "memory": "/m"},
		Unit: "a-b.scope", UserNS: true, OwnPid: true, Rootless: true, Early: true, ExecOp: 67, Annotations: map[string]string{"a": "b\n"},
		Pipes: [3]string{"pipe:[1]", "", "pipe:[2]"}, Binds: map[string]string{"mounts[0]": "1:2"}, TimeNS: true, Restored: true,
		Resctrl:   &resctrl.State{Root: "/sys/fs/resctrl", Path: "/sys/fs/resctrl/web", Remove: true, Monitor: "/sys/fs/resctrl/web/mon_groups/web"},
		NoKeyring: true,
	}
}

// encode must know every field of State.
func TestEncodeIsJSON(t *testing.T) {
	want := sampleState()
	if v := reflect.ValueOf(want); true {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("the sample has no %s", v.Type().Field(i).Name)
			}
		}
	}
	var got State
	if err := json.Unmarshal(want.encode(), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A rung that was killed while it wrote a state leaves something that delete finds, or
// nothing that is worth finding.
func TestStateThatEndsEarly(t *testing.T) {
	s := sampleState()
	whole := string(s.encode())
	for _, test := range []struct {
		name            string
		state, creating string // "-": no such file
		want            error
		pid             int
	}{
		{"nothing", "-", "-", ErrNotExist, 0},
		{"an empty first state", "-", "", ErrNotExist, 0},
		{"half of the first state", "-", whole[:40], ErrNotExist, 0},
		{"the first state", "-", whole, nil, 7},
		{"half of the state", whole[:40], whole, nil, 7},
		{"both", whole, whole, nil, 7},
	} {
		root := t.TempDir()
		dir := filepath.Join(root, "web")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{stateFile: test.state, creatingFile: test.creating} {
			if content == "-" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := (&Runtime{Root: root}).Load("web")
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
			continue
		}
		if err == nil && c.State().Pid != test.pid {
			t.Errorf("%s: pid %d", test.name, c.State().Pid)
		}
	}
}

// Whoever read the state while the container was being created is not told that it has stopped when
// create ends before the lock is looked at (crun's test "state-created").
func TestStatusOfCreateThatEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "web")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name string, s State) {
		if err := os.WriteFile(filepath.Join(dir, name), s.encode(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	early := sampleState()
	early.Pid = 0
	write(creatingFile, early)
	load := func() *Container {
		c, err := (&Runtime{Root: filepath.Dir(dir)}).Load("web")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	c, gone := load(), load()
	self, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	late := sampleState()
	late.Pid, late.StartTime, late.CgroupPaths = os.Getpid(), self.StartTime, nil
	write(stateFile, late)
	if err := os.WriteFile(filepath.Join(dir, startSocket), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, err := c.Status(); status != Created || err != nil {
		t.Errorf("%q, %v, want created", status, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if status, err := gone.Status(); !errors.Is(err, ErrNotExist) {
		t.Errorf("%q, %v of a create that failed, want %v", status, err, ErrNotExist)
	}
}
