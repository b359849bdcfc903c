package hook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func shell(script string) specs.Hook {
	return specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func testState(t *testing.T) *State {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &State{Version: "1.3.0", ID: "web", Status: specs.StateCreating, Pid: 42, Bundle: dir}
}

func runHost(t *testing.T, h specs.Hook, state *State) error {
	t.Helper()
	return Run(t.Context(), h, "hooks.prestart[1]", state, nil, nil)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStateOnStdin(t *testing.T) {
	s := testState(t)
	if err := runHost(t, shell("cat > got"), s); err != nil {
		t.Fatal(err)
	}
	var got State
	if err := json.Unmarshal([]byte(read(t, s.Bundle, "got")), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != s.ID || got.Status != s.Status || got.Pid != s.Pid || got.Bundle != s.Bundle {
		t.Errorf("got %+v, want %+v", got, *s)
	}
}

func TestRunsInBundle(t *testing.T) {
	s := testState(t)
	if err := runHost(t, shell("pwd -P > got"), s); err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(read(t, s.Bundle, "got")); got != s.Bundle {
		t.Errorf("cwd %q, want %q", got, s.Bundle)
	}
}

func TestArgvAndEnvironment(t *testing.T) {
	s := testState(t)
	t.Setenv("RUNG_HOOK_TEST", "the runtime's")
	h := specs.Hook{Path: "/bin/sh", Args: []string{"odd-name", "-c", "cat /proc/$$/cmdline > argv; cat /proc/$$/environ > env; true"}}
	if err := runHost(t, h, s); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s.Bundle, "argv"); !strings.HasPrefix(got, "odd-name\x00-c\x00") {
		t.Errorf("argv %q", got)
	}
	if got := read(t, s.Bundle, "env"); !strings.Contains(got, "RUNG_HOOK_TEST=the runtime's\x00") {
		t.Errorf("environment %q, want the runtime's", got)
	}
	h.Env = []string{}
	if err := runHost(t, h, s); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s.Bundle, "env"); got != "" {
		t.Errorf("environment %q, want none", got)
	}
	h.Env = []string{"A=1", "B=2"}
	if err := runHost(t, h, s); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s.Bundle, "env"); got != "A=1\x00B=2\x00" {
		t.Errorf("environment %q", got)
	}
}

func TestFailure(t *testing.T) {
	err := runHost(t, shell("echo out; echo one >&2; echo two >&2; exit 3"), testState(t))
	const want = `hooks.prestart[1]: error running prestart hook #1: exit status 3, stdout: out, stderr: one\ntwo`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("no exit status in %v", err)
	}
}

func TestSilentFailure(t *testing.T) {
	err := runHost(t, specs.Hook{Path: "/bin/false"}, testState(t))
	if err == nil || !strings.HasSuffix(err.Error(), "error running prestart hook #1: exit status 1, stdout: , stderr: ") {
		t.Errorf("got %v", err)
	}
}

func TestSignal(t *testing.T) {
	err := runHost(t, shell("kill -TERM $$"), testState(t))
	if err == nil || !strings.Contains(err.Error(), "signal: terminated, stdout: ") {
		t.Errorf("got %v", err)
	}
}

func TestMissing(t *testing.T) {
	err := runHost(t, specs.Hook{Path: "/no/such/hook"}, testState(t))
	if !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "hooks.prestart[1]: error running prestart hook #1: ") {
		t.Errorf("got %v", err)
	}
}

func TestLongOutputIsCut(t *testing.T) {
	err := runHost(t, shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"), testState(t))
	if err == nil {
		t.Fatal("no error")
	}
	text := err.Error()
	if !strings.HasSuffix(text, "line 2999") || strings.Contains(text, "line 5\\n") || len(text) > 3*tailSize || strings.Contains(text, "\n") {
		t.Errorf("%d bytes: ...%s", len(text), text[max(0, len(text)-100):])
	}
}

// waitGone waits until a process that is not a child of the test has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("process %d is still there", pid)
}

