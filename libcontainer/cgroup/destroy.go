package cgroup

import (
	"fmt"
	"syscall"
	"time"
)

// A killed process leaves its cgroup a little after it was killed, and no file
// of v1 tells when: rmdir is tried again after 100 us, 200 us and so on.
const (
	rmdirFirstWait = 100 * time.Microsecond
	rmdirLimit     = 2 * time.Second
)

// Destroy removes the cgroup and those below it, never one above, in every
// hierarchy. A cgroup that is gone already is fine. While one holds processes
// it is tried again for 2 s in all, then the error is EBUSY. A unit is stopped before; where systemd
// does not answer, that is a warning: without processes the unit ends by itself.
func (m *Manager) Destroy() error {
	if m.unit != nil {
		if err := m.unit.bus.Stop(m.unit.name); err != nil {
			m.warn(err.Error())
		}
		m.unit.bus.Close()
	}
	left := make([]string, 0, len(m.dirs))
	for i := range m.dirs {
		left = append(left, m.dirs[i].path)
	}
	deadline := time.Now().Add(rmdirLimit)
	for wait := rmdirFirstWait; ; wait *= 2 {
		var err error
		if left, err = removeAll(left); len(left) == 0 {
			return nil
		}
		if !isBusy(err) || !time.Now().Before(deadline) {
			return fmt.Errorf("remove cgroup: %w", err)
		}
		time.Sleep(min(wait, time.Until(deadline)))
	}
}

// removeAll returns the directories that are still there, and the reason that
// matters most: one that waiting does not cure.
func removeAll(dirs []string) (left []string, reason error) {
	left = dirs[:0]
	for _, d := range dirs {
		err := removeTree(d)
		if err == nil {
			continue
		}
		left = append(left, d)
		if reason == nil || isBusy(reason) {
			reason = err
		}
	}
	return left, reason
}

func removeTree(dir string) error {
	err := rmdir(dir)
	if err == nil {
		return nil
	}
	subs, cerr := children(dir)
	if cerr != nil {
		if isGone(cerr) {
			return nil // a read-only mount says EROFS of what does not exist
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

// pathError is an errno with the operation and the file, formatted only when
// somebody reads it.
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
