package compile

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// mounts compiles mounts[] in its order.
func (c *compiler) mounts() error {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		c.later = i + 1
		field := mountField(i)
		if err := c.mount(m, field); err != nil {
			return err
		}
		if err := c.room(field); err != nil {
			return err
		}
	}
	return nil
}

func mountField(i int) string { return "mounts[" + strconv.Itoa(i) + "]" }

// room refuses a configuration that needs more ops than plan.MostOps, at the field that does.
func (c *compiler) room(field string) error {
	if c.b.Full() {
		return fieldError(field, "the configuration needs more than %d operations up to here: %w", plan.MostOps, syscall.E2BIG)
	}
	return nil
}

// makeLater makes the file systems of later mounts that may be on block devices, before the process enters its cgroups: there
// it may open only the devices that the container may open. On v2 the process is in its cgroup from the beginning.
func (c *compiler) makeLater() {
	if c.made == nil {
		c.made = map[int]made{}
	}
	for i := c.later; i < len(c.spec.Mounts); i++ {
		m := &c.spec.Mounts[i]
		o := c.options(m)
		if o.remount || o.bind || o.needsMount2() || len(o.data) > maxData || m.Type == "" || virtual(m.Type) {
			continue
		}
		c.made[i] = made{tree: c.newFilesystem(m, &o, mountField(i))}
	}
}

// mountsBlockDevices reports whether a mount may be of a file system on a block device.
func (c *compiler) mountsBlockDevices() bool {
	return slices.ContainsFunc(c.spec.Mounts, func(m specs.Mount) bool {
		return !host.IsBind(&m) && !slices.Contains(m.Options, "remount") && m.Type != "" && !virtual(m.Type)
	})
}

func (c *compiler) mount(m *specs.Mount, field string) error {
	o := c.options(m)
	if len(o.data) > maxData {
		return fieldError(field+".options", "more than %d options for the file system", maxData)
	}
	if err := c.checkProc(m, &o, field); err != nil {
		return err
	}
	if !o.remount {
		c.dropDev(m)
	}
	if c.destination(m) == "/" && !o.remount {
		if err := c.checkCover(m, &o, field); err != nil {
			return err
		}
	}
	switch {
	case o.remount:
		return c.remount(m, &o, field)
	case o.bind:
		if link, ok := c.facts.Links[c.later-1]; ok {
			return c.copyLink(&link, m, &o, field)
		}
		return c.bindMount(m, &o, field)
	case o.copyLink:
		return fieldError(field+".options", "%s is for a bind mount", host.CopySymlink)
	case m.Type == "cgroup2" && c.unified() != "":
		c.syncHost()
		c.cgroup2Mount(m, &o, field)
		return nil
	case m.Type == "cgroup":
		c.syncHost()
		c.cgroupMount(m, &o, field)
		return nil
	case m.Type == "sysfs" && c.lacksSysfs():
		c.hostSysfs(m, &o, field)
		return nil
	}
	return c.filesystem(m, &o, field)
}

func (c *compiler) destination(m *specs.Mount) string {
	if m != c.placed.mount || c.opts.Rootfs != c.placed.rootfs {
		c.placed.mount, c.placed.rootfs, c.placed.path = m, c.opts.Rootfs, host.Destination(m, c.opts.Rootfs)
	}
	return c.placed.path
}

// procFiles are the files below /proc that lxcfs and similar programs provide. The list is runc's.
var procFiles = [...]string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
	"/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// checkProc refuses mounts that would fake /proc, which rung and the LSMs trust (CVE-2019-16884).
func (c *compiler) checkProc(m *specs.Mount, o *mountOptions, field string) error {
	d := c.destination(m)
	switch {
	case d != "/proc" && !strings.HasPrefix(d, "/proc/"):
		return nil
	case d == "/proc" && !o.bind && m.Type == "proc":
		return nil
	case d == "/proc" && o.bind && c.facts.Sources[host.SourcePath(m, c.opts.Bundle)].Proc:
		return nil
	case d == "/proc":
		return fieldError(field, "%q cannot be mounted because it is not of type proc", d)
	case slices.Contains(procFiles[:], d):
		return nil
	}
	return fieldError(field, "%q cannot be mounted because it is inside /proc", d)
}

