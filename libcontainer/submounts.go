package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/host"
)

// mountTable is the mounts that a process sees.
type mountTable struct {
	mounts   map[uint64]sys.Mount
	children map[uint64][]uint64
}

func readMounts(pid int) (*mountTable, error) {
	mounts, err := sys.Mounts(pid)
	if err != nil {
		return nil, err
	}
	t := &mountTable{mounts, map[uint64][]uint64{}}
	for _, n := range slices.Sorted(maps.Keys(mounts)) {
		t.children[mounts[n].Parent] = append(t.children[mounts[n].Parent], n)
	}
	return t, nil
}

// below returns the mounts below a path that is on the mount of that number, with the rest of
// their paths, which begins with a slash.
func (t *mountTable) below(number uint64, path string) map[uint64]string {
	out := map[uint64]string{}
	for todo := []uint64{number}; len(todo) > 0; todo = todo[1:] {
		for _, n := range t.children[todo[0]] {
			if rest, below := host.Below(t.mounts[n].Point, path); below && rest != "" {
				out[n] = rest
				todo = append(todo, n)
			}
		}
	}
	return out
}

// submounts returns what is mounted below the source of a recursive bind mount, which shows it
// too. Like the bind mount itself it is not saved.
func (t *mountTable) submounts(e *compile.External) (map[uint64]string, error) {
	if e.Kind != compile.ExternalBind || !e.Recursive || e.Inside {
		return nil, nil
	}
	number, path, err := mountAt(e.Source)
	if errors.Is(err, fs.ErrNotExist) { // the container has it still
		return nil, nil
	}
	return t.below(number, path), err
}

// mountAt returns the mount that a path of the host leads to, and the path without links.
func mountAt(path string) (number uint64, real string, err error) {
	file, err := sys.OpenPath(path)
	if err != nil {
		return 0, "", err
	}
	defer file.Close()
	if number, _, err = sys.MountNumber(file); err != nil {
		return 0, "", err
	}
	real, err = os.Readlink(sys.FDPath(file))
	return number, real, err
}

// submountName is what a checkpoint calls a mount below a bind mount. The path is the host's, and
// no destination has two slashes in it, so that no link of the image leads to another mount by
// that name.
func submountName(bind, below string) string { return bind + "/" + below }

// rootExternal is the root file system, as far as mounts below it are concerned.
func rootExternal(rootfs string) *compile.External {
	return &compile.External{Name: "root.path", Source: rootfs, Recursive: true, Field: "root.path"}
}

// findSubmounts is the end of a search: mounts below those that were found.
func (s *externalSearch) findSubmounts() error {
	theirs, err := readMounts(os.Getpid())
	if err != nil {
		return err
	}
	root, _, err := sys.MountNumber(s.root)
	if err != nil {
		return err
	}
	s.found[root] = rootExternal(s.state.Rootfs)
	for _, n := range slices.Sorted(maps.Keys(s.found)) {
		if err := s.findBelow(s.found[n], n, theirs); err != nil {
			return fmt.Errorf("%s: %w", s.found[n].Field, err)
		}
	}
	return nil
}

// findBelow adds the mounts below a bind mount that are the host's: those that its source has at
// the same place. Others are the container's own, and in the checkpoint.
func (s *externalSearch) findBelow(e *compile.External, number uint64, theirs *mountTable) error {
	submounts, err := theirs.submounts(e)
	if err != nil || len(submounts) == 0 {
		return err
	}
	type shown struct{ below, device, root string }
	of := func(t *mountTable, n uint64, below string) shown {
		return shown{below, t.mounts[n].Device, t.mounts[n].Root}
	}
	known := map[shown]bool{}
	for n, below := range submounts {
		known[of(theirs, n, below)] = true
	}
	inside := s.below(number, s.mounts[number].Point)
	own := map[string]bool{} // mount points; CRIU knows a mount by nothing else
	for n, m := range s.mounts {
		if !known[of(s.mountTable, n, inside[n])] {
			own[m.Point] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(inside)) {
		mount := s.mounts[n]
		if own[mount.Point] || s.named[mount.Point] {
			continue
		}
		if err := keeps(&mount, e.Below); err != nil {
			return err
		}
		if err := s.add(&mount, submountName(e.Name, inside[n])); err != nil {
			return err
		}
	}
	return nil
}
