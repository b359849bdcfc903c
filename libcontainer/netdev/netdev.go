// Package netdev moves network devices of the host into the network namespace of a container
// (config-linux.md, "Network Devices").
package netdev

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Moved is what Move did, so that a create that fails can give the devices back. Once a
// container is created, its devices are the kernel's: with their namespace virtual ones end,
// and physical ones return.
type Moved struct {
	namespace *os.File
	devices   []device
}

// device is a network device as it was on the host.
type device struct {
	name      string
	inside    string // its name in the container
	up        bool
	addresses []address
}

// Move moves the devices, in the order of their names, gives them the names that the
// configuration asks for, keeps their permanent addresses of global scope, and brings them up.
// When one cannot be moved, all are given back. namespace is kept until Forget or Undo.
// Errors name the field.
func Move(devices map[string]specs.LinuxNetDevice, namespace *os.File) (*Moved, error) {
	m := &Moved{namespace: namespace}
	names := make([]string, 0, len(devices))
	for name := range devices {
		names = append(names, name)
	}
	slices.Sort(names)
	host, inside, err := sockets(namespace)
	if err != nil {
		m.Forget()
		return nil, fmt.Errorf("linux.netDevices: %w", err)
	}
	defer host.Close()
	defer inside.Close()
	for _, name := range names {
		d, err := move(host, inside, name, devices[name].Name, namespace)
		if d != nil {
			m.devices = append(m.devices, *d)
		}
		if err != nil {
			m.Undo()
			return nil, fmt.Errorf("linux.netDevices[%s]: %w", name, err)
		}
	}
	return m, nil
}

// Forget leaves the devices where they are.
func (m *Moved) Forget() {
	if m != nil {
		m.namespace.Close()
	}
}

// Undo gives the devices back to the host, with their names, addresses and state.
func (m *Moved) Undo() {
	if m == nil {
		return
	}
	defer m.Forget()
	host, inside, err := sockets(m.namespace)
	if err != nil {
		return
	}
	defer host.Close()
	defer inside.Close()
	for _, d := range m.devices {
		_ = giveBack(host, inside, &d)
	}
}

func sockets(namespace *os.File) (host, inside *sys.Netlink, err error) {
	if host, err = sys.OpenNetlink(nil); err != nil {
		return nil, nil, err
	}
	if inside, err = sys.OpenNetlink(namespace); err != nil {
		host.Close()
		return nil, nil, fmt.Errorf("enter the network namespace: %w", err)
	}
	return host, inside, nil
}

// move returns the device as soon as it may have left the host.
func move(host, inside *sys.Netlink, name, wanted string, namespace *os.File) (*device, error) {
	found, err := find(host, name)
	if err != nil {
		return nil, fmt.Errorf("find the device: %w", err)
	}
	d := &device{name: name, up: found.up}
	if d.addresses, err = addresses(host, found.index); err != nil {
		return nil, fmt.Errorf("read its addresses: %w", err)
	}
	if d.inside, err = freeName(inside, name, wanted); err != nil {
		return nil, err
	}
	if err := send(host, found.index, d.inside, namespace); err != nil {
		return d, fmt.Errorf("move to the network namespace: %w", err)
	}
	return d, settle(inside, d.inside, d.addresses, true)
}

// freeName is the name in the container. The kernel's templates ("eth%d") are filled in here,
// so that it is known which device was meant.
func freeName(inside *sys.Netlink, name, wanted string) (string, error) {
	if wanted == "" {
		wanted = name
	}
	if before, after, ok := strings.Cut(wanted, "%d"); ok {
		return numbered(inside, before, after)
	}
	_, err := find(inside, wanted)
	switch {
	case err == nil:
		return "", fmt.Errorf("a device named %s exists in the network namespace: %w", wanted, syscall.EEXIST)
	case errors.Is(err, syscall.ENODEV):
		return wanted, nil
	}
	return "", err
}

// maxNumber is how far the kernel counts (__dev_alloc_name): one bit of a page each.
const maxNumber = 8 * 4096

func numbered(inside *sys.Netlink, before, after string) (string, error) {
	for n := range maxNumber {
		name := before + strconv.Itoa(n) + after
		if _, err := find(inside, name); errors.Is(err, syscall.ENODEV) {
			return name, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("no name %s%%d%s is free: %w", before, after, syscall.ENFILE)
}

// settle gives a device that has just come to a namespace its addresses, and its state.
func settle(n *sys.Netlink, name string, list []address, up bool) error {
	found, err := find(n, name)
	if err != nil {
		return fmt.Errorf("find %s in the network namespace: %w", name, err)
	}
	for _, a := range list {
		if err := addAddress(n, found.index, a); err != nil {
			return fmt.Errorf("add address %s: %w", a, err)
		}
	}
	if !up {
		return nil
	}
	if err := setUp(n, found.index); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

func giveBack(host, inside *sys.Netlink, d *device) error {
	found, err := find(inside, d.inside)
	if errors.Is(err, syscall.ENODEV) { // a rename that failed left it with its name
		found, err = find(inside, d.name)
	}
	if err != nil {
		return err
	}
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	if err := send(inside, found.index, d.name, own); err != nil {
		return err
	}
	return settle(host, d.name, d.addresses, d.up)
}
