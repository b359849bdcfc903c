package libcontainer

import (
	"fmt"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/compile"
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
		return openTree(s)
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
	case compile.SourceTmpfs:
		return copyUp(c.state.Rootfs, s.Path, s.Params, s.Attrs)
	case compile.SourceUserNS:
		return userNamespace(s.UIDMappings, s.GIDMappings)
	}
	return nil, fmt.Errorf("no descriptor of kind %d for create", s.Kind)
}

// openTree clones mounts, and maps their owners where that is asked for.
func openTree(s compile.Source) (*os.File, error) {
	tree, err := sys.CloneTree(s.Path, s.Recursive)
	if err != nil || len(s.UIDMappings) == 0 && s.MapNamespace == "" {
		return tree, err
	}
	userns, err := mapping(s)
	if err == nil {
		err = sys.MapTree(tree, userns, s.MapRecursive)
		userns.Close()
	}
	if err != nil {
		tree.Close()
		return nil, fmt.Errorf("map the owners of %s: %w", s.Path, err)
	}
	return tree, nil
}

// mapping returns a user namespace that has the ids of a mount.
func mapping(s compile.Source) (*os.File, error) {
	if s.MapNamespace != "" {
		return sys.OpenForReading(s.MapNamespace)
	}
	return userNamespace(s.UIDMappings, s.GIDMappings)
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
