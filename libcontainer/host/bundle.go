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
)

// Look adds to the facts what a bundle's mounts refer to: the sources of its bind
// mounts and the directories under its tmpfs mounts. rootfs is absolute.
func (f *Facts) Look(spec *specs.Spec, bundle, rootfs string) error {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		switch {
		case IsBind(m):
			f.lookSource(SourcePath(m, bundle))
		case m.Type == "tmpfs":
			destination := Destination(m, rootfs)
			if dir, rest := covered(spec.Mounts[:i], destination, bundle, rootfs); dir != "" {
				if err := f.lookTarget(destination, dir, rest); err != nil {
					return fmt.Errorf("mounts[%d]: the directory that it covers: %w", i, err)
				}
			}
		}
	}
	if spec.Linux == nil {
		return nil
	}
	users := f.UserNS || slices.ContainsFunc(spec.Linux.Namespaces, isUserNamespace)
	if users || !f.Has(CapMknod) {
		if err := f.lookDevices(spec.Linux.Devices); err != nil {
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

func isUserNamespace(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace }

func (f *Facts) lookDevices(devices []specs.LinuxDevice) error {
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

// covered returns where a destination lies before the mounts are made: in the root file system or in
// the source of an earlier bind mount, and "" where an earlier new file system hides both.
func covered(earlier []specs.Mount, destination, bundle, rootfs string) (dir, rest string) {
	dir, rest = rootfs, destination
	for i := range earlier {
		m := &earlier[i]
		switch inside, below := Below(destination, Destination(m, rootfs)); {
		case below && IsBind(m):
			dir, rest = SourcePath(m, bundle), "/"+strings.TrimPrefix(inside, "/")
		case below:
			dir = ""
		}
	}
	return dir, rest
}

// Destination returns the destination of a mount as a clean path of the container. A relative
// one starts at the root (config.md). One that begins with the root file system's path on the
// host means the place inside, as it always did for runc.
func Destination(m *specs.Mount, rootfs string) string {
	destination := filepath.Join("/", m.Destination)
	if inside, below := Below(destination, rootfs); below && rootfs != "" {
		return filepath.Join("/", inside)
	}
	return destination
}

// Below cuts a directory off a path that is that directory or below it. Both are absolute and
// clean.
func Below(path, dir string) (rest string, below bool) {
	rest, below = strings.CutPrefix(path, strings.TrimSuffix(dir, "/"))
	return rest, below && (rest == "" || rest[0] == '/')
}

// IsBind reports whether a mount is a bind mount: its options say so, not its type.
func IsBind(m *specs.Mount) bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// SourcePath returns the absolute source of a bind mount; relative ones start at the bundle.
func SourcePath(m *specs.Mount, bundle string) string {
	if filepath.IsAbs(m.Source) {
		return filepath.Clean(m.Source)
	}
	return filepath.Join(bundle, m.Source)
}

func (f *Facts) lookSource(path string) {
	if f.Sources == nil {
		f.Sources = make(map[string]Source)
	}
	st, err := sys.Stat(path)
	if f.closedTo(err, path, "a directory") {
		return
	}
	var (
		proc  bool
		flags uint64
	)
	if err == nil {
		proc, flags, err = sys.MountFlags(path)
	}
	if err != nil {
		errno := syscall.EIO
		errors.As(err, &errno)
		f.Sources[path] = Source{Err: errno}
		return
	}
	directory := st.Mode&syscall.S_IFMT == syscall.S_IFDIR
	f.Sources[path] = Source{Directory: directory, Proc: directory && proc, Flags: flags}
}

// lookTarget: what is not there is made with the default mode.
func (f *Facts) lookTarget(destination, dir, rest string) error {
	st, err := statBelow(dir, rest)
	if err != nil {
		f.closedTo(err, filepath.Join(dir, rest), "missing")
		return sys.UnlessAbsent(err)
	}
	if f.Targets == nil {
		f.Targets = make(map[string]Target)
	}
	f.Targets[destination] = Target{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
	return nil
}

func statBelow(dir, rest string) (*syscall.Stat_t, error) {
	root, err := sys.OpenPath(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	st, err := sys.StatInRoot(root, rest)
	switch {
	case err == syscall.EPERM || err == syscall.ENOSYS:
		return nil, fmt.Errorf("openat2 %s: %w (%s)", filepath.Join(dir, rest), err, sys.Openat2Hint)
	case err != nil:
		return nil, &os.PathError{Op: "stat", Path: filepath.Join(dir, rest), Err: err}
	}
	return st, nil
}
