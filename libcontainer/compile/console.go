package compile

import (
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// openConsole opens a pty of the container's own devpts, sends its master to the caller
// and binds the slave to /dev/console. It opens both ends by descriptors, never by a path
// of the image (CVE-2025-52565, CVE-2026-88264).
func (c *compiler) openConsole() error {
	if !c.opts.Console {
		return nil
	}
	peer := c.openPty(c.spec.Process.ConsoleSize != nil)
	c.b.For("process.terminal", "bind the terminal to /dev/console")
	if c.dev == plan.None {
		c.dev, _ = c.b.Mkpath(c.root, "/dev", plan.MkpathDir|plan.MkpathNoproc, 0o755) // a bind mount, or where a link leads
	}
	if c.hasMounts() {
		target, _ := c.b.Mkpath(c.dev, "console", plan.MkpathFile|plan.MkpathNofollow, 0o600)
		tree, _ := c.b.OpenTree(peer, "", sys.OPEN_TREE_CLONE|sys.AT_EMPTY_PATH)
		c.b.MoveMount(tree, target)
		c.b.Close(tree)
		c.b.Close(target)
	}
	c.takeTerminal(peer)
	return nil
}

// nullStreams replaces standard streams that are the host's /dev/null by the container's, as runc
// does: a checkpoint cannot hold a file of another mount namespace. The host's stays if the image
// has no /dev/null, or a link there.
func (c *compiler) nullStreams() error {
	if c.opts.Console || !c.hasMounts() || c.dev == plan.None || c.opts.NullStreams == [3]bool{} {
		return nil
	}
	c.b.For("", "standard streams that are /dev/null: that of the container")
	null, opened := c.b.Open(c.dev, "null", sys.O_RDWR|sys.O_NOFOLLOW, sys.RESOLVE_BENEATH)
	opened.Tolerate(syscall.ENOENT, syscall.EACCES, syscall.EPERM, syscall.ELOOP)
	c.b.VerifyDevice(null, sys.S_IFCHR, sys.Mkdev(1, 3)).IfSlots() // CVE-2026-88265
	for n, is := range c.opts.NullStreams {
		if is {
			c.b.Dup(null, uint64(n)).IfSlots()
		}
	}
	c.b.Close(null)
	return nil
}

func (c *compiler) openPty(sized bool) plan.Slot {
	const devpts = 0x1cd1 // DEVPTS_SUPER_MAGIC
	c.b.For("process.terminal", "open a pty of the container's devpts")
	pts, _ := c.b.Open(c.root, "/dev/pts", sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_IN_ROOT|sys.RESOLVE_NO_MAGICLINKS)
	c.b.VerifyFS(pts, devpts) // before ptmx is opened: on another file system it may be any device of the host
	master, _ := c.b.Open(pts, "ptmx", sys.O_RDWR|sys.O_NOCTTY, sys.RESOLVE_BENEATH|sys.RESOLVE_NO_XDEV|sys.RESOLVE_NO_SYMLINKS)
	c.b.Close(pts)
	c.b.VerifyDevice(master, sys.S_IFCHR, sys.Mkdev(5, 2))
	var columns, rows uint64
	if sized {
		columns = uint64(c.spec.Process.ConsoleSize.Width)
		rows = uint64(c.spec.Process.ConsoleSize.Height)
	}
	peer, _ := c.b.Pty(master, columns, rows, 0, 0)
	c.b.For("process.terminal", "send the pty to the caller")
	c.b.SendFD(c.console, master, "/dev/ptmx")
	c.b.Close(master)
	c.b.Close(c.console)
	return peer
}

func (c *compiler) takeTerminal(peer plan.Slot) {
	c.b.For("process.terminal", "controlling terminal and standard streams")
	c.b.ControllingTTY(peer)
	for n := range uint64(3) {
		c.b.Dup(peer, n)
	}
	c.b.Close(peer)
}
