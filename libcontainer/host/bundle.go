package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// ProbeBundle adds the facts that depend on the bundle: the sources of its bind mounts, the
// directories under its tmpfs mounts, the host's devices, and the path to its root file
// system. rootfs is absolute.
func (f *Facts) ProbeBundle(spec *specs.Spec, bundle, rootfs string) error {
	earlier := covers{}
	defer earlier.close()
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		destination := Destination(m, rootfs)
		switch {
		case IsBind(m):
			if copied, err := f.probeLink(i, m, bundle, rootfs); err != nil {
				return fmt.Errorf("mounts[%d].source: %w", i, err)
			} else if !copied {
				f.probeSource(SourcePath(m, bundle))
			}
		case m.Type == "tmpfs":
			if dir, rest := earlier.under(spec.Mounts, destination, bundle, rootfs); dir != "" {
				if err := f.probeTarget(&earlier, destination, dir, rest); err != nil {
					return fmt.Errorf("mounts[%d]: the directory that it covers: %w", i, err)
				}
			}
		}
		earlier.add(destination, i)
	}
	f.probeOverlay(spec)
	users := f.UserNS || hasUserNamespace(spec)
	if users || !f.Has(CapMknod) {
		if err := f.probeDevices(spec.Linux.Devices); err != nil {
			return err
		}
	}
	if users {
		f.Closed = closed(rootfs)
	}
	return nil
}

func closed(path string) string {
	for i := range path {
		if i == 0 || path[i] != '/' {
			continue
		}
		if st, err := sys.Stat(path[:i]); err != nil || st.Mode&0o001 == 0 {
			return path[:i]
		}
	}
	return ""
}

func hasUserNamespace(spec *specs.Spec) bool {
	return bundle.NamespaceOf(spec, specs.UserNamespace) != nil
}

func (f *Facts) probeDevices(devices []specs.LinuxDevice) error {
	if len(devices) > 0 && f.Devices == nil {
		f.Devices = make(map[string]Device)
	}
	for i := range devices {
		name := filepath.Clean(devices[i].Path)
		st, err := sys.Stat(name)
		if err == nil {
			f.Devices[name] = Device{Kind: st.Mode & syscall.S_IFMT, Rdev: st.Rdev}
		} else if err := sys.UnlessAbsent(err); err != nil {
			return fmt.Errorf("linux.devices[%d]: %w", i, err)
		}
		f.closedTo(err, name, "missing")
	}
	return nil
}

// covers finds what a mount covers.
type covers struct {
	last map[string]int // the last mount at each destination, by its index
	dir  string         // what top is
	top  *os.File       // the directory that was looked into last

	below   string   // what parent is, below top
	parent  *os.File // nil: it cannot be opened, for the reason in missing
	missing error
}

func (c *covers) add(destination string, i int) {
	if c.last == nil {
		c.last = make(map[string]int)
	}
	c.last[destination] = i
}

func (c *covers) close() {
	c.top.Close()
	c.parent.Close()
	c.top, c.parent, c.below = nil, nil, ""
}

// target returns the directory at a path below another one. Many have the same parent, which stays open for the next one.
func (c *covers) target(dir, rest string) (Target, error) {
	t, err := c.targetIn(dir, rest)
	if err != nil {
		return t, &os.PathError{Op: "stat", Path: filepath.Join(dir, rest), Err: err}
	}
	return t, nil
}

func (c *covers) targetIn(dir, rest string) (t Target, err error) {
	if err := c.enter(dir, filepath.Dir(rest)); err != nil {
		return t, err
	}
	mode := uint32(syscall.S_IFLNK)
	if rest != "/" {
		if mode, t.UID, t.GID, err = sys.ModeAt(c.parent, filepath.Base(rest)); err != nil {
			return t, err
		}
	}
	if mode&syscall.S_IFMT == syscall.S_IFLNK {
		st, err := sys.StatInRoot(c.top, rest)
		if err != nil {
			return t, err
		}
		mode, t.UID, t.GID = st.Mode, st.Uid, st.Gid
	}
	t.Mode = mode & 0o7777
	return t, nil
}

// enter opens a directory, and one below it, which may be open already.
func (c *covers) enter(dir, below string) (err error) {
	if c.dir != dir || c.top == nil {
		c.close()
		if c.top, err = sys.OpenPath(dir); err != nil {
			return err
		}
		c.dir = dir
	}
	if c.below != below {
		c.parent.Close()
		c.below = below
		c.parent, c.missing = sys.OpenInRoot(c.top, below, sys.O_PATH|sys.O_DIRECTORY)
	}
	return c.missing
}

// Place is where a destination lies on the host before the mounts are made: at Rest below Dir. Dir is "" where a new file system
// hides both.
type Place struct {
	Dir, Rest string
	Mount     *specs.Mount // the bind mount whose source Dir is; nil: Dir is the root file system, or ""
}

// Places returns the place of the destination of each mount, and that of one more path of the container after all mounts.
func Places(mounts []specs.Mount, bundle, rootfs, path string) (places []Place, last Place) {
	earlier := covers{}
	for i := range mounts {
		destination := Destination(&mounts[i], rootfs)
		places = append(places, earlier.place(mounts, destination, bundle, rootfs))
		earlier.add(destination, i)
	}
	return places, earlier.place(mounts, path, bundle, rootfs)
}

// Exists reports whether there is a file at the place. It is false where that cannot be found out.
func (p Place) Exists() bool {
	dir, err := sys.OpenPath(p.Dir)
	if err != nil {
		return false
	}
	defer dir.Close()
	_, err = sys.StatInRoot(dir, p.Rest)
	return err == nil
}

