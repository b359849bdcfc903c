package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/urfave/cli/v3"

	"rung/internal/signals"
	"rung/internal/sys"
	"rung/libcontainer/console"
)

// processIO is what connects a container process with the caller: its standard streams, its
// terminal, and signals.
type processIO struct {
	stdio    [3]*os.File
	socket   *os.File // gets the pty; nil without a terminal
	terminal *console.Foreground
	master   *os.File // our end, where rung itself is the terminal's user
	signals  *signals.Queue
	prepare  func() error // something else to be done before the process runs; may be nil
}

// newProcessIO checks that a terminal has somebody to use it, as runc does.
func newProcessIO(terminal, detach bool, socket string) (*processIO, error) {
	p := &processIO{stdio: [3]*os.File{os.Stdin, os.Stdout, os.Stderr}}
	if detach && terminal && socket == "" {
		return nil, errors.New("cannot allocate tty if rung will detach without setting console socket")
	}
	if (!detach || !terminal) && socket != "" {
		return nil, errors.New("cannot use console socket if rung will not detach or allocate tty")
	}
	var err error
	switch {
	case !terminal:
	case detach:
		p.socket, err = console.DialSocket(socket)
	default:
		if p.terminal, err = console.NewForeground(); err == nil {
			p.master, p.socket, err = sys.StreamPair()
		}
	}
	return p, err
}

// ready is called when the container process waits for its start: what is done here is in
// place before it runs.
func (p *processIO) ready(pid int, pidFile, pidfdSocket string) error {
	if p.prepare != nil {
		if err := p.prepare(); err != nil {
			return err
		}
	}
	if p.terminal != nil {
		master, err := console.RecvFD(p.master)
		if err != nil {
			return err
		}
		if err := p.terminal.Attach(master); err != nil {
			return err
		}
	}
	if err := sendPidfd(pidfdSocket, pid); err != nil {
		return err
	}
	return writePidFile(pidFile, pid)
}

// readyFunc is ready for Create, or nil where there is nothing for it to do.
func (p *processIO) readyFunc(pidFile, pidfdSocket string) func(int) error {
	if p.terminal == nil && pidFile == "" && pidfdSocket == "" && p.prepare == nil {
		return nil
	}
	return func(pid int) error { return p.ready(pid, pidFile, pidfdSocket) }
}

func sendPidfd(socket string, pid int) error {
	if socket == "" {
		return nil
	}
	conn, err := sys.DialUnix(socket)
	if err != nil {
		return fmt.Errorf("--pidfd-socket %s: %w", socket, err)
	}
	defer conn.Close()
	pidfd, err := sys.PidfdOpen(pid)
	if err != nil {
		return err
	}
	defer pidfd.Close()
	return console.SendFD(conn, "pidfd", int(pidfd.Fd()))
}

// catchSignals starts to collect what people and service managers send.
//
// Go is told of SIGPIPE where rung writes to the caller's stdout itself: it would die of it, whatever
// handler is there, when a pipe's reader goes away. The channel is never read; the handler is ours.
func (p *processIO) catchSignals() (err error) {
	if p.terminal != nil {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	p.signals, err = signals.Catch(append(forwardedSignals(), syscall.SIGCHLD))
	return err
}

// forwardedSignals are all that can be caught, but for those of the Go runtime (SIGURG) and of children. Those of faults
// are among them: one that is sent is forwarded, one of a fault of rung's own ends it (package signals).
func forwardedSignals() (out []syscall.Signal) {
	for n := syscall.Signal(1); n <= 64; n++ {
		switch n {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD, syscall.SIGURG:
		case 32, 33: // libc's
		default:
			out = append(out, n)
		}
	}
	return out
}

// wait forwards signals to the process until it ends, and returns its exit status.
func (p *processIO) wait(pid int) (int, error) {
	for {
		if status, ended, err := reap(pid); ended || err != nil {
			return status, err
		}
		s, err := p.signals.Next()
		if err != nil {
			return 1, err
		}
		if s != syscall.SIGCHLD {
			p.forward(pid, s)
		}
	}
}

func (p *processIO) forward(pid int, s syscall.Signal) {
	if s == syscall.SIGWINCH && p.terminal != nil {
		_ = p.terminal.Resize()
		return
	}
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		log.Error(err.Error())
	}
}

// reap collects the children that have ended, since a subreaper gets those of others, and
// reports whether that of pid is among them.
func reap(pid int) (status int, ended bool, err error) {
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 255, false, fmt.Errorf("wait for the container process: %w", err)
		case got == 0:
			return 0, false, nil
		case got == pid:
			return exitStatus(ws), true, nil
		}
	}
}

func exitStatus(ws syscall.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// close restores the caller's terminal; it may be called again.
func (p *processIO) close() {
	if p.terminal != nil {
		_ = p.terminal.Close()
		p.terminal = nil
	}
	for _, f := range []*os.File{p.socket, p.master} {
		if f != nil {
			f.Close()
		}
	}
	p.socket, p.master = nil, nil
}

// listenFDs is the number of sockets that a service manager passed (sd_listen_fds(3)).
func listenFDs() int {
	pid, err := strconv.Atoi(os.Getenv("LISTEN_PID"))
	if err != nil || pid != os.Getpid() {
		return 0
	}
	n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// preservedFDs is the number of descriptors of --preserve-fds.
func preservedFDs(cmd *cli.Command) (int, error) {
	n := cmd.Int("preserve-fds")
	if n < 0 {
		return 0, fmt.Errorf("--preserve-fds: %d is no number of descriptors", n)
	}
	return n, nil
}

// absolutePidFile: rung changes its directory to the bundle.
func absolutePidFile(cmd *cli.Command) string {
	if path := cmd.String("pid-file"); path != "" {
		return absolute(path)
	}
	return ""
}
