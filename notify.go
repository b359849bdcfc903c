package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

// managerTimeout is the time that a service manager has to take a message, and to answer. A manager that does not know
// BARRIER=1 never answers.
const managerTimeout = 30 * time.Second

// notifyProxy passes a container's readiness message on to the service manager (sd_notify(3)).
type notifyProxy struct {
	host   string   // the manager's socket: $NOTIFY_SOCKET
	inside *os.File // the socket that the container writes to
}

// newNotifyProxy returns nil if no service manager waits for a message. All methods accept nil and do nothing.
func newNotifyProxy() *notifyProxy {
	if host := os.Getenv("NOTIFY_SOCKET"); host != "" {
		return &notifyProxy{host: host}
	}
	return nil
}

// listen makes the container's socket. open is ListenNotify for the id of the container.
func (n *notifyProxy) listen(open func() (*os.File, error)) (err error) {
	if n == nil {
		return nil
	}
	if n.inside, err = open(); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}

// relay waits until the container says that it is ready, and tells the manager, which then follows the process mainPid.
// It returns without a message if the process pid ends first.
func (n *notifyProxy) relay(ctx context.Context, pid, mainPid int) error {
	if n == nil {
		return nil
	}
	end, err := sys.PidfdOpen(pid)
	if err != nil {
		return nil //nolint:nilerr // the process has ended
	}
	defer end.Close()
	return n.relayUntil(ctx, end, mainPid)
}

func (n *notifyProxy) relayUntil(ctx context.Context, end *os.File, mainPid int) error {
	host, err := sys.DialDatagram(n.host, managerTimeout)
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET %s: %w", n.host, err)
	}
	defer host.Close()
	ready, err := n.untilReady(ctx, end)
	if err != nil || ready == nil {
		return err
	}
	for _, message := range []string{string(ready) + "\n", "MAINPID=" + strconv.Itoa(mainPid) + "\n"} {
		if err := tell(ctx, host, message); err != nil {
			return fmt.Errorf("NOTIFY_SOCKET %s: %w", n.host, err)
		}
	}
	return barrier(ctx, host, end)
}

// relayBeside relays in a goroutine while rung waits for the process in the foreground. The manager follows rung, not the
// container's process. The returned channel is closed when the relay is over, at the latest when the process ends.
func (n *notifyProxy) relayBeside(pid int) <-chan struct{} {
	done := make(chan struct{})
	if n == nil {
		close(done)
		return done
	}
	end, err := sys.PidfdOpen(pid) // before the goroutine: once the process is reaped, another may get its pid
	if err != nil {
		log.Warn(err.Error())
		close(done)
		return done
	}
	waits.Several()
	go func() {
		defer close(done)
		defer end.Close()
		if err := n.relayUntil(context.Background(), end, os.Getpid()); err != nil {
			log.Warn(err.Error())
		}
	}()
	return done
}

// untilReady returns the READY= line of the container, or nil if its process ends without one.
func (n *notifyProxy) untilReady(ctx context.Context, end *os.File) ([]byte, error) {
	message := make([]byte, 4096)
	for {
		which, err := sys.WaitReadable(ctx, -1, n.inside, end)
		if ctx.Err() != nil {
			return nil, waits.Ended(ctx, "the container, which runs, to say READY=1")
		}
		if err != nil || which != 0 {
			return nil, err
		}
		size, files, err := sys.ReceiveMessage(n.inside, message)
		for _, f := range files {
			f.Close()
		}
		if err != nil {
			return nil, err
		}
		for _, line := range bytes.Split(message[:size], []byte{'\n'}) {
			if bytes.HasPrefix(line, []byte("READY=")) {
				return line, nil
			}
		}
	}
}

// tell sends a message, and waits while the manager's queue is full: managerTimeout at most, or until ctx ends.
func tell(ctx context.Context, host *os.File, message string, fds ...int) error {
	_, err := waits.Beside(ctx, "the service manager to take a message", func() (struct{}, error) {
		return struct{}{}, sys.SendMessage(host, []byte(message), fds...)
	}, nil)
	return err
}

// barrier waits until the manager has read the messages: a manager ignores messages of a process that has ended. The
// manager shows that by closing the descriptor sent with BARRIER=1.
func barrier(ctx context.Context, host, end *os.File) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	err = tell(ctx, host, "BARRIER=1", int(write.Fd()))
	write.Close()
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: BARRIER=1: %w", err)
	}
	which, err := sys.WaitReadable(ctx, int(managerTimeout.Milliseconds()), read, end)
	if ctx.Err() != nil {
		return waits.Ended(ctx, "the service manager to answer BARRIER=1")
	}
	if err == nil && which < 0 {
		log.Warn("NOTIFY_SOCKET: the service manager did not answer BARRIER=1 in 30 s")
	}
	return err
}
