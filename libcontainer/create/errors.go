package create

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/launch"
	"rung/libcontainer/plan"
	"rung/libcontainer/setup"
)

// explain adds what is known beside the errno: that the memory limit was too small, or the file system is mounted noexec.
func (c *creation) explain(err error) error {
	var failure *launch.Failure
	if errors.As(err, &failure) {
		c.setup.Log.Debug("the plan around the failing op:\n" + failure.Around())
		if failure.Op.Code == plan.Exec || failure.Op.Code == plan.FindProgram {
			err = setup.ExplainExec(c.setup.Spec, c.setup.Container.State.Rootfs, failure.Program, err)
			return setup.ProcessError(setup.InitError, err)
		}
		if failure.Killed && c.setup.Cgroup != nil {
			if n, _ := c.setup.Cgroup.OOMKilled(); n > 0 {
				return fmt.Errorf("linux.resources.memory.limit is too small for the start: OOM killed: %w", err)
			}
		}
		err = setup.ProcessError(setup.InitError, err)
		if failure.Op.Code == plan.Setns && failure.Errno == syscall.EINVAL && c.ofAnotherKind(failure.Op.Origin.Field) {
			return fmt.Errorf("%w (%s)", err, launch.NoSuchNamespace)
		}
		if failure.Filtered() && setup.Denies(c.setup.Spec, failure.Syscall()) {
			return fmt.Errorf("%w (linux.seccomp denies %s, which the process calls after it has loaded the filter; "+
				"with process.noNewPrivileges it loads the filter last)", err, failure.Syscall())
		}
		if c.setup.Rootless && bundle.NamespaceOf(c.setup.Spec, specs.UserNamespace) != nil && userNSRestricted(failure.Errno) {
			return fmt.Errorf("%w (AppArmor takes the capabilities of a plain user's user namespace away: "+
				"kernel.apparmor_restrict_unprivileged_userns is 1, and no profile allows userns to rung)", err)
		}
	}
	return err
}

// ofAnotherKind reports whether the file of a field of linux.namespaces is no namespace of the field's type.
func (c *creation) ofAnotherKind(field string) bool {
	for i, ns := range c.setup.Bundle.Spec.Linux.Namespaces {
		if ns.Path == "" || field != fmt.Sprintf("linux.namespaces[%d]", i) {
			continue
		}
		file, err := sys.OpenForReading(ns.Path)
		if err != nil {
			return false
		}
		defer file.Close()
		kind, err := sys.NamespaceKind(file)
		return err != nil || kind != bundle.NamespaceFlag(ns.Type)
	}
	return false
}

// mountError puts setup.InitError before an error of a field of mounts, with the source and the destination. Other errors stay as
// they are.
func mountError(s *specs.Spec, err error) error {
	i, ok := mountIndex(err.Error())
	if !ok || i >= len(s.Mounts) {
		return err
	}
	m := &s.Mounts[i]
	return fmt.Errorf(setup.InitError+"error mounting %q to rootfs at %q: %w", m.Source, m.Destination, err)
}

// userNSSwitch is Ubuntu's kernel parameter, since 23.10: anybody can make a user namespace, but a program whose profile does
// not say userns has no capabilities in it.
var userNSSwitch = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"

// userNSRestricted reports whether an error in a user namespace may come from that parameter.
func userNSRestricted(errno syscall.Errno) bool {
	if errno != syscall.EPERM && errno != syscall.EACCES {
		return false
	}
	text, err := sys.ReadSmall(userNSSwitch)
	return err == nil && strings.TrimSpace(text) == "1"
}
