package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"rung/internal/signals"
	"rung/internal/sys"
	"rung/internal/waits"
	"rung/libcontainer/console"
)

// processIO connects a container process with the caller: standard streams, terminal and signals.
type processIO struct {
	stdio    [3]*os.File
	socket   *os.File // the pty's master is sent here; nil without a terminal
	terminal *console.Foreground
	master   *os.File // the other end of socket, if rung itself uses the terminal
	signals  *signals.Queue
	prepare  func() error // called first in ready; may be nil
}

// newProcessIO refuses a terminal that nobody would use, and a console socket without a terminal, as runc does.
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
		dialled := stopping.idles("--console-socket " + socket + " to take a connection")
		p.socket, err = console.DialSocket(socket)
		dialled()
	default:
		if p.terminal, err = foregroundTerminal(); err == nil {
			p.master, p.socket, err = sys.StreamPair()
		}
	}
	return p, err
}

// foregroundTerminal finds the caller's terminal. A background job of a shell stops here, before it has the container's lock.
func foregroundTerminal() (*console.Foreground, error) {
	terminal, err := console.NewForeground()
	if err != nil {
		return nil, err
	}
	continued := stopping.idles("the foreground of the terminal: fg of the shell continues this job")
	waited := terminal.AwaitForeground()
	continued()
	if waited {
		return console.NewForeground()
	}
	return terminal, nil
}

// ready is called while the container process waits for its start. It attaches the terminal, sends the pidfd and writes
// the pid file, so that all of these are there before the process runs.
func (p *processIO) ready(ctx context.Context, pid int, pidFile, pidfdSocket string) error {
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
	if err := sendPidfd(ctx, pidfdSocket, pid); err != nil {
		return err
	}
	return writePidFile(pidFile, pid)
}

// readyFunc returns ready as Create needs it, or nil if ready has nothing to do.
func (p *processIO) readyFunc(ctx context.Context, pidFile, pidfdSocket string) func(int) error {
	if p.terminal == nil && pidFile == "" && pidfdSocket == "" && p.prepare == nil {
		return nil
	}
	return func(pid int) error { return p.ready(ctx, pid, pidFile, pidfdSocket) }
}

func sendPidfd(ctx context.Context, socket string, pid int) error {
	if socket == "" {
		return nil
	}
	conn, err := waits.DialUnix(ctx, socket)
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

// catchSignals starts to collect the signals that people and service managers send.
//
// With a terminal rung itself writes to the caller's stdout. If the reader of that pipe goes away, the Go runtime ends the
// program by SIGPIPE whatever handler is installed, unless os/signal was asked for the signal. So it is asked; the
// channel is never read, because the handler of package signals gets the signal.
func (p *processIO) catchSignals() (err error) {
	if p.terminal != nil {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	}
	p.signals, err = signals.Catch(append(forwardedSignals(), syscall.SIGCHLD))
	return err
}

// forwardedSignals are all signals that can be caught, except SIGURG, which the Go runtime uses, and SIGCHLD. SIGSEGV and
// the like are included: one that was sent is forwarded, a fault of rung itself still ends rung (package signals).
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

// reap collects all children that have ended and reports whether pid is one of them. As a subreaper rung also becomes the
// parent of orphans, and reaps those too.
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

// close restores the caller's terminal. It may be called more than once.
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

// preservedFDs checks the value of --preserve-fds.
func preservedFDs(n int) (int, error) {
	if n < 0 {
		return 0, fmt.Errorf("--preserve-fds: %d is no number of descriptors", n)
	}
	return n, nil
}

// absolutePidFile returns the absolute path of --pid-file: rung changes its working directory to the bundle later.
func absolutePidFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file := absolute(path)
	if !filepath.IsAbs(file) {
		return "", fmt.Errorf("--pid-file %s: the working directory has no path: getwd: %w", path, syscall.ENOENT)
	}
	return file, nil
}
