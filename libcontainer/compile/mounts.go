package compile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// fsconfigMax is the longest value that fsconfig(2) takes.
const fsconfigMax = 255

// mounts emits mounts[] in its order.
func (c *compiler) mounts() error {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		field := fmt.Sprintf("mounts[%d]", i)
		if err := c.mount(m, field); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) mount(m *specs.Mount, field string) error {
	o := parseOptions(m.Options)
	if len(o.data) > maxData {
		return fieldError(field+".options", "more than %d options for the file system", maxData)
	}
	if err := c.checkProc(m, &o, field); err != nil {
		return err
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
		return c.bindMount(m, &o, field)
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

func (c *compiler) destination(m *specs.Mount) string { return host.Destination(m, c.opts.Rootfs) }

// procFiles are what lxcfs and its like provide under /proc, as in runc.
var procFiles = [...]string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
	"/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// checkProc refuses what would fake /proc, which rung and the LSMs trust (CVE-2019-16884).
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

// mountPoint makes and opens the place of a mount. Links of the image must not lead it into
// /proc: checkProc has seen only their names (CVE-2019-16884).
func (c *compiler) mountPoint(m *specs.Mount, kind uint64, field string) plan.Slot {
	if d := c.destination(m); d != "/proc" && !strings.HasPrefix(d, "/proc/") {
		kind |= plan.MkpathNoproc
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
	target := c.mountPoint(m, kind, field)
	c.b.For(field, "attach "+c.destination(m))
	c.b.MoveMount(tree, target)
	c.b.Close(target)
	if c.destination(m) == "/" { // from here on it is the root (runc#5070)
		c.b.Close(c.root)
		c.root = tree
	}
}

// checkCover: what covers the root must be held by a descriptor, since a path leads below it.
func (c *compiler) checkCover(m *specs.Mount, o *mountOptions, field string) error {
	switch {
	case !c.hasMounts():
		return fieldError(field+".destination", "the root cannot be covered without a mount namespace in linux.namespaces")
	case !o.bind && (o.needsMount2() || m.Type == "cgroup" || m.Type == "cgroup2" || m.Type == "sysfs"):
		return fieldError(field+".destination", "the root cannot be covered by %s with these options", m.Type)
	}
	return nil
}

// closeTree closes a mount that needs no more work, unless it is the root now.
func (c *compiler) closeTree(tree plan.Slot) {
	if tree != c.root {
		c.b.Close(tree)
	}
}

func (c *compiler) propagate(tree plan.Slot, o *mountOptions, field string) {
	for _, p := range o.propagation {
		c.b.For(field, "propagation")
		c.b.MountAttr(tree, "", p)
	}
}

// filesystem makes a new superblock, or a new mount of one that is shared.
func (c *compiler) filesystem(m *specs.Mount, o *mountOptions, field string) error {
	if m.Type == "" {
		return fieldError(field+".type", "must not be empty for a mount that is no bind mount")
	}
	if err := c.checkMapped(m, o, field); err != nil {
		return err
	}
	if o.needsMount2() {
		return c.mount2(m, o, field)
	}
	params := c.defaultParameters(m, o.parameters())
	if o.readOnly() && !virtual(m.Type) {
		params = append(params, plan.Option{Key: "ro"}) // a block device may be read-only itself
	}
	params = c.mountLabel(m.Type, params)
	attrs, late := o.attributes(), c.lateReadOnly(m, o)
	if late {
		attrs &^= sys.MOUNT_ATTR_RDONLY
	}
	if source := m.Source; source != "" && !slices.ContainsFunc(params, func(p plan.Option) bool { return p.Key == "source" }) {
		params = append([]plan.Option{{Key: "source", Value: source}}, params...)
	}
	tree, err := c.newFilesystem(m, o, params, attrs, field)
	if err != nil {
		return err
	}
	if err := c.idmapMount(tree, m, o, field); err != nil {
		return err
	}
	c.relabel(tree, m.Type, field)
	c.attach(tree, m, plan.MkpathDir, field)
	c.propagate(tree, o, field)
	c.closeOrDefer(tree, m, late, field)
	return nil
}

// newFilesystem is made by the hands, but for a tmpfs that begins as a copy and for one with
// an id map: the parent makes these, since a user namespace may neither read the one nor map
// the other.
func (c *compiler) newFilesystem(m *specs.Mount, o *mountOptions, params []plan.Option, attrs uint64, field string) (plan.Slot, error) {
	switch {
	case o.copyUp && m.Type != "tmpfs":
		return plan.None, fieldError(field+".options", "tmpcopyup is for a tmpfs, not for %s", m.Type)
	case o.copyUp && mapped(m, o):
		return plan.None, fieldError(field+".options", "tmpcopyup does not go with an id map: the copy has the owners of the original")
	case o.copyUp && !c.facts.Privileged():
		return c.filledByParent(m, params, attrs, field), nil
	case !o.copyUp && !(mapped(m, o) && c.facts.Privileged()):
		c.b.For(field, "new "+m.Type+" for "+c.destination(m))
		tree, _ := c.b.Filesystem(m.Type, params, attrs)
		return tree, nil
	}
	covered, purpose := "", m.Type+" for "+c.destination(m)
	if o.copyUp {
		covered, purpose = c.destination(m), "tmpfs with a copy of "+c.destination(m)
	}
	tree := c.source(SourceFilesystem, covered, false, field, purpose)
	s := &c.prog.Sources[tree]
	s.Type, s.Params, s.Attrs = m.Type, params, attrs
	return tree, nil
}

// filledByParent is a tmpfs of the hands that the parent, a plain user who may mount none, copies into.
func (c *compiler) filledByParent(m *specs.Mount, params []plan.Option, attrs uint64, field string) plan.Slot {
	c.b.For(field, "new "+m.Type+" for "+c.destination(m))
	tree, _ := c.b.Filesystem(m.Type, params, attrs)
	c.b.For(field, "rung copies what is at "+c.destination(m))
	c.b.SyncAt(plan.SyncMap, tree)
	c.prog.Maps = append(c.prog.Maps, Map{
		Fill: c.destination(m), Why: plan.Why{Field: field, Purpose: "copy " + c.destination(m) + " into the tmpfs"},
	})
	c.at(plan.SyncMap, FillMount, field)
	return tree
}

// virtual file systems share a superblock that others write to, or are filled before they
// become read-only.
func virtual(fstype string) bool {
	switch fstype {
	case "proc", "sysfs", "tmpfs", "mqueue", "devpts", "cgroup", "cgroup2", "devtmpfs", "ramfs", "overlay", "bpf", "debugfs",
		"tracefs", "securityfs", "configfs":
		return true
	}
	return false
}

// lateReadOnly: rung and later mounts still make files in /dev and in a tmpfs.
func (c *compiler) lateReadOnly(m *specs.Mount, o *mountOptions) bool {
	return o.readOnly() && (c.destination(m) == "/dev" || m.Type == "tmpfs")
}

// defaultParameters: a tmpfs takes over mode and owner of the directory that it covers.
func (c *compiler) defaultParameters(m *specs.Mount, params []plan.Option) []plan.Option {
	target, ok := c.facts.Targets[c.destination(m)]
	if m.Type != "tmpfs" || !ok {
		return params
	}
	given := func(key string) bool {
		return slices.ContainsFunc(params, func(p plan.Option) bool { return p.Key == key })
	}
	if !given("mode") {
		params = append(params, plan.Option{Key: "mode", Value: fmt.Sprintf("%o", target.Mode)})
	}
	if uid, ok := c.inside(target.UID, c.spec.Linux.UIDMappings); ok && !given("uid") {
		params = append(params, plan.Option{Key: "uid", Value: fmt.Sprint(uid)})
	}
	if gid, ok := c.inside(target.GID, c.spec.Linux.GIDMappings); ok && !given("gid") {
		params = append(params, plan.Option{Key: "gid", Value: fmt.Sprint(gid)})
	}
	return params
}

// inside returns an id as the container's user namespace has it, if that is known and not
// root's, whose everything new is anyway.
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

// mount2 mounts by mount(2), which takes a page of options (overlay's lowerdir), and iversion.
func (c *compiler) mount2(m *specs.Mount, o *mountOptions, field string) error {
	if o.copyUp || mapped(m, o) {
		return fieldError(field+".options", "tmpcopyup and id maps go neither with iversion nor with values over %d bytes", fsconfigMax)
	}
	target := c.mountPoint(m, plan.MkpathDir, field)
	c.b.Fchdir(target)
	c.b.Close(target)
	attrs, late := o.attributes(), c.lateReadOnly(m, o)
	if late {
		attrs &^= sys.MOUNT_ATTR_RDONLY
	}
	data := mountData(c.mountLabel(m.Type, c.defaultParameters(m, slices.Clone(o.data))))
	c.b.For(field, "mount "+m.Type+" on "+c.destination(m)+" by mount(2): iversion, or options over 255 bytes")
	c.b.Mount(m.Source, m.Type, data, mountFlags(attrs)|o.superblock)
	if len(o.propagation) == 0 && !late {
		return nil
	}
	tree, _ := c.b.Open(c.root, c.destination(m), sys.O_PATH|sys.O_DIRECTORY, sys.RESOLVE_IN_ROOT|sys.RESOLVE_NO_MAGICLINKS)
	c.propagate(tree, o, field)
	c.closeOrDefer(tree, m, late, field)
	return nil
}

// closeOrDefer ends the work on a mount, or keeps it until it may become read-only.
func (c *compiler) closeOrDefer(tree plan.Slot, m *specs.Mount, late bool, field string) {
	if late {
		c.readonly = append(c.readonly, deferred{tree, plan.Why{Field: field, Purpose: "make " + c.destination(m) + " read-only"}})
		return
	}
	c.closeTree(tree)
}

// mountData is the last argument of mount(2).
func mountData(params []plan.Option) string {
	data := make([]string, 0, len(params))
	for _, p := range params {
		switch {
		case p.Value == "":
			data = append(data, p.Key)
		case isContext(p.Key):
			data = append(data, p.Key+`="`+p.Value+`"`) // a label has commas
		default:
			data = append(data, p.Key+"="+p.Value)
		}
	}
	return strings.Join(data, ",")
}

// mountFlags gives mount(2) what would be mount_setattr's: set at once, for the mount could
// not be found again for certain (CVE-2026-115521).
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

// clearOf: to set an access time, the kernel wants the whole field cleared.
func clearOf(set uint64) uint64 {
	if set&sys.MOUNT_ATTR__ATIME != 0 {
		return sys.MOUNT_ATTR__ATIME
	}
	return 0
}

// finishMounts makes read-only what had to stay writable until now.
func (c *compiler) finishMounts() error {
	for _, d := range c.readonly {
		c.b.For(d.why.Field, d.why.Purpose)
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
