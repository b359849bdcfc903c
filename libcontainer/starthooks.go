package libcontainer

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/hook"
	"rung/libcontainer/host"
)

// startContainerHooks runs programs of the image: each is a process of the container's like one of
// exec, with the user, the capabilities and all else that confines the container's process.
func (c *Container) startContainerHooks(spec *specs.Spec) error {
	if spec.Hooks == nil || len(spec.Hooks.StartContainer) == 0 {
		return nil
	}
	root, err := sys.OpenPath(fmt.Sprintf("/proc/%d/root", c.state.Pid))
	if err != nil {
		return err
	}
	defer root.Close()
	env := processEnv(spec.Process, root)
	start := func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (hook.Process, error) {
		streams, err := newStreams(stdout, stderr)
		if err != nil {
			return nil, err
		}
		defer streams.closeWriters()
		e := &execution{
			Container: c, spec: spec, process: hookProcess(spec.Process, h, env), root: root, status: Created,
			opts: ExecOptions{Stdio: [3]*os.File{stdin, streams.out[1], streams.err[1]}},
		}
		if err := e.compile(host.Inside{Exec: h.Path}); err != nil {
			return nil, err
		}
		pid, err := e.launch()
		if err != nil {
			return nil, err
		}
		return &insideProcess{pid: pid, streams: streams}, nil
	}
	return runHooks(spec.Hooks.StartContainer, "startContainer", stateInside(spec, c.OCI(Created)), start)
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
	look, err := host.LookInside(root, p.Args, p.Env, p.Cwd, p.User.UID)
	if err != nil || look.Home == "" {
		return p.Env
	}
	return append(slices.Clone(p.Env), "HOME="+look.Home)
}
