// Package systemd speaks with systemd about the units that containers are in: the few calls
// that are needed for that, over D-Bus. It knows nothing of cgroups or of the specification.
package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Timeout bounds each wait: for the bus to accept, for an answer, for the end of a job.
const Timeout = 30 * time.Second

const (
	service             = "org.freedesktop.systemd1"
	objectPath          = "/org/freedesktop/systemd1"
	managerInterface    = "org.freedesktop.systemd1.Manager"
	propertiesInterface = "org.freedesktop.DBus.Properties"

	unitExists = "org.freedesktop.systemd1.UnitExists"
	noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
)

// Bus is a connection to a service manager, made when it is first needed. It is not safe for
// concurrent use.
type Bus struct {
	User      bool // the user's own manager, not the system's
	Anonymous bool // rung is in a user namespace

	conn    *conn
	timeout time.Duration // Timeout, but in tests
}

// Connect connects, so that the first call has less to wait for. Its error is that of the
// next call, too.
func (b *Bus) Connect() error {
	if b.conn != nil {
		return nil
	}
	if b.timeout == 0 {
		b.timeout = Timeout
	}
	address, err := systemAddress()
	if b.User {
		address, err = userAddress()
	}
	if err == nil {
		b.conn, err = dial(address, false, b.Anonymous)
	}
	if err != nil && !b.User && os.Geteuid() == 0 {
		if direct, errDirect := dial(privateSocket, true, b.Anonymous); errDirect == nil {
			b.conn, err = direct, nil
		}
	}
	if err != nil {
		return fmt.Errorf("failed to connect to dbus%s: %w", b.hint(), err)
	}
	return nil
}

func (b *Bus) hint() string {
	if b.User {
		return " of the user's systemd (for rootless containers the package dbus-user-session may be missing)"
	}
	return ""
}

// Close ends the connection.
func (b *Bus) Close() {
	if b.conn != nil {
		b.conn.close()
		b.conn = nil
	}
}

func managerCall(method string, args ...Value) *call {
	return &call{service, objectPath, managerInterface, method, args}
}

func (b *Bus) call(m *call) (*message, error) {
	if err := b.Connect(); err != nil {
		return nil, err
	}
	serial := b.conn.send(m)
	reply, err := b.conn.wait(serial, time.Now().Add(b.timeout))
	return reply, b.explain(m.method, err)
}

// explain says that it took too long, and whose fault that is.
func (b *Bus) explain(what string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: systemd has not answered for %v, it or the bus is too busy: %w", what, b.timeout, err)
	}
	return err
}

// property asks for a property of the manager, which must be a string.
func (b *Bus) property(name string) (string, error) {
	s, err := b.get(objectPath, managerInterface, name)
	if err != nil {
		return "", fmt.Errorf("systemd's property %s: %w", name, err)
	}
	return s, nil
}

func (b *Bus) get(path, iface, name string) (string, error) {
	reply, err := b.call(&call{service, path, propertiesInterface, "Get", []Value{String(iface), String(name)}})
	if err != nil {
		return "", err
	}
	return reply.body.variantString()
}

// Result returns how a scope has ended: "oom-kill", or "success" while it has not.
func (b *Bus) Result(scope string) (string, error) {
	return b.get(unitPath(scope), "org.freedesktop.systemd1.Scope", "Result")
}

// unitPath is the object of a unit: what is no letter and no digit is escaped, as is a digit
// that comes first (sd_bus_path_encode(3)).
func unitPath(unit string) string {
	out := objectPath + "/unit/"
	for i, c := range []byte(unit) {
		if (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (i > 0 && c >= '0' && c <= '9') {
			out += string(rune(c))
		} else {
			out += fmt.Sprintf("_%02x", c)
		}
	}
	return out
}

// ControlGroup returns the top of the manager's own tree of cgroups, "" for that of all.
func (b *Bus) ControlGroup() (string, error) { return b.property("ControlGroup") }

// Version returns systemd's version: 252 of "252.38-1~deb12u1" or "v252".
func (b *Bus) Version() (int, error) {
	s, err := b.property("Version")
	if err != nil {
		return 0, err
	}
	digits := strings.TrimLeft(s, `"v`)
	if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = digits[:end]
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("can't parse the version of systemd: %q", s)
	}
	return n, nil
}

// SetProperties changes properties of a unit until it ends. They are in force when it returns:
// systemd answers before it writes to a cgroup, but writes before it takes the next call.
func (b *Bus) SetProperties(unit string, list []Property) error {
	if err := b.Connect(); err != nil {
		return err
	}
	set := b.conn.send(managerCall("SetUnitProperties", String(unit), Bool(true), properties(list)))
	next := b.conn.send(&call{service, objectPath, "org.freedesktop.DBus.Peer", "Ping", nil})
	deadline := time.Now().Add(b.timeout)
	_, err := b.conn.wait(set, deadline)
	if err == nil {
		_, err = b.conn.wait(next, deadline)
	}
	if err != nil {
		return fmt.Errorf("unable to set unit properties of %s: %w", unit, b.explain("SetUnitProperties", err))
	}
	return nil
}

// Attach moves a process into the cgroup of a unit, or into one below that ("/" is its own):
// for a caller who may not do so himself.
func (b *Bus) Attach(unit, below string, pid int) error {
	pids := Array{Elem: "u", Items: []Value{Uint32(pid)}}
	_, err := b.call(managerCall("AttachProcessesToUnit", String(unit), String(below), pids))
	if err != nil {
		return fmt.Errorf("attach process %d to %s: %w", pid, unit, err)
	}
	return nil
}

func (b *Bus) reset(unit string) error {
	_, err := b.call(managerCall("ResetFailedUnit", String(unit)))
	return err
}
