// Package systemd asks systemd over D-Bus to make, change and stop the units of containers. It has only the few calls
// that this needs. It knows nothing of cgroup files or of the runtime specification.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Timeout bounds each wait: until the bus accepts the connection, until an answer comes, until a job ends.
const Timeout = 30 * time.Second

const (
	service             = "org.freedesktop.systemd1"
	objectPath          = "/org/freedesktop/systemd1"
	managerInterface    = "org.freedesktop.systemd1.Manager"
	scopeInterface      = "org.freedesktop.systemd1.Scope"
	propertiesInterface = "org.freedesktop.DBus.Properties"

	unitExists = "org.freedesktop.systemd1.UnitExists"
	noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
)

// Bus is a connection to systemd. It connects at the first call. The caller closes it with Close. It is not safe for
// concurrent use.
type Bus struct {
	User      bool // connect to the user's own systemd, not to the system's
	Anonymous bool // rung is in a user namespace

	Context context.Context // ends all waits; nil never does

	conn    *conn
	timeout time.Duration // Timeout; tests set a shorter one
}

// Connect connects ahead of the first call, so that this call waits less. A call without a connection calls Connect
// itself and returns its error.
func (b *Bus) Connect() error {
	if b.conn != nil && b.conn.context.Err() == nil {
		return nil
	}
	b.Close() // of a context that has ended
	if b.Context == nil {
		b.Context = context.Background()
	}
	if b.timeout == 0 {
		b.timeout = Timeout
	}
	address, err := systemAddress()
	if b.User {
		address, err = userAddress()
	}
	if err == nil {
		b.conn, err = dial(b.Context, address, false, b.Anonymous)
	}
	if err != nil && !b.User && os.Geteuid() == 0 {
		if direct, errDirect := dial(b.Context, privateSocket, true, b.Anonymous); errDirect == nil {
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

// Close ends the connection. A later call connects again.
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

// explain adds to a timeout that systemd or the bus is too busy. It returns other errors unchanged.
func (b *Bus) explain(what string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s: systemd has not answered for %v, it or the bus is too busy: %w", what, b.timeout, err)
	}
	return err
}

// property returns a property of systemd's manager object. The property must be a string.
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

// Number returns a property of a scope that is a number of the type "t".
func (b *Bus) Number(scope, name string) (uint64, error) {
	reply, err := b.call(&call{service, unitPath(scope), propertiesInterface, "Get", []Value{String(scopeInterface), String(name)}})
	if err != nil {
		return 0, fmt.Errorf("property %s of %s: %w", name, scope, err)
	}
	return reply.body.variantUint64()
}

// Result returns how a scope ended, for example "oom-kill". It returns "success" for a scope that still runs.
func (b *Bus) Result(scope string) (string, error) {
	return b.get(unitPath(scope), scopeInterface, "Result")
}

// unitPath returns the object path of a unit. It escapes every character except letters and digits, and a digit in the
// first place (sd_bus_path_encode(3)).
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

// ControlGroup returns the top of systemd's own tree of cgroups, "" if that is the root cgroup.
func (b *Bus) ControlGroup() (string, error) { return b.property("ControlGroup") }

// Version returns systemd's main version: 252 for "252.38-1~deb12u1" or "v252".
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

// SetProperties changes properties of a unit. The change lasts until the unit ends, and is in force when SetProperties
// returns. systemd answers the call before it writes to the cgroup, but it writes before it handles the next call, so
// SetProperties sends a ping and waits for its answer too.
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

// Attach asks systemd to move a process into the cgroup of a unit or into a sub-cgroup ("/" is the unit's own), for a
// caller without permission to move it.
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
