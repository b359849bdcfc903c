package compile

import (
	"fmt"
	"path"
	"slices"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// masks hides linux.maskedPaths and write-protects linux.readonlyPaths. Paths that do not
// exist are none of either; anything else that fails is an error (CVE-2025-31133).
func (c *compiler) masks() error {
	l := c.spec.Linux
	for i, p := range l.ReadonlyPaths {
		c.readonlyPath(p, fmt.Sprintf("linux.readonlyPaths[%d]", i))
	}
	if len(l.MaskedPaths) == 0 {
		return nil
	}
	c.b.For("linux.maskedPaths", "one empty directory for all masks")
	params := []plan.Option{{Key: "mode", Value: "755"}, {Key: "nr_blocks", Value: "1"}, {Key: "nr_inodes", Value: "1"}}
	empty, _ := c.b.Filesystem("tmpfs", c.mountLabel("tmpfs", params), sys.MOUNT_ATTR_RDONLY)
	// Only what is attached can be cloned before Linux 6.15: park it on a directory of the
	// host's tree, which the process is about to leave.
	c.b.MoveMount(empty, c.park)
	for i, p := range l.MaskedPaths {
		if c.b.Full() {
			break
		}
		if slices.Contains(l.MaskedPaths[:i], p) {
			continue
		}
		c.b.For(fmt.Sprintf("linux.maskedPaths[%d]", i), "hide "+p)
		c.b.Mask(c.root, c.null, empty, path.Join("/", p)).Tolerate(syscall.ENOENT)
	}
	c.b.Close(empty)
	return nil
}

// parked is where the source of the masks is attached.
const parked = "/proc"

// openMaskSources opens, in the new mount namespace but on the host's tree, what the masks
// are cloned from: never anything of the image (CVE-2025-31133).
func (c *compiler) openMaskSources() {
	if len(c.spec.Linux.MaskedPaths) == 0 {
		return
	}
	if c.facts.NullBroken == "" {
		c.b.For("linux.maskedPaths", "the host's null device")
		c.null, _ = c.b.Open(plan.None, "/dev/null", sys.O_PATH, 0)
		c.b.VerifyDevice(c.null, sys.S_IFCHR, sys.Mkdev(1, 3))
	}
	c.b.For("linux.maskedPaths", "a place for the empty directory")
	c.park, _ = c.b.Open(plan.None, parked, sys.O_PATH|sys.O_DIRECTORY, 0)
}

// parkedNull is where a null device of rung's own is attached: a file that every host has, below where the empty directory
// goes later.
const parkedNull = "/proc/uptime"

// replaceNull takes a null device that rung makes where the host's is broken. It comes after the mounts of the new
// namespace have been cut off from the host's.
func (c *compiler) replaceNull() error {
	if len(c.spec.Linux.MaskedPaths) == 0 || c.facts.NullBroken == "" {
		return nil
	}
	const field = "linux.maskedPaths"
	if !c.makesDevices() {
		return fieldError(field, "the host's /dev/null is %s, and rung may make no null device of its own here: as root: "+
			"rm -rf /dev/null && mknod -m 666 /dev/null c 1 3", c.facts.NullBroken)
	}
	c.null = c.source(SourceDevice, "", false, field, "a null device, as the host's is broken")
	c.prog.Sources[c.null].Device = &Device{Mode: sys.S_IFCHR | 0o666, Number: sys.Mkdev(1, 3)}
	c.b.For(field, "attach the null device: what is attached nowhere cannot be cloned before Linux 6.15")
	at, _ := c.b.Open(plan.None, parkedNull, sys.O_PATH, 0)
	c.b.MoveMount(c.null, at)
	c.b.Close(at)
	c.b.VerifyDevice(c.null, sys.S_IFCHR, sys.Mkdev(1, 3))
	return nil
}

func (c *compiler) readonlyPath(p, field string) {
	if path.Join("/", p) == "/" { // nothing can be put over the root
		c.b.For(field, "make / read-only")
		c.b.MountAttr(c.root, "", plan.Attr{Set: sys.MOUNT_ATTR_RDONLY})
		return
	}
	c.b.For(field, "open "+p)
	target, _ := c.b.Open(c.root, path.Join("/", p), sys.O_PATH, sys.RESOLVE_IN_ROOT|sys.RESOLVE_NO_MAGICLINKS)
	c.b.Last().Tolerate(syscall.ENOENT)
	c.b.For(field, "make "+p+" read-only")
	tree, _ := c.b.OpenTree(target, "", sys.OPEN_TREE_CLONE|sys.AT_RECURSIVE|sys.AT_EMPTY_PATH)
	c.b.Last().IfSlots()
	c.b.MountAttr(tree, "", plan.Attr{Set: sys.MOUNT_ATTR_RDONLY}).IfSlots()
	c.b.MoveMount(tree, target).IfSlots()
	c.b.Close(tree)
	c.b.Close(target)
}

// checkMasks: without a mount namespace the masks would be the host's. One over the root would
// be in no process's way.
func (c *compiler) checkMasks() error {
	l := c.spec.Linux
	if !c.hasMounts() && len(l.MaskedPaths)+len(l.ReadonlyPaths) > 0 {
		return fieldError("linux.maskedPaths", "unable to restrict sys entries without a private MNT namespace")
	}
	for i, p := range l.MaskedPaths {
		if path.Join("/", p) == "/" {
			return fieldError(fmt.Sprintf("linux.maskedPaths[%d]", i), "the root itself cannot be masked")
		}
	}
	return nil
}
