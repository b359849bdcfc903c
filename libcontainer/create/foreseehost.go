package create

import (
	"errors"
	"fmt"
	"os"
	"path"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/netdev"
	"rung/libcontainer/plan"
	"rung/libcontainer/resctrl"
)

func (c *creation) foreseeResctrl(*Preview) error {
	if c.setup.Spec.Linux.IntelRdt == nil {
		return nil
	}
	if _, err := resctrl.Find(); err != nil {
		return fmt.Errorf("linux.intelRdt: %w", err)
	}
	return nil
}

// foreseeNetDevices looks for the devices that the container gets, where no hook may make them.
func (c *creation) foreseeNetDevices(*Preview) error {
	if hasEarlyHooks(c.setup.Spec) {
		return nil
	}
	return netdev.Missing(c.setup.Spec.Linux.NetDevices)
}

// foreseeAgent looks for the socket of the seccomp agent. A hook may start the agent.
func (c *creation) foreseeAgent(*Preview) error {
	profile := c.setup.Spec.Linux.Seccomp
	if profile == nil || profile.ListenerPath == "" || hasEarlyHooks(c.setup.Spec) {
		return nil
	}
	if _, err := sys.Stat(profile.ListenerPath); errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("linux.seccomp.listenerPath: failed to connect with seccomp agent: connect: %w", syscall.ENOENT)
	}
	return nil
}

// foreseeHooks looks for the programs of the hooks: on the host, and those of startContainer in the container.
func (c *creation) foreseeHooks(p *Preview) error {
	h := c.setup.Spec.Hooks
	if h == nil {
		return nil
	}
	lists := []struct {
		name  string
		hooks []specs.Hook
		root  *os.File
	}{
		{"prestart", h.Prestart, nil}, {"createRuntime", h.CreateRuntime, nil}, {"createContainer", h.CreateContainer, nil}, //nolint:staticcheck // deprecated, and part of the specification
		{"startContainer", h.StartContainer, p.Root}, {"poststart", h.Poststart, nil},
	}
	for _, list := range lists {
		for i, one := range list.hooks {
			inside := list.name == "startContainer"
			if inside && (p.Root == nil || c.hidden(path.Clean(one.Path)) || c.provided(p.Root, one.Path)) {
				continue
			}
			if errno := c.executable(list.root, one.Path); errno != 0 {
				return fmt.Errorf("hooks.%s[%d]: error running %s hook #%d: fork/exec %s: %w", list.name, i, list.name, i, one.Path, errno)
			}
		}
	}
	return nil
}

// deniesRealtime reports whether the cgroup has no time for the policy of process.scheduler.
func (c *creation) deniesRealtime() bool {
	p := c.setup.Spec.Process
	if p == nil || p.Scheduler == nil || p.Scheduler.Policy != specs.SchedFIFO && p.Scheduler.Policy != specs.SchedRR {
		return false
	}
	return c.setup.Cgroup != nil && c.setup.Cgroup.DeniesRealtime(c.setup.Spec.Linux.Resources)
}

// note keeps the source of a file system that lies on a block device.
func (f *foresight) note(op *plan.Op) {
	slot := op.Slots[0]
	if _, ok := f.onDevice[slot]; ok && op.Text[0] == "source" {
		f.onDevice[slot] = op.Text[1]
	}
}

// mounts looks for the block device of a file system, with the words of the kernel. A hook may make it.
func (f *foresight) mounts(op *plan.Op) (call string, errno syscall.Errno, messages string) {
	source := f.onDevice[op.Slots[0]]
	if !path.IsAbs(source) || hasEarlyHooks(f.spec) {
		return "", 0, ""
	}
	if _, err := sys.Stat(source); errors.Is(err, syscall.ENOENT) {
		return "fsconfig", syscall.ENOENT, source + ": Can't lookup blockdev"
	}
	return "", 0, ""
}
