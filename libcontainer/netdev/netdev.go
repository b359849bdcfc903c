// Package netdev moves network devices of the host into the network namespace of a container
// (config-linux.md, "Network Devices").
package netdev

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Moved holds the devices that Move moved, so that a failed create can give them back. After the create, only the
// kernel handles the devices: when their namespace ends, it removes virtual devices and returns physical ones.
type Moved struct {
	namespace *os.File
	devices   []device
}

// device is a network device with its state on the host.
type device struct {
	name      string
	inside    string // its name in the container
	index     int32  // its index in the container, because a hook may rename it; 0 if it is not there
	up        bool
	addresses []address
}

// Move moves the devices to the namespace, in the order of their names. It gives them the names in the configuration,
// keeps their permanent addresses of global scope, and brings them up. If one device cannot be moved, Move gives all
// back. Move takes namespace over: the caller ends the Moved with Forget or Undo, which close it. Errors name the field.
func Move(devices map[string]specs.LinuxNetDevice, namespace *os.File) (*Moved, error) {
	m := &Moved{namespace: namespace}
	host, inside, err := sockets(namespace)
	if err != nil {
		m.Forget()
		return nil, fmt.Errorf("linux.netDevices: %w", err)
	}
	defer host.Close()
	defer inside.Close()
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		d, err := move(host, inside, name, devices[name].Name, namespace)
		if d != nil {
			m.devices = append(m.devices, *d)
		}
		if err != nil {
			err = fmt.Errorf("linux.netDevices[%s]: %w", name, err)
			if errUndo := m.Undo(); errUndo != nil {
				err = fmt.Errorf("%w; %w", err, errUndo)
			}
			return nil, err
		}
	}
	return m, nil
}

// Missing returns the error of Move for the first device, by name, that the host does not have; nil if it has all of them.
func Missing(devices map[string]specs.LinuxNetDevice) error {
	if len(devices) == 0 {
		return nil
	}
	host, err := sys.OpenNetlink(nil)
	if err != nil {
		return nil // Move says it
	}
	defer host.Close()
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if _, err := find(host, name); errors.Is(err, syscall.ENODEV) {
			return fmt.Errorf("linux.netDevices[%s]: find the device: %w", name, err)
		}
	}
	return nil
}

// LoopbackUp brings up the loopback device of a network namespace.
func LoopbackUp(namespace *os.File) error {
	n, err := sys.OpenNetlink(namespace)
	if err != nil {
		return err
	}
	defer n.Close()
	return setUp(n, 1) // LOOPBACK_IFINDEX
}

// Forget closes the namespace and leaves the devices in it. m may be nil.
func (m *Moved) Forget() {
	if m != nil {
		m.namespace.Close()
	}
}

// Undo moves the devices back to the host with their names, addresses and state, and closes the namespace. Routes over
// them are lost. Undo tries all devices and returns the first error. m may be nil.
func (m *Moved) Undo() (err error) {
	if m == nil {
		return nil
	}
	defer m.Forget()
	host, inside, err := sockets(m.namespace)
	if err != nil {
		return err
	}
	defer host.Close()
	defer inside.Close()
	for _, d := range slices.Backward(m.devices) {
		if e := giveBack(host, inside, &d); e != nil && err == nil {
			err = fmt.Errorf("linux.netDevices[%s]: give it back: %w", d.name, e)
		}
	}
	return err
}

func sockets(namespace *os.File) (host, inside *sys.Netlink, err error) {
	own, err := isOwn(namespace)
	if err != nil {
		return nil, nil, err
	}
	if own {
		return nil, nil, errors.New("unable to move network devices: the container's network namespace is the runtime's own")
	}
	if host, err = sys.OpenNetlink(nil); err != nil {
		return nil, nil, err
	}
	if inside, err = sys.OpenNetlink(namespace); err != nil {
		host.Close()
		return nil, nil, fmt.Errorf("enter the network namespace: %w", err)
	}
	return host, inside, nil
}

func isOwn(namespace *os.File) (bool, error) {
	own, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return false, err
	}
	other, err := namespace.Stat()
	return err == nil && os.SameFile(own, other), err
}

// move moves one device. After an error it still returns the device if that may have left the host, for Undo.
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
	link, err := find(inside, d.inside)
	if err != nil {
		return d, fmt.Errorf("find %s in the network namespace: %w", d.inside, err)
	}
	d.index = link.index
	return d, configure(inside, d.index, d, d.inside, true)
}

// freeName returns the device's name in the container: wanted, or name if wanted is empty. It completes a template such
// as "eth%d" itself, because rung could not find the device again if the kernel chose the number.
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

// maxNumber is the kernel's limit for the numbers in templates: one bit of a page for each (__dev_alloc_name).
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

// configure adds d's addresses to a device that has just been moved to a namespace, and brings it up if up is true.
func configure(n *sys.Netlink, index int32, d *device, name string, up bool) error {
	for _, a := range d.addresses {
		if err := addAddress(n, index, a, relabel(a.label, d.name, name)); err != nil {
			return fmt.Errorf("add address %s: %w", a, err)
		}
	}
	if !up {
		return nil
	}
	if err := setUp(n, index); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

func giveBack(host, inside *sys.Netlink, d *device) error {
	if d.index == 0 {
		stray, err := findStray(host, inside, d.name)
		if err != nil || stray == 0 {
			return err
		}
		d.index = stray
	}
	own, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	if err := send(inside, d.index, d.name, own); err != nil {
		return err
	}
	back, err := find(host, d.name)
	if err != nil {
		return err
	}
	return configure(host, back.index, d, d.name, d.up)
}

// findStray returns the index in the container of a device whose move failed, 0 if the device is still on the host. The
// kernel may move the device before it renames it. If the rename then fails, the device stays in the container under
// its old name.
func findStray(host, inside *sys.Netlink, name string) (int32, error) {
	if _, err := find(host, name); !errors.Is(err, syscall.ENODEV) {
		return 0, err
	}
	found, err := find(inside, name)
	return found.index, err
}
