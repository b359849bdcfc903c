package process

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/launch"
)

// SetRlimits sets the limits of a process that waits, with rung's own rights: a process in a user
// namespace may not raise them, and low ones would hinder the set-up. Errors name the field.
func SetRlimits(pid int, limits []specs.POSIXRlimit) error {
	for i, l := range limits {
		resource, ok := sys.RlimitResource(l.Type)
		if !ok {
			return fmt.Errorf("process.rlimits[%d].type: unknown %q", i, l.Type)
		}
		if err := sys.Prlimit(pid, resource, l.Soft, l.Hard); err != nil {
			err = fmt.Errorf("process.rlimits[%d]: set %s to %d:%d: prlimit64: %w", i, l.Type, l.Soft, l.Hard, err)
			why := sys.WhyRefused("prlimit64", err)
			if why == "" && errors.Is(err, syscall.EPERM) {
				why = launch.RlimitHint
			}
			if why == "" {
				return err
			}
			return fmt.Errorf("%w (%s)", err, why)
		}
	}
	return nil
}
