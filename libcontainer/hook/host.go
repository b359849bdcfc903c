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

// hostStart starts hooks in the runtime's namespaces, in dir.
func hostStart(dir string) Start {
	return func(h specs.Hook, stdin *os.File, stdout, stderr io.Writer) (Process, error) {
		cmd := &exec.Cmd{
			Path: h.Path,
			// args[0] as given, which need not be the path.
			Args: h.Args,
			// Where the configuration has no env, the runtime's own: hooks find their programs by
			// its PATH, with runc and crun.
			Env:    h.Env,
			Dir:    dir,
			Stdin:  stdin,
			Stdout: stdout,
			Stderr: stderr,
			// A group of its own can be killed as a whole. Without a timeout nobody does; the ^C of a
			// terminal reaches the hook then, as with runc.
			SysProcAttr: &syscall.SysProcAttr{Setpgid: h.Timeout != nil},
			// A hook that leaves a daemon behind with its standard streams must
			// not hold up the container.
			WaitDelay: OutputGrace,
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return &hostProcess{cmd, h.Timeout != nil}, nil
	}
}

// OutputGrace is how long the output of a hook is read after its exit, where
// another process still has the writing end.
const OutputGrace = 100 * time.Millisecond

type hostProcess struct {
	cmd   *exec.Cmd
	group bool // of its own
}

// Wait takes output that was cut short by OutputGrace for what it is: the exit
// status was 0.
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
