package systemd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"rung/internal/sys"
)

// Error is an error that systemd, or the bus, has answered.
type Error struct {
	Name string // "org.freedesktop.systemd1.UnitExists"
	Text string
}

// Error is the message; systemd's name the unit.
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

// conn is a connection to a message bus, or to systemd itself. What is written is sent when an
// answer is waited for: the greeting of a bus and the calls behind it are one packet.
type conn struct {
	fd      int
	address string
	direct  bool // to systemd: no Hello, no rules of what to receive
	greeted bool // the authentication was accepted
	serial  uint32
	out, in []byte
	replies map[uint32]*message
	must    map[uint32]string // calls whose answer nobody waits for, and that must not fail
	jobs    map[string]string // results of jobs that have ended, by path
}

// dial connects, and prepares the greeting. anonymous leaves it to the bus to find out who
// this is: in a user namespace only the bus knows the user's id outside of it.
func dial(address string, direct, anonymous bool) (*conn, error) {
	fd, err := sys.DialStream(address, Timeout)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	c := &conn{
		fd: fd, address: address, direct: direct,
		replies: map[uint32]*message{}, must: map[uint32]string{}, jobs: map[string]string{},
	}
	identity := " " + hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if anonymous {
		identity = "\r\nDATA"
	}
	c.out = append(c.out, "\x00AUTH EXTERNAL"+identity+"\r\nBEGIN\r\n"...)
	if direct {
		return c, c.greet()
	}
	c.must[c.send(busCall("Hello"))] = "Hello"
	return c, nil
}

// greet waits for the answer to the greeting: on its own socket, systemd leaves a call that came in one packet with
// BEGIN alone until more comes.
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

// send adds a call to what goes out next, and returns its serial.
func (c *conn) send(m *call) uint32 {
	c.serial++
	c.out = append(c.out, m.encode(c.serial)...)
	return c.serial
}

// watch asks the bus for the ends of jobs. A rule with the unit's name, arg2, would spare rung those of
// others, but dbus-broker looks at no argument behind one that is no string, and the first of this signal is a number.
func (c *conn) watch() {
	if c.direct {
		return
	}
	const rule = "type='signal',sender='" + service + "',path='" + objectPath + "',interface='" + managerInterface +
		"',member='JobRemoved'"
	c.must[c.send(busCall("AddMatch", String(rule)))] = "AddMatch"
}

func (c *conn) flush(deadline time.Time) error {
	if len(c.out) == 0 {
		return nil
	}
	err := sys.SendStream(c.fd, c.out, deadline)
	c.out = c.out[:0]
	if err != nil {
		return fmt.Errorf("%s: %w", c.address, err)
	}
	return nil
}

// wait returns the answer to the call of that serial.
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

// waitJob returns the result of a job.
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

// receive takes in one message at least.
func (c *conn) receive(deadline time.Time) error {
	if err := c.flush(deadline); err != nil {
		return err
	}
	for {
		took, err := c.takeIn()
		if took || err != nil {
			return err
		}
		if err := c.fill(deadline); err != nil {
			return err
		}
	}
}

// fill reads some bytes.
func (c *conn) fill(deadline time.Time) error {
	var buf [4096]byte
	n, err := sys.ReceiveStream(c.fd, buf[:], deadline)
	if err == nil && n == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.address, err)
	}
	c.in = append(c.in, buf[:n]...)
	return nil
}

func (c *conn) takeIn() (took bool, err error) {
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
	return true, c.sort(m)
}

// authenticated reads the answers to the greeting (D-Bus Specification, "Authentication
// Protocol"): DATA asks for the identity that was sent along, OK is the end.
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

// sort keeps a message where it will be looked for.
func (c *conn) sort(m *message) error {
	switch m.kind {
	case methodReturn, errorReply:
		if method, ok := c.must[m.reply]; ok {
			delete(c.must, m.reply)
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