// mountPoint makes and opens the mount point of a mount. A link in the image must not lead into
// /proc: checkProc has checked only the name (CVE-2019-16884). Nor must it lead to the root: the mount would lie below it.
func (c *compiler) mountPoint(m *specs.Mount, kind uint64, field string) plan.Slot {
	d := c.destination(m)
	if d != "/proc" && !strings.HasPrefix(d, "/proc/") {
		kind |= plan.MkpathNoproc
	}
	if d != "/" && kind&plan.MkpathNofollow == 0 {
		kind |= plan.MkpathNoroot
	}
	mode := uint64(0o755)
	if kind&plan.MkpathFile != 0 {
		mode = 0o644 // it stays in the root file system
	}
	c.b.For(field, "mount point "+c.destination(m))
	target, _ := c.b.Mkpath(c.root, c.destination(m), kind, mode)
	return target
}

// attach makes the mount point and moves the detached mount onto it.
func (c *compiler) attach(tree plan.Slot, m *specs.Mount, kind uint64, field string) {
	if m.Type == "proc" || m.Type == "sysfs" {
		kind |= plan.MkpathNofollow // CVE-2019-19921
	}
	c.attachAt(c.mountPoint(m, kind, field), tree, m, field)
}

func (c *compiler) attachAt(target, tree plan.Slot, m *specs.Mount, field string) {
	c.b.For(field, "attach "+c.destination(m))
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	if c.destination(m) == "/" { // from here on this mount is the root (runc#5070)
		c.b.Close(c.root)
		c.root = tree
	}
}

// checkCover refuses to cover the root by a mount of which rung has no descriptor: a path would lead to
// the root below it.
func (c *compiler) checkCover(m *specs.Mount, o *mountOptions, field string) error {
	switch {
	case !c.hasMounts():
		return fieldError(field+".destination", "the root cannot be covered without a mount namespace in linux.namespaces")
	case !o.bind && (o.needsMount2() || m.Type == "cgroup" || m.Type == "cgroup2" || m.Type == "sysfs"):
		return fieldError(field+".destination", "the root cannot be covered by %s with these options", m.Type)
	}
	return nil
}

// closeTree closes a mount that needs no more work, unless it is the root now, or /dev.
func (c *compiler) closeTree(tree plan.Slot) {
	if tree != c.root && tree != c.dev {
		c.b.Close(tree)
	}
}

func (c *compiler) propagate(tree plan.Slot, o *mountOptions, field string) {
	for _, p := range o.propagation {
		c.b.For(field, "propagation")
		c.b.MountAttr(tree, "", p)
	}
}

// filesystem makes and attaches a new file system.
func (c *compiler) filesystem(m *specs.Mount, o *mountOptions, field string) error {
	if m.Type == "" {
		return fieldError(field+".type", "must not be empty for a mount that is not a bind mount: that has bind or rbind in its options")
	}
	if err := c.checkMapped(m, o, field); err != nil {
		return err
	}
	if err := c.checkCopyUp(m, o, field); err != nil {
		return err
	}
	if o.needsMount2() || c.plainTmpfs(m, o) {
		return c.mount2(m, o, field)
	}
	if o.copyUp {
		c.syncHost()
	}
	early, isMade := c.made[c.later-1]
	tree := early.tree
	if !isMade {
		tree = c.newFilesystem(m, o, field)
	}
	if err := c.idmapMount(tree, m, o, field); err != nil {
		return err
	}
	if !early.foreign { // others use it, with a label of their own
		c.relabel(tree, m.Type, field)
	}
	if o.copyUp {
		c.attachCopy(tree, m, field)
	} else {
		c.attach(tree, m, plan.MkpathDir, field)
	}
	c.propagate(tree, o, field)
	c.keepDev(tree, m)
	c.closeOrDefer(tree, m, c.lateReadOnly(m, o), field)
	return nil
}

func (c *compiler) checkCopyUp(m *specs.Mount, o *mountOptions, field string) error {
	switch {
	case o.copyUp && m.Type != "tmpfs":
		return fieldError(field+".options", "tmpcopyup is for a tmpfs, not for %s", m.Type)
	case o.copyUp && mapped(m, o):
		return fieldError(field+".options", "tmpcopyup cannot be combined with an id map: the copy has the owners of the original")
	}
	return nil
}

// newFilesystem returns a new mount that is not attached. The stage makes it, unless it has an id map: a process in a user
// namespace may not map it, so the parent makes and maps it.
func (c *compiler) newFilesystem(m *specs.Mount, o *mountOptions, field string) plan.Slot {
	params, attrs := c.parameters(m, o), o.attributes()
	if c.lateReadOnly(m, o) {
		attrs &^= sys.MOUNT_ATTR_RDONLY
	}
	if !mapped(m, o) || !c.facts.Privileged() {
		c.b.For(field, "new "+m.Type+" for "+c.destination(m))
		tree, _ := c.b.Filesystem(m.Type, params, attrs)
		return tree
	}
	tree := c.source(SourceFilesystem, "", false, field, m.Type+" for "+c.destination(m))
	s := c.sourceOf(tree)
	s.Type, s.Params, s.Attrs = m.Type, params, attrs
	return tree
}

