package open

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
	"rung/libcontainer/idmap"
	"rung/libcontainer/launch"
)

// chooseMounts decides whether mounts are cloned in a copy of rung's mount namespace: where it has mounts that a clone made here
// lacks, or with which it cannot be attached (sys.MountCopy).
func (o *Opener) chooseMounts(sources []compile.Source) (err error) {
	o.trees = nil
	if !slices.ContainsFunc(sources, func(s compile.Source) bool { return s.Kind == compile.SourceTree }) {
		return nil
	}
	if differ, err := sys.ClonesDiffer(); !differ || err != nil {
		return err
	}
	o.trees, err = sys.NewMountCopy()
	return err
}

// Note adds what the stage will open to Binds: the file that rung finds at the path before. If somebody replaces it before the
// stage opens it, a checkpoint is refused, because the mount is not what was noted (docs/decisions/0017-sources-inside.md).
func (o *Opener) Note(shown map[string]host.FileID) {
	for field, id := range shown {
		o.Binds[field] = id.String()
	}
}

// tree clones mounts, and notes what a bind mount shows.
func (o *Opener) tree(s *compile.Source) (*os.File, error) {
	tree, err := o.clone(s)
	if err != nil || o.Binds == nil || !strings.HasPrefix(s.Origin.Field, "mounts[") {
		return tree, err
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(tree.Fd()), &st); err != nil {
		tree.Close()
		return nil, os.NewSyscallError("fstat", err)
	}
	o.Binds[s.Origin.Field] = Identity(&st)
	return tree, nil
}

// Identity names a file by its device and inode.
func Identity(st *syscall.Stat_t) string { return fmt.Sprintf("%d:%d", st.Dev, st.Ino) }

// clone clones mounts, and maps their owners where the source has a mapping.
func (o *Opener) clone(s *compile.Source) (*os.File, error) {
	clone := sys.CloneTree
	if o.trees != nil && s.Kind == compile.SourceTree {
		clone = o.trees.CloneTree
	}
	tree, err := clone(s.Path, s.Recursive)
	if err != nil {
		return nil, err
	}
	return o.mapped(tree, s)
}

// filesystem makes a file system that the stage may not make.
func (o *Opener) filesystem(s *compile.Source) (*os.File, error) {
	options := make([]sys.Option, 0, len(s.Params))
	for _, p := range s.Params {
		options = append(options, sys.Option{Key: p.Key, Value: p.Value})
	}
	tree, err := sys.NewMount(s.Type, int(s.Attrs), options...)
	if err != nil {
		return nil, err
	}
	return o.mapped(tree, s)
}

// mapped maps the owners of a tree where the source has a mapping. It closes a tree that it cannot map.
func (o *Opener) mapped(tree *os.File, s *compile.Source) (*os.File, error) {
	if !s.Mapping.Given() {
		return tree, nil
	}
	if err := o.MapOwners(tree, &s.Mapping); err != nil {
		tree.Close()
		return nil, fmt.Errorf("map the owners of %s: %w", s.Origin.Purpose, err)
	}
	return tree, nil
}

// MapOwners gives a detached mount an id map.
func (o *Opener) MapOwners(tree *os.File, m *compile.IDMapping) error {
	userns, err := o.withIDs(m)
	if err != nil {
		return err
	}
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

// mapping returns a descriptor of a user namespace that has the ids of the source.
func (o *Opener) mapping(s *compile.Source) (*os.File, error) {
	userns, err := o.withIDs(&s.Mapping)
	if err != nil {
		return nil, err
	}
	return sys.Dup(userns)
}

// withIDs returns a user namespace that has the ids of a mapping. The Opener keeps it for the next mount: most have the same ids,
// and to make one takes a process.
func (o *Opener) withIDs(m *compile.IDMapping) (*os.File, error) {
	if o.ids != nil && o.ids.Namespace == m.Namespace && slices.Equal(o.ids.UIDs, m.UIDs) && slices.Equal(o.ids.GIDs, m.GIDs) {
		return o.userns, nil
	}
	userns, err := o.userNamespace(m)
	if err != nil {
		return nil, err
	}
	o.Close()
	o.userns, o.ids = userns, m
	return userns, nil
}

// userNamespace returns a user namespace that has the ids of a mapping: the one that it names, or that of a
// process which is started for it and ended again (mount_setattr(2)).
func (o *Opener) userNamespace(m *compile.IDMapping) (*os.File, error) {
	if m.Namespace != "" {
		return sys.OpenForReading(m.Namespace)
	}
	progress, err := launch.NewProgress(false)
	if err != nil {
		return nil, err
	}
	stage, err := o.Launcher.Start(launch.Request{Plan: compile.UserNamespace(), Progress: progress})
	if err != nil {
		return nil, err
	}
	defer stage.Abort()
	if _, _, err := stage.Next(); err != nil {
		if errors.Is(err, launch.ErrRunning) {
			return nil, errors.New("the process of the user namespace did not wait")
		}
		return nil, err
	}
	if err := idmap.Write(stage.Pid(), m.UIDs, m.GIDs, idmap.Options{OfMount: true, Context: o.Context}); err != nil {
		return nil, err
	}
	return sys.OpenForReading(fmt.Sprintf("/proc/%d/ns/user", stage.Pid()))
}

// deviceNode makes a device node and returns a mount of it. RemoveNodes removes its name, once the mount is
// attached: the kernel attaches no mount of a file without a name.
func (o *Opener) deviceNode(s *compile.Source) (*os.File, error) {
	d := s.Device
	name := "device-" + strconv.Itoa(len(o.nodes))
	o.nodes = append(o.nodes, name)
	if err := sys.Mknodat(o.Dir.File(), name, d.Mode, d.Number, d.UID, d.GID); err != nil {
		return nil, err
	}
	tree, err := sys.CloneTree(o.Dir.Path(name), false)
	if err != nil {
		return nil, err
	}
	if err := sys.AllowDevices(tree); err != nil {
		tree.Close()
		return nil, err
	}
	return tree, nil
}

// RemoveNodes removes the names of device nodes that were opened. It may be called again.
func (o *Opener) RemoveNodes() error {
	for _, name := range o.nodes {
		if err := os.Remove(o.Dir.Path(name)); err != nil {
			return err
		}
	}
	o.nodes = nil
	return nil
}
