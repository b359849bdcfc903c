package compile

import (
	"iter"
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
	superblock       uint64 // MS_* of the file system, not of the mount
	remount          bool   // change the mount that is there
	propagation      []plan.Attr
	bind, recursive  bool
	idmap            string        // "", "idmap" or "ridmap"
	data             []plan.Option // parameters of the file system
}

type attrOption struct{ set, clear uint64 }

// attributeOf returns what an option does to mount_setattr's attributes. The access time
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
		return attrOption{}, true // takes back the option before it
	}
	return attrOption{}, false
}

// superblockOption is an option of the file system, not of the mount, and its opposite.
type superblockOption struct {
	name, opposite string
	flag           uint64
}

// superblockOptions: fsconfig(2) has no word for iversion, whatever the file system.
var superblockOptions = [...]superblockOption{
	{"sync", "async", sys.MS_SYNCHRONOUS}, {"dirsync", "", sys.MS_DIRSYNC}, {"lazytime", "nolazytime", sys.MS_LAZYTIME},
	{"mand", "nomand", sys.MS_MANDLOCK}, {"iversion", "noiversion", sys.MS_I_VERSION}, {"silent", "loud", sys.MS_SILENT},
}

// parseSuperblock: the last of two that contradict each other counts.
func (o *mountOptions) parseSuperblock(name string) bool {
	for _, s := range superblockOptions {
		switch name {
		case s.name:
			o.superblock |= s.flag
			return true
		case s.opposite: // not empty, since no empty name gets here
			o.superblock &^= s.flag
			return true
		}
	}
	return false
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
		case "atime":
			o.takeBack(sys.MOUNT_ATTR_NOATIME)
		case "nostrictatime":
			o.takeBack(sys.MOUNT_ATTR_STRICTATIME)
		case "norelatime":
			o.takeBack(sys.MOUNT_ATTR_RELATIME)
		}
		return
	}
	if attr, ok := attributeOf(strings.TrimPrefix(name, "r")); ok && strings.HasPrefix(name, "r") {
		if attr == (attrOption{}) { // ratime and its like, as of runc: relatime is the cleared field
			attr.clear = sys.MOUNT_ATTR__ATIME
		}
		o.recSet = o.recSet&^attr.clear | attr.set
		o.recClear = o.recClear&^attr.set | attr.clear
		return
	}
	if p, ok := propagations[name]; ok {
		o.propagation = append(o.propagation, p)
		return
	}
	if name == "" || o.parseSuperblock(name) {
		return
	}
	switch name {
	case "bind", "rbind":
		o.bind, o.recursive = true, o.recursive || name == "rbind"
	case "idmap", "ridmap":
		o.idmap = name
	case "tmpcopyup":
		o.copyUp = true
	case "remount":
		o.remount = true
	case "defaults":
	default:
		for text := range splitData(name) {
			if len(o.data) > maxData {
				return
			}
			key, value, _ := strings.Cut(text, "=")
			o.data = append(o.data, plan.Option{Key: key, Value: unquoteContext(key, value)})
		}
	}
}

// What mount(2) takes of options for a file system: a page. The shortest is one character and a comma.
const (
	dataPage = 4096
	maxData  = dataPage / 2
)

// splitData takes an option apart as mount(2) does with the string that all of them are joined into
// (config.md, Mounts): at commas, but for those in quotes, after a backslash (overlay) and in the list
// of nodes of tmpfs's mpol.
func splitData(option string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(option) >= dataPage {
			yield(option)
			return
		}
		start, quoted := 0, false
		for i := range len(option) {
			switch {
			case option[i] == '"':
				quoted = !quoted
			case option[i] != ',' || quoted || i > 0 && option[i-1] == '\\':
			case strings.HasPrefix(option[start:], "mpol=") && i+1 < len(option) && option[i+1] >= '0' && option[i+1] <= '9':
			default:
				if start < i && !yield(option[start:i]) {
					return
				}
				start = i + 1
			}
		}
		if start < len(option) {
			yield(option[start:])
		}
	}
}

// unquoteContext: fsconfig(2) takes the labels of SELinux as they are; the quotes that keep their commas
// together are mount(2)'s.
func unquoteContext(key, value string) string {
	if isContext(key) {
		return strings.Trim(value, `"`)
	}
	return value
}

func isContext(key string) bool {
	return key == "context" || key == "fscontext" || key == "defcontext" || key == "rootcontext"
}

// takeBack: an access time that an option before has set is that of the source again, or of a new
// mount. By itself "atime" changes nothing, as for mount(2).
func (o *mountOptions) takeBack(accessTime uint64) {
	if o.clear&sys.MOUNT_ATTR__ATIME == 0 || o.set&sys.MOUNT_ATTR__ATIME != accessTime {
		return
	}
	o.set, o.clear = o.set&^sys.MOUNT_ATTR__ATIME, o.clear&^sys.MOUNT_ATTR__ATIME
	o.atime = o.set&sys.MOUNT_ATTR_NODIRATIME != 0
}

// parameters returns what fsconfig(2) is to set. Of silence it knows nothing, nor is there
// anything to be silent about: the kernel's log shows a failure to mount either way.
func (o *mountOptions) parameters() []plan.Option {
	params := slices.Clone(o.data)
	for _, s := range superblockOptions {
		if o.superblock&s.flag != 0 && s.flag != sys.MS_SILENT {
			params = append(params, plan.Option{Key: s.name})
		}
	}
	return params
}

// needsMount2 reports whether only mount(2) takes these options.
func (o *mountOptions) needsMount2() bool {
	long := func(p plan.Option) bool { return len(p.Value) > fsconfigMax }
	return o.superblock&sys.MS_I_VERSION != 0 || slices.ContainsFunc(o.data, long)
}

// attributes of a new file system's mount: it has none to be cleared.
func (o *mountOptions) attributes() uint64 { return o.set | o.recSet }

// notForBind names an option that a bind mount can not have: its file system exists. Buildah before 1.41 leaves options of
// its own among the others: "U" after it has changed the source's owner, "z" and "Z" for the runtime to give the source
// its label, where without one there is nothing to do.
func (o *mountOptions) notForBind(label string) string {
	for _, p := range o.parameters() {
		relabel := strings.EqualFold(p.Key, "z") && label == ""
		if p.Value != "" || !relabel && p.Key != "U" {
			return p.Key
		}
	}
	return ""
}

func (o *mountOptions) readOnly() bool { return o.attributes()&sys.MOUNT_ATTR_RDONLY != 0 }

// MountOptions lists the options that rung knows by name, sorted; others are given to the
// file system.
func MountOptions() []string {
	names := []string{"bind", "rbind", "idmap", "ridmap", "tmpcopyup", "defaults", "remount"}
	for _, s := range superblockOptions {
		names = append(names, s.name)
		if s.opposite != "" {
			names = append(names, s.opposite)
		}
	}
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
