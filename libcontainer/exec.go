package libcontainer

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/libcontainer/bundle"
	"rung/libcontainer/exec"
	"rung/libcontainer/process"
)

// ExecOptions is what the caller says beside the process.
type ExecOptions = exec.Options

// Process is a process that Exec has started: a child of this program, which has to reap it.
type Process = process.Child

// Exec runs another process in the container, and returns when it runs. What the process leaves out it has from the
// container's. In a container that has stopped the error is ErrNotRunning. If ctx ends before that, nothing is waited
// for any more, and the process is not there.
func (c *Container) Exec(ctx context.Context, p *specs.Process, o ExecOptions) (*Process, error) {
	if err := bundle.ValidateProcess(p, "process"); err != nil {
		return nil, err
	}
	if err := checkTerminal(p, o.Console != nil); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	pid, err := exec.Exec(ctx, c.runtime.config(), c.disk, p, o)
	if err != nil {
		return nil, err
	}
	return &Process{Pid: pid}, nil
}
