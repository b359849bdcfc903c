package compile

import (
	"path"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// setupDev makes the devices, links and the place of the console, unless the bundle brings
// a /dev of its own by a bind mount.
func (c *compiler) setupDev() error {
	if c.bindsDev() {
		return nil
	}
	if !c.hasMounts() && c.namespace(specs.UserNamespace) != nil {
		return c.refuseDevices()
	}
	inMount := c.dev != plan.None
	if !inMount {
		c.openDev()
	}
	for i, d := range c.allDevices() {
		if err := c.device(&d, i, inMount); err != nil {
			return err
		}
		if err := c.room("linux.devices[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	c.devLinks()
	return nil
}

// refuseDevices refuses linux.devices: rung would have to bind them, but the user namespace may not
// mount anything.
func (c *compiler) refuseDevices() error {
	if len(c.spec.Linux.Devices) > 0 {
		return fieldError("linux.devices", "cannot be bound in a user namespace without a mount namespace in linux.namespaces: %w", syscall.EPERM)
	}
	return nil
}

func (c *compiler) bindsDev() bool {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		if c.destination(m) == "/dev" && host.IsBind(m) {
			return true
		}
	}
	return false
}

// allDevices returns linux.devices, then the default devices that it does not name.
func (c *compiler) allDevices() []specs.LinuxDevice {
	devices := append([]specs.LinuxDevice(nil), c.spec.Linux.Devices...)
	for _, d := range bundle.DefaultDevices() {
		named := false
		for i := range c.spec.Linux.Devices {
			named = named || path.Clean(c.spec.Linux.Devices[i].Path) == d.Path
		}
		if !named {
			devices = append(devices, d)
		}
	}
	return devices
}

// device makes one device. With inMount /dev is a mount of the configuration, and the directories of devices are in it.
func (c *compiler) device(d *specs.LinuxDevice, i int, inMount bool) error {
	field := "linux.devices[" + strconv.Itoa(i) + "]"
	if i >= len(c.spec.Linux.Devices) {
		field = "default device"
	}
	name := path.Clean(d.Path)
	if name == "/dev/ptmx" {
		return nil // devLinks makes it a link to pts/ptmx
	}
	dir, base := c.dev, path.Base(name)
	if path.Dir(name) != "/dev" {
		c.b.For(field, "directory of "+name)
		at, below := c.root, path.Dir(name)
		if rest, inside := host.Below(below, "/dev"); inside && inMount {
			at, below = c.dev, rest
		}
		dir, _ = c.b.Mkpath(at, below, plan.MkpathDir, 0o755)
		defer c.b.Close(dir)
	}
	mode, err := deviceMode(d, field)
	if err != nil {
		return err
	}
	if d.Type != "p" && c.bindsDevices() {
		return c.deviceOfUserNS(d, mode, dir, base, field)
	}
	c.b.For(field, "make "+name)
	made := c.b.Mknod(dir, base, mode, deviceNumber(d)).Tolerate(syscall.EEXIST)
	if i < len(c.spec.Linux.Devices) {
		c.verifyDevice(d, mode, dir, base, made, field)
	}
	uid, gid := ids(d)
	if uid != 0 || gid != 0 {
		c.b.For(field, "owner of "+name)
		c.b.Chown(dir, base, uid, gid)
	}
	return nil
}

// deviceNumber is 0 of a FIFO, whatever is given.
func deviceNumber(d *specs.LinuxDevice) uint64 {
	if d.Type == "p" {
		return 0
	}
	return sys.Mkdev(uint32(d.Major), uint32(d.Minor))
}

// MustBeDevice follows the path of a device of which something is there already.
const MustBeDevice = " is there already, and must be the device"

// IsDevice reports whether a file of that mode and number is a device of linux.devices.
func IsDevice(d *specs.LinuxDevice, mode uint32, number uint64) bool {
	want, err := deviceMode(d, "")
	return err == nil && uint64(mode)&sys.S_IFMT == want&sys.S_IFMT && (d.Type == "p" || number == deviceNumber(d))
}

// verifyDevice: what is there already must be the device (config-linux.md, "Devices").
func (c *compiler) verifyDevice(d *specs.LinuxDevice, mode uint64, dir plan.Slot, base string, made plan.OpRef, field string) {
	c.b.For(field, path.Clean(d.Path)+MustBeDevice)
	there, opened := c.b.Open(dir, base, sys.O_PATH|sys.O_NOFOLLOW, 0)
	opened.Unless(made)
	c.b.VerifyDevice(there, mode&sys.S_IFMT, deviceNumber(d)).IfSlots()
	c.b.Close(there)
}

func ids(d *specs.LinuxDevice) (uid, gid uint64) {
	if d.UID != nil {
		uid = uint64(*d.UID)
	}
	if d.GID != nil {
		gid = uint64(*d.GID)
	}
	return uid, gid
}

func deviceMode(d *specs.LinuxDevice, field string) (uint64, error) {
	mode := uint64(0o666)
	if d.FileMode != nil {
		mode = uint64(*d.FileMode & 0o777) // the other bits mean nothing on a device
	}
	switch d.Type {
	case "c", "u":
		return mode | sys.S_IFCHR, nil
	case "b":
		return mode | sys.S_IFBLK, nil
	case "p":
		return mode | sys.S_IFIFO, nil
	}
	return 0, fieldError(field+".type", "unknown device type %q", d.Type)
}

// deviceOfUserNS binds a device, because the stage may not make device nodes. It binds the host's;
// if the host lacks the device or has another one at its path, rung makes one, if it may.
func (c *compiler) deviceOfUserNS(d *specs.LinuxDevice, mode uint64, dir plan.Slot, base, field string) error {
	name := path.Clean(d.Path)
	device := sys.Mkdev(uint32(d.Major), uint32(d.Minor))
	switch {
	case c.bindsHostDevice(d, field):
		c.bindDevice(c.cloneTree(name, false, field, name), dir, base, "the host's "+name, field)
	case c.makesDevices():
		uid, gid := ids(d)
		node := c.source(SourceDevice, "", false, field, "device node "+name)
		c.sourceOf(node).Device = &Device{
			Mode: uint32(mode), Number: device,
			UID: outside(uid, c.spec.Linux.UIDMappings), GID: outside(gid, c.spec.Linux.GIDMappings),
		}
		c.bindDevice(node, dir, base, "the device "+name, field)
	default:
		return fieldError(field, "the host's %s is another device, and rung may not make this one: %w", name, syscall.EPERM)
	}
	return nil
}

// bindsDevices reports whether the stage may not make device nodes. Nobody may in a user namespace; outside of
// one, rung may lack CAP_MKNOD (in a service with PrivateDevices=, or in a container).
func (c *compiler) bindsDevices() bool {
	return c.facts.UserNS || c.namespace(specs.UserNamespace) != nil || !c.facts.Has(host.CapMknod)
}

// bindsHostDevice reports whether rung binds the host's device: if it is the same device, or for a
// default device in any case.
func (c *compiler) bindsHostDevice(d *specs.LinuxDevice, field string) bool {
	there, listed := c.facts.Devices[path.Clean(d.Path)]
	mode, err := deviceMode(d, field)
	if path.Clean(d.Path) == "/dev/null" && c.facts.NullBroken != "" {
		return false
	}
	same := err == nil && uint64(there.Kind) == mode&sys.S_IFMT && there.Rdev == sys.Mkdev(uint32(d.Major), uint32(d.Minor))
	return same || !listed && !c.makesDevices() || strings.HasPrefix(field, "default ")
}

// makesDevices reports whether the parent may make device nodes for a container that may not.
func (c *compiler) makesDevices() bool {
	return c.parentOpens() && !c.facts.UserNS && c.facts.Has(host.CapMknod)
}

// outside returns the host's number of an id of the container. The mappings of a namespace that is
// joined are not known: then the number stays.
func outside(id uint64, mappings []specs.LinuxIDMapping) int {
	for _, m := range mappings {
		if id >= uint64(m.ContainerID) && id-uint64(m.ContainerID) < uint64(m.Size) {
			return int(uint64(m.HostID) + id - uint64(m.ContainerID))
		}
	}
	return int(id)
}

func (c *compiler) bindDevice(tree, dir plan.Slot, base, what, field string) {
	c.b.For(field, "bind "+what)
	c.b.MountAttr(tree, "", c.cloned(false))
	target, _ := c.b.Mkpath(dir, base, plan.MkpathFile|plan.MkpathNofollow, 0o000)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	c.b.Close(tree)
}

func (c *compiler) devLinks() {
	links := [][2]string{
		{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
	}
	if c.facts.Kcore {
		links = append(links, [2]string{"/proc/kcore", "core"})
	}
	c.b.For("", "default links in /dev")
	for _, l := range links {
		c.b.Symlink(l[0], c.dev, l[1]).Tolerate(syscall.EEXIST)
	}
	c.b.For("", "/dev/ptmx is that of the container's devpts")
	c.b.Unlink(c.dev, "ptmx").Tolerate(syscall.ENOENT)
	c.b.Symlink("pts/ptmx", c.dev, "ptmx")
}
