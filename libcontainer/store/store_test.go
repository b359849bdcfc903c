package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"rung/internal/sys"
	"rung/libcontainer/resctrl"
)

// endedPid is no process: the kernel gives no such number (PID_MAX_LIMIT).
const endedPid = 1<<22 + 1

func rootIn(dir string) Root { return Root{Path: dir, Log: slog.New(slog.DiscardHandler)} }

func sampleState() State {
	return State{
		Format: Format,
		About: About{
			ID: "web", OCIVersion: "1.3.0", Bundle: "/b \"<&>\" é", Rootfs: "/b/rootfs",
			Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Annotations: map[string]string{"a": "b\n"},
		},
		Life:      Life{Pid: 7, StartTime: 9, Early: true, ExecOp: 67, Restored: true},
		Isolation: Isolation{UserNS: true, OwnPid: true, TimeNS: true, Rootless: true, NoKeyring: true},
		Resources: Resources{
			CgroupPaths: map[string]string{"": "/x", "memory": "/m"}, Unit: "a-b.scope",
			Resctrl: &resctrl.State{Root: "/sys/fs/resctrl", Path: "/sys/fs/resctrl/web", Remove: true, Monitor: "/sys/fs/resctrl/web/mon_groups/web"},
		},
		Saved: Saved{Pipes: [3]string{"pipe:[1]", "", "pipe:[2]"}, Binds: map[string]string{"mounts[0]": "1:2"}},
	}
}

// endedState is the state of a container that has stopped and has no cgroup.
func endedState() *State {
	s := sampleState()
	s.Pid, s.CgroupPaths, s.Unit, s.Resctrl = endedPid, nil, "", nil
	return &s
}

// storeState writes the state of a container, and loads it.
func storeState(t *testing.T, r Root, file string, state *State) *Container {
	t.Helper()
	dir := filepath.Join(r.Path, "web")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, file), state.encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// encode must know every field of State.
func TestEncodeIsJSON(t *testing.T) {
	want := sampleState()
	for _, part := range []any{want, want.About, want.Life, want.Isolation, want.Resources, want.Saved} {
		v := reflect.ValueOf(part)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Field(i).IsZero() {
				t.Fatalf("the sample has no %s", v.Type().Field(i).Name)
			}
		}
	}
	var got State
	if err := json.Unmarshal(want.encode(), &got); err != nil {
		t.Fatal(err)
	}
	want.annotations = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A rung that was killed while it wrote a state leaves something that delete finds, or
// nothing that is worth finding.
func TestStateThatEndsEarly(t *testing.T) {
	s := sampleState()
	noCgroup := string(s.encode())
	s.CgroupPaths = fakeCgroup(t, "")
	whole := string(s.encode())
	s.CgroupPaths = fakeCgroup(t, "1\n")
	occupied := string(s.encode())
	damaged := &DamagedError{}
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
		{"half of the state, and a process in the cgroup", whole[:40], occupied, damaged, 0},
		{"half of the state, and no cgroup that tells of processes", whole[:40], noCgroup, damaged, 0},
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
		c, err := rootIn(root).Load("web")
		if test.want == damaged {
			if !errors.As(err, new(*DamagedError)) {
				t.Errorf("%s: %v, which is no DamagedError", test.name, err)
			}
			continue
		}
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
			continue
		}
		if err == nil && c.State.Pid != test.pid {
			t.Errorf("%s: pid %d", test.name, c.State.Pid)
		}
	}
}

// fakeCgroup is a directory that has these processes, as the cgroup of any hierarchy.
func fakeCgroup(t *testing.T, procs string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(procs), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"": dir, "pids": dir, "name=systemd": dir}
}

