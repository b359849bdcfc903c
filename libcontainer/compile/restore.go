package compile

import (
	"strconv"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// RestoreInput is all that Restore reads.
type RestoreInput struct {
	Input
	Dir   string   // absolute: covered, in a mount namespace that only CRIU is in, by what it mounts
	Alone []string // mount points of the host, whose mounts CRIU needs without those below them
	Path  string   // of CRIU
	Args  []string
	Env   []string
}

// AlonePath is where a mount of RestoreInput.Alone is placed.
func AlonePath(dir string, i int) string { return dir + "/" + aloneName(i) }

func aloneName(i int) string { return "alone" + strconv.Itoa(i) }

// Restored is a compiled restore.
type Restored struct {
	Program *Program
	Root    string   // the root file system, as a mount
	Paths   []string // of the external mounts, by their place in Externals
}

// Restore compiles the plan of the process that becomes CRIU: in a mount namespace of its own,
// which ends with it, it attaches the root file system and what CRIU is to bind into the container
// and the host does not have at a path. Mount points that the root file system lacks are made as
// create makes them; CRIU does not.
func Restore(in RestoreInput) (*Restored, error) {
	c := newCompiler(in.Input)
	out := &Restored{Program: c.prog, Root: in.Dir + "/root"}
	c.b.For("", "a mount namespace of CRIU's own")
	c.b.Clone(plan.None, sys.CLONE_NEWNS)
	c.b.MountAttr(plan.None, "/", plan.Attr{Propagation: sys.MS_SLAVE, Recursive: true})
	c.b.For("", "modes are given in full")
	c.b.Number(plan.Umask, 0)
	alone := c.aloneTrees(in.Alone)
	stage := c.stage(in.Dir)
	for i, tree := range alone {
		c.b.For("mounts", "the mount at "+in.Alone[i]+", for CRIU")
		c.place(tree, stage, aloneName(i), plan.MkpathDir)
	}
	root := c.cloneTree(c.opts.Rootfs, true, "root.path", "the root file system")
	c.b.For("root.path", "the root file system, for CRIU")
	c.b.MountAttr(root, "", c.cloned(true))
	c.place(root, stage, "root", plan.MkpathDir)
	c.b.For("mounts", "the root file system once more, to make mount points in")
	c.root, _ = c.b.OpenTree(root, "", sys.OPEN_TREE_CLONE|sys.AT_RECURSIVE|sys.AT_EMPTY_PATH)
	c.place(c.root, stage, "points", plan.MkpathDir)
	for i, e := range Externals(in.Input) {
		path, err := c.stageExternal(&e, stage, i, in.Dir)
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
		out[i] = c.cloneByHands(point, false, "mounts", "the mount at "+point+" alone")
	}
	return out
}

// stage covers a directory with a tmpfs, on which all is placed. It has no attributes: a user
// namespace could not clear them on the device nodes that are bound from it.
func (c *compiler) stage(dir string) plan.Slot {
	c.b.For("", "a place for what CRIU mounts")
	tree, _ := c.b.Filesystem("tmpfs", []plan.Option{{Key: "mode", Value: "711"}}, 0)
	target, _ := c.b.Open(plan.None, dir, sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_NO_MAGICLINKS)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	return tree
}

func (c *compiler) place(tree, stage plan.Slot, name string, kind uint64) {
	target, _ := c.b.Mkpath(stage, name, kind, 0o700)
	c.b.MoveMount(tree, target)
	c.b.Close(target)
}

// stageExternal returns the path by which CRIU binds the mount.
func (c *compiler) stageExternal(e *External, stage plan.Slot, i int, dir string) (string, error) {
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
		// CRIU takes the propagation of a whole group of mounts from that of one source, which must
		// be a mount as wide as they: so a path of the host's tree, unless owners are mapped.
		c.bound[e.Index] = bound{tree, kind, mapped(m, &o)}
		if !mapped(m, &o) {
			return e.Source, nil
		}
		c.propagate(tree, &o, e.Field)
		c.b.For(e.Field, "bind mount with mapped owners, for CRIU")
		c.place(tree, stage, name, kind)
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
		c.b.Mknod(stage, name, mode, sys.Mkdev(uint32(e.Device.Major), uint32(e.Device.Minor)))
		c.b.Chown(stage, name, uint64(outside(uid, c.spec.Linux.UIDMappings)), uint64(outside(gid, c.spec.Linux.GIDMappings)))
		return dir + "/" + name, nil
	}
	return e.Source, nil
}

// bound is the clone of a bind mount, which may be placed already.
type bound struct {
	tree   plan.Slot
	kind   uint64
	placed bool
}

// mountPoints makes what is missing of mounts[], in their order. Those on another file system
// than that of a bind mount are there when CRIU has mounted it.
func (c *compiler) mountPoints() {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		o := parseOptions(m.Options)
		if o.remount || m.Type == "cgroup" || m.Type == "cgroup2" || c.onNewFilesystem(i) {
			continue
		}
		field := "mounts[" + strconv.Itoa(i) + "]"
		b, binds := c.bound[i]
		if !binds {
			b.kind = plan.MkpathDir
		}
		target := c.mountPoint(m, b.kind, field)
		if binds { // later ones may be below it
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

// onNewFilesystem reports whether a destination is below that of an earlier mount whose file
// system the checkpoint holds.
func (c *compiler) onNewFilesystem(i int) bool {
	destination := c.destination(&c.spec.Mounts[i])
	for j := range i {
		m := &c.spec.Mounts[j]
		rest, below := host.Below(destination, c.destination(m))
		if below && rest != "" && !host.IsBind(m) && m.Type != "" {
			return true
		}
	}
	return false
}