// parameters returns the parameters of the file system, with its source.
func (c *compiler) parameters(m *specs.Mount, o *mountOptions) []plan.Option {
	params := c.defaultParameters(m, o.parameters())
	if o.readOnly() && !virtual(m.Type) {
		params = append(params, plan.Option{Key: "ro"}) // the block device may be read-only
	}
	params = c.mountLabel(m.Type, params)
	if source := m.Source; source != "" && !slices.ContainsFunc(params, func(p plan.Option) bool { return p.Key == "source" }) {
		params = append([]plan.Option{{Key: "source", Value: source}}, params...)
	}
	return params
}

// attachCopy copies the directory at the mount point into a tmpfs, and then attaches the tmpfs. The process is
// already in its cgroups, so the memory of the copy is charged to the container.
func (c *compiler) attachCopy(tree plan.Slot, m *specs.Mount, field string) {
	target := c.mountPoint(m, plan.MkpathDir, field)
	c.b.For(field, "copy what is at "+c.destination(m)+" into the tmpfs")
	c.b.CopyUp(tree, target)
	c.attachAt(target, tree, m, field)
}

// virtual reports whether a file system is on no block device. It must not get the parameter "ro": others
// share its superblock and write to it, or rung fills it before it becomes read-only.
func virtual(fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "tmpfs", "mqueue", "devpts", "cgroup", "cgroup2", "devtmpfs", "ramfs", "overlay", "bpf", "debugfs",
		"tracefs", "securityfs", "configfs":
		return true
	}
	return false
}

// lateReadOnly reports whether a mount becomes read-only only after all mounts are made: rung makes files
// in /dev, and later mounts make mount points in a tmpfs.
func (c *compiler) lateReadOnly(m *specs.Mount, o *mountOptions) bool {
	return o.readOnly() && (c.destination(m) == "/dev" || m.Type == "tmpfs")
}

// defaultParameters adds the mode and the owner of the directory that a tmpfs covers.
func (c *compiler) defaultParameters(m *specs.Mount, params []plan.Option) []plan.Option {
	target, ok := c.facts.Targets[c.destination(m)]
	if m.Type != "tmpfs" || !ok {
		return params
	}
	given := func(key string) bool {
		return slices.ContainsFunc(params, func(p plan.Option) bool { return p.Key == key })
	}
	if !given("mode") {
		params = append(params, plan.Option{Key: "mode", Value: strconv.FormatUint(uint64(target.Mode), 8)})
	}
	if uid, ok := c.inside(target.UID, c.spec.Linux.UIDMappings); ok && !given("uid") {
		params = append(params, plan.Option{Key: "uid", Value: strconv.FormatUint(uint64(uid), 10)})
	}
	if gid, ok := c.inside(target.GID, c.spec.Linux.GIDMappings); ok && !given("gid") {
		params = append(params, plan.Option{Key: "gid", Value: strconv.FormatUint(uint64(gid), 10)})
	}
	return params
}

// inside returns the container's number of an id of the host. It returns false if the mapping is not
// known, and for root: a tmpfs owned by root needs no owner, because new files are root's.
func (c *compiler) inside(id uint32, mappings []specs.LinuxIDMapping) (uint32, bool) {
	if c.namespace(specs.UserNamespace) == nil {
		return id, id != 0
	}
	if !c.isNew(specs.UserNamespace) {
		return 0, false
	}
	for _, m := range mappings {
		if id >= m.HostID && id-m.HostID < m.Size {
			inside := m.ContainerID + (id - m.HostID)
			return inside, inside != 0
		}
	}
	return 0, false
}

// plainTmpfs reports whether a mount is a tmpfs without parameters but those that rung adds, of which nothing needs the
// descriptor later. By mount(2) it costs the stage half as many system calls, and an error cannot be one of a parameter. Not in a
// user namespace: its root may not enter each directory, which move_mount(2) need not.
func (c *compiler) plainTmpfs(m *specs.Mount, o *mountOptions) bool {
	return c.namespace(specs.UserNamespace) == nil && !c.facts.UserNS && m.Type == "tmpfs" && len(o.data) == 0 && c.spec.Linux.MountLabel == "" && !o.copyUp && !o.readOnly() &&
		len(o.propagation) == 0 && !mapped(m, o) && c.destination(m) != "/" && c.destination(m) != "/dev"
}