// Who waits long learns for whom.
func TestLockThatTakesLong(t *testing.T) {
	defer func(d time.Duration) { slowLock = d }(slowLock)
	slowLock = time.Millisecond
	r := rootIn(t.TempDir())
	storeState(t, r, stateFile, endedState())
	first, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	told := make(chan string, 1)
	r.Log = slog.New(slog.NewTextHandler(writerFunc(func(text []byte) { told <- string(text) }), nil))
	second, err := r.Load("web")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- second.Lock(t.Context()) }()
	select {
	case text := <-told:
		if want := fmt.Sprintf("container web: waiting for process %d (%s", os.Getpid(), os.Args[0]); !strings.Contains(text, want) {
			t.Errorf("%q has no %q", text, want)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was told")
	}
	first.Unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(text []byte) (int, error) {
	f(text)
	return len(text), nil
}

// A verb that waited for a create under way must not go by what the state was before.
func TestLockAfterACreate(t *testing.T) {
	r := rootIn(t.TempDir())
	state := endedState()
	state.Pid = 0
	c := storeState(t, r, creatingFile, state)
	stat, err := sys.ReadProcessStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	state.Pid, state.StartTime = os.Getpid(), stat.StartTime
	storeState(t, r, stateFile, state)
	if err := c.Lock(t.Context()); err != nil || c.State.Pid != os.Getpid() {
		t.Errorf("pid %d, %v", c.State.Pid, err)
	}
}

// A verb that waited for a delete must leave alone what has the name by now.
func TestLockAfterADelete(t *testing.T) {
	r := rootIn(t.TempDir())
	c := storeState(t, r, stateFile, endedState())
	if err := os.RemoveAll(c.File().Name()); err != nil {
		t.Fatal(err)
	}
	storeState(t, r, stateFile, endedState())
	if err := c.Lock(t.Context()); !errors.Is(err, ErrNotExist) {
		t.Error(err)
	}
}

// A file that a delete has removed is missing because the container is, while the delete goes on too.
func TestConfigOfADeletedContainer(t *testing.T) {
	r := rootIn(t.TempDir())
	c := storeState(t, r, stateFile, endedState())
	if _, err := c.Config(); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotExist) {
		t.Errorf("nobody deletes the container, whose config.json is missing: %v", err)
	}
	other := storeState(t, r, stateFile, endedState())
	if err := other.LockNew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Config(); errors.Is(err, ErrNotExist) {
		t.Errorf("the delete itself: %v", err)
	}
	if _, err := c.Config(); !errors.Is(err, ErrNotExist) {
		t.Errorf("while it is deleted: %v", err)
	}
	if err := other.Remove(); err != nil {
		t.Fatal(err)
	}
	other.Unlock()
	if _, err := c.Config(); !errors.Is(err, ErrNotExist) {
		t.Errorf("deleted: %v", err)
	}
}

// The configuration is read once.
func TestConfigIsKept(t *testing.T) {
	c := storeState(t, rootIn(t.TempDir()), stateFile, endedState())
	if err := c.KeepConfig([]byte(`{"ociVersion":"1.3.0"}`)); err != nil {
		t.Fatal(err)
	}
	spec, err := c.Config()
	if err != nil {
		t.Fatal(err)
	}
	if spec.Linux == nil || len(spec.Linux.Namespaces) != 1 { // restored into a time namespace
		t.Errorf("%+v", spec.Linux)
	}
	if err := os.Remove(c.Path(configFile)); err != nil {
		t.Fatal(err)
	}
	if again, err := c.Config(); err != nil || again != spec {
		t.Errorf("read again: %v", err)
	}
}

// Peek reads what Load reads, or leaves it to Load: it waits for nothing that stands in the place of the file.
func TestPeek(t *testing.T) {
	root := Root{Path: t.TempDir(), Log: slog.New(slog.DiscardHandler)}
	state := sampleState()
	state.Resctrl = nil
	dir := filepath.Join(root.Path, state.ID)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, stateFile)
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(state.encode())
	loaded, err := root.Load(state.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer loaded.Close()
	if c := root.Peek(state.ID); c == nil || !reflect.DeepEqual(c.State, loaded.State) {
		t.Errorf("%+v, want %+v", c, loaded.State)
	}
	other := sampleState()
	other.Resctrl, other.ID = nil, "other"
	for name, data := range map[string][]byte{
		"empty": nil, "damaged": []byte("{"), "of another container": other.encode(),
		"long": append(state.encode(), bytes.Repeat([]byte(" "), 1<<20)...),
	} {
		write(data)
		if c := root.Peek(state.ID); c != nil {
			t.Errorf("%s: %+v", name, c.State)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if c := root.Peek(state.ID); c != nil {
		t.Errorf("a FIFO: %+v", c.State)
	}
	if c := root.Peek("../" + filepath.Base(root.Path)); c != nil {
		t.Error("a path is taken for an id")
	}
}

// A delete --force of another process may come between the directory and its first file.
func TestDeletedWhileItIsMade(t *testing.T) {
	r := rootIn(t.TempDir())
	c, err := r.Create("web")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := r.Remove("web"); err != nil {
		t.Fatal(err)
	}
	const want = "another command has deleted the container while it was made: "
	if err := c.Announce(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}
