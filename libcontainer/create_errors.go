package libcontainer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/launch"
)

// explain adds what is known beside the errno: that the memory limit was too small.
func (c *creation) explain(err error) error {
	var failure *launch.Failure
	if errors.As(err, &failure) {
		c.runtime.Log.Debug("the plan around the failing op:\n" + failure.Around())
		if failure.Killed && c.manager != nil {
			if n, _ := c.manager.OOMKilled(); n > 0 {
				return fmt.Errorf("linux.resources.memory.limit is too small for the start: OOM killed: %w", err)
			}
		}
		if c.runtime.Rootless && hasUserNS(c.spec) && userNSRestricted(failure.Errno) {
			return fmt.Errorf("%w (AppArmor takes the capabilities of a plain user's user namespace away: "+
				"kernel.apparmor_restrict_unprivileged_userns is 1, and no profile allows userns to rung)", err)
		}
	}
	return err
}

// startError is what runc says before an error of a container's process, initError before one of its set-up. People
// look for these words, and so do programs: https://github.com/containers/podman/blob/v5.7.0/test/e2e/exec_test.go
const (
	startError = "unable to start container process: "
	initError  = startError + "error during container init: "
)

// mountError puts them before an error of a field of mounts, with the source and the destination. Other errors stay as
// they are.
func mountError(s *specs.Spec, err error) error {
	rest, ok := strings.CutPrefix(err.Error(), "mounts[")
	number, _, _ := strings.Cut(rest, "]")
	i, errNumber := strconv.Atoi(number)
	if !ok || errNumber != nil || i >= len(s.Mounts) {
		return err
	}
	m := &s.Mounts[i]
	return fmt.Errorf(initError+"error mounting %q to rootfs at %q: %w", m.Source, m.Destination, err)
}
