package libcontainer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
	"rung/libcontainer/cgroup"
	"rung/libcontainer/host"
)

// DeleteDamaged is Delete, with force, of a container whose Load ended with a DamagedError: its processes are found by the
// cgroup that config.json in the state directory names, or by that which a container of this id has without a
// configuration. Of processes outside of it nothing is known any more. Hooks are not run.
func (r *Runtime) DeleteDamaged(id string) error {
	r.setDefaults()
	if err := ValidateID(id); err != nil {
		return err
	}
	dir, err := sys.OpenDirectory(filepath.Join(r.Root, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	c := &Container{runtime: r, dir: dir}
	defer c.Close()
	if err := c.lockDir(); err != nil {
		return err
	}
	defer c.unlock()
	if c.manager, err = r.guessCgroup(id, c.path(configFile)); err != nil {
		return err
	}
	if err := c.manager.Kill(); err != nil && !errors.Is(err, cgroup.ErrNotExist) {
		return err
	}
	if err := c.manager.Destroy(); err != nil {
		return err
	}
	if err := c.detachRootAnywhere(); err != nil {
		return err
	}
	return os.RemoveAll(dir.Name())
}

// guessCgroup computes the cgroup of a container anew, as its create has done.
func (r *Runtime) guessCgroup(id, config string) (*cgroup.Manager, error) {
	cgroups, err := host.ProbeCgroups()
	if err != nil {
		return nil, err
	}
	inside, err := host.InUserNS()
	if err != nil {
		return nil, err
	}
	at := ""
	raw, err := sys.ReadFile(config)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // its cgroup is not the default one because the file cannot be read
	}
	if spec, err := bundle.Parse(raw); err == nil && spec.Linux != nil { // it may be damaged too, or missing
		at = spec.Linux.CgroupsPath
	}
	m, err := cgroup.New(cgroups, cgroup.Config{
		ID: id, Path: at, Rootless: r.Rootless, UserNS: inside, Warn: func(text string) { r.Log.Warn(text) },
		Systemd: r.Systemd || strings.Count(at, ":") == 2,
	})
	if err != nil {
		return nil, err
	}
	return cgroup.Load(cgroups, m.Paths()), nil
}
