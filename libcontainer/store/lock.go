package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

// Bounds of the wait for a lock. Tests change them.
var (
	slowLock = 5 * time.Second  // then the verb that waits says for whom
	longHold = 10 * time.Second // for a verb that runs a hook, which may wait for this very verb in a way that nobody sees, or that is stopped
)

// LockNew takes the lock of a container that has no state yet, or a damaged one. If ctx ends, the error says who holds the lock.
func (d *Dir) LockNew(ctx context.Context) error {
	if err := d.take(ctx, sys.TryFlock, sys.Flock); err != nil {
		return err
	}
	d.held = true
	// A hook of a verb that was killed. On a file system that has become read-only it stays, and nothing else depends on it: the
	// container can still be ended.
	err := syscall.Unlink(d.Path(hookFile))
	if err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.EROFS) {
		return &os.PathError{Op: "unlink", Path: d.Path(hookFile), Err: err}
	}
	return nil
}

// Unlock ends the lock at the end of a verb: a program that goes on must not keep others from the
// container.
func (d *Dir) Unlock() {
	d.held = false
	_ = sys.Funlock(d.file)
}

// Hookless reports whether a verb holds the lock and runs no hook.
func (d *Dir) Hookless() bool {
	busy, err := d.busy()
	return busy && err == nil && d.holder().Hook == ""
}

// AwaitVerb waits until no verb holds the lock.
func (d *Dir) AwaitVerb(ctx context.Context) error {
	if err := d.take(ctx, sys.TryFlockShared, sys.FlockShared); err != nil {
		return err
	}
	return sys.Funlock(d.file)
}

// busy reports whether a verb holds the lock.
func (d *Dir) busy() (bool, error) {
	dir, err := sys.OpenOwnDirectory(d.path)
	if errors.Is(err, syscall.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	took, err := sys.TryFlockShared(dir)
	return !took && err == nil, err
}

// take takes the lock: by try if nobody holds it, else by wait.
func (d *Dir) take(ctx context.Context, try func(*os.File) (bool, error), wait func(*os.File) error) error {
	took, err := try(d.file)
	if err == nil && !took {
		err = d.await(ctx, wait)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", d.ID(), err)
	}
	return nil
}

// await waits for the lock. flock(2) cannot be called off, so it waits by an open directory of its own: after a wait that
// was given up the lock ends with that.
func (d *Dir) await(ctx context.Context, wait func(*os.File) error) error {
	if h := d.holder(); h.called() {
		return fmt.Errorf("busy: %s, which has called this command", h)
	}
	own, err := sys.OpenDirectory(sys.FDPath(d.file) + "/.")
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- wait(own) }()
	took, err := d.until(ctx, done)
	if !took {
		go func() {
			<-done //nolint:errcheck // the lock ends with the directory
			own.Close()
		}()
		return err
	}
	defer own.Close()
	if err != nil {
		return err
	}
	return sys.Replace(d.file, own)
}

// until waits for the end of a wait for the lock, and reports whether that came.
func (d *Dir) until(ctx context.Context, done <-chan error) (took bool, err error) {
	slow, long := time.NewTimer(slowLock), time.NewTicker(longHold)
	defer slow.Stop()
	defer long.Stop()
	for {
		select {
		case err := <-done:
			return true, err
		case <-slow.C:
			d.log.Warn("container " + d.ID() + ": waiting for " + d.holder().String())
		case <-long.C:
			if h := d.holder(); h.Hook != "" || h.stopped() {
				return false, fmt.Errorf("busy for more than %v: %s", longHold, h)
			}
		case <-ctx.Done():
			return false, waits.Ended(ctx, d.holder().String())
		}
	}
}

// holder is the process that holds the lock, with the hook that it runs.
type holder struct {
	Process   int    `json:"process"`       // its PID; 0 if it is not known
	StartTime uint64 `json:"startTime"`     // in clock ticks since boot
	Hook      string `json:"hook"`          // such as "hooks.poststart[0]"; "" without a hook
	Pid       int    `json:"pid,omitempty"` // of the hook; 0 a moment before it runs
}

// NoteHook notes for those who wait for the lock that its holder runs a hook, with pid 0 before there is a process. An empty
// field means that the hook has ended.
func (d *Dir) NoteHook(field string, pid int) error {
	if field == "" {
		return os.Remove(d.Path(hookFile))
	}
	self, err := sys.OwnProcessStat()
	if err != nil {
		return err
	}
	text, err := json.Marshal(holder{Process: self.Pid, StartTime: self.StartTime, Hook: field, Pid: pid})
	if err != nil {
		return err
	}
	return sys.ReplaceFile(d.Path(hookFile), text, 0o600)
}

// holder finds out who holds the lock. What cannot be found out is left out.
func (d *Dir) holder() holder {
	var h holder
	if raw, err := sys.ReadRegular(d.Path(hookFile), sys.LargestFile); err == nil && json.Unmarshal(raw, &h) == nil {
		return h
	}
	return holder{Process: sys.FlockHolder(d.file)}
}

// Holder says who holds the lock, for messages.
func (d *Dir) Holder() string { return d.holder().String() }

// called reports whether the hook has called this process: it would wait for itself. Where the holder cannot be seen, as in
// the container's PID namespace, a hook has called.
func (h holder) called() bool {
	if h.Hook == "" {
		return false
	}
	seen, err := sys.ReadProcessStat(h.Process)
	return err != nil || seen.StartTime != h.StartTime || slices.Contains(sys.Ancestors(), h.Process)
}

// stopped reports whether the process was stopped by a signal or by a debugger: it goes on when somebody wants it to.
func (h holder) stopped() bool {
	seen, err := sys.ReadProcessStat(h.Process)
	return err == nil && h.Process != 0 && (seen.State == 'T' || seen.State == 't')
}

// String says who is at work on the container.
func (h holder) String() string {
	text := "another process"
	if h.Process != 0 {
		text = fmt.Sprintf("process %d (%s)", h.Process, sys.CommandLine(h.Process))
	}
	text += ", which is at work on it"
	if h.stopped() {
		text += " and is stopped"
	}
	if h.Hook == "" {
		return text
	}
	text += " and runs " + h.Hook
	if h.Pid != 0 {
		text += fmt.Sprintf(" (process %d)", h.Pid)
	}
	return text
}
