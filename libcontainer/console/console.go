// Package console joins the terminal of the caller to that of the container, and
// hands terminals over sockets.
package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/containerd/console"

	"rung/internal/sys"
)

// Foreground is a container's terminal that is shown on the caller's.
//
// While it is attached, the caller's terminal is in raw mode, so Close must be
// called on every way out, also before os.Exit.
type Foreground struct {
	host    console.Console
	in, out *os.File

	mu      sync.Mutex
	guest   *console.EpollConsole
	epoller *console.Epoller
	resized chan os.Signal
	copying sync.WaitGroup
	closed  bool
}

// NewForeground finds the caller's terminal: the first of stderr, stdout and
// stdin that is one or, where all are redirected, the controlling terminal.
// Nothing is changed about it yet.
func NewForeground() (*Foreground, error) {
	for _, f := range []*os.File{os.Stderr, os.Stdout, os.Stdin} {
		c, err := console.ConsoleFromFile(f)
		if err == nil {
			return &Foreground{host: c, in: os.Stdin, out: os.Stdout}, nil
		}
		if !errors.Is(err, console.ErrNotAConsole) {
			return nil, fmt.Errorf("unable to get console: %w", err)
		}
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return nil, err
	}
	c, err := console.ConsoleFromFile(tty)
	if err != nil {
		_ = tty.Close()
		return nil, fmt.Errorf("unable to get console: %w", err)
	}
	return &Foreground{host: c, in: os.Stdin, out: os.Stdout}, nil
}

// Attach gives the pty behind master the size of the caller's terminal, puts that
// into raw mode, and copies both ways until Close. The pty no longer turns "\n"
// into "\r\n" (ONLCR): the caller's terminal does. A process that writes before
// Attach would still see it, so Attach belongs before the container's process
// runs.
//
// Attach takes master over: it is closed, whether Attach succeeds or not.
func (f *Foreground) Attach(master *os.File) error {
	defer master.Close() //nolint:errcheck // A duplicate lives on.
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.guest != nil {
		return errors.New("console: attached before")
	}
	if err := f.open(master); err != nil {
		return err
	}
	if err := f.prepare(); err != nil {
		_ = f.guest.Close()
		_ = f.epoller.Close()
		f.guest = nil
		return errors.Join(err, f.host.Reset())
	}
	f.start()
	return nil
}

// open makes the pty usable by edge-triggered epoll.
func (f *Foreground) open(master *os.File) error {
	dup, err := sys.BlockingDup(master)
	if err != nil {
		return fmt.Errorf("console: %w", err)
	}
	guest, err := console.ConsoleFromFile(dup)
	if err != nil {
		_ = dup.Close()
		return fmt.Errorf("unable to get console: %w", err)
	}
	epoller, err := console.NewEpoller()
	if err != nil {
		_ = dup.Close()
		return fmt.Errorf("console: epoll_create1: %w", err)
	}
	ec, err := epoller.Add(guest)
	if err != nil {
		_ = dup.Close()
		_ = epoller.Close()
		return fmt.Errorf("console: epoll_ctl: %w", err)
	}
	f.guest, f.epoller = ec, epoller
	return nil
}

// prepare sets both terminals up, the caller's last.
func (f *Foreground) prepare() error {
	if err := console.ClearONLCR(f.guest.Fd()); err != nil {
		return fmt.Errorf("console: clear ONLCR: %w", err)
	}
	if err := f.guest.ResizeFrom(f.host); err != nil {
		return fmt.Errorf("console: set the window size: %w", err)
	}
	if err := f.host.SetRaw(); err != nil {
		return fmt.Errorf("failed to set the terminal from the stdin: %w", err)
	}
	return nil
}

// start copies. The goroutine that reads the caller's input blocks until the next
// key and has no end but the program's, so nobody waits for it.
func (f *Foreground) start() {
	guest := f.guest
	go func() { _ = f.epoller.Wait() }()
	go func() { _, _ = io.Copy(guest, f.in) }()
	f.copying.Add(1)
	go func() {
		defer f.copying.Done()
		_, _ = io.Copy(f.out, guest)
		// Where nobody takes what is shown, the container's side is hung up, as with runc: a program
		// that went on writing would wait for room for ever.
		_ = guest.Close()
	}()
	f.resized = make(chan os.Signal, 1)
	signal.Notify(f.resized, syscall.SIGWINCH)
	go func(resized <-chan os.Signal) {
		for range resized {
			_ = f.Resize()
		}
	}(f.resized)
	// A change between prepare and Notify would go unseen.
	_ = guest.ResizeFrom(f.host)
}

// Resize gives the pty the size of the caller's terminal. Attach does so by
// itself, and again at each SIGWINCH. It does nothing while detached.
func (f *Foreground) Resize() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.guest == nil || f.closed {
		return nil
	}
	return f.guest.ResizeFrom(f.host)
}

// Close waits until everything that was written to the pty has been copied, and
// restores the caller's terminal. It is for when the container's process is gone;
// what other processes write after that is lost. It may be called again.
func (f *Foreground) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	if f.guest == nil {
		return nil
	}
	signal.Stop(f.resized)
	close(f.resized)
	_ = f.guest.Shutdown(f.epoller.CloseConsole)
	f.copying.Wait()
	return errors.Join(f.host.Reset(), f.epoller.Close())
}
