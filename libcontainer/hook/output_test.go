package hook

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
)

// withOutput is a state whose annotations name files, relative to its bundle.
func withOutput(t *testing.T, stdout, stderr string) *State {
	t.Helper()
	s := testState(t)
	s.Annotations = map[string]string{
		bundle.AnnotationHooksStdout: filepath.Join(s.Bundle, stdout), bundle.AnnotationHooksStderr: filepath.Join(s.Bundle, stderr),
	}
	return s
}

func TestOutputIsAddedToFiles(t *testing.T) {
	s := withOutput(t, "out", "err")
	if err := os.WriteFile(filepath.Join(s.Bundle, "out"), []byte("before\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := runHost(t, shell("echo one; echo two >&2"), s); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, s.Bundle, "out"); got != "before\none\none\n" {
		t.Errorf("stdout: %q", got)
	}
	if got := read(t, s.Bundle, "err"); got != "two\ntwo\n" {
		t.Errorf("stderr: %q", got)
	}
	info, err := os.Stat(filepath.Join(s.Bundle, "err"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file: %v, %v", info.Mode(), err)
	}
}

// A daemon that a hook leaves behind may write on after rung has ended: it has the file and no pipe.
func TestOutputOfTheHostIsTheFileItself(t *testing.T) {
	s := withOutput(t, "out", "out")
	if err := runHost(t, shell("[ ! -p /dev/stdout ] && [ -f /dev/stdout ]"), s); err != nil {
		t.Error(err)
	}
}

func TestErrorNamesTheFiles(t *testing.T) {
	s := withOutput(t, "out", "err")
	delete(s.Annotations, bundle.AnnotationHooksStdout)
	err := runHost(t, shell("echo out; echo err >&2; exit 3"), s)
	want := "exit status 3, stdout: out, stderr: in " + s.Bundle + "/err"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v, want ... %s", err, want)
	}
}

// What is no place for a log is refused, and nothing is waited for (a FIFO without a reader).
func TestOutputThatIsNoFile(t *testing.T) {
	s := withOutput(t, "fifo", "dir")
	if err := syscall.Mkfifo(filepath.Join(s.Bundle, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(s.Bundle, "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{bundle.AnnotationHooksStdout, bundle.AnnotationHooksStderr} {
		one := *s
		one.Annotations = map[string]string{key: s.Annotations[key]}
		err := runHost(t, shell("touch ran"), &one)
		if err == nil || !strings.Contains(err.Error(), "annotations["+key+"]: open "+s.Annotations[key]) {
			t.Errorf("%s: %v", key, err)
		}
		if _, err := os.Stat(filepath.Join(s.Bundle, "ran")); err == nil {
			t.Error("the hook ran")
		}
	}
	for mode, good := range map[os.FileMode]bool{
		0: true, os.ModeNamedPipe: true, os.ModeDevice | os.ModeCharDevice: true, os.ModeDevice: false, os.ModeSocket: false, os.ModeDir: false,
	} {
		if err := checkSink(mode); (err == nil) != good {
			t.Errorf("%v: %v", mode, err)
		}
	}
}

// The hooks of poststop run whatever happens.
func TestPoststopWithoutItsFile(t *testing.T) {
	s := withOutput(t, "no/such/dir", "err")
	var logged bytes.Buffer
	spec := &specs.Spec{Hooks: &specs.Hooks{Poststop: []specs.Hook{shell("touch ran")}}}
	Poststop(context.Background(), spec, s, slog.New(slog.NewTextHandler(&logged, nil)))
	read(t, s.Bundle, "ran")
	if !strings.Contains(logged.String(), "no/such/dir") {
		t.Errorf("the log: %s", &logged)
	}
}

// A hook in the container has no descriptor of the host's file: its output is copied.
func TestStreamsCopyToAFile(t *testing.T) {
	s := withOutput(t, "out", "err")
	out, err := openOutput(s.Annotations)
	if err != nil {
		t.Fatal(err)
	}
	defer out.close()
	streams, err := NewStreams(out.stdout.writer(), out.stderr.writer())
	if err != nil {
		t.Fatal(err)
	}
	stdio := streams.Stdio(nil)
	if info, err := stdio[1].Stat(); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Errorf("the hook's stdout: %v, %v", info.Mode(), err)
	}
	if _, err := io.WriteString(stdio[1], "text"); err != nil {
		t.Fatal(err)
	}
	streams.CloseWriters()
	streams.done.Wait()
	if got := read(t, s.Bundle, "out"); got != "text" {
		t.Errorf("%q", got)
	}
}
