package compile

import (
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// keepDev keeps the mount that the configuration has for /dev open: devices, links and the console are made in it. So the path
// is resolved once, when the mount is attached, and what a link of the image leads to by then is of no matter.
func (c *compiler) keepDev(tree plan.Slot, m *specs.Mount) {
	if c.destination(m) == "/dev" {
		c.dev = tree
	}
}

// dropDev forgets the mount for /dev if another mount covers it.
func (c *compiler) dropDev(m *specs.Mount) {
	if d := c.destination(m); c.dev == plan.None || d != "/dev" && d != "/" {
		return
	}
	tree := c.dev
	c.dev = plan.None
	if !c.deferred(tree) {
		c.closeTree(tree)
	}
}

func (c *compiler) deferred(tree plan.Slot) bool {
	for _, d := range c.readonly {
		if d.tree == tree {
			return true
		}
	}
	return false
}

// openDev opens the image's /dev, or makes it. It may be a link, which is resolved in the root, as with runc and crun. Then it must
// not lead into another mount: it would be a volume, and devices of the container would be made on the host (CVE-2026-41579).
func (c *compiler) openDev() {
	c.b.For("linux.devices", "open /dev")
	dev, direct := c.b.Mkpath(c.root, "/dev", plan.MkpathDir|plan.MkpathNofollow, 0o755)
	direct.Tolerate(syscall.ELOOP)
	c.b.For("linux.devices", "make what /dev is a link to")
	made, followed := c.b.Mkpath(c.root, "/dev", plan.MkpathDir|plan.MkpathNoproc, 0o755)
	followed.Unless(direct)
	c.b.Close(made)
	c.b.For("linux.devices", "open /dev, which is a link")
	c.b.Add(plan.Op{
		Code: plan.Open, Slots: [3]plan.Slot{c.root, dev}, Text: [3]string{"/dev"},
		Ints: [4]uint64{sys.O_PATH | sys.O_DIRECTORY, sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS | sys.RESOLVE_NO_XDEV},
	}).Unless(direct)
	c.dev = dev
}
