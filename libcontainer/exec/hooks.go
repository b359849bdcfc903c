package exec

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/hook"
	"rung/libcontainer/host"
	"rung/libcontainer/process"
	"rung/libcontainer/setup"
	"rung/libcontainer/status"
	"rung/libcontainer/store"
)

// StartHooks runs the hooks of startContainer. They are programs of the image: each is a process of the container like one of
// Exec, with the user, the capabilities and all else that confines the container's process.
func StartHooks(ctx context.Context, config setup.Config, c *store.Container, spec *specs.Spec) error {
	if spec.Hooks == nil || len(spec.Hooks.StartContainer) == 0 {
		return nil
	}
	root, err := sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.State.Pid))
	if err != nil {
		return c.Init().OrStopped(err, process.HasStopped)
	}
	defer root.Close()
	env := processEnv(spec.Process, root)
	start := func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (hook.Process, error) {
		streams, err := hook.NewStreams(stdout, stderr)
		if err != nil {
			return nil, err
		}
		defer streams.CloseWriters()
		e := &execution{
			ctx: ctx, config: &config, container: c, spec: spec, process: hookProcess(spec.Process, h, env), root: root,
			status: status.Created, opts: Options{Stdio: streams.Stdio(stdin)},
		}
		pid, err := e.run("", h.Path)
		if err != nil {
			return nil, err
		}
		return streams.Process(pid), nil
	}
	state := hook.StateInside(spec, status.OCI(&c.State, status.Created))
	return hook.RunAll(ctx, spec.Hooks.StartContainer, "startContainer", state, start, c.NoteHook)
}

// hookProcess is a hook as a process of the container. Without an environment of its own it has
// the process's (config.md).
func hookProcess(container *specs.Process, h specs.Hook, env []string) *specs.Process {
	p := *container
	p.Terminal, p.ConsoleSize, p.ExecCPUAffinity = false, nil, nil
	p.Args, p.Env = h.Args, h.Env
	if len(p.Args) == 0 {
		p.Args = []string{h.Path}
	}
	if p.Env == nil {
		p.Env = env
	}
	return &p
}

// processEnv is the environment that the process gets, with the HOME of the container.
func processEnv(p *specs.Process, root *os.File) []string {
	home, err := host.HomeInside(root, p.Env, p.User.UID)
	if err != nil || home == "" {
		return p.Env
	}
	return append(slices.Clone(p.Env), "HOME="+home)
}
