package hook

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// hostStart returns a Start that runs hooks in rung's namespaces, with dir as working directory.
func hostStart(dir string) Start {
	return func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (Process, error) {
		cmd := &exec.Cmd{
			Path: h.Path,
			// args[0] need not be the path.
			Args: h.Args,
			// A nil env means rung's environment. Hooks find their programs with its PATH, as with runc and crun.
			Env:    h.Env,
			Dir:    dir,
			Stdin:  stdin,
			Stdout: stdout,
			Stderr: stderr,
			// Kill kills a process group as a whole at the timeout. A hook without a timeout stays in rung's group, so that
			// ^C in a terminal reaches it, as with runc.
			SysProcAttr: &syscall.SysProcAttr{Setpgid: h.Timeout != nil},
			// A daemon that the hook leaves behind may hold the standard streams, and must not delay the container.
			WaitDelay: OutputGrace,
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return &hostProcess{cmd, h.Timeout != nil}, nil
	}
}

// OutputGrace is how long rung reads the output of a hook after its exit if another process still holds the writing end.
const OutputGrace = 100 * time.Millisecond

type hostProcess struct {
	cmd   *exec.Cmd
	group bool // the hook has a process group of its own
}

// PID returns the hook's PID.
func (p *hostProcess) PID() int { return p.cmd.Process.Pid }

// Wait returns nil for exec.ErrWaitDelay: the exit status was 0, and only the output was cut short after OutputGrace.
func (p *hostProcess) Wait() error {
	err := p.cmd.Wait()
	if err == exec.ErrWaitDelay {
		return nil
	}
	return err
}

func (p *hostProcess) Kill() error {
	if !p.group {
		return p.cmd.Process.Kill()
	}
	return sys.KillGroup(p.cmd.Process.Pid)
}
