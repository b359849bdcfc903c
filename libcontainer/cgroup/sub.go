package cgroup

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Sub returns the Manager of sub-cgroups, for a process of exec. names has the path of a sub-cgroup for each v1
// controller, or one path for all hierarchies under the key "". The sub-cgroups must exist. Hierarchies that names does
// not mention keep the container's cgroup. A path that leads out of the container's cgroup is an error.
func (m *Manager) Sub(names map[string]string) (*Manager, error) {
	sub := &Manager{cfg: m.cfg, dirs: slices.Clone(m.dirs), unit: m.unit}
	for i := range sub.dirs {
		sub.dirs[i].fresh = false
	}
	if name, all := names[""]; all {
		return sub, sub.descendAll(name)
	}
	given := map[*cgroupDir]string{}
	for key, name := range names {
		d := sub.dir(key)
		if d == nil || d.v2 {
			return nil, fmt.Errorf("unknown controller %s", key)
		}
		if other, twice := given[d]; twice && path.Join("/", other) != path.Join("/", name) {
			return nil, fmt.Errorf("the controllers %s are in one hierarchy, and take one sub-cgroup", strings.Join(d.keys, ","))
		}
		given[d] = name
	}
	for d, name := range given {
		if err := d.descend(name); err != nil {
			return nil, err
		}
	}
	return sub, nil
}

// descendAll applies descend to every hierarchy. It keeps the container's cgroup in the unified hierarchy of a hybrid
// machine if that one lacks the sub-cgroup.
func (m *Manager) descendAll(name string) error {
	for i := range m.dirs {
		d := &m.dirs[i]
		own := d.path
		if err := d.descend(name); err != nil {
			return err
		}
		if d.v2 && len(m.dirs) > 1 && !exists(d.path) {
			d.path = own
		}
	}
	return nil
}

// descend changes the directory to a sub-cgroup. It compares whole path components: "/ab" is not below "/a" (runc#5457).
func (d *cgroupDir) descend(name string) error {
	below := path.Join(d.path, name)
	if below != d.path && !strings.HasPrefix(below, d.path+"/") {
		return fmt.Errorf("bad sub cgroup path: %s", name)
	}
	d.path = below
	return nil
}
