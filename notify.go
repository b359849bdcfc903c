package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"rung/internal/sys"
)

// barrierTimeout is how long a service manager gets to answer, in milliseconds: one that does
// not know BARRIER=1 never does.
const barrierTimeout = 30_000

// notifyProxy hands on to the service manager that a container is ready (sd_notify(3)).
type notifyProxy struct {
	host   string   // the manager's socket: $NOTIFY_SOCKET
	inside *os.File // the socket that the container writes to
}

// newNotifyProxy returns nil where no service manager waits for a message.
func newNotifyProxy() *notifyProxy {
	if host := os.Getenv("NOTIFY_SOCKET"); host != "" {
		return &notifyProxy{host: host}
	}
	return nil
}

// listen makes the socket; open is ListenNotify of the container's id.
func (n *notifyProxy) listen(open func() (*os.File, error)) (err error) {
	if n == nil {
		return nil
	}
	if n.inside, err = open(); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}

// relay waits until the container says that it is ready, or its process has ended, and tells
// the manager, which follows the process mainPid from then on.
func (n *notifyProxy) relay(pid, mainPid int) error {
	if n == nil {
		return nil
	}
	end, err := sys.PidfdOpen(pid)
	if err != nil {
		return nil //nolint:nilerr // it has ended
	}
	defer end.Close()
	return n.relayUntil(end, mainPid)
}

func (n *notifyProxy) relayUntil(end *os.File, mainPid int) error {
	host, err := sys.DialDatagram(n.host)
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET %s: %w", n.host, err)
	}
	defer host.Close()
	ready, err := n.untilReady(end)
	if err != nil || ready == nil {
		return err
	}
	for _, message := range []string{string(ready) + "\n", "MAINPID=" + strconv.Itoa(mainPid) + "\n"} {
		if err := sys.SendMessage(host, []byte(message)); err != nil {
			return fmt.Errorf("NOTIFY_SOCKET %s: %w", n.host, err)
		}
	}
	return barrier(host, end)
}

// relayBeside relays while rung waits for the process: it is rung that the manager follows.
// The channel is closed when that is over, which the end of the process makes it.
func (n *notifyProxy) relayBeside(pid int) <-chan struct{} {
	done := make(chan struct{})
	if n == nil {
		close(done)
		return done
	}
	end, err := sys.PidfdOpen(pid) // now: once it is reaped, its number may be another's
	if err != nil {
		log.Warn(err.Error())
		close(done)
		return done
	}
	go func() {
		defer close(done)
		defer end.Close()
		if err := n.relayUntil(end, os.Getpid()); err != nil {
			log.Warn(err.Error())
		}
	}()
	return done
}

// untilReady returns the line of the container, or nil when its process has ended without.
func (n *notifyProxy) untilReady(end *os.File) ([]byte, error) {
	message := make([]byte, 4096)
	for {
		which, err := sys.WaitReadable(-1, n.inside, end)
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

// barrier returns when the manager has read what was sent, since it takes no message of a
// process that is gone: it closes the descriptor that comes with BARRIER=1.
func barrier(host, end *os.File) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	err = sys.SendMessage(host, []byte("BARRIER=1"), int(write.Fd()))
	write.Close()
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: BARRIER=1: %w", err)
	}
	which, err := sys.WaitReadable(barrierTimeout, read, end)
	if err == nil && which < 0 {
		log.Warn("NOTIFY_SOCKET: the service manager did not answer BARRIER=1 in 30 s")
	}
	return err
}
