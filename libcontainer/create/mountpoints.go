package create

import (
	"errors"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/host"
	"rung/libcontainer/plan"
)

// makes looks at what MKPATH and MKNOD would have to make: nothing can be made on a file system that is read-only, or in a directory
// of a user whom the container's user namespace does not know.
func (f *foresight) makes(op *plan.Op) (call string, errno syscall.Errno) {
	name, isFile := madeBy(op)
	if !path.IsAbs(name) {
		return "", 0
	}
	at, known := f.placeOf(op.Origin.Field, name)
	if !known || at.Dir == "" {
		return "", 0
	}
	parent, isLast := missingBelow(at)
	if parent == nil {
		return "", 0
	}
	defer parent.Close()
	call = "mkdirat"
	if isLast && isFile {
		call = "mknodat"
	}
	switch {
	case readOnly(parent, at.Mount):
		return call, syscall.EROFS
	case f.foreignDirectory(parent):
		return call, syscall.EACCES
	}
	return "", 0
}

// madeBy returns the path of the container that an operation makes if it is missing, and whether it is a file; "" if none is known.
func madeBy(op *plan.Op) (name string, isFile bool) {
	if op.Code == plan.Mknod { // the operation itself has the name in a directory that is open
		name, _ = strings.CutPrefix(op.Origin.Purpose, "make ")
		return name, true
	}
	kind := op.Ints[0]
	if kind&(plan.MkpathDir|plan.MkpathFile) == 0 {
		return "", false
	}
	return op.Text[0], kind&plan.MkpathFile != 0
}

// placeOf returns where on the host a path of the container lies when the operation of a field comes to it. Hooks may change that.
func (f *foresight) placeOf(field, name string) (host.Place, bool) {
	if f.spec == nil || hasEarlyHooks(f.spec) || !bundle.IsNew(f.spec, specs.MountNamespace) {
		return host.Place{}, false
	}
	if f.places == nil {
		f.places, _ = host.Places(f.spec.Mounts, f.bundle, f.rootfs, "/")
	}
	if i, ok := mountIndex(field); ok && i < len(f.places) {
		return f.places[i], host.Destination(&f.spec.Mounts[i], f.rootfs) == name
	}
	_, at := host.Places(f.spec.Mounts, f.bundle, f.rootfs, path.Clean(name))
	return at, true
}

// missingBelow returns the directory in which the first missing component of a place would be made, and whether that is the last
// one; nil if nothing is missing, or it is not known: a link leads to something that a mount may bring.
func missingBelow(at host.Place) (parent *os.File, isLast bool) {
	root, err := sys.OpenPath(at.Dir)
	if err != nil {
		return nil, false
	}
	defer root.Close()
	isLast = true
	for name := path.Clean(at.Rest); ; name, isLast = path.Dir(name), false {
		if _, err := sys.StatInRoot(root, name); !errors.Is(err, syscall.ENOENT) || name == "/" {
			return nil, false
		}
		if link, err := sys.OpenInRoot(root, name, sys.O_PATH|sys.O_NOFOLLOW); err == nil {
			link.Close()
			return nil, false
		}
		if parent, err = sys.OpenInRoot(root, path.Dir(name), sys.O_PATH|sys.O_DIRECTORY); err == nil {
			return parent, isLast
		}
	}
}

// readOnly reports whether nothing can be made in a directory: of the root file system, whose clone has the flags of its mounts, or of
// a bind mount, whose options decide.
func readOnly(dir *os.File, of *specs.Mount) bool {
	if of == nil {
		seen, err := sys.Look(sys.FDPath(dir))
		return err == nil && seen.Flags&sys.ST_RDONLY != 0
	}
	last := ""
	for _, option := range of.Options {
		if slices.Contains([]string{"ro", "rw", "rro", "rrw"}, option) {
			last = option
		}
	}
	return last == "ro" || last == "rro"
}

// foreignDirectory reports whether only others may write to a directory: its owner has no id in the new user namespace, so that the
// capabilities of the container's root do not count for it, and neither its group nor everybody may write.
func (f *foresight) foreignDirectory(dir *os.File) bool {
	ns := bundle.NamespaceOf(f.spec, specs.UserNamespace)
	st, err := sys.Stat(sys.FDPath(dir))
	if ns == nil || ns.Path != "" || err != nil || st.Mode&0o022 != 0 {
		return false
	}
	return !slices.ContainsFunc(f.spec.Linux.UIDMappings, func(m specs.LinuxIDMapping) bool {
		return st.Uid >= m.HostID && st.Uid-m.HostID < m.Size
	})
}

// hasEarlyHooks reports whether a hook runs before the container is as config.json says: it may make anything.
func hasEarlyHooks(s *specs.Spec) bool {
	h := s.Hooks
	return h != nil && len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer) > 0 //nolint:staticcheck // deprecated, and part of the specification
}

// mountIndex returns the index in a field of mounts.
func mountIndex(field string) (int, bool) {
	rest, ok := strings.CutPrefix(field, "mounts[")
	number, _, closed := strings.Cut(rest, "]")
	i, err := strconv.Atoi(number)
	return i, ok && closed && err == nil && i >= 0
}
