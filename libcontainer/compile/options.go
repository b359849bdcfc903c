package compile

import (
	"iter"
	"slices"
	"strings"

	"rung/internal/sys"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// mountOptions is the meaning of the options of one mount (config.md, "Linux mount options").
type mountOptions struct {
	set, clear       uint64 // MOUNT_ATTR_* of the mount itself
	named            bool   // an option names such an attribute
	atime            bool   // an option names the access time
	copyUp           bool   // tmpcopyup: the tmpfs begins as a copy of the directory that it covers
	recSet, recClear uint64 // MOUNT_ATTR_* of the mount and all mounts below it
	superblock       uint64 // MS_* of the file system, not of the mount
	copyLink         bool   // copy-symlink: a source that is a symbolic link is copied, and not mounted
	remount          bool   // change the mount that exists at the destination
	propagation      []plan.Attr
	bind, recursive  bool
	idmap            string        // "", "idmap" or "ridmap"
	data             []plan.Option // parameters of the file system
}

type attrOption struct{ set, clear uint64 }

// attributeOf returns the mount attributes that an option sets and clears. The access time is one
// field with three values, so an option that sets one of them clears the others.
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

// superblockOptions are the options of file systems. fsconfig(2) does not take iversion, whatever the
// file system is.
var superblockOptions = [...]superblockOption{
	{"sync", "async", sys.MS_SYNCHRONOUS}, {"dirsync", "", sys.MS_DIRSYNC}, {"lazytime", "nolazytime", sys.MS_LAZYTIME},
	{"mand", "nomand", sys.MS_MANDLOCK}, {"iversion", "noiversion", sys.MS_I_VERSION}, {"silent", "loud", sys.MS_SILENT},
}

// parseSuperblock reads an option of the file system, and reports whether it is one. Of two options
// that contradict each other the last one counts.
func (o *mountOptions) parseSuperblock(name string) bool {
	for _, s := range superblockOptions {
		switch name {
		case s.name:
			o.superblock |= s.flag
			return true
		case s.opposite: // an opposite may be "", but name is never empty here
			o.superblock &^= s.flag
			return true
		}
	}
	return false
}

func parseOptions(options []string) mountOptions {
	var o mountOptions
	bind := host.HasBind(options)
	for _, name := range options {
		if bind && ofEngine(name) {
			continue
		}
		o.parse(name)
	}
	return o
}

// ofEngine reports whether an option of a bind mount is one for the engine, which has done what it says and then left it in the
// list. It is not for the file system, which exists already, and there is nothing left to be done: runc before 1.2 and crun
// ignore it too. Everything else that is not known is refused: "subpath=", say, would decide what is mounted.
func ofEngine(option string) bool {
	switch option {
	case "z", "Z", // Buildah before 1.41 expects the source to be relabelled by linux.mountLabel's policy, and is content without
		"U",              // Buildah before 1.41 has given the source to the container's user
		"copy", "nocopy": // Podman before 5.6.1 has filled the volume, or has not (podman#26938)
		return true
	}
	// Podman before 5.6.1 has given it to the driver of the volume. The value may have commas.
	return strings.HasPrefix(option, "volume-opt=")
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
		if attr == (attrOption{}) { // ratime, rnostrictatime, rnorelatime: relatime, as with runc
			attr.clear = sys.MOUNT_ATTR__ATIME
		}
		o.recSet = o.recSet&^attr.clear | attr.set
		o.recClear = o.recClear&^attr.set | attr.clear
		return
	}
	if p, ok := propagation(name); ok {
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
	case host.CopySymlink:
		o.copyLink = true
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

// mount(2) takes a page of options for a file system. The shortest option is one character and a comma.
const (
	dataPage = 4096
	maxData  = dataPage / 2
)

// splitData splits an option as mount(2) splits the string of all options (config.md, Mounts): at
// commas, except those in quotes, after a backslash (overlay), and in the list of nodes of tmpfs's
// mpol.
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

// unquoteContext removes the quotes around an SELinux label: mount(2) needs them for a label with
// commas, fsconfig(2) takes the label without.
func unquoteContext(key, value string) string {
	if isContext(key) {
		return strings.Trim(value, `"`)
	}
	return value
}

func isContext(key string) bool {
	return key == "context" || key == "fscontext" || key == "defcontext" || key == "rootcontext"
}

// takeBack undoes an earlier option that set this access time: the mount keeps the access time of its
// source, or of a new mount. Without such an option "atime" changes nothing, as with mount(2).
func (o *mountOptions) takeBack(accessTime uint64) {
	if o.clear&sys.MOUNT_ATTR__ATIME == 0 || o.set&sys.MOUNT_ATTR__ATIME != accessTime {
		return
	}
	o.set, o.clear = o.set&^sys.MOUNT_ATTR__ATIME, o.clear&^sys.MOUNT_ATTR__ATIME
	o.atime = o.set&sys.MOUNT_ATTR_NODIRATIME != 0
}

// parameters returns the parameters for fsconfig(2). It leaves out "silent", which fsconfig does not
// know.
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
	long := func(p plan.Option) bool { return len(p.Value) > host.FsconfigMax }
	return o.superblock&sys.MS_I_VERSION != 0 || slices.ContainsFunc(o.data, long)
}

// attributes returns the attributes of a new file system's mount, which has none that could be cleared.
func (o *mountOptions) attributes() uint64 { return o.set | o.recSet }

// notForBind returns an option that a bind mount cannot have, because its file system exists already; or "".
func (o *mountOptions) notForBind() string {
	if params := o.parameters(); len(params) > 0 {
		return params[0].Key
	}
	return ""
}

func (o *mountOptions) readOnly() bool { return o.attributes()&sys.MOUNT_ATTR_RDONLY != 0 }

// MountOptions returns the options that rung knows by name, sorted. rung passes all others to the file
// system.
func MountOptions() []string {
	names := []string{"bind", "rbind", "idmap", "ridmap", "tmpcopyup", "defaults", "remount", host.CopySymlink}
	for _, s := range superblockOptions {
		names = append(names, s.name)
		if s.opposite != "" {
			names = append(names, s.opposite)
		}
	}
	for _, p := range &propagations {
		names = append(names, p.name, "r"+p.name)
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
