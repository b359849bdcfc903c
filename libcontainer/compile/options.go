package compile

import (
	"slices"
	"strings"

	"rung/internal/sys"
	"rung/libcontainer/plan"
)

// mountOptions is the meaning of the options of one mount (config.md, "Linux mount options").
type mountOptions struct {
	set, clear       uint64 // MOUNT_ATTR_* of the mount itself
	named            bool   // an option was about these attributes
	atime            bool   // one of them about the access time
	copyUp           bool   // tmpcopyup: the tmpfs begins as a copy of what it covers
	recSet, recClear uint64 // of all mounts below it too
	propagation      []plan.Attr
	bind, recursive  bool
	idmap            string        // "", "idmap" or "ridmap"
	data             []plan.Option // parameters of the file system
}

type attrOption struct{ set, clear uint64 }

// attrOption returns what an option does to mount_setattr's attributes. The access time
// is one field of three values, so to set one is to clear the others.
func attributeOf(name string) (attrOption, bool) {
	switch name {
	case "ro":
		return attrOption{set: sys.MOUNT_ATTR_RDONLY}, true
	case "rw":
		return attrOption{clear: sys.MOUNT_ATTR_RDONLY}, true
	case "nosuid":
		return attrOption{set: sys.MOUNT_ATTR_NOSUID}, true
	case "suid":
		return attrOption{clear: sys.MOUNT_ATTR_NOSUID}, true
	case "nodev":
		return attrOption{set: sys.MOUNT_ATTR_NODEV}, true
	case "dev":
		return attrOption{clear: sys.MOUNT_ATTR_NODEV}, true
	case "noexec":
		return attrOption{set: sys.MOUNT_ATTR_NOEXEC}, true
	case "exec":
		return attrOption{clear: sys.MOUNT_ATTR_NOEXEC}, true
	case "nodiratime":
		return attrOption{set: sys.MOUNT_ATTR_NODIRATIME}, true
	case "diratime":
		return attrOption{clear: sys.MOUNT_ATTR_NODIRATIME}, true
	case "nosymfollow":
		return attrOption{set: sys.MOUNT_ATTR_NOSYMFOLLOW}, true
	case "symfollow":
		return attrOption{clear: sys.MOUNT_ATTR_NOSYMFOLLOW}, true
	case "noatime":
		return attrOption{set: sys.MOUNT_ATTR_NOATIME, clear: sys.MOUNT_ATTR__ATIME}, true
	case "strictatime":
		return attrOption{set: sys.MOUNT_ATTR_STRICTATIME, clear: sys.MOUNT_ATTR__ATIME}, true
	case "relatime":
		return attrOption{clear: sys.MOUNT_ATTR__ATIME}, true
	case "atime", "nostrictatime", "norelatime":
		return attrOption{}, true // as for mount(2): the access time is only changed by the four above
	}
	return attrOption{}, false
}

// superblockFlags are parameters of the file system, not of the mount.
var superblockFlags = [...]string{
	"sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand", "iversion", "noiversion", "silent", "loud",
}

func parseOptions(options []string) mountOptions {
	var o mountOptions
	for _, name := range options {
		o.parse(name)
	}
	return o
}

func (o *mountOptions) parse(name string) {
	if attr, ok := attributeOf(name); ok {
		o.set = o.set&^attr.clear | attr.set
		o.clear = o.clear&^attr.set | attr.clear
		o.named = true
		switch name {
		case "noatime", "relatime", "strictatime", "nodiratime":
			o.atime = true
		}
		return
	}
	if attr, ok := attributeOf(strings.TrimPrefix(name, "r")); ok && strings.HasPrefix(name, "r") {
		o.recSet = o.recSet&^attr.clear | attr.set
		o.recClear = o.recClear&^attr.set | attr.clear
		return
	}
	if p, ok := propagations[name]; ok {
		o.propagation = append(o.propagation, p)
		return
	}
	switch name {
	case "bind", "rbind":
		o.bind, o.recursive = true, o.recursive || name == "rbind"
	case "idmap", "ridmap":
		o.idmap = name
	case "tmpcopyup":
		o.copyUp = true
	case "defaults", "remount", "":
	default:
		o.data = append(o.data, dataOption(name))
	}
}

func dataOption(text string) plan.Option {
	key, value, _ := strings.Cut(text, "=")
	switch key {
	case "async", "nolazytime", "nomand", "noiversion", "silent", "loud":
		return plan.Option{} // the kernel's default, which fsconfig has no word for
	}
	return plan.Option{Key: key, Value: value}
}

// parameters returns the file system's own parameters, without empty ones.
func (o *mountOptions) parameters() []plan.Option {
	return slices.DeleteFunc(slices.Clone(o.data), func(p plan.Option) bool { return p.Key == "" })
}

// attributes of a new file system's mount: it has none to be cleared.
func (o *mountOptions) attributes() uint64 { return o.set | o.recSet }

// firstParameter names an option that a bind mount can not have: its file system exists.
func (o *mountOptions) firstParameter() string {
	if params := o.parameters(); len(params) > 0 {
		return params[0].Key
	}
	return ""
}

func (o *mountOptions) readOnly() bool { return o.set&sys.MOUNT_ATTR_RDONLY != 0 }

// MountOptions lists the options that rung knows by name, sorted; others are given to the
// file system.
func MountOptions() []string {
	names := []string{"bind", "rbind", "idmap", "ridmap", "tmpcopyup", "defaults", "remount"}
	names = append(names, superblockFlags[:]...)
	for name := range propagations {
		names = append(names, name)
	}
	for _, name := range attributeNames {
		names = append(names, name, "r"+name)
	}
	slices.Sort(names)
	return names
}

var attributeNames = [...]string{
	"ro", "rw", "nosuid", "suid", "nodev", "dev", "noexec", "exec", "nodiratime", "diratime", "nosymfollow",
	"symfollow", "noatime", "atime", "relatime", "norelatime", "strictatime", "nostrictatime",
}
