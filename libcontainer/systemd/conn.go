package systemd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"rung/internal/sys"
	"rung/internal/waits"
)

// Error is an error reply of systemd or of the bus.
type Error struct {
	Name string // "org.freedesktop.systemd1.UnitExists"
	Text string
}

// Error returns the text of the reply without its full stop, or the name if there is no text. systemd's texts name the
// unit.
func (e *Error) Error() string {
	if e.Text == "" {
		return e.Name
	}
	return strings.TrimSuffix(e.Text, ".")
}

func isError(err error, name string) bool {
	var e *Error
	return errors.As(err, &e) && e.Name == name
}

// conn is a connection to a message bus, or to systemd itself. It collects what is written and sends it before it waits
// for an answer, so the greeting of a bus and the calls after it are one packet.
type conn struct {
	context context.Context
	fd      int
	address string
	direct  bool // to systemd itself: it needs no Hello and no match rules
	greeted bool // the authentication was accepted
	serial  uint32
	out, in []byte
	replies map[uint32]*message
	checked map[uint32]string // methods of calls that conn only checks for an error reply, by serial
	jobs    map[string]string // results of jobs that have ended, by path
}

// dial connects and prepares the greeting. With anonymous the greeting contains no uid, and the bus takes it from the
// socket: a process in a user namespace does not know its uid outside of it.
func dial(ctx context.Context, address string, direct, anonymous bool) (*conn, error) {
	fd, err := waits.Beside(ctx, "a connection to systemd", func() (int, error) { return sys.DialStream(address, Timeout) }, sys.CloseFd)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	c := &conn{
		context: ctx, fd: fd, address: address, direct: direct,
		replies: map[uint32]*message{}, checked: map[uint32]string{}, jobs: map[string]string{},
	}
	identity := " " + hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if anonymous {
		identity = "\r\nDATA"
	}
	c.out = append(c.out, "\x00AUTH EXTERNAL"+identity+"\r\nBEGIN\r\n"...)
	if direct {
		return c, c.greet()
	}
	c.checked[c.send(busCall("Hello"))] = "Hello"
	return c, nil
}

// greet sends the greeting and waits for the answer. On its own socket systemd does not handle a call that comes in one
// packet with BEGIN until more data comes, so the first call must follow later.
func (c *conn) greet() error {
	deadline := time.Now().Add(Timeout)
	err := c.flush(deadline)
	for err == nil && !c.greeted {
		if err = c.fill(deadline); err == nil {
			err = c.authenticated()
		}
	}
	if err != nil {
		c.close()
	}
	return err
}

func busCall(method string, args ...Value) *call {
	return &call{"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method, args}
}

// send adds a call to the data that is sent next, and returns its serial.
func (c *conn) send(m *call) uint32 {
	c.serial++
	c.out = append(c.out, m.encode(c.serial)...)
	return c.serial
}

// watch asks the bus for the signals of ended jobs. The rule does not select the unit by its name, arg2: dbus-broker
// matches no argument after one that is not a string, and the first argument of this signal is a number. So rung also
// receives the signals for other units.
func (c *conn) watch() {
	if c.direct {
		return
	}
	const rule = "type='signal',sender='" + service + "',path='" + objectPath + "',interface='" + managerInterface +
		"',member='JobRemoved'"
	c.checked[c.send(busCall("AddMatch", String(rule)))] = "AddMatch"
}

func (c *conn) flush(deadline time.Time) error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.until(func() error { return sys.SendStream(c.fd, c.out, deadline) })
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("%s: %w", c.address, err)
	}
	return nil
}

// wait returns the answer to the call with that serial. An error reply is an *Error.
func (c *conn) wait(serial uint32, deadline time.Time) (*message, error) {
	for {
		if m := c.replies[serial]; m != nil {
			delete(c.replies, serial)
			return m, m.failure()
		}
		if err := c.receive(deadline); err != nil {
			return nil, err
		}
	}
}

// waitJob waits for the end of a job and returns its result.
func (c *conn) waitJob(path string, deadline time.Time) (string, error) {
	for {
		if result, ok := c.jobs[path]; ok {
			return result, nil
		}
		if err := c.receive(deadline); err != nil {
			return "", err
		}
	}
}

// receive sends what is waiting, then reads until it has handled one message.
func (c *conn) receive(deadline time.Time) error {
	if err := c.flush(deadline); err != nil {
		return err
	}
	for {
		handled, err := c.handleNext()
		if handled || err != nil {
			return err
		}
		if err := c.fill(deadline); err != nil {
			return err
		}
	}
}

// until ends a wait with the context. The connection is of no use then.
func (c *conn) until(wait func() error) error {
	return waits.While(c.context, func() string { return "an answer of systemd" }, func() { sys.ShutdownStream(c.fd) }, wait)
}

// fill reads some bytes into c.in. It fails at the end of the stream.
func (c *conn) fill(deadline time.Time) error {
	var buf [4096]byte
	var n int
	err := c.until(func() (err error) {
		n, err = sys.ReceiveStream(c.fd, buf[:], deadline)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", c.address, err)
	}
	c.in = append(c.in, buf[:n]...)
	return nil
}

// handleNext handles the first message in c.in. handled is false if the message is not complete yet.
func (c *conn) handleNext() (handled bool, err error) {
	if !c.greeted {
		if err := c.authenticated(); err != nil || !c.greeted {
			return false, err
		}
	}
	m, n, err := parseMessage(c.in)
	if err != nil {
		return false, fmt.Errorf("%s: %w", c.address, err)
	}
	if m == nil {
		return false, nil
	}
	c.in = c.in[n:]
	return true, c.dispatch(m)
}

// authenticated reads the answers to the greeting (D-Bus Specification, "Authentication Protocol"). DATA asks for the
// identity, which the greeting already contains. OK is the last answer.
func (c *conn) authenticated() error {
	for {
		line, rest, ok := strings.Cut(string(c.in), "\r\n")
		if !ok {
			if len(c.in) > maxMessage {
				return errMalformed
			}
			return nil
		}
		c.in = []byte(rest)
		switch word, _, _ := strings.Cut(line, " "); word {
		case "OK":
			c.greeted = true
			return nil
		case "DATA":
		default:
			return fmt.Errorf("%s: authentication failed: %s", c.address, line)
		}
	}
}

// dispatch stores a reply or the result of a job for the caller that waits for it. It drops other messages.
func (c *conn) dispatch(m *message) error {
	switch m.kind {
	case methodReturn, errorReply:
		if method, ok := c.checked[m.reply]; ok {
			delete(c.checked, m.reply)
			if err := m.failure(); err != nil {
				return fmt.Errorf("%s: %s: %w", c.address, method, err)
			}
			return nil
		}
		c.replies[m.reply] = m
	case signal:
		if m.member == "JobRemoved" && m.signature == "uoss" {
			d := &m.body
			d.uint32()
			path := d.string()
			d.string()
			if result := d.string(); !d.bad {
				c.jobs[path] = result
			}
		}
	}
	return nil
}

func (m *message) failure() error {
	if m.kind != errorReply {
		return nil
	}
	e := &Error{Name: m.errorName}
	if strings.HasPrefix(m.signature, "s") {
		e.Text = m.body.string()
	}
	return e
}

func (c *conn) close() { sys.CloseFd(c.fd) }