func TestTimeoutKillsGroup(t *testing.T) {
	s := testState(t)
	h := shell("sleep 100 & echo $! > child; wait")
	one := 1
	h.Timeout = &one
	begin := time.Now()
	err := runHost(t, h, s)
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
	const want = "hooks.prestart[1]: error running prestart hook #1: hook ran past specified timeout of 1.0s"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var timeout *TimeoutError
	if !errors.As(err, &timeout) {
		t.Errorf("no TimeoutError in %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, s.Bundle, "child")))
	if err != nil {
		t.Fatal(err)
	}
	waitGone(t, pid)
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := Run(ctx, shell("sleep 100"), "hooks.poststop[0]", testState(t), nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// bigState returns a state that does not fit into a pipe, so that a write of it blocks until somebody reads.
func bigState(t *testing.T) *State {
	s := testState(t)
	s.Annotations = map[string]string{"big": strings.Repeat("x", 1<<20)}
	return s
}

func TestStateNotRead(t *testing.T) {
	for _, s := range []*State{testState(t), bigState(t)} {
		if err := runHost(t, specs.Hook{Path: "/bin/true"}, s); err != nil {
			t.Error(err)
		}
		if err := runHost(t, shell("exec <&-; exit 0"), s); err != nil {
			t.Error(err)
		}
	}
}

func TestBigStateIsReadWhole(t *testing.T) {
	s := bigState(t)
	if err := runHost(t, shell("sleep 0.05; cat > got"), s); err != nil {
		t.Fatal(err)
	}
	if !json.Valid([]byte(read(t, s.Bundle, "got"))) {
		t.Error("cut short")
	}
}

// The hook leaves a process behind that holds all of the hook's streams.
func TestDaemonDoesNotHold(t *testing.T) {
	s := bigState(t)
	begin := time.Now()
	if err := runHost(t, shell("sleep 100 <&0 & echo $! > child"), s); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, s.Bundle, "child")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("the daemon is gone: %v", err)
	}
}

// fakeProcess is a hook that another package runs.
type fakeProcess struct {
	stdin  *os.File
	stdout io.Writer
	got    chan []byte
}

func (p *fakeProcess) Wait() error {
	defer p.stdin.Close() //nolint:errcheck // Nothing was written.
	raw, err := io.ReadAll(p.stdin)
	if err != nil {
		return err
	}
	p.got <- raw
	_, _ = io.WriteString(p.stdout, "from inside")
	return errors.New("exit status 9")
}

func (p *fakeProcess) Kill() error { return nil }
func (p *fakeProcess) PID() int    { return 1 }

func TestStartFunction(t *testing.T) {
	p := &fakeProcess{got: make(chan []byte, 1)}
	var started specs.Hook
	start := func(h specs.Hook, stdin *os.File, stdout, _ io.Writer) (Process, error) {
		fd, err := syscall.Dup(int(stdin.Fd()))
		if err != nil {
			return nil, err
		}
		started, p.stdin, p.stdout = h, os.NewFile(uintptr(fd), "stdin"), stdout
		return p, nil
	}
	s := testState(t)
	err := Run(t.Context(), specs.Hook{Path: "/x"}, "hooks.createContainer[2]", s, start, nil)
	const want = "hooks.createContainer[2]: error running createContainer hook #2: exit status 9, stdout: from inside, stderr: "
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if started.Path != "/x" || !json.Valid(<-p.got) {
		t.Errorf("started %+v", started)
	}
}

func TestStartFails(t *testing.T) {
	start := func(specs.Hook, *os.File, io.Writer, io.Writer) (Process, error) { return nil, syscall.EMFILE }
	err := Run(t.Context(), specs.Hook{}, "hooks.startContainer[0]", testState(t), start, nil)
	if !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v", err)
	}
}

// A hook inside the container that nobody reaps keeps the container's PID namespace.
func TestFailedNoteReapsHook(t *testing.T) {
	s := testState(t)
	pid := 0
	refused := errors.New("no room")
	note := func(_ string, p int) error {
		if p != 0 {
			pid = p
			return refused
		}
		return nil
	}
	err := Run(t.Context(), shell("exec sleep 1000"), "hooks.createContainer[0]", s, nil, note)
	if !errors.Is(err, refused) {
		t.Errorf("got %v, want %v", err, refused)
	}
	if _, err := os.Stat("/proc/" + strconv.Itoa(pid)); pid == 0 || !os.IsNotExist(err) {
		t.Errorf("process %d is still there, or was not reaped: %v", pid, err)
	}
}

// JSON, in which engines get it, has no other bytes than UTF-8.
func TestTailOfOtherEncodings(t *testing.T) {
	var out tail
	_, _ = out.Write([]byte("caf\xe9 caf\u00e9\nab\xff\n"))
	if got := out.String(); got != `caf\xe9 café\nab\xff` {
		t.Errorf("%q", got)
	}
}
