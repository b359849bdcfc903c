package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"rung/internal/sys"
)

// sleeper starts a process that the test has to reap.
func sleeper(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = cmd.Process.Wait()
	})
	return cmd.Process.Pid
}

func initOf(t *testing.T, pid int) Init {
	t.Helper()
	stat, err := sys.ReadProcessStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	return Init{Container: "web", Pid: pid, StartTime: stat.StartTime}
}

func TestInitOfAnotherStartTime(t *testing.T) {
	i := initOf(t, sleeper(t))
	if alive, err := i.Alive(); !alive || err != nil {
		t.Errorf("alive %v, %v", alive, err)
	}
	i.StartTime++ // the PID is another process's by now
	if alive, err := i.Alive(); alive || err != nil {
		t.Errorf("another process: alive %v, %v", alive, err)
	}
	if err := i.Signal(syscall.SIGKILL); !errors.Is(err, ErrNotRunning) {
		t.Errorf("another process: signal: %v", err)
	}
	if ended, err := i.AwaitEnding(t.Context()); !ended || err != nil {
		t.Errorf("another process: ended %v, %v", ended, err)
	}
}

func TestKillWaits(t *testing.T) {
	i := initOf(t, sleeper(t))
	thawed := false
	if err := i.Kill(t.Context(), func() { thawed = true }); err != nil {
		t.Fatal(err)
	}
	if alive, err := i.Alive(); alive || err != nil || !thawed {
		t.Errorf("after Kill: alive %v, %v, thawed %v", alive, err, thawed)
	}
}

func TestInitWithoutProcess(t *testing.T) {
	i := Init{Container: "web"}
	if alive, err := i.Alive(); alive || err != nil {
		t.Errorf("alive %v, %v", alive, err)
	}
	if err := i.Signal(syscall.SIGTERM); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

func TestChild(t *testing.T) {
	c := &Child{Pid: sleeper(t)}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("wait: %v", err)
	}
	if err := c.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	status, err := c.Wait(t.Context())
	if err != nil || status.Signal() != syscall.SIGTERM {
		t.Errorf("status %v, %v", status, err)
	}
	if err := c.Signal(syscall.SIGTERM); !errors.Is(err, ErrNotRunning) {
		t.Errorf("signal after the end: %v", err)
	}
}

func TestAwaitEndingWithAContext(t *testing.T) {
	i := initOf(t, sleeper(t))
	errCause := errors.New("ended by SIGTERM")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errCause)
	pidfd, err := sys.PidfdOpen(i.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	ended, err := i.awaitEnd(ctx, pidfd)
	if ended || !errors.Is(err, errCause) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", ended, err)
	}
}

// An operation on a container whose init ends meanwhile meets any error. None of them is what the caller needs to know.
func TestOrStopped(t *testing.T) {
	met, stopped := errors.New("open /proc/7/root"), NotRunning("cannot exec in a stopped container")
	i := initOf(t, sleeper(t))
	if err := i.OrStopped(met, stopped); err != met { //nolint:errorlint // the very error
		t.Errorf("it runs: %v", err)
	}
	if err := i.OrStopped(nil, stopped); err != nil {
		t.Errorf("no error: %v", err)
	}
	if err := (Init{}).OrStopped(met, stopped); err != met { //nolint:errorlint // the very error
		t.Errorf("no process yet: %v", err)
	}
	for range 50 { // at whatever moment of its end OrStopped looks
		i = initOf(t, sleeper(t))
		if err := syscall.Kill(i.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := i.OrStopped(met, stopped); !errors.Is(err, ErrNotRunning) || err.Error() != string(stopped) {
			t.Fatalf("it was killed: %v", err)
		}
	}
	if err := i.OrStopped(ErrNotRunning, stopped); err != ErrNotRunning { //nolint:errorlint // the very error
		t.Errorf("the operation has noticed: %v", err)
	}
	if err := i.OrStopped(nil, stopped); err != nil {
		t.Errorf("no error after the end: %v", err)
	}
}

// After cgroup.kill the signal is in no set that lasts.
func TestOrStoppedAfterCgroupKill(t *testing.T) {
	cgroup := ""
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		dir, err := os.MkdirTemp(mount, "rung-process-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if _, err := os.Stat(dir + "/cgroup.kill"); err == nil {
			cgroup = dir
			break
		}
	}
	if cgroup == "" {
		t.Skip("requires a cgroup v2 hierarchy that this user may write")
	}
	met, stopped := errors.New("open /proc/7/root"), NotRunning("cannot exec in a stopped container")
	for range 50 {
		cmd := exec.Command("sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		i := initOf(t, cmd.Process.Pid)
		if err := os.WriteFile(cgroup+"/cgroup.procs", []byte(strconv.Itoa(i.Pid)), 0); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(cgroup+"/cgroup.kill", []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		if err := i.OrStopped(met, stopped); !errors.Is(err, ErrNotRunning) {
			t.Errorf("it was killed: %v", err)
		}
		_ = cmd.Wait() // the error says that it was killed
	}
}
