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
	index     int32  // in the container: a hook may give it another name; 0 if it did not get there
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
			err = fmt.Errorf("linux.netDevices[%s]: %w", name, err)
			if errUndo := m.Undo(); errUndo != nil {
				err = fmt.Errorf("%w; %w", err, errUndo)
			}
			return nil, err
		}
	}
	return m, nil
}

// LoopbackUp brings up the loopback device of a network namespace.
func LoopbackUp(namespace *os.File) error {
	n, err := sys.OpenNetlink(namespace)
	if err != nil {
		return err
	}
	defer n.Close()
	return setUp(n, 1) // the index that the kernel gives it (LOOPBACK_IFINDEX)
}

// Forget leaves the devices where they are.
func (m *Moved) Forget() {
	if m != nil {
		m.namespace.Close()
	}
}

// Undo gives the devices back to the host, with their names, addresses and state. Routes over
// them are lost. The error is of the first that could not be given back whole.
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
	link, err := find(inside, d.inside)
	if err != nil {
		return d, fmt.Errorf("find %s in the network namespace: %w", d.inside, err)
	}
	d.index = link.index
	return d, settle(inside, d.index, d, d.inside, true)
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
func settle(n *sys.Netlink, index int32, d *device, name string, up bool) error {
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
		stray, err := strayed(host, inside, d.name)
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
	return settle(host, back.index, d, d.name, d.up)
}

// strayed looks for a device whose move has failed: the kernel may move it first, and a rename
// that fails then leaves it in the container under its old name. 0: it is where it was.
func strayed(host, inside *sys.Netlink, name string) (int32, error) {
	if _, err := find(host, name); !errors.Is(err, syscall.ENODEV) {
		return 0, err
	}
	found, err := find(inside, name)
	return found.index, err
}
