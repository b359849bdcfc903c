package compile

import (
	"path"
	"strconv"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// RestoreInput is the input of Restore.
type RestoreInput struct {
	Input
	Dir   string   // absolute; a tmpfs with all mounts for CRIU covers it, in CRIU's own mount namespace
	Alone []string // mount points of the host: CRIU needs these mounts without the mounts below them
	Path  string   // path of CRIU
	Args  []string
	Env   []string
}

// AlonePath returns the path of mount i of RestoreInput.Alone.
func AlonePath(dir string, i int) string { return dir + "/" + aloneName(i) }

func aloneName(i int) string { return "alone" + strconv.Itoa(i) }

// Restored is a compiled restore.
type Restored struct {
	Program *Program
	Root    string   // path of the root file system, which is a mount
	Paths   []string // paths of the external mounts, in the order of Externals
}

// Restore compiles the plan of the process that becomes CRIU. In a mount namespace of its own it
// attaches the root file system, and the mounts that CRIU binds into the container and that the host
// does not have at a path. It also makes the mount points that the root file system lacks, as create
// does, because CRIU does not make them.
func Restore(in RestoreInput) (*Restored, error) {
	c := newCompiler(in.Input)
	out := &Restored{Program: c.prog, Root: in.Dir + "/root"}
	c.b.For("", "a mount namespace of CRIU's own")
	c.b.Clone(plan.None, sys.CLONE_NEWNS)
	c.b.MountAttr(plan.None, "/", plan.Attr{Propagation: sys.MS_SLAVE, Recursive: true})
	c.b.For("", "modes are given in full")
	c.b.Number(plan.Umask, 0)
	alone := c.aloneTrees(in.Alone)
	staging := c.staging(in.Dir)
	for i, tree := range alone {
		c.b.For("mounts", "the mount at "+in.Alone[i]+", for CRIU")
		c.place(tree, staging, aloneName(i), plan.MkpathDir)
	}
	root := c.cloneTree(c.opts.Rootfs, true, "root.path", "the root file system")
	c.b.For("root.path", "the root file system, for CRIU")
	c.b.MountAttr(root, "", c.cloned(true))
	c.place(root, staging, "root", plan.MkpathDir)
	c.b.For("mounts", "the root file system once more, to make mount points in")
	c.root, _ = c.b.OpenTree(root, "", sys.OPEN_TREE_CLONE|sys.AT_RECURSIVE|sys.AT_EMPTY_PATH)
	c.place(c.root, staging, "points", plan.MkpathDir)
	for i, e := range Externals(in.Input) {
		path, err := c.placeExternal(&e, staging, i, in.Dir)
		if err != nil {
			return nil, err
		}
		out.Paths = append(out.Paths, path)
	}
	c.mountPoints()
	c.b.For("mounts", "mount points are made")
	c.b.Umount(in.Dir+"/points", sys.MNT_DETACH)
	nofileBack(c.b)
	c.b.For("", "become CRIU")
	c.b.Number(plan.Umask, 0o022)
	c.b.Exec(in.Path, in.Args, in.Env)
	c.prog.First = c.b.Plan(true)
	return out, plan.Check(c.prog.First)
}

// aloneTrees clones mounts without those below them.
func (c *compiler) aloneTrees(points []string) []plan.Slot {
	out := make([]plan.Slot, len(points))
	for i, point := range points {
		out[i] = c.cloneInStage(point, false, "mounts", "the mount at "+point+" alone")
	}
	return out
}

// staging covers a directory with a tmpfs, on which the mounts are placed. The tmpfs has no mount
// attributes: a user namespace could not clear them from the device nodes that are bound from it.
func (c *compiler) staging(dir string) plan.Slot {
	c.b.For("", "a place for what CRIU mounts")
	tree, _ := c.b.Filesystem("tmpfs", []plan.Option{{Key: "mode", Value: "711"}}, 0)
	target, _ := c.b.Open(plan.None, dir, sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_NO_MAGICLINKS)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	return tree
}

func (c *compiler) place(tree, staging plan.Slot, name string, kind uint64) {
	target, _ := c.b.Mkpath(staging, name, kind, 0o700)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
}

// placeExternal returns the path by which CRIU binds the mount.
func (c *compiler) placeExternal(e *External, staging plan.Slot, i int, dir string) (string, error) {
	name := strconv.Itoa(i)
	switch e.Kind {
	case ExternalBind:
		m := &c.spec.Mounts[e.Index]
		o := parseOptions(m.Options)
		if err := c.checkProc(m, &o, e.Field); err != nil {
			return "", err
		}
		tree, kind, err := c.bindTree(m, &o, e.Field, false)
		if err != nil {
			return "", err
		}
		if c.bound == nil {
			c.bound = map[int]bound{}
		}
		// CRIU takes the propagation of a whole group of mounts from one source. That source must be a
		// mount that shows as much as theirs. So CRIU gets a path of the host's tree, unless owners are
		// mapped.
		c.bound[e.Index] = bound{tree, kind, mapped(m, &o)}
		if !mapped(m, &o) {
			return e.Source, nil
		}
		c.propagate(tree, &o, e.Field)
		c.b.For(e.Field, "bind mount with mapped owners, for CRIU")
		c.place(tree, staging, name, kind)
		return dir + "/" + name, nil
	case ExternalDevice:
		if c.bindsHostDevice(&e.Device, e.Field) {
			return e.Name, nil
		}
		mode, err := deviceMode(&e.Device, e.Field)
		if err != nil {
			return "", err
		}
		uid, gid := ids(&e.Device)
		c.b.For(e.Field, "device node, for CRIU")
		c.b.Mknod(staging, name, mode, sys.Mkdev(uint32(e.Device.Major), uint32(e.Device.Minor)))
		c.b.Chown(staging, name, uint64(outside(uid, c.spec.Linux.UIDMappings)), uint64(outside(gid, c.spec.Linux.GIDMappings)))
		return dir + "/" + name, nil
	}
	return e.Source, nil
}

// bound is the clone of a bind mount. placed says that it is attached already.
type bound struct {
	tree   plan.Slot
	kind   uint64
	placed bool
}

// mountPoints makes the missing mount points of mounts[], in their order. It skips those on a file
// system that CRIU mounts from the checkpoint: the checkpoint has them.
func (c *compiler) mountPoints() {
	fresh := map[string]bool{}
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		o := parseOptions(m.Options)
		below := onNewFilesystem(fresh, c.destination(m))
		if !host.IsBind(m) && m.Type != "" {
			fresh[c.destination(m)] = true
		}
		_, copied := c.facts.Links[i]
		if o.remount || copied || m.Type == "cgroup" || m.Type == "cgroup2" || below {
			continue
		}
		field := "mounts[" + strconv.Itoa(i) + "]"
		b, binds := c.bound[i]
		if !binds {
			b.kind = plan.MkpathDir
		}
		target := c.mountPoint(m, b.kind, field)
		if binds { // later mount points may be below it
			c.b.For(field, "attach "+c.destination(m)+", for mount points in it")
			tree := b.tree
			if b.placed {
				tree, _ = c.b.OpenTree(b.tree, "", sys.OPEN_TREE_CLONE|sys.AT_RECURSIVE|sys.AT_EMPTY_PATH)
			}
			c.b.MoveMount(tree, target)
			c.b.Close(tree)
		}
		c.b.Close(target)
	}
}

// onNewFilesystem reports whether a destination is below that of an earlier mount whose file system is in the checkpoint. fresh has
// the destinations of those.
func onNewFilesystem(fresh map[string]bool, destination string) bool {
	for destination != "/" {
		destination = path.Dir(destination)
		if fresh[destination] {
			return true
		}
	}
	return false
}
