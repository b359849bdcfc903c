package systemd

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Start is the start of a transient unit that is under way: systemd does its part while the
// caller does other things.
type Start struct {
	bus    *Bus
	unit   string
	call   *call
	serial uint32

	accepted bool // systemd has made the unit, or is about to
	waited   bool
	err      error
}

// ErrUnitExists is in the error of a unit that is there already.
var ErrUnitExists = errors.New("unit already exists")

// Begin asks for a transient unit (org.freedesktop.systemd1(5), StartTransientUnit).
func (b *Bus) Begin(unit string, list []Property) (*Start, error) {
	if err := b.Connect(); err != nil {
		return nil, err
	}
	s := &Start{bus: b, unit: unit}
	s.call = managerCall("StartTransientUnit", String(unit), String("replace"), properties(list), Array{Elem: "(sa(sv))"})
	b.conn.watch()
	s.serial = b.conn.send(s.call)
	err := b.conn.flush(time.Now().Add(b.timeout))
	return s, s.wrap(b.explain(s.call.method, err))
}

func (s *Start) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("unable to start unit %q: %w", s.unit, err)
}

// Wait returns when the unit is there with all its properties in force. A failed unit of that
// name, as an out-of-memory kill leaves behind, is reset; any other is an error that has
// ErrUnitExists in it.
func (s *Start) Wait() error {
	if !s.waited {
		s.waited = true
		s.err = s.wait()
	}
	return s.err
}

// Accepted reports after Wait whether systemd has made the unit of this call, as far as is known: any
// other unit of that name is not the caller's to stop.
func (s *Start) Accepted() bool { return s.accepted }

func (s *Start) wait() error {
	job, err := s.answer()
	if isError(err, unitExists) {
		_ = s.bus.reset(s.unit)
		s.serial = s.bus.conn.send(s.call)
		if job, err = s.answer(); isError(err, unitExists) {
			return s.wrap(fmt.Errorf("%w: %w", ErrUnitExists, err))
		}
	}
	if err != nil {
		return s.wrap(err)
	}
	s.accepted = true
	return s.bus.finish(job, s.unit, "create", "creating")
}

// answer returns the job that systemd has made of the call.
func (s *Start) answer() (string, error) {
	reply, err := s.bus.conn.wait(s.serial, time.Now().Add(s.bus.timeout))
	if err != nil {
		return "", s.bus.explain(s.call.method, err)
	}
	return jobOf(reply)
}

func jobOf(reply *message) (string, error) {
	job := reply.body.string()
	if reply.signature != "o" || reply.body.bad {
		return "", errMalformed
	}
	return job, nil
}

// finish waits for the end of a job. A job that did not come about leaves no failed unit.
func (b *Bus) finish(job, unit, verb, doing string) error {
	result, err := b.conn.waitJob(job, time.Now().Add(b.timeout))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("timeout waiting for systemd to %s %s: no end of the job after %v: %w", verb, unit, b.timeout, err)
	case err != nil:
		return err
	case result != "done":
		_ = b.reset(unit)
		return fmt.Errorf("error %s systemd unit `%s`: got `%s`", doing, unit, result)
	}
	return nil
}

// Stop stops a unit, and forgets it where it has failed. One that is gone is fine.
func (b *Bus) Stop(unit string) error {
	if err := b.Connect(); err != nil {
		return err
	}
	b.conn.watch()
	reply, err := b.call(managerCall("StopUnit", String(unit), String("replace")))
	if isError(err, noSuchUnit) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop unit %s: %w", unit, err)
	}
	job, err := jobOf(reply)
	if err != nil {
		return err
	}
	if err := b.finish(job, unit, "remove", "removing"); err != nil {
		return err
	}
	_ = b.reset(unit) // it fails for one that has not failed, which is gone by now
	return nil
}