// under returns where a destination lies before the mounts are made: at rest below dir, which is the root file system or the
// source of an earlier bind mount. dir is "" if an earlier new file system hides both.
func (c *covers) under(mounts []specs.Mount, destination, bundle, rootfs string) (dir, rest string) {
	at := c.place(mounts, destination, bundle, rootfs)
	return at.Dir, at.Rest
}

// place is under, with the bind mount.
func (c *covers) place(mounts []specs.Mount, destination, bundle, rootfs string) Place {
	last := -1
	for at := destination; ; at = filepath.Dir(at) {
		if i, ok := c.last[at]; ok {
			last = max(last, i)
		}
		if at == "/" {
			break
		}
	}
	if last < 0 {
		return Place{Dir: rootfs, Rest: destination}
	}
	m := &mounts[last]
	if !IsBind(m) {
		return Place{}
	}
	inside, _ := Below(destination, Destination(m, rootfs))
	return Place{Dir: SourcePath(m, bundle), Rest: "/" + strings.TrimPrefix(inside, "/"), Mount: m}
}

// Destination returns the destination of a mount as a clean path of the container. A relative
// one starts at the root (config.md). If it begins with the root file system's path on the host,
// it means the path below that, as with runc.
func Destination(m *specs.Mount, rootfs string) string {
	destination := filepath.Clean(m.Destination)
	if !filepath.IsAbs(destination) {
		destination = filepath.Join("/", destination)
	}
	if inside, below := Below(destination, rootfs); below && rootfs != "" {
		return filepath.Join("/", inside)
	}
	return destination
}

// Below reports whether path is dir or below it, and returns the rest of path after dir. Both are
// absolute and clean.
func Below(path, dir string) (rest string, below bool) {
	rest, below = strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, below && (rest == "" || rest[0] == '/')
}

// IsBind reports whether a mount is a bind mount. Its options say so, not its type (config.md).
func IsBind(m *specs.Mount) bool { return HasBind(m.Options) }

// HasBind reports whether options are those of a bind mount.
func HasBind(options []string) bool {
	return slices.Contains(options, "bind") || slices.Contains(options, "rbind")
}

// SourcePath returns the absolute source of a bind mount. A relative source starts at the bundle. The kernel has to see "..", which may
// come after a link, and a slash or "/." at the end, which only a directory may have.
func SourcePath(m *specs.Mount, bundle string) string {
	source := m.Source
	switch {
	case source == "":
		return bundle
	case !filepath.IsAbs(source):
		source = bundle + "/" + source
	}
	if slices.Contains(strings.Split(source, "/"), "..") || source != "/" && (strings.HasSuffix(source, "/") || strings.HasSuffix(source, "/.")) {
		return source
	}
	return filepath.Clean(source)
}

// CopySymlink is the option of a bind mount whose source, if it is a symbolic link, is made anew in the container
// (crun(1), "copy-symlink mount options").
const CopySymlink = "copy-symlink"

// probeLink adds the symbolic link that is the source of mount i with that option, and reports whether it is one.
func (f *Facts) probeLink(i int, m *specs.Mount, bundle, rootfs string) (bool, error) {
	if !slices.Contains(m.Options, CopySymlink) {
		return false, nil
	}
	target, err := os.Readlink(SourcePath(m, bundle))
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOENT) { // no link; a missing source is told as for any other bind
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if f.Links == nil {
		f.Links = make(map[int]Link)
	}
	f.Links[i] = Link{Target: target, There: linkInRoot(rootfs, Destination(m, rootfs)) == target}
	return true, nil
}

// linkInRoot returns what a symbolic link in a root file system says, or "" if there is none.
func linkInRoot(rootfs, path string) string {
	root, err := sys.OpenPath(rootfs)
	if err != nil {
		return ""
	}
	defer root.Close()
	link, err := sys.OpenInRoot(root, path, sys.O_PATH|syscall.O_NOFOLLOW)
	if err != nil {
		return ""
	}
	defer link.Close()
	return sys.LinkText(link)
}

func (f *Facts) probeSource(path string) {
	if _, known := f.Sources[path]; known {
		return
	}
	if f.Sources == nil {
		f.Sources = make(map[string]Source)
	}
	seen, err := sys.Look(path)
	if f.closedTo(err, path, "a directory") {
		return
	}
	if err != nil {
		errno := syscall.EIO
		errors.As(err, &errno)
		f.Sources[path] = Source{Err: errno}
		return
	}
	st := &seen.Status
	directory := st.Mode&syscall.S_IFMT == syscall.S_IFDIR
	owner := sys.NotOwn
	if seen.Magic || seen.Proc && st.Ino != procRoot {
		owner = sys.ProcOwnerOf(path)
	}
	f.Sources[path] = Source{
		Directory: directory, Proc: directory && seen.Proc, Flags: seen.Flags,
		Descriptor: owner == sys.OwnDescriptor, OfProcess: owner == sys.OwnOther,
		ID: FileID{st.Dev, st.Ino},
	}
}

// procRoot is the inode of the root of a proc file system (PROC_ROOT_INO of the kernel's linux/proc_ns.h).
const procRoot = 1

// probeTarget adds the directory that a tmpfs will cover. A missing one has no entry: the tmpfs gets
// the default mode.
func (f *Facts) probeTarget(c *covers, destination, dir, rest string) error {
	target, err := c.target(dir, rest)
	if err != nil {
		f.closedTo(err, filepath.Join(dir, rest), "missing")
		return sys.UnlessAbsent(err)
	}
	if f.Targets == nil {
		f.Targets = make(map[string]Target)
	}
	f.Targets[destination] = target
	return nil
}