// mount2 mounts by mount(2). It takes what fsconfig(2) does not: iversion, and values of more than 255
// bytes (overlay's lowerdir).
func (c *compiler) mount2(m *specs.Mount, o *mountOptions, field string) error {
	if o.copyUp || mapped(m, o) {
		return fieldError(field+".options", "tmpcopyup and id maps cannot be combined with iversion or with values over %d bytes", host.FsconfigMax)
	}
	target := c.mountPoint(m, plan.MkpathDir, field)
	attrs, late := o.attributes(), c.lateReadOnly(m, o)
	if late {
		attrs &^= sys.MOUNT_ATTR_RDONLY
	}
	data := mountData(c.mountLabel(m.Type, c.defaultParameters(m, slices.Clone(o.data))))
	c.b.For(field, "new "+m.Type+" for "+c.destination(m)+", by mount(2)")
	c.b.Mount(target, m.Source, m.Type, data, mountFlags(attrs)|o.superblock)
	c.b.Close(target)
	if len(o.propagation) == 0 && !late {
		return nil
	}
	tree, _ := c.b.Open(c.root, c.destination(m), sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_IN_ROOT|sys.RESOLVE_NO_MAGICLINKS)
	c.propagate(tree, o, field)
	c.closeOrDefer(tree, m, late, field)
	return nil
}

// closeOrDefer closes a mount, or with late keeps it open until finishMounts makes it read-only.
func (c *compiler) closeOrDefer(tree plan.Slot, m *specs.Mount, late bool, field string) {
	if late {
		c.readonly = append(c.readonly, deferred{tree, plan.Origin{Field: field, Purpose: "make " + c.destination(m) + " read-only"}})
		return
	}
	c.closeTree(tree)
}

// mountData returns the last argument of mount(2).
func mountData(params []plan.Option) string {
	data := make([]string, 0, len(params))
	for _, p := range params {
		switch {
		case p.Value == "":
			data = append(data, p.Key)
		case isContext(p.Key):
			data = append(data, p.Key+`="`+p.Value+`"`) // a label may have commas
		default:
			data = append(data, p.Key+"="+p.Value)
		}
	}
	return strings.Join(data, ",")
}

// mountFlags returns the flags of mount(2) for mount attributes. They are set with the mount, because a
// path could lead to another mount afterwards (CVE-2026-115521).
func mountFlags(attrs uint64) (flags uint64) {
	const nosymfollow = 0x100 // MS_NOSYMFOLLOW, Linux 5.10
	for attr, flag := range map[uint64]uint64{
		sys.MOUNT_ATTR_RDONLY: sys.MS_RDONLY, sys.MOUNT_ATTR_NOSUID: sys.MS_NOSUID, sys.MOUNT_ATTR_NODEV: sys.MS_NODEV,
		sys.MOUNT_ATTR_NOEXEC: sys.MS_NOEXEC, sys.MOUNT_ATTR_NOATIME: sys.MS_NOATIME, sys.MOUNT_ATTR_NODIRATIME: sys.MS_NODIRATIME,
		sys.MOUNT_ATTR_STRICTATIME: sys.MS_STRICTATIME, sys.MOUNT_ATTR_NOSYMFOLLOW: nosymfollow,
	} {
		if attrs&attr != 0 {
			flags |= flag
		}
	}
	return flags
}

// clearOf returns the attributes that must be cleared with set: the kernel sets an access time only if
// the whole field is cleared.
func clearOf(set uint64) uint64 {
	if set&sys.MOUNT_ATTR__ATIME != 0 {
		return sys.MOUNT_ATTR__ATIME
	}
	return 0
}

// finishMounts makes the mounts read-only that had to stay writable, and then the root.
func (c *compiler) finishMounts() error {
	for _, d := range c.readonly {
		c.b.For(d.origin.Field, d.origin.Purpose)
		c.b.MountAttr(d.tree, "", plan.Attr{Set: sys.MOUNT_ATTR_RDONLY})
		c.closeTree(d.tree)
	}
	if c.spec.Root.Readonly {
		c.b.For("root.readonly", "make the root file system read-only")
		c.b.MountAttr(c.root, "", plan.Attr{Set: sys.MOUNT_ATTR_RDONLY})
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
