package cgroup

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"rung/internal/waits"
)

// A killed process leaves its cgroup a short time after the kill, and v1 has no file that notifies of it. So Destroy
// repeats rmdir after 100 us, 200 us and so on.
const (
	rmdirFirstWait = 100 * time.Microsecond
	rmdirLimit     = 2 * time.Second
)

// Destroy removes the cgroup and its sub-cgroups in every hierarchy, but no ancestor. A missing cgroup is no error.
// Destroy retries for 2 s while a cgroup holds processes, then it returns EBUSY. If there is a systemd unit, Destroy
// stops it first. It only warns if systemd does not answer, because a unit without processes ends by itself.
func (m *Manager) Destroy() error {
	if m.unit != nil {
		if err := m.unit.bus.Stop(m.unit.name); err != nil {
			m.warn(err.Error())
		}
		m.unit.bus.Close()
	}
	remaining := make([]string, 0, len(m.dirs))
	for i := range m.dirs {
		remaining = append(remaining, m.dirs[i].path)
	}
	ctx, done := context.WithTimeout(m.context(), rmdirLimit)
	defer done()
	for wait := rmdirFirstWait; ; wait *= 2 {
		var err error
		if remaining, err = removeAll(remaining); len(remaining) == 0 {
			return nil
		}
		if !isBusy(err) {
			return fmt.Errorf("remove cgroup: %w", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("remove cgroup: %w", err)
			}
			return waits.Ended(ctx, "the processes of "+remaining[0]+" to end")
		}
	}
}

// removeAll returns the directories that it could not remove, and one of the errors: one other than "busy" if there is
// one, because it does not help to wait then.
func removeAll(dirs []string) (remaining []string, reason error) {
	remaining = dirs[:0]
	for _, d := range dirs {
		err := removeTree(d)
		if err == nil {
			continue
		}
		remaining = append(remaining, d)
		if reason == nil || isBusy(reason) {
			reason = err
		}
	}
	return remaining, reason
}

func removeTree(dir string) error {
	err := rmdir(dir)
	if err == nil {
		return nil
	}
	subs, cerr := children(dir)
	if cerr != nil {
		if isGone(cerr) {
			return nil // on a read-only mount rmdir returns EROFS even for a directory that does not exist
		}
		return err
	}
	if len(subs) == 0 {
		return err
	}
	for _, s := range subs {
		if err := removeTree(s); err != nil {
			return err
		}
	}
	return rmdir(dir)
}

func rmdir(dir string) error {
	for {
		err := syscall.Rmdir(dir)
		switch err {
		case nil, syscall.ENOENT:
			return nil
		case syscall.EINTR:
			continue
		}
		return &pathError{op: "rmdir", path: dir, err: err}
	}
}

// pathError is an errno with the operation and the file. It builds its text only in Error, because most callers drop it.
type pathError struct {
	op, path string
	err      error
}

func (e *pathError) Error() string { return e.op + " " + e.path + ": " + e.err.Error() }
func (e *pathError) Unwrap() error { return e.err }

func isBusy(err error) bool {
	p, ok := err.(*pathError)
	return ok && (p.err == syscall.EBUSY || p.err == syscall.ENOTEMPTY)
}
