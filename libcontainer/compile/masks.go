package compile

import (
	"fmt"
	"path"
	"strconv"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// masks hides linux.maskedPaths and write-protects linux.readonlyPaths. It skips paths that do not
// exist. Any other failure is an error (CVE-2025-31133).
func (c *compiler) masks() error {
	l := c.spec.Linux
	done := make(map[string]bool, max(len(l.ReadonlyPaths), len(l.MaskedPaths)))
	for i, p := range l.ReadonlyPaths {
		field := "linux.readonlyPaths[" + strconv.Itoa(i) + "]"
		if err := c.room(field); err != nil {
			return err
		}
		if !done[p] {
			done[p] = true
			c.readonlyPath(p, field)
		}
	}
	if len(l.MaskedPaths) == 0 {
		return nil
	}
	c.attachNull()
	c.b.For("linux.maskedPaths", "one empty directory for all masks")
	params := []plan.Option{{Key: "mode", Value: "755"}, {Key: "nr_blocks", Value: "1"}, {Key: "nr_inodes", Value: "1"}}
	empty, _ := c.b.Filesystem("tmpfs", c.mountLabel("tmpfs", params), sys.MOUNT_ATTR_RDONLY)
	// Before Linux 6.15 only an attached mount can be cloned, so the empty directory is attached
	// to a directory of the host's tree. The process leaves that tree afterwards.
	c.b.MoveMount(empty, c.park)
	clear(done)
	for i, p := range l.MaskedPaths {
		field := "linux.maskedPaths[" + strconv.Itoa(i) + "]"
		if err := c.room(field); err != nil {
			return err
		}
		if !done[p] {
			done[p] = true
			c.b.For(field, "hide "+p)
			c.b.Mask(c.root, c.null, empty, rooted(p)).Tolerate(syscall.ENOENT)
		}
	}
	c.b.Close(empty)
	return nil
}

// rooted returns a clean path of the container. Most are so already.
func rooted(p string) string {
	if p = path.Clean(p); p[0] == '/' {
		return p
	}
	return path.Join("/", p)
}

// parked is where the empty directory for the masks is attached.
const parked = "/proc"

// openMaskSources opens the null device and a place for the empty directory, from which the masks are
// cloned. It opens them in the new mount namespace but in the host's tree, never in the image
// (CVE-2025-31133).
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

// parkedNull is where rung's own null device is attached: a file that every host has. It is below the place of the empty
// directory, which covers it later.
const parkedNull = "/proc/uptime"

// ownNull has rung make a null device for the masks, if the host's is broken.
func (c *compiler) ownNull() error {
	if len(c.spec.Linux.MaskedPaths) == 0 || c.facts.NullBroken == "" {
		return nil
	}
	const field = "linux.maskedPaths"
	if !c.makesDevices() {
		return fieldError(field, "the host's /dev/null is %s, and rung may make no null device of its own here: as root: "+
			"rm -rf /dev/null && mknod -m 666 /dev/null c 1 3", c.facts.NullBroken)
	}
	c.null = c.source(SourceDevice, "", false, field, "a null device, as the host's is broken")
	c.sourceOf(c.null).Device = &Device{Mode: sys.S_IFCHR | 0o666, Number: sys.Mkdev(1, 3)}
	return nil
}

// attachNull attaches the null device of ownNull. It comes after the bind mounts: their sources are the host's.
func (c *compiler) attachNull() {
	if c.facts.NullBroken == "" {
		return
	}
	c.b.For("linux.maskedPaths", "attach the null device: what is attached nowhere cannot be cloned before Linux 6.15")
	at, _ := c.b.Open(plan.None, parkedNull, sys.O_PATH, 0)
	c.b.MoveMount(c.null, at)
	c.b.Close(at)
	c.b.VerifyDevice(c.null, sys.S_IFCHR, sys.Mkdev(1, 3))
}

func (c *compiler) readonlyPath(p, field string) {
	if rooted(p) == "/" { // a mount over the root would have no effect: processes already have the root open
		c.b.For(field, "make / read-only")
		c.b.MountAttr(c.root, "", plan.Attr{Set: sys.MOUNT_ATTR_RDONLY})
		return
	}
	c.b.For(field, "make "+p+" read-only")
	c.b.ReadonlyPath(c.root, rooted(p)).Tolerate(syscall.ENOENT)
}

// checkMasks refuses masks without a mount namespace, because they would be mounted on the host. It
// also refuses a mask of "/", because it would hide nothing: processes already have the root open.
func (c *compiler) checkMasks() error {
	l := c.spec.Linux
	if !c.hasMounts() && len(l.MaskedPaths)+len(l.ReadonlyPaths) > 0 {
		return fieldError("linux.maskedPaths", "unable to restrict sys entries without a private MNT namespace")
	}
	for i, p := range l.MaskedPaths {
		if rooted(p) == "/" {
			return fieldError(fmt.Sprintf("linux.maskedPaths[%d]", i), "the root itself cannot be masked")
		}
	}
	return nil
}
