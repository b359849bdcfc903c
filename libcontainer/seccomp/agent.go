package seccomp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/internal/waits"
)

// SendListener sends the listener of the filter of process pid to the agent of linux.seccomp.listenerPath, with the
// container process state (config-linux.md, "The Container Process State"): over a stream socket, all in one
// message. A path that begins with "@" is an abstract address (unix(7)). A state without a PID gets that of the process,
// which is the container's first then.
func SendListener(ctx context.Context, profile *specs.LinuxSeccomp, state *specs.State, pid int, listener *os.File) error {
	if listener == nil {
		return errors.New("linux.seccomp: the stage did not show the listener")
	}
	whole := *state
	if whole.Pid == 0 {
		whole.Pid = pid
	}
	message, err := json.Marshal(specs.ContainerProcessState{
		Version: specs.Version, Fds: []string{specs.SeccompFdName}, Pid: pid,
		Metadata: profile.ListenerMetadata, State: whole,
	})
	if err != nil {
		return err
	}
	const field = "linux.seccomp.listenerPath"
	conn, err := waits.DialUnix(ctx, profile.ListenerPath)
	if err != nil {
		return fmt.Errorf("%s: failed to connect with seccomp agent: %w", field, err)
	}
	defer conn.Close()
	if err := sys.SendMessage(conn, message, int(listener.Fd())); err != nil {
		return fmt.Errorf("%s: send the listener to %s: %w", field, profile.ListenerPath, err)
	}
	return nil
}
