package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rung/internal/sys"
	"rung/libcontainer/compile"
	"rung/libcontainer/criu"
	"rung/libcontainer/host"
	"rung/libcontainer/store"
)

// mountOffers are the mounts that CRIU can have for the names in a checkpoint.
type mountOffers struct {
	*mountTable // of the host
	externals   []compile.External
	userNS      bool
	list        []mountOffer
	alone       []string // mount points, of what CRIU binds from a mount without those below it
}

// mountOffer is an external mount, or one below its source.
type mountOffer struct {
	name, field string
	external    int    // its place in the list of them, or -1: the root file system
	below       string // the rest of the path, or ""
	path        string // by which CRIU binds it, unless the external mount is placed elsewhere
	alone       int    // the place in the list of mounts that path begins at, or -1
}

// newOffers lists the external mounts of the host. Of two at the same place only the later one can be seen.
func newOffers(state *store.State, externals []compile.External) (*mountOffers, error) {
	table, err := newMountTable(sys.OwnMounts())
	if err != nil {
		return nil, err
	}
	o := &mountOffers{mountTable: table, externals: externals, userNS: state.UserNS}
	named := map[string]bool{}
	for i, e := range slices.Backward(externals) {
		if named[e.Name] {
			continue
		}
		named[e.Name] = true
		if err := o.add(&e, i); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Field, err)
		}
	}
	return o, o.addBelow(rootExternal(state.Rootfs), -1)
}

func (o *mountOffers) add(e *compile.External, i int) error {
	offer := mountOffer{name: e.Name, field: e.Field, external: i, path: e.Source, alone: -1}
	number, path, err := mountAt(e.Source)
	switch {
	case err == nil:
		o.bind(&offer, number, path)
	case e.Source != "" && !errors.Is(err, fs.ErrNotExist): // compile has an error for that, if it is one
		return err
	}
	o.list = append(o.list, offer)
	return o.addBelow(e, i)
}

func (o *mountOffers) addBelow(e *compile.External, i int) error {
	submounts, err := o.submounts(e)
	for _, n := range slices.Sorted(maps.Keys(submounts)) {
		below := submounts[n]
		offer := mountOffer{name: submountName(e.Name, below), field: e.Field, external: i, below: below}
		o.bind(&offer, n, o.mounts[n].Mountpoint)
		o.list = append(o.list, offer)
	}
	return err
}

// bind finds the path by which CRIU binds what is at a path of the host. CRIU takes the propagation of a group of mounts from
// the source of one of them, which must show as much as all of them. So the path goes through the widest mount that shows
// the same. In a user namespace the kernel refuses to bind a mount without the mounts below it. There CRIU gets a clone
// that has none.
func (o *mountOffers) bind(offer *mountOffer, number int, path string) {
	offer.alone = -1
	bare := len(o.below(number, path)) == 0
	number, offer.path = o.widest(number, path)
	if bare || !o.userNS {
		return
	}
	point := o.mounts[number].Mountpoint
	offer.path, _ = host.Below(offer.path, point)
	if offer.alone = slices.Index(o.alone, point); offer.alone < 0 {
		offer.alone = len(o.alone)
		o.alone = append(o.alone, point)
	}
}

// widest finds the mount of the same group that shows most, and the path in it.
func (o *mountOffers) widest(number int, path string) (int, string) {
	own := o.mounts[number]
	rest, _ := host.Below(path, own.Mountpoint)
	shown := filepath.Join(own.Root, rest)
	best := own
	for n, m := range o.mounts {
		rest, shows := host.Below(shown, m.Root)
		sameGroup := m.Major == own.Major && m.Minor == own.Minor && m.Optional != "" && m.Optional == own.Optional
		if !shows || !sameGroup || len(m.Root) >= len(best.Root) || o.locks(&m, &own) {
			continue
		}
		other := filepath.Join(m.Mountpoint, rest)
		if there, real, err := mountAt(other); err == nil && there == n && real == other { // nothing covers it
			best, number, path = m, n, other
		}
	}
	return number, path
}

// locks reports whether a mount has options that another one lacks and that cannot be cleared from a clone in a user
// namespace.
func (o *mountOffers) locks(m, other *sys.Mount) bool {
	others := strings.Split(other.Options, ",")
	return o.userNS && slices.ContainsFunc(strings.Split(m.Options, ","), func(option string) bool {
		return option != "rw" && !slices.Contains(others, option)
	})
}

// paths returns the paths of the host that CRIU must be able to see.
func (o *mountOffers) paths() (out []string) {
	for _, offer := range o.list {
		if offer.alone < 0 {
			out = append(out, offer.path)
		}
	}
	return out
}

// named returns the offers for CRIU. placed has the path of each external mount: its source, unless the stage has placed it
// elsewhere.
func (o *mountOffers) named(placed []string, dir string) ([]criu.Mount, error) {
	out := make([]criu.Mount, 0, len(o.list))
	for _, offer := range o.list {
		m := criu.Mount{Key: offer.name, Value: offer.path}
		switch i := offer.external; {
		case i >= 0 && placed[i] != o.externals[i].Source:
			m.Value = placed[i] + offer.below
		case offer.alone >= 0:
			m.Value = compile.AlonePath(dir, offer.alone) + offer.path
		}
		err := m.Validate()
		if err != nil && offer.below == "" {
			return nil, fmt.Errorf("%s: %w", offer.field, err)
		}
		if err == nil { // else it had no name for the checkpoint either
			out = append(out, m)
		}
	}
	return out, nil
}

// missing adds to a failure which external mount of the checkpoint had no path. CRIU itself tells only its number.
func missing(images *os.File, request *criu.Request, failure error) error {
	entries, err := images.ReadDir(-1)
	if err != nil || !strings.Contains(failure.Error(), "No mapping for") {
		return failure
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "mountpoints-") {
			continue
		}
		image, err := sys.ReadRegular(filepath.Join(images.Name(), entry.Name()), smallFile)
		if err != nil {
			return failure
		}
		there, _ := criu.ExternalMounts(image)
		for _, m := range there {
			isIt := func(offered criu.Mount) bool { return offered.Key == m.Name }
			if !slices.ContainsFunc(request.ExtMounts, isIt) {
				return fmt.Errorf("mounts: there is nothing to bind at %s, which the checkpoint does not hold: %w", m.Point, failure)
			}
		}
	}
	return failure
}
