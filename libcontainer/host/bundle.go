package host

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Look adds to the facts what a bundle's mounts refer to: the sources of its bind
// mounts and the directories under its tmpfs mounts. rootfs is absolute.
func (f *Facts) Look(spec *specs.Spec, bundle, rootfs string) {
	for i := range spec.Mounts {
		m := &spec.Mounts[i]
		switch {
		case IsBind(m):
			f.lookSource(SourcePath(m, bundle))
		case m.Type == "tmpfs" && !covered(spec.Mounts[:i], m.Destination):
			f.lookTarget(rootfs, m.Destination)
		}
	}
}

// covered reports whether an earlier mount hides what the root file system has there.
func covered(earlier []specs.Mount, destination string) bool {
	for i := range earlier {
		above := filepath.Join("/", earlier[i].Destination)
		if rest, ok := strings.CutPrefix(filepath.Join("/", destination), above); ok && (above == "/" || strings.HasPrefix(rest, "/")) {
			return true
		}
	}
	return false
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
	if err != nil {
		errno, _ := err.(syscall.Errno)
		f.Sources[path] = Source{Err: errno}
		return
	}
	directory := st.Mode&syscall.S_IFMT == syscall.S_IFDIR
	proc, flags := sys.MountFlags(path)
	f.Sources[path] = Source{Directory: directory, Proc: directory && proc, Flags: flags}
}

func (f *Facts) lookTarget(rootfs, destination string) {
	root, err := sys.OpenPath(rootfs)
	if err != nil {
		return
	}
	defer root.Close()
	st, err := sys.StatInRoot(root, destination)
	if err != nil {
		return // made with the default mode
	}
	if f.Targets == nil {
		f.Targets = make(map[string]Target)
	}
	f.Targets[destination] = Target{Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid}
}
