package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/plan"
)

// open gets the descriptors that a program wants to inherit, by slot.
func (c *creation) open(sources []compile.Source) ([]*os.File, error) {
	var files []*os.File
	for _, s := range sources {
		file, err := c.openSource(s)
		if err != nil {
			if s.Why.Field != "" {
				err = fmt.Errorf("%s: %w", s.Why.Field, err)
			}
			return files, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (c *creation) openSource(s compile.Source) (*os.File, error) {
	switch s.Kind {
	case compile.SourceTree:
		return c.openTree(s)
	case compile.SourceHostRoot:
		return c.hostRoot(s)
	case compile.SourceNamespace:
		return sys.OpenForReading(s.Path)
	case compile.SourceProc:
		return openProc()
	case compile.SourceCgroup:
		return c.manager.OpenUnified()
	case compile.SourceStart:
		return sys.Listen(c.dir, startSocket)
	case compile.SourceConsole:
		return sys.Dup(c.opts.Console)
	case compile.SourceFilesystem:
		return newFilesystem(s, c.state.Rootfs)
	case compile.SourceDevice:
		return c.deviceNode(s.Device)
	case compile.SourceUserNS:
		return mapping(&s.Mapping)
	}
	return nil, fmt.Errorf("no descriptor of kind %d for create", s.Kind)
}

// openTree notes what a bind mount shows, for a checkpoint to know it by.
func (c *creation) openTree(s compile.Source) (*os.File, error) {
	tree, err := openTree(s)
	if err != nil || !strings.HasPrefix(s.Why.Field, "mounts[") {
		return tree, err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(tree.Fd()), &st); err != nil {
		tree.Close()
		return nil, os.NewSyscallError("fstat", err)
	}
	if c.state.Binds == nil {
		c.state.Binds = map[string]string{}
	}
	c.state.Binds[s.Why.Field] = fileIdentity(&st)
	return tree, nil
}

// openTree clones mounts, and maps their owners where that is asked for.
func openTree(s compile.Source) (*os.File, error) {
	tree, err := sys.CloneTree(s.Path, s.Recursive)
	if err != nil {
		return nil, err
	}
	return mapped(tree, &s)
}

// newFilesystem makes what the hands may not make.
func newFilesystem(s compile.Source, rootfs string) (*os.File, error) {
	options := make([]sys.Option, 0, len(s.Params))
	for _, p := range s.Params {
		options = append(options, sys.Option{Key: p.Key, Value: p.Value})
	}
	tree, err := sys.NewMount(s.Type, int(s.Attrs), options...)
	if err != nil {
		return nil, err
	}
	if s.Path != "" {
		if err := fill(tree, rootfs, s.Path); err != nil {
			tree.Close()
			return nil, fmt.Errorf("copy %s into the tmpfs: %w", s.Path, err)
		}
	}
	return mapped(tree, &s)
}

// mapped closes the tree that it can not map.
func mapped(tree *os.File, s *compile.Source) (*os.File, error) {
	if !s.Mapping.Given() {
		return tree, nil
	}
	if err := mapOwners(tree, &s.Mapping); err != nil {
		tree.Close()
		return nil, fmt.Errorf("map the owners of %s: %w", s.Why.Purpose, err)
	}
	return tree, nil
}

func mapOwners(tree *os.File, m *compile.IDMapping) error {
	userns, err := mapping(m)
	if err != nil {
		return err
	}
	defer userns.Close()
	err = sys.MapTree(tree, userns, m.Recursive)
	if errors.Is(err, syscall.EINVAL) {
		below := ""
		if m.Recursive {
			below = ", or one below it,"
		}
		return fmt.Errorf("%w: a file system of type %#x (statfs(2))%s may have no id-mapped mounts", err, sys.FilesystemType(tree), below)
	}
	return err
}

// mapping returns a user namespace that has the ids of a mount.
func mapping(m *compile.IDMapping) (*os.File, error) {
	if m.Namespace != "" {
		return sys.OpenForReading(m.Namespace)
	}
	return userNamespace(m.UIDs, m.GIDs)
}

// mapShown serves SYNC map.
func (c *creation) mapShown(tree *os.File) error {
	if tree == nil || c.mapped == len(c.program.Maps) {
		return fmt.Errorf("the hands showed no mount to be mapped")
	}
	next := &c.program.Maps[c.mapped]
	c.mapped++
	if err := c.change(tree, next); err != nil {
		return fmt.Errorf("%s: %s: %w", next.Why.Field, next.Why.Purpose, err)
	}
	return c.hands.Reply(plan.SyncMap, nil, nil)
}

func (c *creation) change(tree *os.File, m *compile.Map) error {
	if m.Fill != "" {
		return fill(tree, c.state.Rootfs, m.Fill)
	}
	return mapOwners(tree, &m.Mapping)
}

// deviceNode makes a device node and returns a mount of it. The kernel attaches none of a file
// that has no name any more.
func (c *creation) deviceNode(d *compile.Device) (*os.File, error) {
	name := "device-" + strconv.Itoa(len(c.nodes))
	c.nodes = append(c.nodes, name)
	if err := sys.Mknodat(c.dir, name, d.Mode, d.Number, d.UID, d.GID); err != nil {
		return nil, err
	}
	tree, err := sys.CloneTree(c.path(name), false)
	if err != nil {
		return nil, err
	}
	if err := sys.AllowDevices(tree); err != nil {
		tree.Close()
		return nil, err
	}
	return tree, nil
}

// removeNodes takes the names of device nodes away once their mounts are attached.
func (c *creation) removeNodes() error {
	for _, name := range c.nodes {
		if err := os.Remove(c.path(name)); err != nil {
			return err
		}
	}
	c.nodes = nil
	return nil
}

// openProc prefers a procfs that nobody has mounted anything over (CVE-2025-52881); who may
// not mount one uses the host's.
func openProc() (*os.File, error) {
	if file, err := sys.NewMount("proc", sys.MOUNT_ATTR_NOSUID|sys.MOUNT_ATTR_NODEV|sys.MOUNT_ATTR_NOEXEC); err == nil {
		return file, nil
	}
	file, err := sys.OpenPath("/proc")
	if err != nil {
		return nil, err
	}
	if !sys.IsProc("/proc") {
		file.Close()
		return nil, fmt.Errorf("/proc is no proc file system")
	}
	return file, nil
}
