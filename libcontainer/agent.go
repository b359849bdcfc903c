package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// sendListener sends the listener of a process's seccomp filter to the agent of
// linux.seccomp.listenerPath, with the container process state (config-linux.md,
// "The Container Process State"): a stream socket, and all in one message. A path that begins
// with "@" is an abstract address (unix(7)).
func (c *Container) sendListener(spec *specs.Spec, status Status, pid int, listener *os.File) error {
	if listener == nil {
		return errors.New("linux.seccomp: the hands did not show the listener")
	}
	profile := spec.Linux.Seccomp
	state, err := json.Marshal(specs.ContainerProcessState{
		Version: specs.Version, Fds: []string{specs.SeccompFdName}, Pid: pid,
		Metadata: profile.ListenerMetadata, State: c.processState(status, pid),
	})
	if err != nil {
		return err
	}
	const field = "linux.seccomp.listenerPath"
	conn, err := sys.DialUnix(profile.ListenerPath)
	if err != nil {
		return fmt.Errorf("%s: failed to connect with seccomp agent: %w", field, err)
	}
	defer conn.Close()
	if err := sys.SendMessage(conn, state, int(listener.Fd())); err != nil {
		return fmt.Errorf("%s: send the listener to %s: %w", field, profile.ListenerPath, err)
	}
	return nil
}

// processState is the container's state; its process may be the one that asks.
func (c *Container) processState(status Status, pid int) specs.State {
	state := *c.OCI(status)
	if state.Pid == 0 {
		state.Pid = pid
	}
	return state
}
