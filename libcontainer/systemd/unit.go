package systemd

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Start is the pending start of a transient unit. The caller can do other work before it calls Wait.
type Start struct {
	bus    *Bus
	unit   string
	call   *call
	serial uint32

	accepted bool // systemd has accepted the call: it has made the unit or will make it
	waited   bool
	err      error
}

// ErrUnitExists is the error if a unit of that name exists already.
var ErrUnitExists = errors.New("unit already exists")

// Begin asks for a transient unit with the given properties (org.freedesktop.systemd1(5), StartTransientUnit). It does
// not wait for the answer: the caller must call Wait.
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

// Wait waits until the unit exists and all its properties are in force. If a failed unit of that name exists, as an
// out-of-memory kill leaves it behind, Wait resets that unit and tries again. Any other unit of that name is an error
// that wraps ErrUnitExists. A second Wait returns the same error.
func (s *Start) Wait() error {
	if !s.waited {
		s.waited = true
		s.err = s.wait()
	}
	return s.err
}

// Accepted reports, after Wait, whether systemd has accepted the call, so that the unit of that name is the caller's.
// The caller must not stop the unit if it is false.
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

// answer waits for the answer to the call and returns systemd's job for it.
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

// finish waits for the end of a job. If the job fails, finish resets the unit, so that no failed unit is left behind.
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

// Stop stops a unit and waits for its end. It resets a unit that has failed. A unit that does not exist is no error.
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
	_ = b.reset(unit) // an error is normal: a unit that has not failed does not exist any more
	return nil
}
