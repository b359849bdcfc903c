package libcontainer

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

// offers lists what there is. Of two external mounts at the same place the later one is seen.
func (c *restoration) offers(externals []compile.External) (*mountOffers, error) {
	table, err := readMounts(os.Getpid())
	if err != nil {
		return nil, err
	}
	o := &mountOffers{mountTable: table, externals: externals, userNS: c.state.UserNS}
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
	return o, o.addBelow(rootExternal(c.state.Rootfs), -1)
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
		o.bind(&offer, n, o.mounts[n].Point)
		o.list = append(o.list, offer)
	}
	return err
}

// bind finds the path by which CRIU binds what the host has at another one. CRIU takes the
// propagation of a group of mounts from the source of one of them, which must be as wide as all:
// so the path goes through the widest mount that shows the same. And the kernel lets nobody in a
// user namespace bind a mount without those below it: there it is a clone which has none.
func (o *mountOffers) bind(offer *mountOffer, number uint64, path string) {
	offer.alone = -1
	bare := len(o.below(number, path)) == 0
	number, offer.path = o.widest(number, path)
	if bare || !o.userNS {
		return
	}
	point := o.mounts[number].Point
	offer.path, _ = host.Below(offer.path, point)
	if offer.alone = slices.Index(o.alone, point); offer.alone < 0 {
		offer.alone = len(o.alone)
		o.alone = append(o.alone, point)
	}
}

// widest finds the mount that shows most of those in the same group, and the path in it.
func (o *mountOffers) widest(number uint64, path string) (uint64, string) {
	own := o.mounts[number]
	rest, _ := host.Below(path, own.Point)
	shown := filepath.Join(own.Root, rest)
	best := own
	for n, m := range o.mounts {
		rest, shows := host.Below(shown, m.Root)
		if !shows || m.Device != own.Device || m.Group == "" || m.Group != own.Group || len(m.Root) >= len(best.Root) || o.locks(&m, &own) {
			continue
		}
		other := filepath.Join(m.Point, rest)
		if there, real, err := mountAt(other); err == nil && there == n && real == other { // nothing covers it
			best, number, path = m, n, other
		}
	}
	return number, path
}

// locks reports whether a clone of a mount has options in a user namespace that another one
// lacks: they cannot be cleared there.
func (o *mountOffers) locks(m, other *sys.Mount) bool {
	return o.userNS && slices.ContainsFunc(m.Options, func(option string) bool {
		return option != "rw" && !slices.Contains(other.Options, option)
	})
}

// paths of the host that CRIU needs to see.
func (o *mountOffers) paths() (out []string) {
	for _, offer := range o.list {
		if offer.alone < 0 {
			out = append(out, offer.path)
		}
	}
	return out
}

// named are the offers in CRIU's words. placed has the path of each external mount, which is its
// source where it was not placed in the stage.
func (o *mountOffers) named(placed []string, stage string) ([]criu.Mount, error) {
	out := make([]criu.Mount, 0, len(o.list))
	for _, offer := range o.list {
		m := criu.Mount{Key: offer.name, Value: offer.path}
		switch i := offer.external; {
		case i >= 0 && placed[i] != o.externals[i].Source:
			m.Value = placed[i] + offer.below
		case offer.alone >= 0:
			m.Value = compile.AlonePath(stage, offer.alone) + offer.path
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

// missing names the external mount of the checkpoint that CRIU had no path for. CRIU itself says no
// more than a number.
func (c *restoration) missing(failure error) error {
	entries, err := c.dirs.images.ReadDir(-1)
	if err != nil || !strings.Contains(failure.Error(), "No mapping for") {
		return failure
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "mountpoints-") {
			continue
		}
		image, err := readRegular(filepath.Join(c.dirs.images.Name(), entry.Name()))
		if err != nil {
			return failure
		}
		there, _ := criu.ExternalMounts(image)
		for _, m := range there {
			isIt := func(offered criu.Mount) bool { return offered.Key == m.Name }
			if !slices.ContainsFunc(c.request.ExtMounts, isIt) {
				return fmt.Errorf("mounts: there is nothing to bind at %s, which the checkpoint does not hold: %w", m.Point, failure)
			}
		}
	}
	return failure
}
