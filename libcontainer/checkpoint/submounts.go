package checkpoint

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

// mountTable has the mounts that a process sees, by their numbers.
type mountTable struct {
	mounts   map[int]sys.Mount
	children map[int][]int
}

func newMountTable(mounts []*sys.Mount, err error) (*mountTable, error) {
	if err != nil {
		return nil, err
	}
	t := &mountTable{make(map[int]sys.Mount, len(mounts)), map[int][]int{}}
	for _, m := range mounts {
		t.mounts[m.ID] = *m
	}
	for _, n := range slices.Sorted(maps.Keys(t.mounts)) {
		t.children[t.mounts[n].Parent] = append(t.children[t.mounts[n].Parent], n)
	}
	return t, nil
}

// below returns the mounts below a path that is on the mount of that number, with the rest of
// their paths, which begins with a slash.
func (t *mountTable) below(number int, path string) map[int]string {
	out := map[int]string{}
	for todo := []int{number}; len(todo) > 0; todo = todo[1:] {
		for _, n := range t.children[todo[0]] {
			if rest, below := host.Below(t.mounts[n].Mountpoint, path); below && rest != "" {
				out[n] = rest
				todo = append(todo, n)
			}
		}
	}
	return out
}

// submounts returns the mounts below the source of a recursive bind mount. The bind mount shows them too, and they are not
// saved either.
func (t *mountTable) submounts(e *compile.External) (map[int]string, error) {
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
func mountAt(path string) (number int, real string, err error) {
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

// submountName returns the name of a mount below a bind mount in a checkpoint. The path is the host's, and no destination has
// two slashes in it. So no link of the image can lead to another mount by that name.
func submountName(bind, below string) string { return bind + "/" + below }

// rootExternal returns the root file system as an external mount, for the mounts below it.
func rootExternal(rootfs string) *compile.External {
	return &compile.External{Name: "root.path", Source: rootfs, Recursive: true, Field: "root.path"}
}

// findSubmounts ends a search: it adds the mounts below those that were found.
func (s *externalSearch) findSubmounts() error {
	theirs, err := newMountTable(sys.OwnMounts())
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

// findBelow adds the mounts below a bind mount that its source has at the same place: they are the host's. Others are the
// container's own, which the checkpoint holds.
func (s *externalSearch) findBelow(e *compile.External, number int, theirs *mountTable) error {
	submounts, err := theirs.submounts(e)
	if err != nil || len(submounts) == 0 {
		return err
	}
	type shown struct {
		below, root  string
		major, minor int
	}
	of := func(t *mountTable, n int, below string) shown {
		m := t.mounts[n]
		return shown{below, m.Root, m.Major, m.Minor}
	}
	known := map[shown]bool{}
	for n, below := range submounts {
		known[of(theirs, n, below)] = true
	}
	inside := s.below(number, s.mounts[number].Mountpoint)
	own := map[string]bool{} // mount points; CRIU knows a mount by nothing else
	for n, m := range s.mounts {
		if !known[of(s.mountTable, n, inside[n])] {
			own[m.Mountpoint] = true
		}
	}
	for _, n := range slices.Sorted(maps.Keys(inside)) {
		mount := s.mounts[n]
		if own[mount.Mountpoint] || s.named[mount.Mountpoint] {
			continue
		}
		if err := checkAttributes(&mount, e.Below); err != nil {
			return err
		}
		if err := s.add(&mount, submountName(e.Name, inside[n])); err != nil {
			return err
		}
	}
	return nil
}
