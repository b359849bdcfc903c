// Package console connects the caller's terminal to the container's, and sends and receives terminals over sockets.
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
	"rung/internal/waits"
)

// Foreground shows a container's terminal on the caller's terminal.
//
// Between Attach and Close the caller's terminal is in raw mode. So the program must call Close however it ends, also
// before os.Exit.
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

// NewForeground finds the caller's terminal: the first of stderr, stdout and stdin that is a terminal, or the
// controlling terminal if all three are redirected. It changes nothing about the terminal.
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

// AwaitForeground stops this process group while it is in the background of the terminal, as a shell's job is that it has
// started with "&", and reports whether it did. Call it before anything is made or locked: Attach would be stopped by the kernel.
// The terminal may have other settings afterwards, so the caller needs another Foreground.
func (f *Foreground) AwaitForeground() (waited bool) { return sys.AwaitForeground(int(f.host.Fd())) }

// Attach gives the pty of master the size of the caller's terminal, puts the caller's terminal into raw mode, and copies
// in both directions until Close. Attach turns ONLCR off, so that the pty does not change "\n" to "\r\n": the caller's
// terminal does this. The output of a process before Attach still has "\r\n", so the caller must call Attach before the
// container's process runs.
//
// Attach takes master over and closes it, also after an error.
func (f *Foreground) Attach(master *os.File) error {
	defer master.Close() //nolint:errcheck // open has made a duplicate.
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

// open duplicates master and adds it to an epoll instance.
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

// prepare configures both terminals, the caller's last.
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

// start starts the goroutines that copy. Close does not wait for the one that reads the caller's input: it blocks until
// the next key, and ends only with the program.
func (f *Foreground) start() {
	guest := f.guest
	waits.Several()
	go func() { _ = f.epoller.Wait() }()
	go func() { _, _ = io.Copy(guest, f.in) }()
	f.copying.Add(1)
	go func() {
		defer f.copying.Done()
		_, _ = io.Copy(f.out, guest)
		// If the output cannot be written, close the pty, as runc does: a program that writes to it would otherwise wait
		// for ever.
		_ = guest.Close()
	}()
	f.resized = make(chan os.Signal, 1)
	signal.Notify(f.resized, syscall.SIGWINCH)
	go func(resized <-chan os.Signal) {
		for range resized {
			_ = f.Resize()
		}
	}(f.resized)
	// The size may have changed between prepare and Notify.
	_ = guest.ResizeFrom(f.host)
}

// Resize gives the pty the size of the caller's terminal. It does nothing before Attach and after Close. The caller need
// not call it for a SIGWINCH, which a Foreground handles itself.
func (f *Foreground) Resize() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.guest == nil || f.closed {
		return nil
	}
	return f.guest.ResizeFrom(f.host)
}

// Close waits until all output of the pty has been copied, and restores the caller's terminal. Call it after the
// container's process has ended: Close drops what other processes write later. A second call does nothing.
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
